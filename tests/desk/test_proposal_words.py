"""A proposal in sentences: where to, why, what it is worth, what would flip it, what holds it."""

from __future__ import annotations

from dealing.desk import formats
from dealing.desk.panels.proposal_words import flip_words, moves, proposal_words

MINUS = formats.MINUS


def proposal(**changes):
    return {
        "action": "move",
        "book": "C",
        "hedge_ratio": 0.3,
        "probability": 0.42,
        "expected_usd_per_month": -2.76,
        "low_usd_per_month": -19.9,
        "high_usd_per_month": 14.4,
        "reasons": ["is new (n 1) and holds 633,963 USD, the limit is 500,000"],
        "flip": None,
        "held_back": "",
        "segment": "",
        "policy": "standard v1",
        "clients": ["C101307"],
        **changes,
    }


def test_a_client_who_is_too_large_is_hedged_in_part_and_the_limit_is_named():
    what, worth = proposal_words(proposal())
    assert what == (
        "Policy standard v1 proposes book C, 30 % hedged: is new (n 1) and holds 633,963 USD, the "
        "limit is 500,000."
    )
    assert worth == (
        f"It is expected to bring the house {MINUS}3 USD a month (80 % between {MINUS}20 and +14)."
    )
    assert flip_words(proposal()) == []


def test_what_holds_it_back_and_what_would_flip_it_are_said():
    flip = {"client_edge_per_million": 12.4, "now": 55.0}
    told = proposal(book="A", hedge_ratio=1.0, flip=flip, held_back="cool-down: 3 of 20 trades")
    assert proposal_words(told)[-1] == "Held back: cool-down: 3 of 20 trades."
    assert flip_words(told) == [
        "The proposal flips at an edge of +12 USD per million; the client's is +55 now."
    ]
    assert " proposes book A: " in proposal_words(told)[0]


def test_who_trade_as_one_are_moved_as_one():
    (what, _) = proposal_words(proposal(clients=["a", "b", "c"]))
    assert "30 % hedged for the client and 2 who trade as one with him: is new" in what


def test_better_prices_are_no_move():
    told = proposal(action="fix_price", expected_usd_per_month=812.0)
    assert not moves({"proposal": told})
    assert moves({"proposal": proposal()})
    assert not moves({"proposal": None})
    what, worth = proposal_words(told)
    assert " proposes better prices in the book that he is in: " in what
    assert worth == "His stale fills cost the house +812 USD a month now."
