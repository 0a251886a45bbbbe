"""What a broker earned in two days, made up from facts that add up, for the desk's tests."""

import random

from dealing.revenue.facts import DayOpening
from dealing.revenue.memory_store import MemoryRevenueStore
from feeds.catalogue import load_catalogue
from tests.dealing.revenue.made_facts import (
    HOUR,
    NEW_YORK,
    TUESDAY,
    CashBooked,
    RevenueBooked,
    booking,
    deal,
    mark,
)

DAY = 24 * HOUR
MONDAY = TUESDAY.replace(day=12)
REGIONS = ("EU", "UK", "APAC", "LATAM", "MENA")
PARTNERS = ("", "IB101", "IB102", "IB103")


def events(day, first, count, chance):
    """Return deals and hedges of one server day, spread over its hours."""
    begin = NEW_YORK.begin(day)
    instruments = load_catalogue()[:34]
    booked = []
    for k in range(count):
        ts = begin + int(k / count * 14 * HOUR)
        instrument = instruments[int(len(instruments) * chance.random() ** 2.2)]
        book = chance.choice("ABBB")
        markup, commission = chance.lognormvariate(15.2, 1), chance.choice((0, 3_500_000))
        parts = {
            "MARKUP": int(markup),
            "COMMISSION": commission,
            "SWAP_CLIENT": int(chance.gauss(200_000, 900_000)),
            "BBOOK_PNL": int(chance.gauss(-2_000_000, 60_000_000)),
        }
        client = f"C{5_000 + int(120 * chance.random() ** 1.5)}"
        booked += event(ts, first + 2 * k, instrument, parts, client, book)
        if book == "A":
            parts = {"LP_PNL": -parts["BBOOK_PNL"], "LP_COMMISSION": -1_200_000}
            booked += event(ts, first + 2 * k + 1, instrument, parts, "", "A")
    return booked


def event(ts, position, instrument, parts, client, book):
    """Return the facts of one event and their control."""
    number = sum(map(ord, client))
    of = (
        client, client and f"1{client[1:]}", instrument.symbol,
        instrument.underlying or instrument.symbol, instrument.asset_class,
        PARTNERS[number % 4] if client else "", book, REGIONS[number % 5] if client else "",
    )  # fmt: skip
    facts = [RevenueBooked(ts, position, name, usd, *of) for name, usd in parts.items()]
    net = "client_net_micro_usd" if client else "lp_net_micro_usd"
    return [*facts, CashBooked(ts, position, **{net: sum(parts.values())})]


class Earnings:
    """A store with yesterday and today, and marks that go on as an engine's do."""

    def __init__(self, now_ns, deals=900):
        chance = random.Random(5)  # noqa: S311 - a made-up day is no secret
        self.store = MemoryRevenueStore(now_ns)
        yesterday, today = events(MONDAY, 1, deals, chance), events(TUESDAY, 10_001, deals, chance)
        self.facts = len(yesterday) + len(today)
        self.position = 10_001 + 2 * deals
        before = mark(0, floating=-52_000.0, ts=NEW_YORK.begin(MONDAY) - 1)
        earned = usd(yesterday)
        between = mark(10_000, 18_500.25, earned, ts=NEW_YORK.begin(TUESDAY) - 1)
        self.store.add(booking(yesterday, openings=[DayOpening(MONDAY, before)]))
        self.store.add(booking(today, openings=[DayOpening(TUESDAY, between)]))
        self.booked = earned + usd(today)
        self.go_on()

    def go_on(self, floating=31_250.5, unexplained=0.0):
        """Let the engine look at what the house is worth now."""
        ts = NEW_YORK.begin(TUESDAY) + 14 * HOUR
        seen = mark(self.position, floating, self.booked + unexplained, ts=ts)
        self.store.add(booking([], ts=ts, mark=seen))

    def earn(self, symbol, parts):
        """Book one more deal of today."""
        self.position += 1
        booked = deal(self.position, symbol=symbol, **parts)
        self.booked += usd(booked)
        self.store.add(booking(booked))


def usd(booked):
    """Return the sum of facts in USD, as an engine adds it up."""
    return sum(e.amount_micro_usd for e in booked if isinstance(e, RevenueBooked)) / 1e6
