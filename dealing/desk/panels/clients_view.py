"""What the clients screen says: whose flow is dangerous, as the engine ranks and explains it.

Questions come from a browser as small mappings; they are parsed, never trusted. Whoever traded too
seldom has no score here, because the base rate is nobody's score. Signs are said in words: an edge
above 0 is the client's gain, and the loss of a house that keeps his flow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeGuard

import msgspec

from bookrouting.flow_settings import HORIZONS
from dealing.desk import formats
from dealing.desk.held_book import AWAY
from dealing.desk.panels.proposal_words import flip_words, moves, proposal_words
from dealing.desk.words import sentence
from dealing.flow.ports import ClientsAsked, ClientsFound, FlowQueries, Only, Sort
from dealing.score.words import TOXIC_SCORE, channel_name
from exposure.errors import DisconnectedError, DomainError
from exposure.model.books import Book

LONGEST_SEARCH: Final = 40
LONGEST_NAME: Final = 64
BOOKS: Final = ("", *(book.value for book in Book))

NOBODY: Final = {
    Only.SCORED: "Nobody has traded often enough for a score",
    Only.TO_MOVE: "Nobody is to be moved: the routing policy proposes nothing",
    Only.ALARMED: "No alarm: nobody's gains are beyond reasonable doubt",
    Only.ALL: "No client is known",
}

_NS_PER_MS: Final = 1e6
_WITHIN_90: Final = 1.645

Row = Mapping[str, Any]
Local = Callable[[int], datetime]


async def list_answer(given: object, queries: FlowQueries, local: Local) -> dict[str, Any] | None:
    """Return the list that a browser asks for or a sentence in its place, None for nonsense.

    Args:
        given: What a browser wants to know.
        queries: Who knows clients' flow.
        local: A moment (ns UTC) on the server's clock.
    """
    asked = parse_list(given)
    if asked is None or not _is_question(given):
        return None
    head = {"asked": given["asked"]}
    try:
        found = await queries.clients(asked)
    except DisconnectedError:
        return head | {"state": "failed", "note": AWAY}
    return head | {"state": "shown", "note": "", **list_view(found, asked, local)}


async def card_answer(given: object, queries: FlowQueries) -> dict[str, Any] | None:
    """Return a client's decision card or a sentence in its place, None for nonsense."""
    if not _is_question(given):
        return None
    client = given.get("client")
    if not isinstance(client, str) or not 0 < len(client) <= LONGEST_NAME:
        return None
    head = {"asked": given["asked"], "client_id": client}
    try:
        told = await queries.client_card(client)
    except DisconnectedError:
        return head | {"state": "failed", "note": AWAY}
    except DomainError as e:
        return head | {"state": "refused", "note": sentence(str(e))}
    return head | {"state": "shown", "note": "", "made": {"age_ms": 0.0}, **card_view(told)}


def parse_list(given: object) -> ClientsAsked | None:
    """Return which clients a browser asks for, None for nonsense."""
    if not _is_question(given):
        return None
    sort, only, book, search = (given.get(name) for name in ("sort", "only", "book", "search"))
    if sort not in tuple(Sort) or only not in tuple(Only) or book not in BOOKS:
        return None
    if not isinstance(search, str):
        return None
    part = search.strip()[:LONGEST_SEARCH]
    return ClientsAsked(sort=Sort(sort), only=Only(only), book=book, search=part)


def list_view(found: ClientsFound, asked: ClientsAsked, local: Local) -> dict[str, Any]:
    """Return counts of everybody and the rows that were asked for."""
    is_ranked = found.scored_at > 0
    behind_ms = (found.as_of - found.scored_at) / _NS_PER_MS if is_ranked else None
    return {
        "counted": msgspec.to_builtins(found.counted),
        "matching": found.matching,
        "rows": [list_row(row) for row in found.rows],
        "empty": "" if found.rows else _why_empty(found, asked),
        "made": {
            "age_ms": 0.0,
            "as_of": formats.clock(local(found.as_of)) if found.as_of > 0 else "",
            "ranked_behind_ms": behind_ms,
        },
    }


def list_row(row: Row) -> dict[str, Any]:
    """Return a client as the list has him; figures that rest on too little are None."""
    known = row["scored"]
    told = {
        "score": row["score"],
        "edge": row["client_edge_usd_per_million"],
        "edge_low": row["client_edge_low"],
        "edge_high": row["client_edge_high"],
        "drift": row["drift"],
    }
    present, proposal = row["book"] or formats.NOTHING, row["proposal"]
    # who is hedged in part may be proposed another share of the same book: the card says it
    to = proposal["book"] if moves(row) and proposal["book"] != row["book"] else None
    # without a score the one thing to say is why he should be moved all the same
    reasons = row["reasons"] if known or proposal is None else proposal["reasons"]
    return {
        "id": row["client_id"],
        "client_id": row["client_id"],
        **(told if known else dict.fromkeys(told)),
        "band": row["band"] or "insufficient",
        "trades": row["n"],
        "e_value": row["e_value"],
        "alarmed": row["alarmed"],
        "drifting": row["drifting"],
        "book": row["book"],
        "suggested": to,
        "route": present if to is None else f"{present} {to}",
        "kept_usd": row["money"]["kept_usd"],
        "reason": sentence(reasons[0]),
    }


