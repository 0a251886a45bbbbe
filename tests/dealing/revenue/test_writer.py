"""The writer: nothing is lost, nothing is doubled, and the engine's loop never waits for a disk."""

import asyncio
import threading
from contextlib import asynccontextmanager
from datetime import date

import msgspec
import pytest

from dealing.backoff import Backoff
from dealing.components import ComponentState
from dealing.revenue import writer as writing
from dealing.revenue.closing import GRACE_NS, DayClosing
from dealing.revenue.facts import Dimension
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.revenue.ports import Period
from dealing.revenue.writer import RevenueWriter
from dealing.storage.lake import RevenueLake
from exposure.engine import ExposureEngine
from exposure.errors import StorageError
from exposure.model.events import BreakFound
from exposure.snapshot import HouseRow
from tests.dealing.revenue.made_facts import (
    BOOKS,
    GOLDEN,
    HOUR,
    NEW_YORK,
    NOON,
    TUESDAY,
    WEDNESDAY,
    deal,
)

pytestmark = pytest.mark.anyio

EMPTY = ExposureEngine().snapshot()
MIDNIGHT = NEW_YORK.begin(WEDNESDAY)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(writing, "WRITE_EVERY_S", 0.001)


class TroubledStore(MemoryRevenueStore):
    """A store that can be away, or hang, and counts its bookings."""

    def __init__(self):
        super().__init__()
        self.away = False
        self.bookings = []
        self.goes_on = threading.Event()
        self.goes_on.set()

    def add(self, booking):
        self.goes_on.wait(20)
        if self.away:
            raise StorageError("the database is away")
        self.bookings.append(booking)
        super().add(booking)


class Clock:
    """A steady clock that a test moves."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store():
    return TroubledStore()


@pytest.fixture
def lake(tmp_path):
    return RevenueLake(tmp_path / "lake")


def make(store, lake, clock, limit=500):
    closing = DayClosing(store, lake, NEW_YORK)
    made = RevenueWriter(store, BOOKS, closing, clock, Backoff(lambda: 0.5, 0.001, 0.002), limit)
    made.begin(EMPTY)
    return made


@pytest.fixture
def writer(store, lake, clock):
    made = make(store, lake, clock)
    yield made
    made.close()


@asynccontextmanager
async def running(writer):
    task = asyncio.create_task(writer.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is looked at sets no event
            await asyncio.sleep(0.001)


def looked(position, ts, floating=0.0, booked=0.0):
    """Return what the engine's snapshot says at a position."""
    house = HouseRow(floating, 0.0, floating, 0.0, 0.0)
    return msgspec.structs.replace(
        EMPTY, position=position, as_of=ts, house=house, booked_usd=booked
    )


def take(writer, outputs):
    writer.take(outputs, lambda: EMPTY)


def recover(writer, outputs):
    writer.recover(outputs, lambda: EMPTY)


def total(store, day=TUESDAY):
    return store.books(day).facts["amount_micro_usd"].sum()


async def test_a_flush_returns_when_everything_that_was_taken_is_kept(writer, store):
    take(writer, GOLDEN)
    await writer.flush()
    assert total(store) == 12_700_000
    assert store.books(TUESDAY).controls.height == 4
    assert writer.status().state is ComponentState.RUNNING


async def test_what_is_no_revenue_is_passed_over(writer, store):
    take(writer, [BreakFound(NOON, 1, "no_rate", "no rate")])
    await writer.flush()
    assert store.bookings == []
    assert writer.status().state is ComponentState.READY


async def test_it_writes_by_itself_soon_after(writer, store):
    async with running(writer):
        take(writer, GOLDEN)
        await until(lambda: store.bookings)
    assert total(store) == 12_700_000


async def test_taking_never_waits_for_a_store_that_hangs(writer, store):
    store.goes_on.clear()
    async with running(writer):
        take(writer, deal(1, MARKUP=1))
        await asyncio.sleep(0.01)
        for position in range(2, 100):
            take(writer, deal(position, MARKUP=1))
            await writer.room()
        assert store.bookings == []
        store.goes_on.set()
        await writer.flush()
    assert total(store) == 99


