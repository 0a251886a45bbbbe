"""Cases and messages for tests of channels, and texts that want to be more than text."""

import asyncio

import msgspec
from hypothesis import strategies as st

from dealing.alerts.model import (
    Action,
    Case,
    CaseState,
    Entry,
    EntryKind,
    Fact,
    Member,
    Offer,
    Outcome,
    Severity,
)
from dealing.alerts.ports import Button, CaseMessage
from tests.thorough import examples

NOW_US = 1_700_000_000_000_000
MINUTE_US = 60_000_000
ANY_CASE = examples(25)
"""A case has many texts, so each example draws a lot."""

LINK = "https://desk.example/alerts?case=17"

HOSTILE = (
    "<!channel>", "<!here|here>", "<!subteam^S1>", "<@U0BOSS>", "<#C1|general>",
    "<https://evil.example|your bank>", "https://evil.example", "mailto:a@evil.example",
    "*bold*", "_italic_", "~gone~", "`code`", "```block```", "> quoted", "&gt; quoted", "- item",
    "&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;", "@channel", "@here", "@everyone", ":skull:",
    "\u202eevil\u202c", "zero\u200bwidth", "a\r\nBcc: all@evil.example", "line\nline",
    "\x00\x1b[31m",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "\ud800 half", "x" * 6_000,
    "\N{PILE OF POO}" * 2_000, "&" * 3_000, "", " ", "\n",
)  # fmt: skip

TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=()), max_size=80),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map(" ".join),
)


def run(awaitable):
    return asyncio.run(awaitable)


def case(**changes):
    fields = {
        "number": 17,
        "rule": "uncovered_exposure",
        "dedupe_key": "uncovered_exposure:XAUUSD",
        "title": "Uncovered exposure XAUUSD",
        "severity": Severity.CRITICAL,
        "state": CaseState.OPEN,
        "team": "dealing",
        "opened_us": NOW_US - 3 * MINUTE_US,
        "last_us": NOW_US,
        "happened_at_ns": (NOW_US - 3 * MINUTE_US) * 1_000,
        "at_stake_usd": 1_234_567.0,
        "worst_usd": 1_500_000.0,
        "headline": "The house is short 12.4M USD of XAUUSD, 4.4M above the band",
        "advice": "Hedge 18 lots, or widen the band if news is due.",
        "facts": (Fact("House net", "-12.4M USD"), Fact("Band", "8.0M USD")),
        "count": 2,
    }
    return Case(**{**fields, **changes})


def group(**changes):
    """Return a case of a group."""
    members = tuple(
        Member(
            subject=f"10002{n}", severity=Severity.CRITICAL, value=48.0, active=n < 4,
            at_stake_usd=9_000.0 * (10 - n), headline=f"margin level {48 - n} %", first_us=NOW_US,
            last_us=NOW_US, client_id=f"C10002{n}",
        )
        for n in range(8)
    )  # fmt: skip
    fields = {
        "title": "Margin calls XAUUSD", "rule": "margin_call", "is_group": True,
        "members": members, "member_count": 213, "active_count": 187,
    }  # fmt: skip
    return case(**{**fields, **changes})


def acknowledged(**changes):
    fields = {"state": CaseState.ACKNOWLEDGED, "owner": "anna", "acknowledged_us": NOW_US}
    return case(**{"version": 2, **fields, **changes})


def resolved(**changes):
    fields = {
        "state": CaseState.RESOLVED, "resolved_us": NOW_US, "version": 3, "owner": "anna",
        "outcome": Outcome.USEFUL, "outcome_usd": 12_300.0,
    }  # fmt: skip
    return case(**{**fields, **changes})


def entry(kind=EntryKind.OPENED, text="the case was opened", **changes):
    fields = {"number": 17, "at_us": NOW_US, "kind": kind, "text": text}
    return Entry(**{**fields, **changes})


OFFERS = (
    (Offer(action=Action.ACKNOWLEDGE), "Acknowledge"),
    (Offer(action=Action.MOVE_TO_A, client_id="C100023"), "Move C100023 to A"),
    (Offer(action=Action.HEDGE, symbol="XAUUSD"), "Hedge XAUUSD"),
    (Offer(action=Action.SNOOZE), "Snooze"),
)


def some_buttons():
    return tuple(
        Button(offer=offer, label=label, token=f"token-of-{offer.action}")
        for offer, label in OFFERS
    )


def message(shown=None, **changes):
    shown = case() if shown is None else shown
    fields = {
        "case": shown, "new_entries": (entry(),), "buttons": some_buttons(), "link": LINK,
        "now_us": NOW_US,
    }  # fmt: skip
    return CaseMessage(**{**fields, **changes})


@st.composite
def messages(draw):
    """Draw a message whose every text may be anything."""
    members = draw(st.lists(st.builds(_member, TEXTS, TEXTS), max_size=7))
    shown = case(
        title=draw(TEXTS), headline=draw(TEXTS), advice=draw(TEXTS), team=draw(TEXTS),
        owner=draw(TEXTS), state=draw(st.sampled_from(CaseState)),
        severity=draw(st.sampled_from(Severity)), at_stake_usd=draw(st.floats()),
        worst_usd=draw(st.floats()), members=tuple(members),
        facts=tuple(draw(st.lists(st.builds(Fact, TEXTS, TEXTS), max_size=14))),
        member_count=draw(st.integers(0, 5_000)), flapping=draw(st.booleans()),
        level=draw(st.integers(0, 3)), inhibited_by=draw(st.none() | st.integers(1, 99)),
        outcome=draw(st.sampled_from(Outcome)), outcome_usd=draw(st.floats()),
        acknowledged_us=draw(st.none() | st.just(NOW_US)),
        resolved_us=draw(st.none() | st.just(NOW_US)),
        snoozed_until_us=draw(st.none() | st.just(NOW_US + MINUTE_US)),
    )  # fmt: skip
    entries = st.builds(
        lambda kind, text, actor: entry(kind, text, actor=actor),
        st.sampled_from(EntryKind), TEXTS, TEXTS,
    )  # fmt: skip
    pressed = [msgspec.structs.replace(one, label=draw(TEXTS)) for one in some_buttons()]
    return message(
        shown,
        new_entries=tuple(draw(st.lists(entries, max_size=12))),
        buttons=tuple(pressed),
        link=draw(st.just(LINK) | TEXTS),
        mentions=tuple(draw(st.lists(TEXTS, max_size=3))),
    )


def _member(subject, headline):
    return Member(
        subject=subject, severity=Severity.WARNING, value=1.0, at_stake_usd=1.0, headline=headline,
        first_us=NOW_US, last_us=NOW_US,
    )  # fmt: skip
