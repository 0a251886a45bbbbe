"""What each side says about a break, its name for ever, and what it may cost."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import polars as pl

from crm_sync.reconcile.legs import Sides
from crm_sync.reconcile.merging import Cases
from crm_sync.reconcile.schema import Side, Terms
from exposure.model.ids import Currency
from exposure.model.money import minor_digits

BREAKS: Final = (
    "id", "class", "side", "ref", "client_id", "login", "currency", "amount_minor", "usd_at_risk",
    "at_us", "provider", "ledger", "platform",
)  # fmt: skip
"""The columns of breaks; the last three are what each side says, null where it says nothing."""

_FIRST: Final = {
    "ref": (Side.LEDGER, Side.PROVIDER, Side.PLATFORM),
    "id": (Side.LEDGER, Side.PROVIDER, Side.PLATFORM),
    "client_id": (Side.LEDGER, Side.PROVIDER),
    "login": (Side.LEDGER, Side.PLATFORM),
}
"""Whose word is taken first."""

_HEX_DIGITS: Final = 24
_NUMBERED: Final = ["class", "side", "key"]


def break_frame(cases: Cases, sides: Sides, terms: Terms) -> pl.DataFrame:
    """Return the breaks: BREAKS, by class and then the biggest first."""
    breaks, members = cases.of_breaks()
    for side, rows in zip(Side, sides, strict=True):
        said = _said(members.filter(pl.col("side") == side.value), rows)
        breaks = breaks.join(said.rename({"said": side.value}), on="case", how="left")
    named = _with_names(breaks.with_columns(usd_at_risk=_usd(terms.usd_per)), terms.scope)
    return named.select(BREAKS).sort(
        "class", "usd_at_risk", "id", descending=[False, True, False], nulls_last=True
    )


def _said(members: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return what a side says in each case: its first row, and the sums of all of them."""
    columns = [name for name in rows.columns if name != "row"]
    sums = {"amount_minor", "fee_minor", "credit_minor"} & set(columns)
    joined = members.select("case", "row").unique().join(rows, on="row")
    first = joined.sort("case", "at_us", *columns, "row").group_by("case").agg(
        pl.len().alias("rows"),
        *(pl.col(name).sum() if name in sums else pl.col(name).first() for name in columns),
    )  # fmt: skip
    return first.select("case", pl.struct(pl.exclude("case")).alias("said"))


def _usd(usd_per: Mapping[str, float]) -> pl.Expr:
    """Return USD, null where a currency has no price."""
    per_minor = {name: usd / 10 ** minor_digits(Currency(name)) for name, usd in usd_per.items()}
    price = pl.col("currency").replace_strict(per_minor, default=None, return_dtype=pl.Float64)
    return pl.col("amount_minor") * price


def _with_names(breaks: pl.DataFrame, scope: str) -> pl.DataFrame:
    """Add what is known of the client, when it began, and the id.

    Breaks of one class, side and reference count by what they are, never by where they stood.
    """
    facts = breaks.with_columns(
        ref=_first_text("ref"),
        client_id=_first_text("client_id"),
        login=_first_text("login"),
        at_us=pl.min_horizontal(pl.col(side.value).struct.field("at_us") for side in Side),
        own=_first_text("id"),
    ).with_columns(key=_key())
    ordered = facts.sort(*_NUMBERED, "at_us", "own", "amount_minor", "currency", "client_id")
    numbered = ordered.with_columns(nth=pl.int_range(pl.len()).over(_NUMBERED))
    names = numbered.select(*_NUMBERED, "nth").iter_rows()
    ids = [_hash(scope, *map(str, name)) for name in names]
    return numbered.with_columns(id=pl.Series(ids, dtype=pl.String))


def _first_text(field: str) -> pl.Expr:
    """Return the text of the first side that has one."""
    told = [pl.col(side.value).struct.field(field).replace("", None) for side in _FIRST[field]]
    return pl.coalesce(*told, pl.lit(""))


def _key() -> pl.Expr:
    """Return the reference, or what else tells the row from others where it has none."""
    else_ = pl.concat_str(
        pl.col("own"), pl.col("client_id"), pl.col("login"), pl.col("at_us"),
        pl.col("amount_minor"), pl.col("currency"), separator=" ",
    )  # fmt: skip
    own = pl.when(pl.col("own") != "").then(pl.lit("id ") + pl.col("own")).otherwise(else_)
    return pl.when(pl.col("ref") != "").then(pl.lit("ref ") + pl.col("ref")).otherwise(own)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:_HEX_DIGITS]
