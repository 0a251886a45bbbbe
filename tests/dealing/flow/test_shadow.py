"""A second policy beside the real books of a running flow book."""

import asyncio

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from bookrouting.flow_export import stored
from bookrouting.flow_view import FlowView
from bookrouting.policy import Caps, Evidence, Policy
from dealing.flow.live import LiveFlow, begun
from dealing.flow.shadow_api import shadow_routes
from dealing.flow.terms import RoutingTerms
from dealing.runtime import EngineQueries
from exposure.engine import ExposureEngine
from exposure.model.events import BookAssigned, EventBatch
from tests.dealing.flow.test_live import DAY, PIVOTS

FREE = Caps(daily_ratio=1.0, client_ratio=1.0, new_client_usd=1e12)
EAGER = RoutingTerms(Policy("eager", 1, caps=FREE), 5.0)
NEVER = RoutingTerms(Policy("never", 1, evidence=Evidence(least_n=1e6), caps=FREE), 5.0)


def step(flow, batch):
    flow.take(batch)
    asyncio.run(flow.rank())


def played(terms, batches=DAY):
    flow = begun(PIVOTS, shadow=terms)
    for batch in batches:
        step(flow, batch)
    return flow


@pytest.fixture(scope="module")
def eager():
    return played(EAGER)


def test_the_shadow_moves_who_trades_ahead_and_says_what_that_brings(eager):
    told = eager.shadow.told()
    assert (told.policy, told.clients, told.elsewhere, told.moves) == ("eager v1", 3, 1, 1)
    (row,) = told.rows
    assert (row.client_id, row.book, row.shadow_book) == ("picker", "B", "A")
    # he is right for a second and keeps his positions for hours: luck, not the policy's claim
    assert row.difference_usd == told.difference_usd != 0.0
    assert told.shadow_usd == pytest.approx(told.actual_usd + told.difference_usd)
    (decision,) = told.decisions
    assert decision["client_ids"] == ["picker"]
    assert decision["ts_ms"] % 900_000 == 0
    # the real books know nothing of it
    assert eager.reader.book_of["picker"] == "B"


def kept_usd(flow):
    return sum(money.kept_usd for money in FlowView(flow.reader.flow).money().values())


FIRST_USD = kept_usd(played(None, DAY[:1]))
"""What clients had lost when the comparison began: their first spreads."""


def test_what_was_earned_in_the_real_books_is_what_clients_lost_since_it_began(eager):
    earned = kept_usd(eager) - FIRST_USD
    assert eager.shadow.told().actual_usd == pytest.approx(earned, abs=1e-6)
    assert eager.shadow.told().begun_at < eager.shadow.told().as_of


def test_a_policy_that_moves_nobody_differs_by_exactly_nothing():
    told = played(NEVER).shadow.told()
    assert told.actual_usd != 0.0
    assert (told.difference_usd, told.elsewhere, told.rows) == (0.0, 0, [])
    assert told.shadow_usd == told.actual_usd


def test_real_books_that_follow_the_same_policy_differ_by_exactly_nothing():
    flow, obeyed = begun(PIVOTS, shadow=EAGER), 0
    for batch in DAY:
        step(flow, batch)
        told = flow.shadow.told()
        for decision in told.decisions[obeyed:]:
            moves = [BookAssigned(told.as_of, "1", decision["to_book"])]
            assert decision["client_ids"] == ["picker"]
            flow.reader.events(moves)
            obeyed += 1
    told = flow.shadow.told()
    assert (told.moves, told.elsewhere, told.difference_usd) == (1, 0, 0.0)
    assert told.actual_usd != played(NEVER).shadow.told().actual_usd


def test_a_move_by_hand_is_no_move_of_the_shadow():
    flow = played(NEVER, DAY[:-8])
    flow.reader.events([BookAssigned(flow.reader.flow.now, "2", "A")])
    for batch in DAY[-8:]:
        step(flow, batch)
    (row,) = flow.shadow.told().rows
    assert (row.client_id, row.book, row.shadow_book) == ("coin", "A", "B")


@pytest.mark.parametrize("saved_after", [1, len(DAY) // 2, len(DAY) - 1])
def test_it_is_saved_and_restored_with_the_flow_book(eager, saved_after):
    state = stored(played(EAGER, DAY[:saved_after]).copy())
    flow = LiveFlow.restored(state, PIVOTS, shadow=EAGER)
    for batch in DAY[saved_after:]:
        step(flow, batch)
    assert flow.shadow.told() == eager.shadow.told()


def test_another_policy_begins_anew_and_none_ends_it(eager):
    state = stored(eager.copy())
    assert LiveFlow.restored(state, PIVOTS, shadow=NEVER).shadow.told() is None
    assert LiveFlow.restored(state, PIVOTS, shadow=EAGER).shadow.export()["moves"] == 1
    assert LiveFlow.restored(state, PIVOTS).shadow is None
    # and a state without one has nothing to restore
    assert LiveFlow.restored(stored(begun(PIVOTS).copy()), PIVOTS, shadow=EAGER).shadow is not None


def test_before_the_first_event_there_is_nothing_to_say():
    flow = begun(PIVOTS, shadow=EAGER)
    asyncio.run(flow.rank())
    assert flow.shadow.told() is None


def test_deals_that_arrive_while_a_mark_is_being_summed_count_in_the_next_one(eager):
    flow = begun(PIVOTS, shadow=EAGER)

    async def busy():
        for batch in DAY:
            ranking = asyncio.create_task(flow.rank())
            await asyncio.sleep(0)
            flow.take(batch)
            await ranking
        await flow.rank()

    asyncio.run(busy())
    assert flow.shadow.told().actual_usd == pytest.approx(kept_usd(flow) - FIRST_USD, abs=1e-6)


def served(flow):
    app = FastAPI()
    app.include_router(shadow_routes(EngineQueries(ExposureEngine(), flow)))
    return TestClient(app).get("/api/v1/shadow")


def test_it_is_asked_over_http(eager):
    answer = served(eager)
    assert answer.status_code == 200
    assert answer.json()["rows"][0]["client_id"] == "picker"
    assert answer.json()["difference_low_usd"] is None
    for flow in (begun(PIVOTS), begun(PIVOTS, shadow=EAGER)):
        assert served(flow).status_code == 404
        assert "routing.shadow" in served(flow).json()["error"]


def test_a_mark_without_new_events_changes_nothing(eager):
    flow = played(EAGER)
    flow.take(EventBatch(flow.position, 0, []))
    asyncio.run(flow.rank())
    assert flow.shadow.told() == eager.shadow.told()
