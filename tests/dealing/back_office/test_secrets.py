"""Keys and secrets: given whole or not at all, drawn once, and never shown."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from dealing.back_office.secrets import from_environment, of_simulation, secrets_of
from exposure.errors import ConfigError, StorageError

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"i" * 32).decode()
GIVEN = {"PLIMSOLL_KEY": KEY, "PLIMSOLL_INDEX_KEY": OTHER}


def test_a_real_back_office_is_given_everything_in_its_environment():
    secrets = from_environment(
        {
            **GIVEN,
            "PLIMSOLL_KEY_OLD": base64.b64encode(b"o" * 32).decode(),
            "PLIMSOLL_WEBHOOK_STRIPE": "whsec_new whsec_old",
            "PLIMSOLL_WEBHOOK_CRM2": "  ",
            "PLIMSOLL_API_HUBSPOT": "token",
            "HOME": "/root",
        }
    )
    assert (secrets.key, secrets.index_key, secrets.old_keys) == (
        b"k" * 32,
        b"i" * 32,
        (b"o" * 32,),
    )
    assert secrets.webhooks == {"stripe": ("whsec_new", "whsec_old")}
    assert secrets.tokens == {"hubspot": "token"}


@pytest.mark.parametrize("wrong", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_a_key_that_is_none_is_named_with_how_to_make_one(wrong):
    with pytest.raises(ConfigError) as e:
        from_environment({**GIVEN, "PLIMSOLL_KEY": wrong, "PLIMSOLL_INDEX_KEY": wrong})
    assert len(e.value.problems) == 2
    assert "PLIMSOLL_KEY has to hold 32 random bytes" in e.value.problems[0]
    assert "openssl rand -base64 32" in e.value.problems[0]


def test_a_simulated_market_draws_its_keys_once_for_its_user_only(tmp_path):
    file = tmp_path / "secrets.json"
    first = of_simulation(file)
    assert of_simulation(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {"stripe", "sumsub", "payouts"} == set(first.webhooks)
    assert of_simulation(tmp_path / "other.json").key != first.key


def test_processes_that_start_together_draw_the_same_keys(tmp_path):
    file = tmp_path / "secrets.json"
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(of_simulation, [file] * 16))
    assert len({one.key for one in drawn}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


def test_a_damaged_file_says_what_to_do(tmp_path):
    file = tmp_path / "secrets.json"
    file.write_text("{")
    with pytest.raises(StorageError, match="restore it, or start with --fresh"):
        of_simulation(file)


def test_given_keys_win_and_the_simulated_parties_keep_theirs(tmp_path):
    file = tmp_path / "secrets.json"
    drawn = secrets_of(file, {})
    given = secrets_of(file, {**GIVEN, "PLIMSOLL_WEBHOOK_STRIPE": "mine"})
    assert given.key == b"k" * 32
    assert given.webhooks == {**drawn.webhooks, "stripe": ("mine",)}
    assert given.parties == drawn.parties


def test_half_of_the_keys_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="PLIMSOLL_INDEX_KEY"):
        secrets_of(tmp_path / "secrets.json", {"PLIMSOLL_KEY": KEY})


def test_nothing_secret_is_in_a_text_form(tmp_path):
    secrets = of_simulation(tmp_path / "secrets.json")
    for text in (repr(secrets), str(secrets)):
        assert text == "<BackOfficeSecrets>"