async def test_a_flush_that_takes_too_long_says_so_and_loses_nothing(writer, store, monkeypatch):
    monkeypatch.setattr(writing, "FLUSH_WITHIN_S", 0.02)
    store.goes_on.clear()
    take(writer, GOLDEN)
    with pytest.raises(StorageError, match="not kept within"):
        await writer.flush()
    store.goes_on.set()
    monkeypatch.setattr(writing, "FLUSH_WITHIN_S", 20.0)
    await writer.flush()
    assert total(store) == 12_700_000


async def test_while_the_database_is_away_facts_wait_and_say_so(writer, store):
    store.away = True
    take(writer, GOLDEN)
    with pytest.raises(StorageError, match="the database is away"):
        await writer.flush()
    status = writer.status()
    assert status.state is ComponentState.DEGRADED
    assert status.detail == "the database is away; 14 entries wait in memory"
    async with running(writer):
        take(writer, deal(5, MARKUP=1))
        store.away = False
        await until(lambda: writer.status().state is ComponentState.RUNNING)
        await writer.flush()
    assert total(store) == 12_700_001


async def test_the_engine_waits_when_too_much_waits(store, lake, clock):
    writer = make(store, lake, clock, limit=10)
    store.away = True
    for position in range(1, 7):
        take(writer, deal(position, MARKUP=1))
    waits = asyncio.create_task(writer.room())
    async with running(writer):
        await until(lambda: writer.status().state is ComponentState.DEGRADED)
        assert "the engine waits too" in writer.status().detail
        assert not waits.done()
        store.away = False
        async with asyncio.timeout(20):
            await waits
    writer.close()
    assert total(store) == 6


async def test_facts_and_controls_of_one_step_are_kept_together(writer, store, monkeypatch):
    monkeypatch.setattr(writing, "AT_ONCE", 3)
    for position in range(1, 6):
        take(writer, deal(position, MARKUP=1, COMMISSION=2, SWAP_CLIENT=3))
    await writer.flush()
    assert len(store.bookings) == 5
    for booking in store.bookings:
        assert {fact.position for fact in booking.facts} == {c.position for c in booking.controls}


async def test_the_newest_look_is_kept_with_what_was_booked_before_it(writer, store):
    writer.observe(looked(0, NOON))
    take(writer, GOLDEN)
    writer.observe(looked(4, NOON + HOUR, floating=-3.5, booked=12.7))
    await writer.flush()
    kept = store.now()
    assert (kept.mark.position, kept.mark.floating_usd, kept.mark.booked_usd) == (4, -3.5, 12.7)
    assert kept.facts_micro_usd == 12_700_000


async def test_looks_are_kept_once_a_second_while_nothing_is_earned(writer, store, clock):
    async with running(writer):
        writer.observe(looked(1, NOON))
        await until(lambda: store.now() is not None)
        clock.now_s += 0.5
        writer.observe(looked(2, NOON + 1))
        await asyncio.sleep(0.02)
        assert store.now().mark.position == 1
        clock.now_s += 0.6
        writer.observe(looked(3, NOON + 2))
        await until(lambda: store.now().mark.position == 3)


async def test_the_last_look_before_a_day_is_its_opening(writer, store):
    writer.observe(looked(1, NOON))
    take(writer, GOLDEN)
    writer.observe(looked(5, MIDNIGHT - 7, floating=10.0, booked=12.7))
    writer.observe(looked(9, MIDNIGHT + 7, floating=11.0, booked=12.7))
    writer.observe(looked(10, MIDNIGHT + 8, floating=12.0, booked=12.7))
    await writer.flush()
    opening = store.summary(Period(WEDNESDAY, WEDNESDAY), Dimension.SYMBOL).opening
    assert (opening.mark.position, opening.mark.floating_usd) == (5, 10.0)
    assert opening.facts_micro_usd == 12_700_000


async def test_a_new_book_opens_with_its_first_cash(writer, store):
    writer.observe(looked(3, NOON, floating=500.0))
    writer.observe(looked(7, NOON + 1, floating=-80.0))
    take(writer, deal(9, NOON + 2, MARKUP=1))
    await writer.flush()
    assert [(day, kept.mark.position) for day, kept in store.openings()] == [(TUESDAY, 7)]


async def test_a_new_book_is_looked_at_when_it_was_loaded(writer, store):
    writer.take([], lambda: looked(40, NOON, floating=600.0))
    writer.take(deal(41, NOON + 2, MARKUP=1), lambda: pytest.fail("it was looked at already"))
    await writer.flush()
    assert [kept.mark.floating_usd for _, kept in store.openings()] == [600.0]


