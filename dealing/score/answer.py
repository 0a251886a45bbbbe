"""The answer of ``plimsoll score``: a row per client, for the JSON and for the screen alike.

Source: semantics.md sections 9 and 10. Absent values are None; numbers are finite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from bookrouting.decision_card import (
    ChannelEvidence,
    DecisionCard,
    DrivingTrade,
    Rule,
    channel_evidence,
    decision_card,
)
from bookrouting.flow_findings import NO_FINDINGS, Findings
from bookrouting.flow_settings import HORIZONS, RESULT_CHANNEL
from bookrouting.flow_view import Alarm, FlowView
from bookrouting.money import NOTHING, Money
from bookrouting.score import Scores
from dealing.score.reader import FlowReader
from dealing.score.reasons import ClientFacts, reasons_of
from dealing.score.study import Study, clusters_json, findings_json, reasons_beside, studied
from dealing.score.words import band_of, channel_name
from dealing.snapshot_json import milliseconds

_MILLION: Final = 1e6


class ClientRow(NamedTuple):
    """One client. Units: edges USD per million USD of notional, + is the client's gain."""

    client_id: str
    deals: int
    n: int
    n_eff: float
    score: float
    p_toxic: float
    edge: float | None
    edge_low: float | None
    edge_high: float | None
    e_value: float
    drift: float
    book: str | None
    suggested_book: str
    reasons: list[str]
    channels: list[ChannelEvidence]
    facts: ClientFacts
    money: Money
    found: Findings = NO_FINDINGS


class ScoreAnswer(NamedTuple):
    """Everything that was found, most dangerous clients first; ``cards`` are those asked for."""

    as_of: int | None
    clients: list[ClientRow]
    alarms: list[Alarm]
    cards: list[DecisionCard]
    ignored: dict[str, int]
    late_quotes: int
    notes: list[str]
    clusters: list[dict[str, Any]]


def score_answer(
    reader: FlowReader, asked: Sequence[str], notes: list[str], rule: Rule | None = None
) -> ScoreAnswer:
    """Score every client.

    Args:
        reader: Whose flow book has seen the day.
        asked: Clients of whom a decision card is wanted; unknown ones are noted.
        notes: Sentences about the files.
        rule: When a client belongs to book A.
    """
    rule = rule or Rule()
    flow = reader.flow
    cards, study = [], studied(flow)
    for client_id in asked:
        row = flow.client_of.get(client_id)
        if row is None:
            notes.append(f"no client {client_id} has dealt or is listed: look at the table's names")
        else:
            cards.append(decision_card(flow, row, rule, reader.book_of.get(client_id)))
    return ScoreAnswer(
        flow.now,
        client_rows(reader, rule, study),
        FlowView(flow).alarms(),
        cards,
        dict(flow.ignored),
        flow.late_quotes,
        notes + list(_left_out(reader)),
        clusters_json(flow, study.clusters),
    )


def client_rows(
    reader: FlowReader, rule: Rule | None = None, study: Study | None = None
) -> list[ClientRow]:
    """Return a row per client, most dangerous first, equal ones by their name."""
    everybody = np.arange(len(reader.flow.client_ids))
    money = FlowView(reader.flow).money()
    found = (study or studied(reader.flow)).findings
    return sorted(rows_of(reader, everybody, money, rule or Rule(), found), key=_danger)


def rows_of(
    reader: FlowReader,
    chosen: NDArray[np.int64],
    money: Mapping[str, Money],
    rule: Rule,
    found: Mapping[int, Findings],
) -> list[ClientRow]:
    """Return the rows of some clients of the flow book, in the order in which they are named.

    ``found`` is what detectors say, by row of the book, as far as they were asked.
    """
    flow, view = reader.flow, FlowView(reader.flow)
    scores, drift, e_values = view.scores(chosen), view.drift(chosen), view.e_values(chosen)
    worth, n_eff = view.usd_per_million(chosen), view.sums(chosen).n_eff
    cost_pips = view.mean_cost_pips(chosen)
    alarmed = {alarm.client_id: alarm for alarm in view.alarms()}
    rows = []
    for place, row in enumerate(chosen.tolist()):
        client_id = flow.client_ids[row]
        present = reader.book_of.get(client_id)
        channels = channel_evidence(scores, place, float(cost_pips[place]))
        mine, said = money.get(client_id, NOTHING), found.get(row, NO_FINDINGS)
        facts = ClientFacts(
            n=int(flow.arrays.clients["trades"][row]),
            fewest=flow.settings.score.fewest_trades,
            prior=flow.settings.score.prior_toxic,
            p_toxic=float(scores.p_toxic[place]),
            alarm=alarmed.get(client_id),
            drift=float(drift[place]),
            drift_limit=flow.settings.score.drift_log_factor,
            stale_seen=int(flow.arrays.clients["stale_seen"][row]),
            stale_hits=int(flow.arrays.clients["stale_hits"][row]),
            unpriced=mine.unpriced,
        )
        edge, low, high = _edges(scores, place, float(worth[place]))
        suggested = rule.suggested(float(scores.p_pass_on[place]), float(n_eff[place]), present)
        rows.append(
            ClientRow(
                client_id=client_id,
                deals=mine.deals,
                n=facts.n,
                n_eff=float(n_eff[place]),
                score=float(scores.score[place]),
                p_toxic=float(scores.p_toxic[place]),
                edge=edge,
                edge_low=low,
                edge_high=high,
                e_value=float(e_values[place]),
                drift=facts.drift,
                book=present,
                suggested_book=suggested,
                reasons=reasons_of(facts, channels, edge) + reasons_beside(said),
                channels=channels,
                facts=facts,
                money=mine,
                found=said,
            )
        )
    return rows


