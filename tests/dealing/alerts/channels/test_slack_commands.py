"""What people may ask of the desk in Slack, and what they read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts.channels.slack_commands import MOST_CASES, SlashCommands
from dealing.alerts.model import Severity
from dealing.alerts.pressing import DeskUser
from exposure.errors import DisconnectedError, StorageError
from tests.dealing.alerts.channels.parts import TEXTS, case, run
from tests.dealing.alerts.channels.reading import Reading
from tests.dealing.alerts.slack_rules import calls, problems, shown
from tests.thorough import examples

ANNA = DeskUser("anna", frozenset({"dealer"}))
NOBODY = DeskUser("nobody", frozenset())


@pytest.fixture
def reading():
    return Reading()


def asked(reading, text, user=ANNA):
    made = run(SlashCommands(reading).answer(text, user))
    payload = {"text": made.text, "blocks": made.blocks}
    assert problems(payload) == []
    assert calls(payload) == []
    return shown(payload)


@pytest.mark.parametrize("user", [ANNA, None])
def test_everybody_may_read_exposure(reading, user):
    text = asked(reading, "exposure XAUUSD", user)
    assert text.startswith("Exposure XAUUSD")
    assert "House net: \n-12.4M USD" in text
    assert reading.asked == [("exposure", "XAUUSD")]


def test_an_account_takes_a_role(reading):
    assert "Margin level: \n142 %" in asked(reading, "client 100023")
    for user in (None, NOBODY):
        assert "take a role at the desk" in asked(reading, "client 100023", user)
    assert reading.asked == [("client", "100023")]


def test_an_unknown_name_is_answered_with_the_nearest(reading):
    assert asked(reading, "exposure XAUSD") == (
        "there is no symbol XAUSD; near it are XAUUSD, XAUEUR"
    )
    assert "near it is 100023" in asked(reading, "client 100024")


def test_cases_are_listed_with_what_is_at_stake(reading):
    text = asked(reading, "alerts")
    assert text.startswith("1 case is not resolved")
    assert "CRITICAL A-17 Uncovered exposure XAUUSD: 1.23 M USD at stake" in text


def test_many_cases_are_cut_and_counted(reading):
    reading.cases = [case(number=n) for n in range(1, 41)]
    text = asked(reading, "alerts")
    assert text.count("at stake") == MOST_CASES
    assert "and 25 more, on the desk" in text
    reading.cases = []
    assert asked(reading, "alerts") == "No case is open"


def test_somebody_unknown_reads_only_how_many_cases_there_are(reading):
    reading.cases = [
        case(), case(headline="client 100023 is toxic"), case(severity=Severity.INFO),
    ]  # fmt: skip
    text = asked(reading, "alerts", None)
    assert "critical: 2, 2.47 M USD at stake" in text
    assert "info: 1, 1.23 M USD at stake" in text
    assert "100023" not in text
    assert "short" not in text


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (0.4, "figures 0.4 s old"),
        (90.0, "the engine does not respond: these figures are 1 min old"),
        (None, "no figures have come from the engine yet"),
    ],
)
def test_an_answer_says_how_old_its_figures_are(reading, age, words):
    reading.age = age
    assert asked(reading, "exposure XAUUSD").endswith(words)
    assert asked(reading, "client 100023").endswith(words)


@pytest.mark.parametrize(
    "text",
    ["", "help", "HELP", "exposure", "exposure XAU USD", "client", "alerts now", "sell everything",
     "exposure " + "X" * 41],
)  # fmt: skip
def test_whatever_is_no_question_is_answered_with_help(reading, text):
    shown_text = asked(reading, text)
    assert "/plimsoll exposure XAUUSD" in shown_text
    assert reading.asked == []
    assert ("is none of these" in shown_text) == (text.casefold() not in {"", "help"})


def test_words_may_be_large_and_names_are_read_as_slack_escapes_them(reading):
    asked(reading, "  EXPOSURE   XAUUSD ")
    asked(reading, "exposure S&amp;P500")
    assert reading.asked == [("exposure", "XAUUSD"), ("exposure", "S&P500")]


@pytest.mark.parametrize("error", [DisconnectedError("away"), StorageError("away")])
def test_figures_that_cannot_be_had_are_said(reading, error):
    reading.fails = error
    assert asked(reading, "alerts") == "The figures cannot be had now: away"


@examples(40)
@given(TEXTS, st.sampled_from(["", "exposure ", "client ", "alerts "]))
def test_any_question_has_a_harmless_answer(text, before):
    assert asked(Reading(), before + text)
