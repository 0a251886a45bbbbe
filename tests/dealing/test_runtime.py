"""The engine process from inside: journal first, frames always, nothing swallowed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, closing

import pytest

from dealing.backoff import Backoff
from dealing.components import ComponentState
from dealing.flow.keeping import recovered_flow
from dealing.runtime import EngineQueries, EngineRuntime, FlowKept, Pace, recovered
from dealing.storage.journal import Journal
from dealing.storage.snapshots import SnapshotStore
from exposure.engine import ExposureEngine
from exposure.errors import DisconnectedError, DomainError, GapError, StorageError
from exposure.export import STATE_VERSION, export_state
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    DealExecuted,
    EventBatch,
    InstrumentDefined,
    QuoteReceived,
)
from exposure.model.instruments import CalcMode, Instrument
from exposure.settings import EngineSettings
from feeds.frames import Frame
from feeds.platform_wire import PlatformStatus
from tests.dealing.revenue.made_facts import NOON, TUESDAY
from tests.dealing.revenue_keepers import AwayStore, revenue_writer

pytestmark = pytest.mark.anyio

SETTINGS = EngineSettings()
QUICK = Pace(frame_s=0.01, sync_s=0.01, save_s=3600)

EURO = Instrument(
    symbol="EURUSD",
    asset_class="fx",
    base="EUR",
    quote="USD",
    contract_size=100_000.0,
    digits=5,
    calc_mode=CalcMode.FOREX,
)
ACCOUNT = Account(
    login="1000", client_id="7", currency="USD", balance=1_000.0, leverage=100.0, book=Book.B
)
OPENING = [InstrumentDefined(1, EURO), AccountChanged(1, ACCOUNT), QuoteReceived(2, "EURUSD", 1, 2)]


@pytest.fixture
def anyio_backend():
    return "asyncio"


def deposit(position, amount=10.0):
    return EventBatch(position, 0, [BalanceChanged(position, "1000", "deposit", amount)])


def charge(position):
    """A commission: the smallest thing that the house earns."""
    return EventBatch(position, 0, [BalanceChanged(NOON + position, "1000", "commission", -6.0)])


class ScriptedFeed:
    """A PlatformFeed that a test plays: batches, absences and errors, in their order."""

    def __init__(self, *script):
        self.status = PlatformStatus(
            label="scripted",
            now=0,
            position=0,
            speed=2.0,
            effective_speed=2.0,
            quotes_per_s=0.0,
            exhausted=False,
        )
        self.asked = []
        self._script = asyncio.Queue()
        for act in script:
            self.play(act)

    def play(self, act):
        self._script.put_nowait(act)

    async def frames(self, after):
        self.asked.append(after)
        while True:
            act = await self._script.get()
            if isinstance(act, Exception):
                raise act
            yield Frame.of(act)


class NotingHub:
    """Keeps what is published."""

    def __init__(self):
        self.newest = None
        self._published = asyncio.Event()

    @asynccontextmanager
    async def serving(self):
        yield

    async def publish(self, frame):
        self.newest = frame
        self._published.set()

    async def until(self, condition):
        async with asyncio.timeout(10):
            while self.newest is None or not condition(self.newest):
                self._published.clear()
                await self._published.wait()


class Process:
    """One engine process on a directory, as the composition root makes it."""

    def __init__(self, path, feed, pace=QUICK, facts=None, *, keep=3, **limits):
        self.journal = Journal.open(path / "journal", **limits)
        self.store = SnapshotStore(path / "snapshots", keep)
        self.facts = AwayStore() if facts is None else facts
        self.revenue = revenue_writer(self.facts, path / "lake")
        self.engine = recovered(self.store, self.journal, SETTINGS, self.revenue)
        self.hub = NotingHub()
        self.feed = feed
        self.stop = asyncio.Event()
        backoff = Backoff(lambda: 0.5, first_s=0.001, limit_s=0.002)
        store = SnapshotStore(path / "flow", keep)
        self.flow = recovered_flow(store, self.journal, self.engine)
        self.runtime = EngineRuntime(
            self.engine, feed, self.journal, self.store, self.hub, pace, backoff, self.revenue,
            FlowKept(self.flow, store),
        )  # fmt: skip
        self.task = None

    @asynccontextmanager
    async def running(self):
        self.task = task = asyncio.create_task(self.runtime.run(self.stop))
        try:
            yield self
        finally:
            self.stop.set()
            async with asyncio.timeout(10):
                await asyncio.gather(task, return_exceptions=True)
            self.journal.close()

    async def fails(self):
        """Run until it ends by itself and return why."""
        try:
            async with asyncio.timeout(10):
                await self.runtime.run(self.stop)
        except Exception as e:  # noqa: BLE001 - whatever it is, it is what the test asks about
            return e
        finally:
            self.journal.close()


async def test_events_reach_the_journal_the_engine_and_the_frame(tmp_path):
    feed = ScriptedFeed(EventBatch(3, 0, OPENING), deposit(4))
    async with Process(tmp_path, feed).running() as process:
        await process.hub.until(lambda frame: frame.snapshot.position == 4)
        frame = process.hub.newest
    assert feed.asked == [0]
    assert process.journal.last_position == 4
    assert frame.snapshot.accounts["balance"].to_list() == [1_010.0]
    assert (frame.market, frame.speed) == ("scripted", 2.0)
    assert [component.name for component in frame.components] == [
        "platform",
        "journal",
        "engine",
        "saved state",
        "revenue",
    ]


async def test_the_next_process_goes_on_after_the_last_event(tmp_path):
    async with Process(tmp_path, ScriptedFeed(EventBatch(3, 0, OPENING))).running() as process:
        await process.hub.until(lambda frame: frame.snapshot.position == 3)
    feed = ScriptedFeed(deposit(4))
    async with Process(tmp_path, feed).running() as process:
        await process.hub.until(lambda frame: frame.snapshot.position == 4)
    assert feed.asked == [3]
    assert process.engine.account("1000").balance == 1_010.0


async def test_nothing_is_applied_that_the_journal_did_not_take(tmp_path):
    process = Process(tmp_path, ScriptedFeed(EventBatch(3, 0, OPENING), deposit(4)))

    def disk_full(frame):
        if frame.position == 4:
            raise StorageError("the disk is full")
        written(frame)

    written, process.journal.append_frame = process.journal.append_frame, disk_full
    reason = await process.fails()
    assert str(reason) == "the disk is full"
    assert process.engine.position == 3


async def test_while_the_platform_is_away_frames_go_on_and_say_so(tmp_path):
    feed = ScriptedFeed(EventBatch(3, 0, OPENING), DisconnectedError("it went away"))
    async with Process(tmp_path, feed).running() as process:
        await process.hub.until(lambda frame: frame.components[0].state is ComponentState.DEGRADED)
        away = process.hub.newest
        await process.hub.until(lambda frame: frame.sent_at > away.sent_at)
        feed.play(DisconnectedError("still away"))
        feed.play(deposit(4))
        await process.hub.until(lambda frame: frame.snapshot.position == 4)
        back = process.hub.newest
    assert away.components[0].detail == "it went away"
    assert away.snapshot.position == 3
    assert back.components[0].state is ComponentState.RUNNING
    assert feed.asked == [0, 3, 3]


async def test_a_bug_ends_the_process(tmp_path):
    reason = RuntimeError("a bug")
    process = Process(tmp_path, ScriptedFeed(EventBatch(3, 0, OPENING), reason))
    assert await process.fails() is reason
    assert process.store.positions() == []


async def test_a_platform_that_no_longer_reaches_back_ends_the_process_with_the_way_out(tmp_path):
    gone = GapError(4, 9, "older events are no longer kept there")
    process = Process(tmp_path, ScriptedFeed(EventBatch(3, 0, OPENING), gone))
    reason = await process.fails()
    assert isinstance(reason, StorageError)
    assert str(reason) == (
        "the engine has every event up to 3 and cannot get the next ones (the feed skipped events: "
        "expected position 4, was 9; older events are no longer kept there): restore a copy of the "
        "data directory, or start anew with --fresh"
    )
    assert process.store.positions() == []


async def test_a_state_that_cannot_be_saved_degrades_and_is_tried_again(tmp_path):
    in_the_way = tmp_path / "snapshots"
    in_the_way.write_text("a file where the directory should be")
    feed = ScriptedFeed(EventBatch(3, 0, OPENING))
    async with Process(tmp_path, feed, QUICK._replace(save_s=0.01)).running() as process:
        await process.hub.until(lambda frame: saved_state(frame) is ComponentState.DEGRADED)
        assert "snapshots cannot be used: File exists" in process.hub.newest.components[3].detail
        feed.play(deposit(4))
        await process.hub.until(lambda frame: frame.snapshot.position == 4)
        assert process.journal.first_position == 1
        in_the_way.unlink()
        await process.hub.until(lambda frame: saved_state(frame) is ComponentState.RUNNING)
    assert process.store.positions()[-1] == 4  # a save of 3 may have been under way


def saved_state(frame):
    return frame.components[3].state


async def test_an_end_without_a_saved_state_is_a_clean_end(tmp_path):
    (tmp_path / "snapshots").write_text("in the way")
    async with Process(tmp_path, ScriptedFeed(EventBatch(3, 0, OPENING))).running() as process:
        await process.hub.until(lambda frame: frame.snapshot.position == 3)
        process.stop.set()
        async with asyncio.timeout(10):
            await process.task
    (tmp_path / "snapshots").unlink()
    async with Process(tmp_path, ScriptedFeed()).running() as process:
        assert process.engine.position == 3


async def test_disk_use_stays_bounded_however_long_the_run(tmp_path):
    limits = {"segment_bytes": 2_000, "keep_bytes": 6_000, "keep": 2}
    feed = ScriptedFeed(EventBatch(3, 0, OPENING))
    async with Process(tmp_path, feed, **limits).running() as process:
        sizes = []
        for saved in range(1, 31):
            last = 3 + saved * 100
            for position in range(last - 99, last + 1):
                feed.play(deposit(position))
            await process.hub.until(lambda frame, last=last: frame.snapshot.position == last)
            await process.runtime._save_now()
            sizes.append(sum(path.stat().st_size for path in (tmp_path / "journal").iterdir()))
    one_save = 100 * len(Frame.of(deposit(1_000)).data)
    assert max(sizes) < 6_000 + 2 * one_save + 2 * 2_000
    assert sizes[-1] > 6_000
    assert process.store.positions() == [2_903, 3_003]
    assert process.journal.first_position > 1
    assert process.engine.account("1000").balance == 1_000.0 + 3_000 * 10.0


async def test_a_busy_platform_leaves_time_for_frames(tmp_path):
    batches = [deposit(position) for position in range(4, 3_000)]
    feed = ScriptedFeed(EventBatch(3, 0, OPENING), *batches)
    seen = []
    async with Process(tmp_path, feed, QUICK._replace(frame_s=0.001)).running() as process:
        await process.hub.until(
            lambda frame: seen.append(frame.snapshot.position) or frame.snapshot.position == 2_999
        )
    assert len(set(seen)) > 2


async def test_the_state_is_saved_from_time_to_time_and_at_the_end(tmp_path):
    feed = ScriptedFeed(EventBatch(3, 0, OPENING))
    async with Process(tmp_path, feed, QUICK._replace(save_s=0.01)).running() as process:
        await process.hub.until(lambda frame: frame.components[3].age_ms is not None)
        feed.play(deposit(4))
        await process.hub.until(lambda frame: frame.snapshot.position == 4)
    assert process.store.positions()[-1] == 4
    assert process.store.load_latest().meta["position"] == 4


async def test_a_state_that_takes_long_to_save_is_not_saved_once_more_at_the_end(
    tmp_path, monkeypatch
):
    feed = ScriptedFeed(EventBatch(3, 0, OPENING))
    async with Process(tmp_path, feed).running() as process:
        await process.hub.until(lambda frame: frame.snapshot.position == 3)
        await process.runtime._save_now()
        feed.play(deposit(4))
        await process.hub.until(lambda frame: frame.snapshot.position == 4)
        # whatever the save took was too long
        monkeypatch.setattr("dealing.runtime.SAVED_AT_THE_END_S", -1.0)
    assert process.store.positions() == [3]
    async with Process(tmp_path, ScriptedFeed()).running() as process:
        assert process.engine.position == 4


async def test_a_saved_state_of_another_version_is_refused_with_the_way_out(tmp_path):
    state = export_state(ExposureEngine(SETTINGS))
    state.meta["version"] = STATE_VERSION + 1
    store = SnapshotStore(tmp_path / "snapshots")
    store.save(state)
    with (
        closing(Journal.open(tmp_path / "journal")) as journal,
        pytest.raises(StorageError, match=r"this Plimsoll reads .*--fresh"),
    ):
        recovered(store, journal, SETTINGS, revenue_writer())


async def test_a_snapshot_beyond_the_journal_is_not_believed(tmp_path):
    async with Process(tmp_path, ScriptedFeed(EventBatch(3, 0, OPENING))).running() as process:
        await process.hub.until(lambda frame: frame.snapshot.position == 3)
    ahead = ExposureEngine(SETTINGS)
    ahead.apply(EventBatch(3, 0, OPENING))
    ahead.apply(deposit(4, 500.0))
    process.store.save(export_state(ahead))
    with closing(Journal.open(tmp_path / "journal")) as journal:
        engine = recovered(process.store, journal, SETTINGS, revenue_writer())
        assert engine.position == 3


async def test_a_state_is_saved_only_when_what_was_earned_before_it_is_kept(tmp_path):
    feed = ScriptedFeed(EventBatch(3, 0, OPENING), charge(4))
    process = Process(tmp_path, feed, QUICK._replace(save_s=0.01))
    process.facts.away = True
    async with process.running():
        await process.hub.until(lambda frame: frame.components[-1].state is ComponentState.DEGRADED)
        await process.hub.until(lambda frame: frame.snapshot.position == 4)
        assert process.store.positions() in ([], [3])
        process.facts.away = False
        await process.hub.until(lambda frame: frame.components[-1].state is ComponentState.RUNNING)
        await process.hub.until(lambda _: 4 in process.store.positions())
    assert process.facts.books(TUESDAY).facts["amount_micro_usd"].to_list() == [6_000_000]


async def test_a_process_that_ends_while_the_database_is_away_loses_nothing(tmp_path):
    facts = AwayStore()
    facts.away = True
    feed = ScriptedFeed(EventBatch(3, 0, OPENING), charge(4))
    async with Process(tmp_path, feed, facts=facts).running() as process:
        await process.hub.until(lambda frame: frame.snapshot.position == 4)
    assert 4 not in process.store.positions()
    facts.away = False
    async with Process(tmp_path, ScriptedFeed(charge(5)), facts=facts).running() as process:
        await process.hub.until(lambda frame: frame.snapshot.position == 5)
    assert facts.books(TUESDAY).facts["position"].to_list() == [4, 5]
    assert process.store.positions()[-1] == 5


async def test_what_a_killed_process_earned_is_told_again_from_the_journal(tmp_path):
    killed = Process(tmp_path, ScriptedFeed())
    for batch in (EventBatch(3, 0, OPENING), charge(4)):
        killed.journal.append(batch)
    killed.journal.close()
    process = Process(tmp_path, ScriptedFeed(), facts=killed.facts)
    await process.revenue.flush()
    process.journal.close()
    assert process.facts.books(TUESDAY).facts["position"].to_list() == [4]


async def test_an_engine_whose_facts_fill_the_memory_waits_for_the_database(tmp_path):
    feed = ScriptedFeed(EventBatch(3, 0, OPENING), *(charge(4 + k) for k in range(20)))
    process = Process(tmp_path, feed)
    process.facts.away = True
    process.revenue._limit = 8
    async with process.running():
        await process.hub.until(lambda frame: "engine waits" in frame.components[-1].detail)
        assert process.engine.position < 23
        process.facts.away = False
        await process.hub.until(lambda frame: frame.snapshot.position == 23)
    assert process.facts.books(TUESDAY).facts.height == 20


async def test_questions_are_answered_from_the_live_engine():
    engine = ExposureEngine(SETTINGS)
    deal = DealExecuted(3, "1", "1000", "5", "EURUSD", "buy", "in", 0.1, 1.5)
    engine.apply(EventBatch(4, 0, [*OPENING, deal]))
    queries = EngineQueries(engine)
    of_symbol = await queries.positions_of_symbol("EURUSD", 10)
    of_account = await queries.positions_of_account("1000")
    assert of_symbol["position_id"].to_list() == of_account["position_id"].to_list() == ["5"]
    with pytest.raises(DomainError, match="NOSUCH is not known"):
        await queries.positions_of_symbol("NOSUCH", 10)
    assert (await queries.terms_of_account("1000")).account.login == "1000"


async def test_however_many_ask_for_the_book_it_is_copied_once_in_a_while(monkeypatch):
    engine = ExposureEngine(SETTINGS)
    engine.apply(EventBatch(3, 0, OPENING))
    queries = EngineQueries(engine)
    first = await queries.book_copy()
    assert (first.copy.position, first.copy.as_of) == (engine.position, engine.as_of)
    assert first.took_ms >= 0.0
    assert await queries.book_copy() is first
    monkeypatch.setattr("dealing.runtime.COPY_KEPT_S", 0.0)
    assert await queries.book_copy() is not first
