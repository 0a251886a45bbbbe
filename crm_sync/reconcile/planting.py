"""Three sides that agree but for the faults that were put in on purpose: the truth is known.

Payments are deposits and withdrawals in several currencies. Some are conversions that the platform
rounds in its own way, some have a reference that only one side knows, some were captured in parts:
all of them agree. Each fault goes into a payment of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_sync.reconcile.schema import DAY_US, BreakClass, Kind, Status, Terms

AS_OF_US: Final = 20_000 * DAY_US
_SECOND_US: Final = 1_000_000
_CURRENCIES: Final = ("USD", "EUR", "JPY", "KWD")
_USD_PER: Final = {"USD": 1.0, "EUR": 1.1, "JPY": 0.0065, "KWD": 3.25}
_CREDITED_AT: Final = 1.1
"""Conversions here are from EUR to USD, two digits each."""

_NEW_DAYS, _OLD_DAYS = 10, 70
_DEPOSITS: Final = 0.7

Rows = NDArray[np.int64]


class Frames(NamedTuple):
    """The three sides; while faults are put in, with ``n``, the payment's number."""

    provider: pl.DataFrame
    ledger: pl.DataFrame
    platform: pl.DataFrame


class Planted(NamedTuple):
    """The three sides, the terms that fit them, and the references of the faults by class."""

    frames: Frames
    terms: Terms
    faults: Mapping[BreakClass, list[str]]


def planted(payments: int, per_class: int, seed: int) -> Planted:
    """Return sides with exactly ``per_class`` faults of each class.

    Args:
        payments: How many there are, at least three times as many as there are faults.
        per_class: How many faults each class has.
        seed: Which payments out of all possible ones.
    """
    chance = np.random.default_rng(seed)
    truth = _payments(payments, chance)
    frames = Frames(_provider(truth), _ledger(truth), _platform(truth))
    faults = {}
    for place, (word, plant) in enumerate(_PLANTS.items()):
        numbers = _numbers(word, place * per_class, per_class)
        frames = plant(frames, numbers)
        faults[word] = [_ref(word, number) for number in numbers.tolist()]
    terms = Terms(as_of_us=AS_OF_US, usd_per=_USD_PER)
    shuffled = (frame.drop("n").sample(fraction=1.0, shuffle=True, seed=seed) for frame in frames)
    return Planted(Frames(*shuffled), terms, faults)


def _numbers(word: BreakClass, first: int, count: int) -> Rows:
    """Return payments of which no other class has one: 0, 2, 4, 8, 10, 12, 16, ...

    Every eighth from 6 on is a conversion: those are for rates.
    """
    if word is BreakClass.FX_RATE:
        return np.arange(count) * 8 + 6
    places = np.arange(first, first + count)
    return places // 3 * 8 + places % 3 * 2


def _ref(word: BreakClass, number: int) -> str:
    return "" if word is BreakClass.ORPHAN_MANUAL else f"P{number:09d}"


