"""The flow book of a running engine: fed with the engine's own batches, ranked, saved and restored.

It lives in the engine's loop, so nothing here may take long at once: scores of all clients are
computed in slices between batches, a list builds the rows that it shows and no others, and
decisions older than what a card shows are forgotten (their sums stay).
"""

from __future__ import annotations

import asyncio
import math
from typing import Any, Final, NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from bookrouting.clusters.discovery import PairKind
from bookrouting.decision_card import Rule, decision_card
from bookrouting.flow_evidence import FlowEvidence
from bookrouting.flow_export import FlowCopy, copy_flow, restore_flow
from bookrouting.flow_settings import NS_PER_S
from bookrouting.flow_state import ALARMS
from bookrouting.flow_view import Alarm, FlowView
from bookrouting.holdings import with_holdings
from bookrouting.money import NOTHING
from dealing.flow.behaviour import LiveFindings
from dealing.flow.moment import gross_at, holdings_at, moment_of
from dealing.flow.ports import ClientsAsked, ClientsFound, Counted, Only, Sort
from dealing.flow.routing import LiveRouting, evidence_of
from dealing.flow.shadow import LiveShadow
from dealing.flow.terms import STANDARD_TERMS, RoutingTerms
from dealing.score.answer import ClientRow, card_json, row_json, rows_of
from dealing.score.reader import FlowReader, Moved
from dealing.score.summary import card_sentences
from dealing.score.words import TOXIC_SCORE, WATCH_SCORE
from exposure.errors import DataError, DomainError
from exposure.model.events import EventBatch
from exposure.state import EngineState

REMEMBERED_NS: Final = 2 * 86_400 * NS_PER_S
"""How long single decisions stay for cards; longer than the longest horizon ..."""

REMEMBERED: Final = 200_000
"""... and how many: each save copies them. Those that are not settled yet stay in any case."""

SLICE: Final = 256
"""How many clients are scored before batches get a turn."""

RULE: Final = Rule()
_PLACES: Final = ("book_of", "hedge_ratio_of", "moved")

Floats = NDArray[np.float64]
Int64s = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Ranking(NamedTuple):
    """What every client's score came to when it was last looked at. Shapes: (clients,).

    Units: ``edge`` USD per million, ``drift`` in log odds; ``scored_at`` ns UTC of the events.
    """

    score: Floats
    edge: Floats
    drift: Floats
    book: NDArray[np.str_]
    to_move: Flags
    scored_at: int


NOBODY: Final = Ranking(
    np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, "<U1"), np.zeros(0, np.bool_), 0
)


