"""What the margin screen says: every account by level and distance, as the book is or after a move.

A move of 0 is the book as it is. Levels after a move are those before the platform closes anything,
because that is what it would act on.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dealing.desk import formats
from dealing.desk.held_book import AWAY, BookDesk
from dealing.desk.words import RefusedError, target_of
from exposure.errors import DisconnectedError, DomainError
from exposure.kernels import MONEY_TOLERANCE
from exposure.risk.margin_distance import NO_SYMBOL, Band, Distances, bands, distances
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stop_outs import is_stopped_out, margin_levels
from exposure.risk.stress import client_stress, house_stress
from exposure.risk.stress_book import StressBook, Valuation

LISTED: Final = 500
"""Accounts that a browser gets, worst first."""

LARGEST_MOVE: Final = 10.0
"""Of the slider, in percent."""

LONGEST_SEARCH: Final = 40
SORTS: Final = ("level", "distance")

Floats = NDArray[np.float64]


class Ask(NamedTuple):
    """What a person looks at; ``target`` is empty while nothing is moved."""

    target: str
    percent: float
    sort: str
    search: str


def parse_ask(given: dict[str, Any]) -> Ask | None:
    """Return what a browser asks, None for nonsense.

    Raises:
        RefusedError: Something is to move and has no name.
    """
    percent, sort, search = given.get("percent"), given.get("sort"), given.get("search")
    if not isinstance(percent, int | float) or not abs(percent) <= LARGEST_MOVE:
        return None
    if sort not in SORTS or not isinstance(search, str):
        return None
    target = "" if percent == 0.0 else target_of(given.get("target"))
    return Ask(target, float(percent), sort, search.strip()[:LONGEST_SEARCH])


async def answer(given: object, books: BookDesk) -> dict[str, Any] | None:
    """Return everything the screen shows, or the sentence that stands in its place."""
    if not isinstance(given, dict) or not isinstance(given.get("asked"), int):
        return None
    head = {"asked": given["asked"]}
    try:
        ask = parse_ask(given)
        if ask is None:
            return None
        computed = await books.computed(lambda book: view(book, ask))
    except RefusedError as e:
        return head | {"state": "refused", "note": str(e)}
    except DisconnectedError:
        return head | {"state": "failed", "note": AWAY}
    except DomainError as e:
        return head | {"state": "refused", "note": f"{e}."}
    return head | {"state": "shown", "note": "", **computed.made, "made": books.told(computed)}


def view(book: StressBook, ask: Ask) -> dict[str, Any]:
    """Return counts by band, negative balances and the worst accounts.

    Raises:
        UnknownTargetError: The book has no such target.
    """
    shocks = [Shock(ask.target, ShockKind.PERCENT, ask.percent)] if ask.target else []
    if ask.target and not book.targets.moved_by(ask.target):
        raise DomainError(f"{ask.target} moves no symbol of this book")
    shocked = book.shocked(shocks)
    after = book.valued(shocked.prices)
    clients = client_stress(book, after)
    house = house_stress(book, after, clients)
    far = distances(book, after)
    chosen = _worst(book, ask, after.equity, far)
    return {
        "title": f"{ask.target} {formats.percent(ask.percent)}" if ask.target else "",
        "bands": _counts(book, after.equity),
        "bands_now": _counts(book, book.now.equity),
        "figures": {
            "accounts": book.accounts,
            "negative": int((clients.deficit > 0.0).sum()),
            "negative_now": int((book.now.equity < -MONEY_TOLERANCE).sum()),
            "deficits_usd": float(np.nansum(clients.deficit * after.usd_rate)),
            "stopped_out": int(is_stopped_out(book, after.equity).sum()),
            "house_usd": house.total_usd,
            "balance_cost_usd": house.deficit_a_usd + house.deficit_b_usd,
        },
        "count": len(chosen),
        "targets": [*book.targets.currencies, *sorted(i.symbol for i in book.book.instruments)],
        "rows": _rows(book, chosen[:LISTED], after, far),
        "notes": [*(f"{note}." for note in shocked.notes), *_unpriced(after)],
    }


def _counts(book: StressBook, equity: Floats) -> list[int]:
    counts: list[int] = np.bincount(bands(book, equity), minlength=len(Band)).tolist()
    return counts


def _worst(book: StressBook, ask: Ask, equity: Floats, far: Distances) -> NDArray[np.int64]:
    """Return the accounts that are listed, worst first.

    Who ties up no margin is only listed if he owes something or is searched for.
    """
    levels = margin_levels(equity, book.margin)
    owes = equity < -MONEY_TOLERANCE
    without = np.isinf(levels)
    levels[without & owes] = -np.inf
    if ask.search:
        named = pl.DataFrame({k: book.names[k] for k in ("login", "client_id")}).select(
            pl.any_horizontal(
                pl.col("login", "client_id")
                .str.to_uppercase()
                .str.contains(ask.search.upper(), literal=True)
            ).alias("found")
        )
        listed = np.flatnonzero(named["found"].to_numpy())
    else:
        listed = np.flatnonzero(~without | owes)
    order: tuple[Floats, ...] = (levels,)
    if ask.sort == "distance":
        away = np.where(np.isnan(far.all_percent), np.inf, far.all_percent)
        order = (levels, np.where(without & owes, -np.inf, away))
    return listed[np.lexsort(tuple(key[listed] for key in order))]


def _rows(
    book: StressBook, chosen: NDArray[np.int64], after: Valuation, far: Distances
) -> list[dict[str, Any]]:
    names = [str(one.symbol) for one in book.book.instruments]
    largest = far.symbol[chosen].tolist()
    equity = after.equity[chosen]
    columns: dict[str, Any] = {
        "login": book.names["login"].gather(chosen),
        "client_id": book.names["client_id"].gather(chosen),
        "book": book.names["book"].gather(chosen),
        "currency": book.names["currency"].gather(chosen),
        "level": margin_levels(equity, book.margin[chosen]),
        "level_now": margin_levels(book.now.equity[chosen], book.margin[chosen]),
        "stop_out_level": book.stop_out_level[chosen],
        "call_level": book.margin_call_level[chosen],
        "equity": equity,
        "margin": book.margin[chosen],
        "free": equity - book.margin[chosen],
        "largest": [names[k] if k != NO_SYMBOL else "" for k in largest],
        "to_largest": far.largest_percent[chosen] / 100.0,
        "to_all": far.all_percent[chosen] / 100.0,
    }
    frame = pl.DataFrame(columns).with_columns(pl.col("login").alias("id"))
    floats = pl.selectors.float()
    return frame.with_columns(pl.when(floats.is_finite()).then(floats).otherwise(None)).to_dicts()


def _unpriced(after: Valuation) -> list[str]:
    unpriced = int(np.isnan(after.value).sum())
    if not unpriced:
        return []
    what = "position has" if unpriced == 1 else "positions have"
    return [f"{unpriced:,} {what} no price or rate and count as worth nothing."]
