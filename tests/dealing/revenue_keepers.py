"""A revenue writer over a store in memory, for tests of what feeds it."""

import time
from pathlib import Path

from dealing.backoff import Backoff
from dealing.revenue.closing import DayClosing
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.revenue.writer import RevenueWriter
from dealing.storage.lake import RevenueLake
from exposure.errors import StorageError
from tests.dealing.revenue.made_facts import BOOKS, NEW_YORK


class AwayStore(MemoryRevenueStore):
    """A store that is away when a test says so."""

    def __init__(self):
        super().__init__(time.time_ns)
        self.away = False

    def add(self, booking):
        if self.away:
            raise StorageError("the database is away")
        super().add(booking)


def revenue_writer(store=None, lake=Path("nowhere"), limit=500_000):
    """Return a writer that tries again at once."""
    store = AwayStore() if store is None else store
    closing = DayClosing(store, RevenueLake(lake), NEW_YORK)
    backoff = Backoff(lambda: 0.5, first_s=0.001, limit_s=0.002)
    return RevenueWriter(store, BOOKS, closing, time.monotonic, backoff, limit)