class LiveFlow:
    """What is known of clients' flow after the event at ``position``."""

    def __init__(
        self,
        reader: FlowReader,
        position: int = 0,
        terms: RoutingTerms = STANDARD_TERMS,
        shadow: LiveShadow | None = None,
    ) -> None:
        """Take a reader that has seen the events up to a position, and who proposes moves."""
        self.shadow = shadow
        self.reader = reader
        self.routing = LiveRouting(terms)
        self.position = position
        self.findings = LiveFindings(reader)
        self._ranking = NOBODY

    def take(self, batch: EventBatch) -> list[Alarm]:
        """Apply what follows the present position; return the alarms that it raised."""
        known = len(batch.events) - (batch.position - self.position)
        counters = self.reader.flow.arrays.counters
        before = int(counters[ALARMS])
        self.reader.events(batch.events[max(known, 0) :])
        self.position = max(self.position, batch.position)
        raised = int(self.reader.flow.arrays.counters[ALARMS]) - before
        return FlowView(self.reader.flow).alarms()[-raised:] if raised else []

    def forget_old(self) -> None:
        """Drop single decisions that no card will show any more."""
        now = self.reader.flow.now
        if now is not None:
            self.reader.flow.forget(now - REMEMBERED_NS, REMEMBERED)
            self.findings.forget_old()

    async def rank(self) -> Ranking:
        """Score everybody anew, a slice at a time; batches are applied in between."""
        flow = self.reader.flow
        count = len(flow.client_ids)
        score, edge, drift = np.zeros(count), np.zeros(count), np.zeros(count)
        book, book_of = np.zeros(count, "<U1"), self.reader.book_of
        evidence: list[FlowEvidence] = []
        began = flow.now or 0
        for begin in range(0, count, SLICE):
            rows = np.arange(begin, min(begin + SLICE, count))
            view = FlowView(self.reader.flow)
            scores = view.scores(rows)
            score[rows], drift[rows] = scores.score, view.drift(rows)
            edge[rows] = np.nan_to_num(scores.edge * view.usd_per_million(rows))
            names = flow.client_ids[begin : begin + len(rows)]
            book[rows] = [book_of.get(client_id, "") for client_id in names]
            traded = rows[flow.arrays.clients["trades"][rows] > 0]
            evidence += [
                self._as_found(row, one)
                for row, one in zip(traded.tolist(), self._evidence(traded), strict=True)
            ]
            await asyncio.sleep(0)
        if flow.now is not None:
            await self._route(evidence)
        proposed = self.routing.proposals
        to_move = np.fromiter((one in proposed for one in flow.client_ids[:count]), np.bool_, count)
        self._ranking = Ranking(score, edge, drift, book, to_move, began)
        return self._ranking

    def _evidence(self, rows: Int64s) -> list[FlowEvidence]:
        return evidence_of(self.reader, rows, self.routing.terms.provider_usd_per_million)

    async def _route(self, evidence: list[FlowEvidence]) -> None:
        """Let the policy, and the one beside it, look at everybody and at what they hold."""
        moment = moment_of(self.reader)
        held = await holdings_at(moment, self.reader)
        evidence = await asyncio.to_thread(with_holdings, evidence, gross_at(moment, held))
        await self.routing.consider(evidence, self.reader)
        if self.shadow is not None:
            await self.shadow.mark(moment, held, evidence)

    def _as_found(self, row: int, evidence: FlowEvidence) -> FlowEvidence:
        """Return the evidence with what detectors say; who copies together is routed as one."""
        found = self.findings.of(row)
        copies = found.company.kind == PairKind.COPY
        return evidence._replace(
            flags=evidence.flags | found.flags,
            cluster=found.company.cluster if copies else "",
        )

    def found(self, asked: ClientsAsked) -> ClientsFound:
        """Return clients as they were when everybody was last ranked, with their rows of now."""
        listed = self._listed(asked)
        shown = listed[: max(0, asked.limit)]
        reader = self.reader
        money, found = FlowView(reader.flow).money(shown), self.findings.all()
        rows = rows_of(reader, shown, money, RULE, found)
        return ClientsFound(
            as_of=reader.flow.now or 0,
            scored_at=self._ranking.scored_at,
            counted=self._counted(),
            matching=len(listed),
            rows=[row_json(row) | self._routed(row) for row in rows],
        )

    def card(self, client_id: str) -> dict[str, Any]:
        """Return a client's decision card, and the same in sentences.

        ``cost_pips`` is what a round trip costs him on average, None before he trades.

        Raises:
            DomainError: There is no such client.
        """
        reader = self.reader
        row = reader.flow.client_of.get(client_id)
        if row is None:
            raise DomainError(f"there is no client {client_id[:64]}")
        alone = np.array([row])
        found = {row: self.findings.now(row)}
        (told,) = rows_of(reader, alone, FlowView(reader.flow).money(alone), RULE, found)
        card = decision_card(reader.flow, row, RULE, reader.book_of.get(client_id))
        cost_pips = float(FlowView(reader.flow).mean_cost_pips(alone)[0])
        return {
            "client": row_json(told) | self._routed(told),
            "card": card_json(card),
            "cost_pips": cost_pips if math.isfinite(cost_pips) else None,
            "logins": list(reader.flow.logins_of.get(row, ())),
            "sentences": card_sentences(card, told),
        }

    def _routed(self, row: ClientRow) -> dict[str, Any]:
        """Return what the policy proposes for a client; without a proposal he stays."""
        return {"suggested_book": row.book} | self.routing.told(row.client_id)

    def copy(self) -> FlowCopy:
        """Copy everything it knows; ``stored`` turns that into a state, in whatever thread."""
        copy = copy_flow(self.reader.flow)
        copy.meta["position"] = self.position
        for name in _PLACES:
            copy.meta[name] = getattr(self.reader, name).copy()
        copy.meta["clusters"] = self.findings.save()
        if self.shadow is not None:
            copy.meta["shadow"] = self.shadow.export()
        return copy

    @classmethod
    def restored(
        cls,
        state: EngineState,
        pivots: tuple[str, ...],
        terms: RoutingTerms = STANDARD_TERMS,
        shadow: RoutingTerms | None = None,
    ) -> LiveFlow | None:
        """Return what goes on where ``copy`` was called, None for another version's state."""
        reader = FlowReader(pivots=pivots)
        try:
            reader.flow = restore_flow(state)
        except DataError as e:
            structlog.get_logger().warning("flow is scored anew", reason=str(e))
            return None
        reader.book_of = dict(state.meta["book_of"])
        reader.hedge_ratio_of = dict(state.meta["hedge_ratio_of"])
        reader.moved = {name: Moved(*moved) for name, moved in state.meta["moved"].items()}
        kept = state.meta.get("shadow")
        beside = None if shadow is None else LiveShadow.restored(shadow, kept)
        flow = cls(reader, state.meta["position"], terms, beside)
        flow.findings.load(state.meta["clusters"])
        return flow

    def _listed(self, asked: ClientsAsked) -> Int64s:
        """Return the rows that match, in the order that was asked for."""
        rank, flow = self._ranking, self.reader.flow
        kept = self._matching(asked.only)
        if asked.book:
            kept &= rank.book == asked.book
        if asked.search:
            kept &= self._named(asked.search.upper())
        rows = np.flatnonzero(kept)
        clients = flow.arrays.clients
        keys: dict[Sort, Floats] = {
            Sort.SCORE: rank.score,
            Sort.EDGE: rank.edge,
            Sort.DRIFT: rank.drift,
        }
        match asked.sort:
            case Sort.EVIDENCE:
                key = clients["e_log"][rows]
            case Sort.TRADES:
                key = clients["trades"][rows].astype(np.float64)
            case Sort.MONEY:
                # what the house lost, most first
                money = (flow.money.get(flow.client_ids[row], NOTHING) for row in rows.tolist())
                key = -np.fromiter((one.kept_usd for one in money), np.float64, len(rows))
            case _:
                key = keys[asked.sort][rows]
        listed: Int64s = rows[np.lexsort((rows, -rank.edge[rows], -key))]
        return listed

    def _matching(self, only: Only) -> Flags:
        count = len(self._ranking.score)
        clients = self.reader.flow.arrays.clients[:count]
        match only:
            case Only.SCORED:
                return self._scored()
            case Only.ALARMED:
                return np.array(clients["alarmed"], np.bool_)
            case Only.TO_MOVE:
                return self._ranking.to_move.copy()
            case Only.ALL:
                return np.ones(count, np.bool_)

    def _scored(self) -> Flags:
        count = len(self._ranking.score)
        fewest = self.reader.flow.settings.score.fewest_trades
        scored: Flags = self.reader.flow.arrays.clients["trades"][:count] >= fewest
        return scored

    def _named(self, part: str) -> Flags:
        flow = self.reader.flow
        found = np.zeros(len(self._ranking.score), np.bool_)
        for row, client_id in enumerate(flow.client_ids[: len(found)]):
            found[row] = part in client_id.upper()
        for name, login in flow.logins.items():
            if login.client < len(found) and part in name.upper():
                found[login.client] = True
        return found

    def _counted(self) -> Counted:
        rank, scored = self._ranking, self._scored()
        clients = self.reader.flow.arrays.clients[: len(rank.score)]
        toxic = scored & (rank.score >= TOXIC_SCORE)
        limit = self.reader.flow.settings.score.drift_log_factor
        return Counted(
            clients=len(self.reader.flow.client_ids),
            scored=int(scored.sum()),
            watched=int((scored & ~toxic & (rank.score >= WATCH_SCORE)).sum()),
            toxic=int(toxic.sum()),
            alarmed=int(clients["alarmed"].sum()),
            to_move=int(rank.to_move.sum()),
            drifting=int((scored & (rank.drift > limit)).sum()),
        )


def begun(
    pivots: tuple[str, ...],
    terms: RoutingTerms = STANDARD_TERMS,
    shadow: RoutingTerms | None = None,
) -> LiveFlow:
    """Return a flow book that has seen nothing."""
    beside = None if shadow is None else LiveShadow(shadow)
    return LiveFlow(FlowReader(pivots=pivots), terms=terms, shadow=beside)
