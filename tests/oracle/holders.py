"""Actions on everybody who holds a symbol: clients, or one provider (docs/book-directory.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.oracle import actions
from tests.oracle.accounts import Account
from tests.oracle.actions import Holding
from tests.oracle.book import Event, Row, number
from tests.oracle.market import ZERO
from tests.oracle.providers import LpPosition
from tests.oracle.refusals import Refused
from tests.oracle.revenue import PROVIDERS_BOOK, Entry, Part

if TYPE_CHECKING:
    from tests.oracle.desk import Desk

Pays = Callable[[Holding], Decimal]
Key = tuple[Account, str]
"""An account and the id of one of its positions."""


def apply_action(desk: Desk, event: Event) -> None:
    """Apply one row; what cannot be applied changes nothing."""
    row = event.row
    if row["symbol"] not in desk.instruments:
        raise Refused("unknown_symbol")
    match row["kind"]:
        case "swap":
            touched = _swap(desk, row)
        case "dividend":
            touched = _pay(desk, row, "DIVIDEND_CLIENT", "DIVIDEND_LP")
        case "adjustment":
            touched = _pay(desk, row, "CORPORATE_ACTION", "CORPORATE_ACTION")
        case "split":
            touched = _split(desk, row)
        case "rename":
            touched = _rename(desk, row)
        case _:
            raise Refused("bad_action")
    for account in touched:
        desk.look_at(account, event.ts_ms)


def _swap(desk: Desk, row: Row) -> list[Account]:
    instrument = desk.instruments[row["symbol"]]
    nights = _finite(row, "value")
    if nights < ZERO:
        raise Refused("bad_action")
    rates = actions.swap_rates(row, instrument)
    reopens = actions.reopens(instrument)
    if not nights or instrument.swap_mode == "disabled":
        return []
    if reopens:
        return _reopen(desk, row, lambda holding: actions.shift(holding, nights, rates))
    pays: Pays = lambda holding: actions.swap(holding, nights, rates, desk.market)  # noqa: E731
    if row.get("lp"):
        return _pay_provider(desk, row, "SWAP_LP", pays)
    for (account, position_id), amount in _amounts(desk, row["symbol"], pays):
        position = account.positions[position_id]
        account.positions[position_id] = replace(
            position, swap=position.swap + amount, rolled_over=position.rolled_over + amount
        )
        _earn(desk, row, position.book, "SWAP_CLIENT", account, amount)
    return _accounts(desk, row["symbol"])


def _reopen(desk: Desk, row: Row, shift: Callable[[Holding], Decimal]) -> list[Account]:
    if row.get("lp"):
        held = desk.lp_positions.get((row["lp"], row["symbol"]))
        if held is not None and held.lots:
            moved = replace(held, price=held.price + shift(_at_provider(desk, row, held)))
            desk.lp_positions[row["lp"], row["symbol"]] = moved
        return []
    for account, position_id in _holders(desk, row["symbol"]):
        position = account.positions[position_id]
        by = shift(_held(account, position_id))
        account.positions[position_id] = position.reopened(by)
    return _accounts(desk, row["symbol"])


def _pay(desk: Desk, row: Row, of_clients: str, of_provider: str) -> list[Account]:
    _finite(row, "value")
    per_unit = actions.cash_rates(row)
    pays: Pays = lambda holding: actions.cash(holding, per_unit, desk.market)  # noqa: E731
    if row.get("lp"):
        return _pay_provider(desk, row, of_provider, pays)
    for (account, position_id), amount in _amounts(desk, row["symbol"], pays):
        account.balance += amount
        desk.realise(account.terms.currency, -amount)
        _earn(desk, row, account.positions[position_id].book, of_clients, account, amount)
    return _accounts(desk, row["symbol"])


def _pay_provider(desk: Desk, row: Row, component: str, pays: Pays) -> list[Account]:
    held = desk.lp_positions.get((row["lp"], row["symbol"]))
    if held is not None and held.lots:
        amount = pays(_at_provider(desk, row, held))
        desk.realised_usd += amount
        part = Part(component, amount, "USD")
        desk.ledger.book(Entry(row["symbol"], PROVIDERS_BOOK, (part,)))
    return []


def _split(desk: Desk, row: Row) -> list[Account]:
    ratio, symbol = _finite(row, "value"), row["symbol"]
    if ratio <= ZERO:
        raise Refused("bad_action")
    for account, position_id in _holders(desk, symbol):
        account.positions[position_id] = account.positions[position_id].split(ratio)
    for key, held in desk.lp_positions.items():
        if key[1] == symbol:
            desk.lp_positions[key] = LpPosition(held.lots * ratio, held.price / ratio)
    desk.market.split(symbol, ratio)
    return _accounts(desk, symbol)


def _rename(desk: Desk, row: Row) -> list[Account]:
    """Let a symbol go on under another name; that may change which pair converts for anybody."""
    symbol, new = row["symbol"], row["value"].strip()
    if not new or new in desk.instruments:
        raise Refused("bad_action")
    renamed = replace(desk.instruments[symbol], symbol=new)
    desk.market.rename(symbol, renamed)
    for account, position_id in _holders(desk, symbol):
        position = account.positions[position_id]
        account.positions[position_id] = replace(position, instrument=renamed)
    for account in desk.accounts.values():
        if symbol in account.routing_of_symbol:
            account.routing_of_symbol[new] = account.routing_of_symbol.pop(symbol)
    for key in [one for one in desk.lp_positions if one[1] == symbol]:
        desk.lp_positions[key[0], new] = desk.lp_positions.pop(key)
    tiers, caps = desk.leverage.tiers, desk.leverage.caps
    for key in [one for one in tiers if one[1] == symbol]:
        tiers[key[0], new] = tiers.pop(key)
    for cap in [one for one in caps if one[2] == symbol]:
        caps[cap[0], cap[1], new] = caps.pop(cap)
    for counter in (desk.locked, desk.crossed):
        counter[new] = counter.pop(symbol, 0)
    for account in desk.accounts.values():
        desk.watch(account)
    return list(desk.accounts.values())


def _amounts(desk: Desk, symbol: str, pays: Pays) -> list[tuple[Key, Decimal]]:
    # all of them before any is applied, because one without a rate refuses the row
    return [(key, pays(_held(*key))) for key in _holders(desk, symbol)]


def _earn(
    desk: Desk, row: Row, book: str, component: str, account: Account, amount: Decimal
) -> None:
    part = Part(component, -amount, account.terms.currency)
    desk.ledger.book(Entry(row["symbol"], book, (part,)))


def _holders(desk: Desk, symbol: str) -> list[Key]:
    return [
        (account, position_id)
        for account in desk.accounts.values()
        for position_id, position in account.positions.items()
        if position.instrument.symbol == symbol
    ]


def _accounts(desk: Desk, symbol: str) -> list[Account]:
    holders = {account.terms.login for account, _ in _holders(desk, symbol)}
    return [account for login, account in desk.accounts.items() if login in holders]


def _held(account: Account, position_id: str) -> Holding:
    one = account.positions[position_id]
    currency = account.terms.currency
    return Holding(one.instrument, one.side, one.lots, one.open_price, currency)


def _at_provider(desk: Desk, row: Row, held: LpPosition) -> Holding:
    instrument = desk.instruments[row["symbol"]]
    return Holding(instrument, held.side, abs(held.lots), held.price, "USD")


def _finite(row: Row, column: str) -> Decimal:
    value = number(row, column)
    if value is None:
        raise Refused("bad_action")
    for name in ("long_value", "short_value"):
        if row.get(name) and number(row, name) is None:
            raise Refused("bad_action")
    return value
