"""Rows of somebody else's statement in the words of a side, as texts: exact, nothing rounded.

What cannot be understood keeps its text, so that whoever reads the row says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from typing import Final, assert_never

import polars as pl

from crm_sync.reconcile.schema import Kind
from dealing.reconcile.mapping import SKIP, Amounts, Mapping, Sign, Times, Unit
from exposure.model.ids import Currency
from exposure.model.money import minor_digits

_AMOUNTS: Final = {"amount_minor": "currency", "fee_minor": "currency",
                   "credit_minor": "credit_currency"}  # fmt: skip
_SIGNED: Final = ("amount_minor", "credit_minor")
_OUT: Final = (Kind.WITHDRAWAL.value, Kind.REFUND.value, Kind.CHARGEBACK.value)
_DECIMALS: Final = 3
"""The most that a currency has."""

_NUMBER: Final = r"^([+-]?\d+)(?:\.(\d*))?$"
_EPOCHS: Final = {"epoch_us": 1, "epoch_ms": 1_000, "epoch_s": 1_000_000}


def mapped(raw: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """Return rows with the columns of the side, as texts.

    Args:
        raw: Texts, with the columns that the mapping names.
        mapping: How they become those of the side.
    """
    texts = {
        name: pl.col(theirs.strip().casefold()).cast(pl.String).str.strip_chars().alias(name)
        for name, theirs in mapping.columns.items()
    }
    constants = [pl.lit(text).alias(name) for name, text in mapping.constants.items()]
    frame = raw.select(*texts.values(), *constants)
    frame = _translated(_translated(frame, "kind", mapping.kinds), "status", mapping.statuses)
    frame = frame.with_columns(_time(mapping.times))
    amounts = [name for name in _AMOUNTS if name in frame.columns]
    return frame.with_columns(_amount(frame, name, mapping.amounts) for name in amounts)


def skipped(frame: pl.DataFrame) -> pl.Series:
    """Return which rows the mapping leaves out."""
    return frame["kind"].fill_null("") == SKIP


def _translated(frame: pl.DataFrame, name: str, words: Map[str, str]) -> pl.DataFrame:
    if name not in frame.columns or not words:
        return frame
    plain = pl.col(name).str.to_lowercase()
    return frame.with_columns(plain.replace(dict(words)).alias(name))


def _time(times: Times) -> pl.Expr:
    """Return microseconds UTC; a time that a clock change made twice is the earlier one."""
    text = pl.col("at_us")
    if times.format in _EPOCHS:
        whole = text.cast(pl.Int64, strict=False) * _EPOCHS[times.format]
        return whole.cast(pl.String).fill_null(text).alias("at_us")
    local = text.str.to_datetime(times.format, time_unit="us", strict=False)
    if "%z" not in times.format:
        local = local.dt.replace_time_zone(times.zone, ambiguous="earliest", non_existent="null")
    return local.dt.epoch("us").cast(pl.String).fill_null(text).alias("at_us")


def _amount(frame: pl.DataFrame, name: str, amounts: Amounts) -> pl.Expr:
    """Return minor units; an amount with more decimals than its currency has keeps its text."""
    text = pl.col(name)
    plain = text.str.replace_all(amounts.thousands, "", literal=True) if amounts.thousands else text
    thousandths = _thousandths(plain.str.replace(amounts.decimal, ".", literal=True))
    one_unit = _one_unit(frame, name) if amounts.unit is Unit.MAJOR else pl.lit(1_000, pl.Int64)
    minor = pl.when(thousandths % one_unit == 0).then(thousandths // one_unit)
    signed = _signed(minor, amounts.sign) if name in _SIGNED else minor
    return signed.cast(pl.String).fill_null(text).alias(name)


def _thousandths(text: pl.Expr) -> pl.Expr:
    """Return thousandths of a decimal number, null where it is none or has more digits."""
    parts = text.str.extract_groups(_NUMBER)
    whole, rest = parts.struct.field("1"), parts.struct.field("2").fill_null("")
    kept = rest.str.strip_chars_end("0")
    digits = whole.str.strip_prefix("+") + kept.str.pad_end(_DECIMALS, "0")
    fits = kept.str.len_chars() <= _DECIMALS
    return pl.when(fits).then(digits.cast(pl.Int64, strict=False))


def _one_unit(frame: pl.DataFrame, name: str) -> pl.Expr:
    """Return how many thousandths the currency's smallest coin has."""
    currency = _AMOUNTS[name] if _AMOUNTS[name] in frame.columns else "currency"
    codes = frame[currency].str.to_uppercase().unique().drop_nulls().to_list()
    units = {code: 10 ** (_DECIMALS - minor_digits(Currency(code))) for code in codes}
    return (
        pl.col(currency)
        .str.to_uppercase()
        .replace_strict(units, default=None, return_dtype=pl.Int64)
    )


def _signed(minor: pl.Expr, sign: Sign) -> pl.Expr:
    match sign:
        case Sign.CLIENT:
            return minor
        case Sign.REVERSED:
            return -minor
        case Sign.BY_KIND:
            out = pl.col("kind").str.to_lowercase().is_in(list(_OUT))
            return pl.when(out).then(-minor.abs()).otherwise(minor.abs())
    assert_never(sign)
