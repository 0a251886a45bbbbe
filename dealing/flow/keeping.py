"""The flow book over a restart: saved at the engine's positions, completed from its journal."""

from __future__ import annotations

import msgspec
import structlog

from dealing.flow.live import LiveFlow, begun
from dealing.flow.terms import STANDARD_TERMS, RoutingTerms
from dealing.storage.journal import Journal
from dealing.storage.snapshots import SnapshotStore
from exposure.engine import ExposureEngine
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import AccountChanged, InputEvent, InstrumentDefined


def recovered_flow(
    store: SnapshotStore,
    journal: Journal,
    engine: ExposureEngine,
    terms: RoutingTerms = STANDARD_TERMS,
    shadow: RoutingTerms | None = None,
) -> LiveFlow:
    """Return a flow book that has seen what a recovered engine has seen.

    Where neither a saved state nor the journal reaches back, clients are scored from now on: the
    engine has their names, and nobody has their trades any more.

    Args:
        store: Where flow books are saved.
        journal: The engine's, which ends where the engine is.
        engine: Already recovered.
        terms: Who proposes moves.
        shadow: Another policy that is tried beside it.
    """
    pivots = _pivots(engine)
    state = store.load_latest(engine.position)
    flow = None if state is None else LiveFlow.restored(state, pivots, terms, shadow)
    flow = flow or begun(pivots, terms, shadow)
    if flow.position + 1 < journal.first_position and flow.position < engine.position:
        structlog.get_logger().warning(
            "flow is scored anew: the journal no longer has what was scored",
            position=engine.position,
        )
        return acquainted_flow(engine, terms, shadow)
    for batch in journal.replay(flow.position):
        flow.take(batch)
    store.set_aside_beyond(flow.position)
    return flow


def acquainted_flow(
    engine: ExposureEngine,
    terms: RoutingTerms = STANDARD_TERMS,
    shadow: RoutingTerms | None = None,
) -> LiveFlow:
    """Return a flow book that knows everybody's name and nobody's trades."""
    flow = begun(_pivots(engine), terms, shadow)
    books = engine.assignments.accounts
    events: list[InputEvent] = [
        *(InstrumentDefined(engine.as_of, one) for one in engine.book.instruments),
        *(AccountChanged(engine.as_of, _as_it_is(engine, row, assigned.book))
          for row, assigned in enumerate(books)),
    ]  # fmt: skip
    flow.reader.events(events)
    flow.position = engine.position
    return flow


def _as_it_is(engine: ExposureEngine, row: int, book: Book) -> Account:
    """Return an account with the money and the book that it has now."""
    money = engine.book.accounts
    return msgspec.structs.replace(
        engine.book.terms[row], book=book,
        balance=float(money.balance[row]), credit=float(money.credit[row]),
    )  # fmt: skip


def _pivots(engine: ExposureEngine) -> tuple[str, ...]:
    return tuple(str(pivot) for pivot in engine.settings.pivots)
