"""Compare what the product said about a day with the referee's verdict, number by number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import zip_longest
from typing import Any

Figures = Mapping[str, Any]

ABSOLUTE = 1e-5
MICRO = 1e-6
RELATIVE = 1e-9


def disagreements(said: Figures, verdict: Figures) -> list[str]:
    """Return one sentence for everything that is not the same, none when all agrees.

    Args:
        said: The object of ``plimsoll replay --json``, decoded.
        verdict: The referee's object for the same directory.

    Units: numbers may differ by 0.00001 plus a relative 1e-9, far inside the contract's 0.01.
    """
    return [
        *_fields("the day", said, {"as_of_ms": verdict["as_of_ms"]}),
        *_fields("events", said["events"], verdict["events"]),
        *_fields("house", said["house"], verdict["house"]),
        *_rows("account", "login", said["accounts"], verdict["accounts"]),
        *_rows("symbol", "symbol", said["exposure"], verdict["exposure"]),
        *_currencies(said["currencies"], verdict["currencies"]),
        *_crossings(said["crossings"], verdict["crossings"]),
        *_breaks(said["breaks"], verdict["breaks"]),
        *_revenue(said["revenue"], verdict["revenue"]),
    ]


def _fields(where: str, said: Figures, ruled: Figures) -> Iterator[str]:
    for name, value in ruled.items():
        if name not in said:
            yield f"{where}: {name} is missing, the referee says {_shown(value)}"
        elif not _same(said[name], value):
            yield f"{where}: {name} is {said[name]!r}, the referee says {_shown(value)}"


def _rows(what: str, key: str, said: list[Figures], ruled: list[Figures]) -> Iterator[str]:
    nothing: Figures = {}
    for one, other in zip_longest(said, ruled, fillvalue=nothing):
        yield from _fields(f"{what} {other.get(key)}", one, other)


def _currencies(said: list[Figures], ruled: list[Figures]) -> Iterator[str]:
    ours = {one["currency"]: one for one in ruled}
    theirs = {one["currency"]: one for one in said}
    flat = {"house_net": 0, "house_net_usd": 0}
    for name in sorted(ours.keys() | theirs.keys()):
        one = theirs.get(name, flat)
        other = ours.get(name, flat)
        yield from _fields(
            f"currency {name}", {"house_net": one["house_net"]}, {"house_net": other["house_net"]}
        )
        if name in ours and name in theirs:
            yield from _fields(f"currency {name}", one, other)


def _crossings(said: list[Figures], ruled: list[Figures]) -> Iterator[str]:
    for index, (one, other) in enumerate(zip_longest(said, ruled)):
        if one is None or other is None:
            yield f"crossing {index}: {one} against the referee's {_row(other)}"
            return
        found = list(_fields(f"crossing {index} of {_row(other)}", one, other))
        if found:
            yield from found
            return


def _breaks(said: list[Figures], ruled: list[Figures]) -> Iterator[str]:
    theirs, ours = _counted(said), _counted(ruled)
    yield from (f"break {one} is not in the referee's list" for one in (theirs - ours).elements())
    yield from (f"break {one} is missing" for one in (ours - theirs).elements())


def _counted(rows: Iterable[Figures]) -> Counter[tuple[object, ...]]:
    names = ("kind", "login", "deal_id", "symbol")
    return Counter(
        (_rounded(row["ts_ms"]), *(row.get(name) or None for name in names)) for row in rows
    )


def _rounded(ts_ms: Decimal | float | None) -> float | None:
    return None if ts_ms is None else round(float(ts_ms), 3)


def _revenue(said: list[Figures], ruled: list[Figures]) -> Iterator[str]:
    theirs = {_key(row): row["amount_usd"] for row in said}
    ours = {_key(row): row for row in ruled}
    if len(theirs) != len(said):
        yield "revenue: a symbol, book and component has two rows"
    for key in sorted(ours.keys() | theirs.keys()):
        amount = float(ours[key]["amount_usd"]) if key in ours else 0.0
        rounded = ours[key]["rounded"] if key in ours else 0
        if abs(theirs.get(key, 0.0) - amount) > MICRO * max(rounded, 1) + RELATIVE * abs(amount):
            yield f"revenue {' '.join(key)} is {theirs.get(key)!r}, the referee says {amount:.6f}"


def _key(row: Figures) -> tuple[str, str, str]:
    return row["symbol"] or "", row["book"] or "", row["component"]


def _same(said: object, ruled: object) -> bool:
    if isinstance(ruled, (Decimal, int)) and isinstance(said, (float, int)):
        return abs(said - float(ruled)) <= ABSOLUTE + RELATIVE * abs(float(ruled))
    return said == ruled


def _shown(value: object) -> str:
    return f"{value:.12f}" if isinstance(value, Decimal) else repr(value)


def _row(row: Figures | None) -> str:
    return "nothing" if row is None else " ".join(_shown(value) for value in row.values())
