"""How much of something the house may hold, and when that is said (docs of exposure/limits.py).

Naive: at every judgement each limit looks at the whole desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tests.oracle.book import Instrument
from tests.oracle.desk import Desk
from tests.oracle.market import ZERO
from tests.oracle.referee import currencies, exposure_row

SOFT_SHARE = Decimal("0.8")
"""Of a hard limit, where a limit has no soft one."""

REARM_SHARE = Decimal("0.95")
INTERVAL_MS = 1_000
SEVERITIES = ("ok", "soft", "hard")

Key = tuple[str, str]
"""Scope and name."""


@dataclass(frozen=True)
class Limit:
    """USD; None where there is none."""

    soft: Decimal | None
    hard: Decimal | None

    def rank(self, value: Decimal, share: Decimal = Decimal(1)) -> int:
        """Return how far a value is against a share of the limit, 0 below all of it."""
        reached = [
            rank
            for rank, limit in ((1, self.soft), (2, self.hard))
            if limit is not None and value >= share * limit
        ]
        return max(reached, default=0)


@dataclass(frozen=True)
class Breach:
    """A limit that was reached."""

    ts_ms: Decimal
    scope: str
    name: str
    severity: str
    value_usd: Decimal
    limit_usd: Decimal | None


class Limits:
    """The limits of instruments and, over them, those set live."""

    def __init__(self, desk: Desk) -> None:
        self.breaches: list[Breach] = []
        self._desk = desk
        self._set: dict[Key, Limit] = {}
        self._fired: dict[Key, int] = {}
        self._judged_at = ZERO

    def set(self, key: Key, soft: Decimal | None, hard: Decimal | None) -> None:
        """Set a limit, or take it away."""
        self._set[key] = _limit(soft, hard)
        if soft is None and hard is None:
            self._fired.pop(key, None)

    def rename(self, old: str, new: str) -> None:
        """Let the limits of a symbol follow its name."""
        for of in (self._set, self._fired):
            if ("symbol", old) in of:
                of["symbol", new] = of.pop(("symbol", old))

    def judge(self, ts_ms: Decimal) -> None:
        """Note every limit that is newly reached, and re-arm what is well below."""
        if ts_ms - self._judged_at < INTERVAL_MS:
            return
        self._judged_at = ts_ms
        for key, limit in self._in_force().items():
            value = self.value(*key)
            if value is None:
                continue
            now, fired = limit.rank(value), self._fired.get(key, 0)
            if now > fired:
                reached = limit.hard if now == SEVERITIES.index("hard") else limit.soft
                self.breaches.append(Breach(ts_ms, *key, SEVERITIES[now], value, reached))
                self._fired[key] = now
            else:
                self._fired[key] = min(fired, limit.rank(value, REARM_SHARE))

    def _in_force(self) -> dict[Key, Limit]:
        own = {
            ("symbol", one.symbol): _limit(None, one.limit_usd)
            for one in self._desk.instruments.values()
        }
        return own | self._set

    def value(self, scope: str, name: str) -> Decimal | None:
        """Return the absolute USD of what can be limited, None without a price."""
        if scope == "client":
            return self._gross_of_client(name)
        if scope == "currency":
            return self._of_currency(name)
        matching = [
            one.symbol for one in self._desk.instruments.values() if _name_in(scope, one) == name
        ]
        worth = [exposure_row(self._desk, symbol)["house_net_usd"] for symbol in matching]
        known = [one for one in worth if one is not None]
        return abs(sum(known, ZERO)) if known else None

    def _of_currency(self, name: str) -> Decimal | None:
        rows = [exposure_row(self._desk, symbol) for symbol in self._desk.instruments]
        found = {row["currency"]: row["house_net_usd"] for row in currencies(self._desk, rows)}
        usd = found.get(name)
        return None if usd is None else abs(usd)

    def _gross_of_client(self, client_id: str) -> Decimal | None:
        accounts = [one for one in self._desk.accounts.values() if one.terms.client_id == client_id]
        if not accounts:
            return None
        held = [position for account in accounts for position in account.positions.values()]
        return sum((one.units * self._usd_per_unit(one.instrument) for one in held), ZERO)

    def _usd_per_unit(self, instrument: Instrument) -> Decimal:
        mid = self._desk.market.mid(instrument.symbol)
        rate = self._desk.market.rate(instrument.quote, "USD")
        return ZERO if mid is None or rate is None else abs(mid * rate)


def _limit(soft: Decimal | None, hard: Decimal | None) -> Limit:
    return Limit(SOFT_SHARE * hard if soft is None and hard is not None else soft, hard)


def _name_in(scope: str, instrument: Instrument) -> str:
    if scope == "underlying":
        return _underlying(instrument)
    return instrument.symbol if scope == "symbol" else instrument.asset_class


def _underlying(instrument: Instrument) -> str:
    """Return the underlying as far as the symbols of these tests go: their pair, without suffix."""
    pair = instrument.base + instrument.quote
    is_pair = instrument.base != instrument.quote and instrument.symbol.startswith(pair)
    return instrument.underlying or (pair if is_pair else instrument.symbol)
