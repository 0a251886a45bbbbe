"""Clients that remember what they hold: their deals are valid, or wrong on purpose."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal

from tests.oracle.listings import NEVER, Listing, Row
from tests.oracle.tape import Tape

CURRENCIES = {"USD": 5, "EUR": 4, "GBP": 2, "JPY": 2, "CHF": 2, "SEK": 1, "NZD": 1}
ROUGH_USD = {"USD": 1.0, "EUR": 1.39, "GBP": 1.69, "JPY": 0.0098, "CHF": 1.14, "NZD": 0.866}
ROUGH_USD |= {"SEK": 0.155, "HUF": 0.0046, "XAU": 1290.0, "BTC": 438.0, "XTI": 1.0}
CENT = Decimal("0.01")
OTHER = {"buy": "sell", "sell": "buy"}


@dataclass
class Holding:
    """What a client remembers of an open position; lots are exact hundredths."""

    position_id: str
    listing: Listing
    side: str
    lots: Decimal
    open_price: Decimal


@dataclass
class Trader:
    """One account with its habits."""

    login: str
    currency: str
    balance: Decimal
    leverage: int
    boldness: float
    holdings: list[Holding] = field(default_factory=list)


class Floor:
    """All traders of a day, and the deals they make."""

    def __init__(
        self, rng: random.Random, listings: list[Listing], tape: Tape, traders: int
    ) -> None:
        self.rng = rng
        self.listings = listings
        self.tape = tape
        self.ids = 0
        self.traders = [self._trader(index) for index in range(traders)]

    def opening_positions(self) -> list[Row]:
        """Return what was open before the first event."""
        return [row for one in self.traders for row in self._opening_positions_of(one)]

    def deals(self, count: int) -> list[Row]:
        """Return the deals of the day, about one in twelve of them wrong."""
        found: list[Row] = []
        for ts_ms in self.tape.moments(count):
            wrong = self.rng.random() < 0.08
            made = self._wrong_deals(found, ts_ms) if wrong else self._valid_deals(ts_ms)
            found.extend({"ts_ms": str(ts_ms), **row} for row in made)
        return found

    def _valid_deals(self, ts_ms: Decimal) -> list[Row]:
        trader = self.rng.choice(self.traders)
        if not trader.holdings or self.rng.random() < 0.25:
            listing, side = self._listing(trader), self.rng.choice(("buy", "sell"))
            return [self._opened(trader, listing, side, ts_ms)]
        holding = self.rng.choice(trader.holdings)
        action = self.rng.choice(
            (self._added, self._hedged, self._cut, self._cut, self._closed, self._reversed)
        )
        return action(trader, holding, ts_ms)

    def _opened(self, trader: Trader, listing: Listing, side: str, ts_ms: Decimal) -> Row:
        holding = self._take(trader, listing, side, self.tape.price(listing, side, ts_ms))
        return self._deal(trader, holding, side, "in", holding.lots, holding.open_price)

    def _added(self, trader: Trader, holding: Holding, ts_ms: Decimal) -> list[Row]:
        lots = self._lots(trader, holding.listing)
        price = self.tape.price(holding.listing, holding.side, ts_ms)
        cost = holding.lots * holding.open_price + lots * price
        holding.lots += lots
        holding.open_price = cost / holding.lots
        return [self._deal(trader, holding, holding.side, "in", lots, price)]

    def _hedged(self, trader: Trader, holding: Holding, ts_ms: Decimal) -> list[Row]:
        opposite = [
            one
            for one in trader.holdings
            if one.listing == holding.listing and one.side != holding.side
        ]
        if not opposite:
            return [self._opened(trader, holding.listing, OTHER[holding.side], ts_ms)]
        lots = min(holding.lots, opposite[0].lots)
        prices = holding.open_price, opposite[0].open_price
        digits = Decimal(1).scaleb(-holding.listing.digits)
        return [
            self._out(trader, one, "out_by", lots, price.quantize(digits))
            for one, price in zip((holding, opposite[0]), reversed(prices), strict=True)
        ]

    def _cut(self, trader: Trader, holding: Holding, ts_ms: Decimal) -> list[Row]:
        cents = int(holding.lots / CENT)
        lots = self.rng.randrange(1, cents + 1) * CENT
        price = self.tape.price(holding.listing, OTHER[holding.side], ts_ms)
        return [self._out(trader, holding, self.rng.choice(("out", "out", "inout")), lots, price)]

    def _closed(self, trader: Trader, holding: Holding, ts_ms: Decimal) -> list[Row]:
        price = self.tape.price(holding.listing, OTHER[holding.side], ts_ms)
        return [self._out(trader, holding, "out", holding.lots, price)]

    def _reversed(self, trader: Trader, holding: Holding, ts_ms: Decimal) -> list[Row]:
        price = self.tape.price(holding.listing, OTHER[holding.side], ts_ms)
        rest = self._lots(trader, holding.listing)
        closed = holding.lots
        row = self._out(trader, holding, "inout", closed, price)
        side = OTHER[holding.side]
        trader.holdings.append(
            Holding(holding.position_id, holding.listing, side, rest, open_price=price)
        )
        return [row | {"lots": str(closed + rest)}]

    def _out(
        self, trader: Trader, holding: Holding, entry: str, lots: Decimal, price: Decimal
    ) -> Row:
        side = OTHER[holding.side]
        row = self._deal(trader, holding, side, entry, lots, price)
        row["profit"] = self._reported_profit(trader, holding, lots, price)
        holding.lots -= lots
        if not holding.lots:
            trader.holdings.remove(holding)
        return row

    def _reported_profit(
        self, trader: Trader, holding: Holding, lots: Decimal, price: Decimal
    ) -> str:
        chance = self.rng.random()
        if chance < 0.5:
            return ""
        if chance < 0.6 or trader.currency != holding.listing.quote:
            return "" if chance < 0.9 else f"{self.rng.uniform(-20, 20):.2f}"
        move = price - holding.open_price
        signed = move if holding.side == "buy" else -move
        return str((signed * lots * holding.listing.units_per_lot).quantize(CENT))

    def _wrong_deals(self, before: list[Row], ts_ms: Decimal) -> list[Row]:
        rng = self.rng
        if before and rng.random() < 0.3:
            sent = dict(rng.choice(before))
            del sent["ts_ms"]
            return [sent]
        holders = [one for one in self.traders if one.holdings]
        if not holders:
            return []
        trader = rng.choice(holders)
        holding = rng.choice(trader.holdings)
        price = self.tape.price(holding.listing, OTHER[holding.side], ts_ms)
        close = self._deal(trader, holding, OTHER[holding.side], "out", holding.lots, price)
        more = str(holding.lots + CENT)
        wrong = close | rng.choice(
            (
                {"lots": more},
                {"lots": more, "entry": "out_by"},
                {"entry": "in"},
                {"side": holding.side},
                {"side": holding.side, "entry": "inout"},
                {"symbol": rng.choice(self.listings).symbol, "side": "buy"},
                {"position_id": "none-such"},
                {"login": "99999"},
                {"symbol": "EURUSD.zzz"},
                {"lots": "0"},
                {"lots": "-0.5"},
                {"lots": "many"},
                {"price": "NaN"},
                {"side": "hold"},
                {"entry": "close"},
                {"commission": "free"},
                {"profit": "inf"},
                {"raw_price": "raw"},
            )
        )
        if rng.random() < 0.3:
            trader.holdings.remove(holding)
            return [wrong, close]
        return [wrong]

    def _deal(
        self,
        trader: Trader,
        holding: Holding,
        side: str,
        entry: str,
        lots: Decimal,
        price: Decimal,
    ) -> Row:
        self.ids += 1
        return {
            "deal_id": str(500_000 + self.ids),
            "login": trader.login,
            "position_id": holding.position_id,
            "symbol": holding.listing.symbol,
            "side": side,
            "entry": entry,
            "lots": str(lots),
            "price": str(price),
            "commission": self.rng.choice(("", "0", "-3.5", "-0.07")),
            "swap": self.rng.choice(("", "0", "-1.11", "0.4")),
            "profit": "",
            "raw_price": self._raw_price(holding.listing, side, price),
        }

    def _raw_price(self, listing: Listing, side: str, price: Decimal) -> str:
        points = self.rng.choice((None, None, 0, 3, 4, -1))
        if points is None:
            return ""
        worse = points * Decimal(1).scaleb(-listing.digits)
        return str(price - worse if side == "buy" else price + worse)

    def _take(self, trader: Trader, listing: Listing, side: str, price: Decimal) -> Holding:
        self.ids += 1
        holding = Holding(f"P{self.ids}", listing, side, self._lots(trader, listing), price)
        trader.holdings.append(holding)
        return holding

    def _listing(self, trader: Trader) -> Listing:
        if trader.holdings and self.rng.random() < 0.4:
            return self.rng.choice(trader.holdings).listing
        listing = self.rng.choice(self.listings)
        return self.rng.choice(self.listings) if listing.first_quote == NEVER else listing

    def _lots(self, trader: Trader, listing: Listing) -> Decimal:
        worth = float(trader.balance) * ROUGH_USD[trader.currency]
        room = worth * trader.boldness * self.rng.uniform(0.3, 1.2)
        cents = room / self._rough_margin_usd(listing, trader) * 100
        return max(1, min(int(cents), 5_000)) * CENT

    def _rough_margin_usd(self, listing: Listing, trader: Trader) -> float:
        notional = float(listing.contract_size) * ROUGH_USD[listing.base]
        if listing.calc_mode in {"cfd_index", "cfd"} and listing.base == listing.quote:
            notional *= float(listing.level)
        if listing.calc_mode == "futures":
            notional = float(listing.terms["initial_margin"])
        has_leverage = listing.calc_mode in {"forex", "cfd_leverage"}
        rate = float(listing.terms.get("margin_rate", "1"))
        return notional * rate / (trader.leverage if has_leverage else 1)

    def _trader(self, index: int) -> Trader:
        rng = self.rng
        currency = rng.choices(list(CURRENCIES), weights=list(CURRENCIES.values()))[0]
        worth = rng.choice((500, 2_000, 10_000, 50_000)) * rng.uniform(0.5, 1.5)
        return Trader(
            login=str(10_001 + index),
            currency=currency,
            balance=Decimal(worth / ROUGH_USD[currency]).quantize(CENT),
            leverage=rng.choice((30, 100, 200, 500)),
            boldness=rng.choice((0.03, 0.15, 0.4)),
        )

    def _opening_positions_of(self, trader: Trader) -> list[Row]:
        rng = self.rng
        found = []
        for _ in range(rng.randrange(4)):
            listing, side = self._listing(trader), rng.choice(("buy", "sell"))
            start = self.tape.start
            holding = self._take(trader, listing, side, self.tape.price(listing, side, start))
            margin = self._rough_margin_usd(listing, trader) / ROUGH_USD[trader.currency]
            found.append(
                {
                    "login": trader.login,
                    "position_id": holding.position_id,
                    "symbol": listing.symbol,
                    "side": side,
                    "lots": str(holding.lots),
                    "open_price": str(holding.open_price),
                    "swap": rng.choice(("", "0", "-3.37", "1.2")),
                    "hedge_ratio": rng.choice(("", "", "0.1", "1")),
                    "margin_per_lot": f"{margin:.4f}" if rng.random() < 0.25 else "",
                }
            )
        return found
