"""Many viewers, one question."""

import asyncio
import threading

import pytest

from dealing.revenue.facts import Dimension
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.revenue.ports import Period
from dealing.revenue.reader import FRESH_S, RevenueReader
from exposure.errors import StorageError
from tests.dealing.revenue.made_facts import GOLDEN, TUESDAY, WEDNESDAY, booking

pytestmark = pytest.mark.anyio
TODAY = Period(TUESDAY, TUESDAY)


@pytest.fixture
def anyio_backend():
    return "asyncio"


class CountingStore(MemoryRevenueStore):
    """Counts its questions, and can be slow or away."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.away = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.add(booking(GOLDEN))

    def summary(self, period, dimension):
        self.asked.append((period, dimension))
        self.goes_on.wait(20)
        if self.away:
            raise StorageError("away")
        return super().summary(period, dimension)


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


async def test_viewers_who_ask_the_same_share_an_answer():
    store = CountingStore()
    reader = RevenueReader(store, Clock())
    answers = await asyncio.gather(*(reader.summary(TODAY, Dimension.SYMBOL) for _ in range(50)))
    assert len(store.asked) == 1
    assert all(answer is answers[0] for answer in answers)


async def test_another_question_is_another_answer():
    store = CountingStore()
    reader = RevenueReader(store, Clock())
    await reader.summary(TODAY, Dimension.SYMBOL)
    await reader.summary(TODAY, Dimension.BOOK)
    await reader.summary(Period(WEDNESDAY, WEDNESDAY), Dimension.SYMBOL)
    assert len(store.asked) == 3


async def test_an_answer_grows_old():
    store, clock = CountingStore(), Clock()
    reader = RevenueReader(store, clock)
    await reader.summary(TODAY, Dimension.SYMBOL)
    clock.now_s = FRESH_S / 2
    await reader.summary(TODAY, Dimension.SYMBOL)
    clock.now_s = FRESH_S
    await reader.summary(TODAY, Dimension.SYMBOL)
    assert len(store.asked) == 2


async def test_a_viewer_who_leaves_takes_nobodys_answer():
    store = CountingStore()
    store.goes_on.clear()
    reader = RevenueReader(store, Clock())
    leaves = asyncio.create_task(reader.summary(TODAY, Dimension.SYMBOL))
    stays = asyncio.create_task(reader.summary(TODAY, Dimension.SYMBOL))
    await asyncio.sleep(0)
    leaves.cancel()
    store.goes_on.set()
    assert (await stays).totals.height == 7


async def test_a_store_that_is_away_is_asked_again():
    store, clock = CountingStore(), Clock()
    reader = RevenueReader(store, clock)
    store.away = True
    with pytest.raises(StorageError):
        await reader.summary(TODAY, Dimension.SYMBOL)
    store.away, clock.now_s = False, FRESH_S
    assert (await reader.summary(TODAY, Dimension.SYMBOL)).totals.height == 7
