"""Settings: layers in order, and every problem at once with the place that holds it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import yaml

from dealing.settings import Settings, default_file, is_loopback, known_keys, load_settings
from exposure.errors import ConfigError


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "mine.yaml"

    def write(text: str):
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems_of(path, **layers) -> list[str]:
    with pytest.raises(ConfigError) as e:
        load_settings(path, **layers)
    return [problem.replace(f"{path} ", "") for problem in e.value.problems]


def test_the_shipped_file_is_complete_and_is_the_default():
    assert load_settings() == Settings.model_validate(yaml.safe_load(default_file().read_text()))


def test_every_key_of_the_models_is_in_the_shipped_file():
    keys = [
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        for key in field.annotation.model_fields
    ]
    assert sorted(keys) == sorted(known_keys())


def test_later_layers_win_key_by_key(written):
    file = written("desk: {port: 1001, theme: light}\nmarket: {clients: 11, seed: 11, speed: 11}\n")
    settings = load_settings(
        file,
        environment={"PLIMSOLL__MARKET__CLIENTS": "12", "PLIMSOLL__MARKET__SEED": "12"},
        command_line={"market.seed": 13, "desk.port": None},
        held={"market.clients": 10, "desk.host": "127.0.0.2"},
    )
    assert (settings.desk.host, settings.desk.port) == ("127.0.0.2", 1001)
    assert settings.market.speed == 11
    assert settings.market.clients == 12
    assert settings.market.seed == 13
    assert settings.log.level == "info"


def test_settings_survive_the_way_to_a_child_process():
    settings = load_settings(command_line={"market.start": datetime(2014, 5, 8, tzinfo=UTC)})
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_environment_values_are_written_as_in_yaml():
    settings = load_settings(
        environment={
            "PLIMSOLL__ENGINE__PIVOTS": "[EUR, USD]",
            "PLIMSOLL__DESK__OPEN_BROWSER": "false",
            "PLIMSOLL__STORAGE__DIRECTORY": "/srv/desk",
            "HOME": "/",
        }
    )
    assert settings.engine.pivots == ("EUR", "USD")
    assert not settings.desk.open_browser
    assert str(settings.directory) == "/srv/desk"


def test_each_market_has_its_own_directory(tmp_path):
    (tmp_path / "ecb_day").mkdir()
    names = [
        str(load_settings(command_line={"market.source": source}).directory)
        for source in ("simulated", "sample", str(tmp_path / "ecb_day"))
    ]
    assert names == ["var/simulated", "var/sample", "var/ecb_day"]


def test_a_section_whose_keys_are_commented_out_is_fine(written):
    assert load_settings(written("desk:\n  # port: 1\nmarket: {}\n")) == load_settings()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dsek: {port: 1}", "line 1: dsek: there is no such key, did you mean desk?"),
        (
            "desk:\n  prot: 1",
            "line 2: desk.prot: there is no such key, did you mean desk.port?",
        ),
        ("port: 1", "line 1: port: there is no such key, did you mean desk.port?"),
        (
            "market:\n  host: x",
            "line 2: market.host: there is no such key, did you mean desk.host?",
        ),
        (
            "log:\n  colour: x",
            (
                "line 2: log.colour: there is no such key "
                "(log has level, terminal_level, rotate_mb, kept_files)"
            ),
        ),
        (
            "zebra: 1",
            (
                "line 1: zebra: there is no such key "
                "(the sections are alerts, commands, desk, email, engine, hedging, limits, log, "
                "market, providers, routing, slack, storage, sync)"
            ),
        ),
        ("desk:\n  port: http", "line 2: desk.port: must be a valid integer, was 'http'"),
        (
            "desk:\n  port: 70000",
            "line 2: desk.port: must be less than or equal to 65535, was 70000",
        ),
        ("desk:\n  theme: blue", "line 2: desk.theme: must be 'dark' or 'light', was 'blue'"),
        (
            "desk:\n  allow_remote: maybe",
            "line 2: desk.allow_remote: must be a valid boolean, was 'maybe'",
        ),
        (
            "desk:\n  host: 0.0.0.0",
            (
                "line 2: desk.host: 0.0.0.0 can be reached from other machines and the desk has no "
                "sign-in yet: use 127.0.0.1, "
                "or set desk.allow_remote to true if the network is yours"
            ),
        ),
        (
            "desk:\n  reporting_currency: dollars",
            "line 2: desk.reporting_currency: must be a currency code such as USD, was 'dollars'",
        ),
        (
            "desk:\n  day_zone: Gotham",
            (
                "line 2: desk.day_zone: Gotham is no time zone: use a name such as "
                "America/New_York or UTC"
            ),
        ),
        ("market:\n  speed: 0", "line 2: market.speed: must be greater than 0, was 0"),
        ("market:\n  speed: .nan", "line 2: market.speed: must be a finite number, was nan"),
        ("market:\n  seed: 1.5", "line 2: market.seed: must be a valid integer, was 1.5"),
        ("market:\n  clients: true", "line 2: market.clients: must be a valid integer, was True"),
        (
            "market:\n  start: 2026-01-13 12:00:00",
            (
                "line 2: market.start: must be a time such as 2026-01-13T12:00:00Z, "
                "was 2026-01-13 12:00:00"
            ),
        ),
        (
            "market:\n  source: /no/such/place",
            (
                "line 2: market.source: /no/such/place is no directory: use simulated, sample, a "
                "directory of recorded quotes, or the data directory of an earlier run"
            ),
        ),
        ("engine: 5", "line 1: engine: must be a section with keys, was 5"),
        ("engine:\n  pivots: [USD, USD]", "line 2: engine.pivots: USD is listed twice"),
        (
            "engine:\n  pivots: []",
            "line 2: engine.pivots: must list at least one",
        ),
        (
            "engine:\n  fsync_interval_ms: 21",
            "line 2: engine.fsync_interval_ms: must be less than or equal to 20, was 21",
        ),
        (
            "storage:\n  kept_snapshots: 1",
            "line 2: storage.kept_snapshots: must be greater than or equal to 2, was 1",
        ),
        (
            "storage:\n  journal_keep_mb: -1",
            "line 2: storage.journal_keep_mb: must be greater than or equal to 0, was -1",
        ),
        (
            "storage:\n  keep_snapshots: 5",
            (
                "line 2: storage.keep_snapshots: there is no such key, "
                "did you mean storage.kept_snapshots?"
            ),
        ),
        (
            "storage:\n  file_mb: 0",
            "line 2: storage.file_mb: must be greater than or equal to 1, was 0",
        ),
        ("- desk", "line 1: must be sections with keys, such as desk: ..."),
        ("desk: {port: 1, port: 2}", "line 1: desk.port was already set at line 1"),
        ("desk: {port: 1\n", "line 2: is no YAML: expected ',' or '}', but got '<stream end>'"),
        (
            "desk:\n\tport: 1",
            "line 2: is no YAML: found character '\\t' that cannot start any token",
        ),
    ],
)
def test_a_wrong_file_is_answered_with_line_key_and_remedy(written, text, problem):
    assert problems_of(written(text)) == [problem]


def test_every_problem_of_every_layer_is_reported_at_once(written):
    found = problems_of(
        written("desk:\n  prot: 1\nlog:\n  rotate_mb: 0\n"),
        environment={"PLIMSOLL__ENGINE__KEPT_EVENTS": "many"},
        command_line={"market.clients": 0},
    )
    assert set(found) == {
        "PLIMSOLL__ENGINE__KEPT_EVENTS: engine.kept_events: must be a valid integer, was 'many'",
        "line 2: desk.prot: there is no such key, did you mean desk.port?",
        "line 4: log.rotate_mb: must be greater than or equal to 1, was 0",
        "the command line: market.clients: must be greater than or equal to 1, was 0",
    }


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    missing, binary = tmp_path / "missing.yaml", tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00\xd8")
    assert problems_of(missing) == [f"{missing}: cannot be read: No such file or directory"]
    assert problems_of(binary) == [f"{binary}: cannot be read: it is no UTF-8 text"]
    assert problems_of(tmp_path) == [f"{tmp_path}: cannot be read: Is a directory"]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104 - refused, not bound
        ("10.0.0.5", False),
        ("desk.example.com", False),
        ("", False),
    ],
)
def test_only_loopback_addresses_count_as_local(host, local):
    assert is_loopback(host) is local


def test_limits_are_read_and_each_wrong_rule_is_named(written):
    file = written(
        "limits:\n  rules:\n"
        "  - {scope: asset_class, name: metal, hard_usd: 20000000}\n"
        "  - {scope: client, name: C1, soft_usd: 1000000, hard_usd: 2000000}\n"
    )
    rules = load_settings(file).limits.rules
    assert [(rule.scope, rule.name, rule.hard_usd) for rule in rules] == [
        ("asset_class", "metal", 2e7),
        ("client", "C1", 2e6),
    ]
    wrong = written(
        "limits:\n  rules:\n"
        "  - {scope: planet, name: Mars, hard_usd: 1.0}\n"
        "  - {scope: symbol, name: EURUSD}\n"
        "  - {scope: symbol, name: EURUSD, soft_usd: 2.0, hard_usd: 1.0}\n"
    )
    found = problems_of(wrong)
    assert [problem.split(":")[1].strip() for problem in found] == [
        "limits.rules.0.scope",
        "limits.rules.1",
        "limits.rules.2",
    ]
    assert "needs a soft_usd or a hard_usd" in found[1]
    assert "must not be above" in found[2]


def test_regimes_name_whose_accounts_they_cap(written):
    file = written("engine:\n  regimes: [EU/retail=esma, UK/retail=fca]\n")
    rules = load_settings(file).engine.regime_rules
    assert [(rule.region, rule.category, rule.regime) for rule in rules] == [
        ("EU", "retail", "esma"),
        ("UK", "retail", "fca"),
    ]
    assert load_settings().engine.regime_rules == ()


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        ("[EU/retail]", "'EU/retail' must be REGION/CATEGORY=REGIME, such as EU/retail=esma"),
        ("[US/retail=nfa]", "'nfa' is no regime: use esma, fca, asic, offshore"),
        ("[EU/retail=esma, EU/retail=fca]", "EU/retail cannot have two regimes: choose one"),
        ("[EU/retail=esma, EU/retail=esma]", "EU/retail=esma is listed twice"),
        ("[7]", "must be a valid string, was 7"),
    ],
)
def test_a_wrong_regime_is_answered_with_its_line_and_what_is_possible(written, listed, complaint):
    (problem,) = problems_of(written(f"engine:\n  regimes: {listed}\n"))
    assert problem.startswith("line 2: engine.regimes")
    assert complaint in problem


@pytest.mark.parametrize(
    "address", ["postgresql://desk@db:5432/name", "postgresql:///name?host=/s"]
)
def test_a_database_is_sqlite_or_a_postgres(written, address):
    assert load_settings().storage.database is None
    assert load_settings(written(f"storage: {{database: '{address}'}}")).storage.database == address


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("postgresql://desk:secret@db/name", "must hold no password: give it in the environment"),
        ("postgresql://desk@db/name?password=secret", "must hold no password"),
        ("mysql://desk:secret@db/name", "must be null or a PostgreSQL such as postgresql://user@"),
        ("postgresql://desk@db", "must be null or a PostgreSQL"),
        ("desk.db", "must be null or a PostgreSQL"),
    ],
)
def test_another_database_is_refused_and_a_password_is_never_shown(written, address, complaint):
    (problem,) = problems_of(written(f"storage:\n  database: '{address}'\n"))
    assert problem.startswith(f"line 2: storage.database: {complaint}")
    assert "secret" not in problem