async def test_a_book_that_goes_on_opens_a_day_that_nobody_saw(store, lake, clock):
    writer = make(store, lake, clock)
    writer.begin(looked(50, NOON, floating=2.0))
    writer.observe(looked(60, MIDNIGHT + 1))
    await writer.flush()
    seen = [(day, kept.mark.position) for day, kept in store.openings()]
    assert seen == [(TUESDAY, 50), (WEDNESDAY, 50)]
    writer.close()


async def test_a_restart_keeps_the_opening_that_was_seen(store, lake, clock):
    first = make(store, lake, clock)
    first.begin(looked(50, NOON, floating=2.0))
    await first.flush()
    first.close()
    second = make(store, lake, clock)
    second.begin(looked(70, NOON + HOUR, floating=9.0))
    await second.flush()
    second.close()
    assert [kept.mark.floating_usd for _, kept in store.openings()] == [2.0]


async def test_a_replay_tells_everything_again_and_changes_nothing(writer, store, lake, clock):
    take(writer, GOLDEN)
    await writer.flush()
    second = make(store, lake, clock)
    recover(second, GOLDEN)
    take(second, deal(5, MARKUP=1))
    await second.flush()
    second.close()
    assert total(store) == 12_700_001


async def test_a_long_replay_is_kept_on_the_way(store, lake, clock, monkeypatch):
    monkeypatch.setattr(writing, "RECOVERED_AT_ONCE", 20)
    writer = make(store, lake, clock)
    for position in range(1, 101):
        recover(writer, deal(position, MARKUP=1))
    assert total(store) == 100
    writer.close()


async def test_a_long_replay_without_a_database_ends_at_the_limit(store, lake, clock, monkeypatch):
    monkeypatch.setattr(writing, "RECOVERED_AT_ONCE", 20)
    writer = make(store, lake, clock, limit=40)
    store.away = True
    for position in range(1, 20):
        recover(writer, deal(position, MARKUP=1))
    with pytest.raises(StorageError, match="away"):
        recover(writer, deal(20, MARKUP=1))
    assert writer.status().state is ComponentState.DEGRADED
    writer.close()


async def test_a_day_that_is_over_is_closed(writer, store, lake, clock):
    async with running(writer):
        take(writer, GOLDEN)
        writer.observe(looked(5, MIDNIGHT + GRACE_NS - 1))
        await writer.flush()
        clock.now_s += 2
        assert lake.days() == []
        writer.observe(looked(6, MIDNIGHT + GRACE_NS))
        await until(lambda: lake.days() == [TUESDAY])
        await until(lambda: store.days()[0].seal is not None)
    assert lake.read(TUESDAY).equals(store.books(TUESDAY).facts)


async def test_a_day_that_cannot_be_closed_is_said_and_tried_again(
    writer, store, lake, clock, tmp_path
):
    (tmp_path / "lake").write_text("no directory")
    async with running(writer):
        take(writer, GOLDEN)
        writer.observe(looked(6, MIDNIGHT + GRACE_NS))
        await until(lambda: writer.status().state is ComponentState.DEGRADED)
        assert "a day is not closed" in writer.status().detail
        assert total(store) == 12_700_000
        (tmp_path / "lake").unlink()
        clock.now_s += writing.CLOSE_AGAIN_S
        await until(lambda: writer.status().state is ComponentState.RUNNING)
    assert lake.days() == [TUESDAY]


async def test_what_comes_after_its_day_is_closed_corrects_it(writer, store, lake, clock):
    async with running(writer):
        take(writer, GOLDEN)
        writer.observe(looked(5, MIDNIGHT + 2 * HOUR))
        await until(lambda: lake.days() == [TUESDAY])
        take(writer, deal(6, NOON, MARKUP=1))
        await writer.flush()
    late = store.books(WEDNESDAY).facts.row(0, named=True)
    assert (late["corrects_day"], late["hour"]) == (TUESDAY, 2)
    assert lake.read(TUESDAY).height == 9


async def test_the_calendar_never_goes_back_in_a_replay(writer, store):
    take(writer, deal(1, MIDNIGHT + HOUR, MARKUP=1))
    await writer.flush()
    take(writer, deal(2, NOON, MARKUP=1))
    await writer.flush()
    assert [booking.now.day for booking in store.bookings] == [WEDNESDAY, WEDNESDAY]
    assert date(2026, 1, 14) == WEDNESDAY
