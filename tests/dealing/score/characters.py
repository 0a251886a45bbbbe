"""An evening of a broker with one client of each suspicious kind among a dozen of no kind.

It lasts five hours, with New York's rollover after three of them, around which prices rest.
"""

import numpy as np

from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    DealExecuted,
    InstrumentDefined,
    QuoteReceived,
)
from exposure.model.instruments import CalcMode, Instrument

SECOND = 1_000_000_000
START = 1_699_988_400 * SECOND  # 2023-11-14 19:00 UTC
ROLLOVER_S = 10_800
LENGTH_S = 18_000
HALF = 5e-5
NOBODY = tuple(f"nobody{k}" for k in range(12))
RING = ("leader", "follower1", "follower2", "follower3")
PAIR = ("long", "short")
CLIENTS = (*NOBODY, *RING, *PAIR, "picker", "hunter", "abuser")

EURO = Instrument(
    symbol="EURUSD", asset_class="fx", base="EUR", quote="USD", contract_size=100_000.0, digits=5,
    calc_mode=CalcMode.FOREX,
)  # fmt: skip


class Evening:
    """Events written down client by client, in order of time at last."""

    def __init__(self, seed=1):
        self.rng = np.random.default_rng(seed)
        moves = self.rng.standard_normal(LENGTH_S) * 1e-4
        moves[ROLLOVER_S - 1_800 : ROLLOVER_S + 600] *= 0.01
        self.mid = 1.1 + moves.cumsum()
        self.events = []

    def trade(self, client, at_s, side, *, hold_s, lots=0.1, swap=0.0, ahead=None):
        """Open at a moment and close later; ``ahead`` is where a faster feed stands."""
        position = f"{client}-{at_s:.3f}"
        for when, sign, entry, earned in (
            (at_s, side, "in", 0.0), (at_s + hold_s, -side, "out", swap)
        ):  # fmt: skip
            mid = float(self.mid[int(when)])
            fast = mid + self.rng.normal() * 1e-5 if ahead is None else ahead
            self.events.append(
                DealExecuted(
                    START + round(when * SECOND), f"{position}{entry}", client, position, "EURUSD",
                    "buy" if sign > 0 else "sell", entry, lots, mid + sign * HALF, swap=earned,
                    reference_mid=fast if entry == "in" else None,
                )
            )  # fmt: skip

    def pay(self, client, at_s, kind, amount):
        self.events.append(BalanceChanged(START + round(at_s * SECOND), client, kind, amount))

    def moments(self, count, last=LENGTH_S - 4_000):
        """Draw moments that lie five seconds apart at least, so that each is a decision."""
        drawn = np.sort(self.rng.uniform(100.0, last - 5.0 * count, count))
        return (drawn + 5.0 * np.arange(count)).tolist()

    def coin(self):
        return int(self.rng.choice([-1, 1]))

    def all_events(self):
        quotes = [
            QuoteReceived(START + k * SECOND, "EURUSD", mid - HALF, mid + HALF)
            for k, mid in enumerate(self.mid.tolist())
        ]
        opening = [InstrumentDefined(START, EURO)]
        opening += [AccountChanged(START, _account(one)) for one in CLIENTS]
        later = sorted([*quotes, *self.events], key=lambda one: one.ts_event)
        return [*opening, *later]


def _account(client):
    balance = 1_000.0 if client == "abuser" else 1e6
    return Account(
        login=client, client_id=client, currency="USD", balance=balance, leverage=100.0,
        book=Book.B,
    )  # fmt: skip


def evening(seed=1):
    """Return the events of all clients, in order of time."""
    day = Evening(seed)
    for client in NOBODY:
        for at in day.moments(40):
            day.trade(client, at, day.coin(), hold_s=day.rng.uniform(20, 3_000))
    for at in day.moments(30):
        side, hold_s = day.coin(), day.rng.uniform(60, 2_000)
        day.trade(RING[0], at, side, hold_s=hold_s)
        for k, follower in enumerate(RING[1:], 1):
            later = at + day.rng.uniform(0.5, 3.0)
            day.trade(follower, later, side, hold_s=hold_s, lots=0.1 * k)
    for at in day.moments(25):
        side, hold_s = day.coin(), day.rng.uniform(60, 2_000)
        day.trade(PAIR[0], at, side, hold_s=hold_s)
        day.trade(PAIR[1], at + day.rng.uniform(0.2, 2.0), -side, hold_s=hold_s)
    _pick(day)
    for at in np.linspace(ROLLOVER_S - 1_500, ROLLOVER_S - 60, 8).tolist():
        day.trade("hunter", at, 1, hold_s=ROLLOVER_S + 120 - at, swap=4.0)
    _abuse(day)
    return day.all_events()


def _pick(day):
    """Trade where the next second brings two spreads, which a faster feed shows already."""
    jumps = np.flatnonzero(np.abs(np.diff(day.mid)) > 2e-4)
    for at in jumps[(jumps > 100) & (jumps < LENGTH_S - 200)][:40].tolist():
        ahead = float(day.mid[at + 1])
        side = 1 if ahead > day.mid[at] else -1
        day.trade("picker", at + 0.5, side, hold_s=20, ahead=ahead)


def _abuse(day):
    day.pay("abuser", 50, "bonus", 500.0)
    for at in day.moments(8):
        day.trade("abuser", at, day.coin(), hold_s=30, lots=1.25)
        day.pay("abuser", at + 900, "withdrawal", -10.0)