def _payments(count: int, chance: np.random.Generator) -> pl.DataFrame:
    """Return the truth: one row for each payment, and in which way it is no ordinary one.

    What is ``unnamed`` is of a client of its own: only what nothing else is near has a clear sum.
    """
    n = np.arange(count)
    converted, unnamed = _every(8, n, 6) | _every(16, n, 3), _every(40, n, 27)
    currency = np.array(_CURRENCIES)[chance.integers(0, len(_CURRENCIES), count)]
    client = chance.integers(0, max(count // 4, 1), count)
    sign = np.where(chance.random(count) < _DEPOSITS, 1, -1)
    return pl.DataFrame({
        "n": n,
        "ref": [f"P{number:09d}" for number in n.tolist()],
        "client_id": np.where(unnamed, count + n, client),
        "amount_minor": chance.integers(1_000, 5_000_000, count) * sign,
        "currency": np.where(converted, "EUR", currency),
        "at_us": AS_OF_US - chance.integers(_NEW_DAYS * DAY_US, _OLD_DAYS * DAY_US, count),
        "converted": converted,
        "unnamed": unnamed,
        "other_ref": _every(20, n, 1),
        "in_parts": _every(20, n, 7),
    }).with_columns(
        pl.col("client_id").cast(pl.String),
        login=pl.lit("7") + pl.col("client_id").cast(pl.String),
        kind=pl.when(pl.col("amount_minor") > 0)
        .then(pl.lit(Kind.DEPOSIT.value))
        .otherwise(pl.lit(Kind.WITHDRAWAL.value)),
        fee_minor=pl.col("amount_minor").abs() // 40,
    )  # fmt: skip


def _every(step: int, n: Rows, first: int) -> NDArray[np.bool_]:
    chosen: NDArray[np.bool_] = n % step == first
    return chosen


def _provider(truth: pl.DataFrame) -> pl.DataFrame:
    own = pl.when("other_ref").then(pl.lit("X") + pl.col("ref")).otherwise("ref")
    rows = truth.with_columns(
        ref=own, at_us=pl.col("at_us") - 30 * _SECOND_US, status=pl.lit(Status.DONE.value)
    )
    part = pl.col("amount_minor") // 3
    parts = rows.filter("in_parts").with_columns(
        ref=pl.when("unnamed").then(pl.lit("")).otherwise("ref")
    )
    split = [
        parts.with_columns(amount_minor=part, fee_minor=pl.lit(0, pl.Int64)),
        parts.with_columns(pl.col("amount_minor") - part),
    ]
    whole = pl.concat([rows.filter(~pl.col("in_parts")), *split])
    return whole.select(
        "n", "ref", "client_id", "kind", "amount_minor", "currency", "status", "fee_minor", "at_us",
        id=pl.lit("line ") + pl.col("ref"),
    )  # fmt: skip


def _ledger(truth: pl.DataFrame) -> pl.DataFrame:
    credit = (pl.col("amount_minor") * _CREDITED_AT).round().cast(pl.Int64)
    converted = pl.col("converted")
    return truth.select(
        "n", "ref", "client_id", "login", "kind", "amount_minor", "currency", "fee_minor", "at_us",
        id=pl.lit("entry ") + pl.col("ref"),
        status=pl.lit(Status.DONE.value),
        credit_minor=pl.when(converted).then(credit).otherwise("amount_minor"),
        credit_currency=pl.when(converted).then(pl.lit("USD")).otherwise("currency"),
        rate=pl.when(converted).then(pl.lit(_CREDITED_AT)),
    )  # fmt: skip


def _platform(truth: pl.DataFrame) -> pl.DataFrame:
    """Return the deals; of a conversion every second one is a cent off."""
    ledger = _ledger(truth)
    rounding = pl.when(pl.col("rate").is_not_null()).then(pl.col("n") // 8 % 2).otherwise(0)
    return ledger.select(
        "n", "ref", "login",
        kind=pl.lit(Kind.BALANCE.value),
        amount_minor=pl.col("credit_minor") + rounding,
        currency="credit_currency",
        at_us=pl.col("at_us") + 2 * _SECOND_US,
        id=pl.lit("deal ") + pl.col("ref"),
    )  # fmt: skip


def _is(numbers: Rows) -> pl.Expr:
    return pl.col("n").is_in(numbers.tolist())


def _without(frame: pl.DataFrame, numbers: Rows) -> pl.DataFrame:
    return frame.filter(~_is(numbers))


def _again(frame: pl.DataFrame, numbers: Rows) -> pl.DataFrame:
    later = frame.filter(_is(numbers)).with_columns(
        pl.col("at_us") + 5 * _SECOND_US, pl.col("id") + " again"
    )
    return pl.concat([frame, later])


def _changed(frame: pl.DataFrame, numbers: Rows, **columns: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(
        pl.when(_is(numbers)).then(value).otherwise(name).alias(name)
        for name, value in columns.items()
    )


def _amount(frames: Frames, numbers: Rows) -> Frames:
    """Let each side in turn be the one that is wrong, by a seventh of an amount."""
    more = {"amount_minor": pl.col("amount_minor") + pl.col("amount_minor") // 7}
    ledger = _changed(frames.ledger, numbers[2::3], **more)
    return Frames(
        _changed(frames.provider, numbers[::3], **more),
        _changed(ledger, numbers[2::3], credit_minor=pl.col("credit_minor") * 8 // 7),
        _changed(frames.platform, numbers[1::3], **more),
    )


def _currency(frames: Frames, numbers: Rows) -> Frames:
    return frames._replace(provider=_changed(frames.provider, numbers, currency=pl.lit("CHF")))


def _wrong_account(frames: Frames, numbers: Rows) -> Frames:
    other = pl.col("login") + "9"
    return frames._replace(platform=_changed(frames.platform, numbers, login=other))


def _wrong_type(frames: Frames, numbers: Rows) -> Frames:
    bonus = _changed(frames.platform, numbers[::2], kind=pl.lit(Kind.BONUS.value))
    return frames._replace(
        platform=_changed(bonus, numbers[1::2], amount_minor=-pl.col("amount_minor"))
    )


def _timing(frames: Frames, numbers: Rows) -> Frames:
    now = pl.lit(AS_OF_US - DAY_US)
    return Frames(
        _without(frames.provider, numbers),
        *(_changed(frame, numbers, at_us=now) for frame in (frames.ledger, frames.platform)),
    )


def _fee(frames: Frames, numbers: Rows) -> Frames:
    """Let half of the statements be net, and half of the fees be others."""
    size = pl.col("amount_minor").abs() - pl.col("fee_minor")
    net = _changed(frames.provider, numbers[::2], amount_minor=size * pl.col("amount_minor").sign())
    other = _changed(net, numbers[1::2], fee_minor=pl.col("fee_minor") + 1)
    return frames._replace(provider=other)


def _rate(frames: Frames, numbers: Rows) -> Frames:
    """Let half of the platform's rates be others, and half of the ledger's."""
    off = pl.col("amount_minor") * 102 // 100
    return frames._replace(
        platform=_changed(frames.platform, numbers[::2], amount_minor=off),
        ledger=_changed(frames.ledger, numbers[1::2], rate=pl.col("rate") * 1.02),
    )


def _status(frames: Frames, numbers: Rows) -> Frames:
    """Let half of the payments be charged back, and half be refunded by a row of its own."""
    back = pl.lit(Status.CHARGED_BACK.value)
    refunds = frames.provider.filter(_is(numbers[1::2])).with_columns(
        -pl.col("amount_minor"), kind=pl.lit(Kind.REFUND.value), fee_minor=pl.lit(0, pl.Int64)
    )
    changed = _changed(frames.provider, numbers[::2], status=back)
    return frames._replace(provider=pl.concat([changed, refunds]))


def _orphan(frames: Frames, numbers: Rows) -> Frames:
    manual = frames.platform.filter(_is(numbers)).with_columns(
        ref=pl.lit(""), amount_minor=-pl.col("amount_minor") // 3, id=pl.lit("hand ") + pl.col("id")
    )
    return frames._replace(platform=pl.concat([frames.platform, manual]))


def _stale(frames: Frames, numbers: Rows) -> Frames:
    pending = pl.lit(Status.PENDING.value)
    return Frames(
        _changed(frames.provider, numbers, status=pending),
        _changed(frames.ledger, numbers, status=pending),
        _without(frames.platform, numbers),
    )


def _on(side: str, change: Callable[[pl.DataFrame, Rows], pl.DataFrame]) -> _Plant:
    return lambda frames, numbers: frames._replace(**{side: change(getattr(frames, side), numbers)})


_Plant = Callable[[Frames, Rows], Frames]

_PLANTS: Final[dict[BreakClass, _Plant]] = {
    BreakClass.MISSING_PSP: _on("provider", _without),
    BreakClass.MISSING_LEDGER: _on("ledger", _without),
    BreakClass.MISSING_PLATFORM: _on("platform", _without),
    BreakClass.DUPLICATE_PSP: _on("provider", _again),
    BreakClass.DUPLICATE_LEDGER: _on("ledger", _again),
    BreakClass.DUPLICATE_PLATFORM: _on("platform", _again),
    BreakClass.AMOUNT: _amount,
    BreakClass.CURRENCY: _currency,
    BreakClass.WRONG_ACCOUNT: _wrong_account,
    BreakClass.WRONG_TYPE: _wrong_type,
    BreakClass.TIMING: _timing,
    BreakClass.FEE: _fee,
    BreakClass.FX_RATE: _rate,
    BreakClass.STATUS: _status,
    BreakClass.ORPHAN_MANUAL: _orphan,
    BreakClass.STALE_PENDING: _stale,
}
