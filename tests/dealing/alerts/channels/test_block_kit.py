"""Cases as Slack shows them: whatever the texts are, Slack takes them and nobody is called."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts.channels.block_kit import (
    case_message,
    facts_message,
    follow_up,
    list_message,
    news_message,
    said_message,
    sentence_message,
)
from dealing.alerts.model import Action, CaseState, EntryKind, Fact, Offer
from dealing.alerts.ports import Button
from tests.dealing.alerts.channels.parts import (
    ANY_CASE,
    LINK,
    OFFERS,
    TEXTS,
    acknowledged,
    case,
    entry,
    group,
    message,
    messages,
    resolved,
)
from tests.dealing.alerts.slack_rules import buttons, called, calls, problems, shown
from tests.thorough import examples

PEOPLE = {"anna": "U0ANNA", "bo": "U0BO", "mallory": "<!channel>"}


def as_sent(made):
    payload = {"text": made.text, "blocks": made.blocks}
    return json.loads(json.dumps(payload).encode())


def assert_harmless(made):
    payload = as_sent(made)
    assert problems(payload) == []
    assert calls(payload) == []
    assert called(payload) == []


# Any text ---------------------------------------------------------------------------------------


@ANY_CASE
@given(messages(), st.booleans())
def test_any_case_is_a_message_that_slack_takes_and_that_calls_nobody(drawn, is_first):
    assert_harmless(case_message(drawn, PEOPLE, is_first=is_first))


@ANY_CASE
@given(messages())
def test_any_news_is_a_message_that_slack_takes_and_that_calls_nobody(drawn):
    news = news_message(drawn, PEOPLE)
    if news is not None:
        assert_harmless(news)
    assert_harmless(follow_up(drawn, PEOPLE))


@examples(40)
@given(TEXTS, st.lists(TEXTS, max_size=30))
def test_any_answer_is_a_message_that_slack_takes_and_that_calls_nobody(text, texts):
    assert_harmless(said_message("\n".join([text, *texts])))
    assert_harmless(sentence_message(text))
    assert_harmless(list_message(text, texts, texts[:2]))
    assert_harmless(facts_message(text, [Fact(one, text) for one in texts], texts[:1]))


def test_the_judge_would_see_a_ping():
    bad = {"type": "section", "fields": [{"type": "mrkdwn", "text": "hey <!channel>"}]}
    assert calls({"text": "x", "blocks": [bad]}) == ["<!channel>"]
    assert problems({"text": "x", "blocks": [{"type": "header", "text": {}}] * 0}) == []
    assert problems({"blocks": [{"type": "context", "elements": []}]}) != []


# What it says -----------------------------------------------------------------------------------


def test_an_open_case_says_how_much_what_to_do_and_whose_it_is():
    made = as_sent(case_message(message(), PEOPLE, is_first=True))
    text = shown(made)
    for words in (
        "\U0001f534 CRITICAL A-17 Uncovered exposure XAUUSD",
        "The house is short 12.4M USD of XAUUSD",
        "*At stake*\n1.23 M USD",
        "*Age*\n3 min, since 22:10:20 UTC",
        "*Count*\n2",
        "House net: \n-12.4M USD",
        "What to do: \nHedge 18 lots",
        "open, not acknowledged \u00b7 team dealing",
    ):
        assert words in text
    assert made["text"].startswith("\U0001f534 CRITICAL A-17")
    assert "1.23 M USD at stake" in made["text"]


def test_a_button_holds_its_token_and_nothing_else():
    shown_buttons = buttons(as_sent(case_message(message(), PEOPLE, is_first=True)))
    assert list(shown_buttons) == [label for _, label in OFFERS] + ["Open on the desk"]
    for offer, label in OFFERS:
        button = shown_buttons[label]
        assert button["value"] == f"token-of-{offer.action}"
        assert ("C100023" in json.dumps(button)) == ("C100023" in label)
    assert shown_buttons["Open on the desk"]["url"] == LINK
    assert "value" not in shown_buttons["Open on the desk"]


def test_what_moves_money_asks_once_more():
    shown_buttons = buttons(as_sent(case_message(message(), PEOPLE, is_first=True)))
    asked = {label for label, button in shown_buttons.items() if "confirm" in button}
    assert asked == {"Move C100023 to A", "Hedge XAUUSD"}


def test_a_second_vote_is_asked_for_also_after_somebody_took_the_case():
    approve, reject = (
        Offer(action=action, client_id="C7", command="alert-1", asked_by="anna")
        for action in (Action.APPROVE, Action.REJECT)
    )
    taken = acknowledged(votes=(approve, reject))
    pressable = (
        Button(offer=approve, label="Approve C7 to A", token="a"),  # noqa: S106
        Button(offer=reject, label="Reject it", token="r"),  # noqa: S106
    )
    made = as_sent(case_message(message(taken, buttons=pressable), PEOPLE, is_first=False))
    assert problems(made) == []
    shown_buttons = buttons(made)
    assert list(shown_buttons)[:2] == ["Approve C7 to A", "Reject it"]
    assert "It is done then." in shown_buttons["Approve C7 to A"]["confirm"]["text"]["text"]
    assert "confirm" not in shown_buttons["Reject it"]


@pytest.mark.parametrize(
    "closed", [acknowledged(), resolved(), case(state=CaseState.SNOOZED)], ids=lambda c: c.state
)
def test_a_case_that_somebody_has_looks_different_and_has_no_buttons(closed):
    opened = as_sent(case_message(message(), PEOPLE, is_first=False))
    made = as_sent(case_message(message(closed), PEOPLE, is_first=False))
    assert buttons(made) == {}
    assert shown(made).split()[0] != shown(opened).split()[0]
    assert closed.state.upper() in shown(made)
    assert "Open A-17 on the desk" in shown(made)


def test_a_group_shows_its_largest_members_and_counts_the_others():
    text = shown(as_sent(case_message(message(group()), PEOPLE, is_first=True)))
    assert "100020\n: 90 k USD at stake, margin level 48 %" in text
    assert "and 208 more" in text
    assert "100026" not in text


def test_too_many_offers_are_cut():
    many = tuple(Button(offer=OFFERS[0][0], label=f"{n}", token=f"token-{n}") for n in range(40))
    made = as_sent(case_message(message(buttons=many), PEOPLE, is_first=True))
    assert problems(made) == []
    assert len(buttons(made)) == 11


# The thread -------------------------------------------------------------------------------------


def test_what_is_new_is_a_line_each_in_the_thread():
    lines = (
        entry(),
        entry(EntryKind.WORSE, "at stake rose to 2.1M USD"),
        entry(EntryKind.ACKNOWLEDGED, "acknowledged: on it", actor="anna"),
    )
    made = as_sent(news_message(message(new_entries=lines), PEOPLE))
    assert shown(made).splitlines() == [
        "22:13:20 UTC at stake rose to 2.1M USD",
        "22:13:20 UTC acknowledged: on it (anna)",
    ]


def test_a_case_that_was_only_opened_is_no_news_for_its_thread():
    assert news_message(message(), PEOPLE) is None


def test_what_happened_before_the_first_message_stands_in_it():
    late = message(new_entries=(entry(), entry(EntryKind.WORSE, "it got worse")))
    assert "it got worse" in shown(as_sent(case_message(late, PEOPLE, is_first=True)))
    assert "it got worse" not in shown(as_sent(case_message(late, PEOPLE, is_first=False)))


# Whom it calls ----------------------------------------------------------------------------------


def test_people_are_called_by_what_slack_calls_them():
    calling = message(mentions=("anna", "bo", "carl", "mallory"))
    made = as_sent(case_message(calling, PEOPLE, is_first=True))
    assert sorted(called(made)) == ["U0ANNA", "U0BO"]
    assert {"carl", "mallory"} <= set(shown(made).split())


@pytest.mark.parametrize(
    ("kind", "are_called"),
    [(EntryKind.ESCALATED, True), (EntryKind.REPEATED, True), (EntryKind.NOTED, False),
     (EntryKind.ACKNOWLEDGED, False)],
)  # fmt: skip
def test_people_are_called_again_only_when_nobody_came(kind, are_called):
    news = message(new_entries=(entry(kind, "something"),), mentions=("anna",))
    assert called(as_sent(news_message(news, PEOPLE))) == (["U0ANNA"] if are_called else [])
    changed = as_sent(case_message(news, PEOPLE, is_first=False))
    assert called(changed) == []  # a change calls nobody in Slack anyway


# Others -----------------------------------------------------------------------------------------


def test_a_note_keeps_its_lines_and_its_length():
    note = "\n".join(f"line {n} " + "y" * 200 for n in range(60))
    made = as_sent(said_message(note))
    assert problems(made) == []
    assert "line 0 " in shown(made)
    assert "line 1 " in shown(made).splitlines()[1]