def card_view(told: Row) -> dict[str, Any]:
    """Return everything the card shows."""
    row, card = told["client"], told["card"]
    *why, flip, money, chance = told["sentences"]
    proposal = row["proposal"]
    # what would flip the score's own suggestion has no bearing on what the policy proposes
    flips = [flip] if proposal is None else flip_words(proposal)
    kinds = [
        *(("why", text) for text in why),
        *(("flip", text) for text in flips),
        ("money", money),
        ("chance", chance),
    ]
    curves = (("entries", "After his entries"), ("exits", "After exits that he chose"))
    points = {"entries": card["entry_curve"], "exits": card["exit_curve"]}
    return {
        "client_id": row["client_id"],
        "score": row["score"] if row["scored"] else None,
        "band": row["band"] or "insufficient",
        "book": row["book"],
        "suggested": proposal["book"] if moves(row) else None,
        "suggested_ratio": proposal["hedge_ratio"] if moves(row) else None,
        "verdict": verdict(row),
        "cost_pips": told["cost_pips"],
        "curves": [
            {"key": key, "title": title, "points": [_point(one) for one in points[key]]}
            for key, title in curves
            if points[key]
        ],
        "reasons": [{"kind": kind, "text": sentence(text)} for kind, text in kinds],
        "evidence": evidence(row),
        "trades": card["trades"],
        "logins": told["logins"],
    }


def verdict(row: Row) -> list[str]:
    """Return what is known of a client and proposed for him, in sentences, sides and all."""
    if not row["scored"]:
        return [sentence(row["reasons"][0]), _books(row), *_proposed(row)]
    trades = "1 trade" if row["n"] == 1 else f"{row['n']:,} trades"
    scored = f"Score {row['score']:.0f} of 100 after {trades}: {row['band']}."
    return [scored, *_expected(row), _books(row), *_proposed(row)]


def evidence(row: Row) -> list[dict[str, Any]]:
    """Return what each channel says, and what is left for no edge at all."""
    channels = [*row["channels"], *row["exit_channels"]]
    lines = [
        {
            "name": channel_name(place, channel["horizon_s"]),
            "markout_pips": channel["markout_pips"],
            "se_pips": channel["se_pips"],
            "decibans": channel["decibans"],
            "p": channel["p"],
        }
        for place, channel in enumerate(channels)
        if place < HORIZONS or channel["markout_pips"] is not None
    ]
    swap = row["swap_channel"]
    rest = max(1.0 - swap["p"] - sum(channel["p"] for channel in channels), 0.0)
    return [*lines, _without_pips("swap", swap["decibans"], swap["p"]),
            _without_pips("no edge", None, rest)]  # fmt: skip


def _expected(row: Row) -> list[str]:
    edge = row["client_edge_usd_per_million"]
    if edge is None:
        return []
    does, house = ("gain", "loses that") if edge >= 0.0 else ("lose", "earns that")
    low, high = (
        formats.number(row[name], sign=True) for name in ("client_edge_low", "client_edge_high")
    )
    amount = f"{formats.number(abs(edge))} USD per million of notional"
    between = f"(90 % between {low} and {high})"
    return [
        f"The client is expected to {does} {amount} {between}: a house that keeps his flow {house}."
    ]


def _proposed(row: Row) -> list[str]:
    """Say what the policy proposes, or why nothing where the score would let one expect it."""
    if row["proposal"] is not None:
        return proposal_words(row["proposal"])
    if not row["scored"] or row["score"] < TOXIC_SCORE or row["book"] == Book.A:
        return []
    return ["His edge, or the evidence for it, is not yet what the routing policy asks for."]


def _books(row: Row) -> str:
    if not row["book"]:
        return "Nobody has said which book his new deals go to."
    if row["proposal"] is not None or not row["scored"]:
        return f"His new deals go to book {row['book']}."
    return f"His new deals go to book {row['book']}, and his flow suggests no other."


def _point(point: Row) -> dict[str, Any]:
    half = _WITHIN_90 * point["se_pips"]
    middle = point["markout_pips"]
    return {
        "horizon_s": point["horizon_s"],
        "name": horizon_name(point["horizon_s"]),
        "markout_pips": middle,
        "low_pips": middle - half,
        "high_pips": middle + half,
        "known": point["known"],
        "cancelled": point["cancelled"],
    }


def horizon_name(seconds: float) -> str:
    """Return a horizon as people say it.

    >>> horizon_name(0.1), horizon_name(300.0), horizon_name(3_600.0)
    ('0.1 s', '5 min', '1 h')
    """
    for size, unit in ((3_600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _without_pips(name: str, decibans: float | None, p: float) -> dict[str, Any]:
    return {"name": name, "markout_pips": None, "se_pips": None, "decibans": decibans, "p": p}


def _why_empty(found: ClientsFound, asked: ClientsAsked) -> str:
    if found.counted.clients and found.scored_at <= 0:
        return "The first scores are being computed."
    where = f" in book {asked.book}" if asked.book else ""
    named = f" whose name or login holds {asked.search}" if asked.search else ""
    return f"{NOBODY[asked.only]}{where}{named}."


def _is_question(given: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(given, dict) and isinstance(given.get("asked"), int)
