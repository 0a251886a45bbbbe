"""Facts as the engine books them: events whose facts add up to their control, and odd ones."""

from datetime import date
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from msgspec.structs import replace as replaced

from dealing.revenue.facts import Booking, Bookkeeper, Mark
from dealing.server_day import ServerDay
from exposure.model.events import CashBooked, RevenueBooked
from exposure.model.revenue import Component

NS = 1_000_000_000
HOUR = 3_600 * NS
NEW_YORK = ServerDay(ZoneInfo("America/New_York"), 17)
TUESDAY = date(2026, 1, 13)
WEDNESDAY = date(2026, 1, 14)
THURSDAY = date(2026, 1, 15)
NOON = 1_768_305_600 * NS  # Tuesday 13 January 2026 12:00 UTC
BOOKS = Bookkeeper(NEW_YORK, "main")

SYMBOLS = {
    "EURUSD": ("EURUSD", "fx"),
    "EURUSD.pro": ("EURUSD", "fx"),
    "XAUUSD": ("XAUUSD", "metal"),
}
CLIENTS = {"1001": ("C1", "IB1", "EU"), "1002": ("C1", "IB1", "EU"), "2001": ("C2", "", "UK")}
CLIENT_PARTS = ("MARKUP", "COMMISSION", "SWAP_CLIENT", "DIVIDEND_CLIENT", "BBOOK_PNL")
LP_PARTS = ("LP_PNL", "LP_COMMISSION", "SWAP_LP")


def fact(position, component="MARKUP", amount=4_000_000, ts=NOON, login="1001", symbol="EURUSD",
         book="B", **more):  # fmt: skip
    """Return one fact as the engine books it."""
    client, ib, region = CLIENTS.get(login, ("", "", ""))
    underlying, asset_class = SYMBOLS.get(symbol, ("", ""))
    return RevenueBooked(
        ts, position, Component(component), amount, client, login, symbol, underlying, asset_class,
        ib, book, region, **more,
    )  # fmt: skip


def deal(position, ts=NOON, login="1001", symbol="EURUSD", **parts):
    """Return a client's event: facts and the control they add up to."""
    booked = [fact(position, part, usd, ts, login, symbol) for part, usd in parts.items()]
    return [*booked, CashBooked(ts, position, client_net_micro_usd=sum(parts.values()))]


def hedge(position, ts=NOON, symbol="EURUSD", **parts):
    """Return a provider's event."""
    booked = [fact(position, part, usd, ts, "", symbol, "A") for part, usd in parts.items()]
    return [*booked, CashBooked(ts, position, lp_net_micro_usd=sum(parts.values()))]


def bonus(position, amount, ts=NOON, login="2001"):
    """Return a bonus: what it costs is in no client's cash."""
    return [
        fact(position, "BONUS", amount, ts, login, ""),
        CashBooked(ts, position, bonus_micro_usd=amount),
    ]


GOLDEN = [
    *deal(1, MARKUP=4_000_000, BBOOK_PNL=-4_000_000),
    *hedge(2, LP_COMMISSION=-2_500_000),
    *deal(3, NOON + HOUR, MARKUP=3_000_000, COMMISSION=6_000_000, SWAP_CLIENT=7_200_000,
          BBOOK_PNL=-94_000_000),
    *hedge(4, NOON + HOUR, LP_PNL=98_000_000, SWAP_LP=-5_000_000),
]  # fmt: skip
"""The golden trade of semantics.md section 8, hedged: 12.70 in all."""


def booking(booked, ts=None, mark=None, openings=()):
    """Return what the writer hands to a store."""
    ts = max((event.ts_event for event in booked), default=NOON) if ts is None else ts
    return Booking(
        now=NEW_YORK.at(ts),
        facts=BOOKS.facts(booked),
        controls=BOOKS.controls(booked),
        openings=openings,
        mark=mark,
    )


def mark(position, floating=0.0, booked=0.0, ts=NOON):
    """Return what the house was worth."""
    return Mark(position=position, ts_event=ts, floating_usd=floating, booked_usd=booked)


AMOUNTS = st.integers(-(10**12), 10**12)


@st.composite
def events(draw, most=30):
    """Draw balanced events of some hours, in the order of their positions."""
    booked = []
    for position in range(1, draw(st.integers(1, most)) + 1):
        ts = NOON + draw(st.integers(0, 40)) * HOUR + draw(st.integers(0, HOUR - 1))
        symbol = draw(st.sampled_from(sorted(SYMBOLS)))
        of_client = draw(st.booleans())
        names = draw(st.sets(st.sampled_from(CLIENT_PARTS if of_client else LP_PARTS), min_size=1))
        parts = {name: draw(AMOUNTS) for name in sorted(names)}
        if of_client:
            login = draw(st.sampled_from(sorted(CLIENTS)))
            booked += deal(position, ts, login, symbol, **parts)
        else:
            booked += hedge(position, ts, symbol, **parts)
    return booked


def tampered(entry, **changes):
    """Return an entry that says something else."""
    return replaced(entry, **changes)