def client_json(row: ClientRow) -> dict[str, Any]:
    """Return a client as section 9 of semantics.md has it."""
    return {
        "client_id": row.client_id,
        "deals": row.deals,
        "score": row.score,
        "p_toxic": row.p_toxic,
        "client_edge_usd_per_million": row.edge,
        "client_edge_low": row.edge_low,
        "client_edge_high": row.edge_high,
        "e_value": row.e_value,
        "book": row.book,
        "suggested_book": row.suggested_book,
        "reasons": row.reasons,
    }


def answer_json(answer: ScoreAnswer) -> bytes:
    """Return the answer as one JSON object."""
    found = {
        "as_of_ms": None if answer.as_of is None else milliseconds(answer.as_of),
        "clients": [row_json(row) for row in answer.clients],
        "alarms": [
            {
                "client_id": alarm.client_id,
                "ts_ms": milliseconds(alarm.ts),
                "n": alarm.n,
                "e_value": alarm.e_value,
            }
            for alarm in answer.alarms
        ],
        "cards": [card_json(card) for card in answer.cards],
        "clusters": answer.clusters,
        "ignored_deals": answer.ignored,
        "late_quotes": answer.late_quotes,
        "notes": answer.notes,
    }
    return orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY)


def row_json(row: ClientRow) -> dict[str, Any]:
    """Return a client with his channels and his money.

    Whoever is not ``scored`` traded too seldom: his score is the base rate and has no ``band``.
    """
    entries, exits = row.channels[:HORIZONS], row.channels[HORIZONS:RESULT_CHANNEL]
    others = enumerate(row.channels[RESULT_CHANNEL:-1], RESULT_CHANNEL)
    swap, money, facts = row.channels[-1], row.money, row.facts
    scored = facts.n >= facts.fewest
    return client_json(row) | {
        "n": row.n,
        "n_eff": row.n_eff,
        "scored": scored,
        "band": band_of(row.score) if scored else None,
        "alarmed": facts.alarm is not None,
        "drift": row.drift,
        "drifting": scored and facts.drift > facts.drift_limit,
        "channels": [channel._asdict() for channel in entries],
        "exit_channels": [channel._asdict() for channel in exits],
        "other_channels": [
            {"name": channel_name(place, channel.horizon_s), **channel._asdict()}
            for place, channel in others
        ],
        "swap_channel": {"p": swap.p, "decibans": swap.decibans},
        "reference": facts.reference,
        **findings_json(row.found),
        "money": {
            **money._asdict(),
            "kept_usd": money.kept_usd,
            "passed_usd": money.passed_usd,
            "kept_usd_per_million": money.kept_usd_per_million,
        },
    }


def card_json(card: DecisionCard) -> dict[str, Any]:
    """Return a decision card in plain values."""
    return {
        "client_id": card.client_id,
        "entry_curve": [point._asdict() for point in card.entry_curve],
        "exit_curve": [point._asdict() for point in card.exit_curve],
        "trades": [_trade(trade) for trade in card.trades],
        "flip": None if card.flip is None else card.flip._asdict(),
        "next_trades": card.next_trades,
        "loss_chance": card.loss_chance,
        "usual_loss_chance": card.usual_loss_chance,
    }


def _trade(trade: DrivingTrade) -> dict[str, Any]:
    row = trade._asdict()
    return {"ts_ms": milliseconds(row.pop("ts")), **row}


def _edges(
    scores: Scores, row: int, worth: float
) -> tuple[float | None, float | None, float | None]:
    if not math.isfinite(worth):
        return None, None, None
    edges = (scores.edge[row], scores.edge_low[row], scores.edge_high[row])
    low, middle, high = sorted(float(edge) * worth for edge in edges)
    return middle, low, high


def _danger(row: ClientRow) -> tuple[float, float, str]:
    return -row.p_toxic, -(row.edge if row.edge is not None else -math.inf), row.client_id


def _left_out(reader: FlowReader) -> list[str]:
    notes = []
    if reader.unknown_logins:
        deals, logins = reader.unknown_logins.total(), len(reader.unknown_logins)
        first = next(iter(reader.unknown_logins))
        notes.append(
            f"{deals:,} deals of {logins:,} logins that accounts does not list are not scored, "
            f"{first} for one: add them to accounts"
        )
    for reason, count in reader.flow.ignored.items():
        notes.append(f"{count:,} deals are not scored: {_WHY[reason]}")
    return notes


_WHY: Final = {
    "unknown_symbol": "their symbol is not in instruments",
    "bad_deal": "lots, price, side or entry cannot be used",
    "duplicate": "their deal_id came before",
    "contradiction": "they contradict the position they name",
    "no_quote_yet": "their symbol had no quote yet",
    "bad_position": "a position to begin with cannot be used",
}
