"""Tables for other programs: CSV, XLSX and Parquet, with exact USD beside whole millionths.

A name that a client chose must not become a formula in a spreadsheet: in CSV it gets an apostrophe
in front, in XLSX it is written as text.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, cast

import polars as pl
import xlsxwriter

from dealing.directory import write_whole
from dealing.revenue.facts import FACT_SCHEMA, Dimension
from dealing.revenue.frames import frame_of
from dealing.revenue.ports import RevenueStore
from dealing.revenue.report import Group, Row
from exposure.errors import DataError

LARGEST_SHEET: Final = 1_048_575
"""Rows of an XLSX sheet below its header."""

_MICRO: Final = "_micro_usd"
_MONEY: Final = "#,##0.00####;-#,##0.00####"
_WORKBOOK: Final = {
    "in_memory": True,
    "remove_timezone": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
}


class Form(StrEnum):
    """The forms a table can have, by the ending of a file."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        """What a browser calls it."""
        match self:
            case Form.CSV:
                return "text/csv; charset=utf-8"
            case Form.XLSX:
                return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            case Form.PARQUET:
                return "application/vnd.apache.parquet"


def form_of(path: Path) -> Form:
    """Return the form that a file's ending asks for.

    Raises:
        DataError: It asks for none.
    """
    try:
        return Form(path.suffix.removeprefix(".").lower())
    except ValueError as e:
        raise DataError(f"{path} has to end in .csv, .xlsx or .parquet") from e


def kept_facts(store: RevenueStore, first: date | None, last: date | None) -> pl.DataFrame:
    """Return the facts of a period as they are kept, with exact USD beside millionths.

    Args:
        store: Where they are.
        first: The first server day, None for the first that is kept.
        last: The last server day, None for the last that is kept.
    """
    days = [state.day for state in store.days()]
    wanted = [d for d in days if (first is None or d >= first) and (last is None or d <= last)]
    none = frame_of([], FACT_SCHEMA, ("position",))
    return _with_usd(pl.concat([none, *(store.books(day).facts for day in wanted)]))


def report_table(made: Sequence[Row], dimension: Dimension) -> pl.DataFrame:
    """Return rows of a report with their groups as exact USD, in their order."""
    columns: dict[str, list[Any]] = {"name": [row.name for row in made]}
    for group in Group:
        columns[f"{group}{_MICRO}"] = [row.by_group.get(group, 0) for row in made]
    columns[f"total{_MICRO}"] = [row.total for row in made]
    schema = {name: pl.String if name == "name" else pl.Int64 for name in columns}
    table = _with_usd(pl.DataFrame(columns, schema))
    return table.select(~pl.selectors.ends_with(_MICRO)).rename({"name": dimension.value})


def encoded(table: pl.DataFrame, form: Form) -> bytes:
    """Return a table as a file.

    Raises:
        DataError: It does not fit.
    """
    content = io.BytesIO()
    match form:
        case Form.CSV:
            _neutral(table).write_csv(content, include_bom=True)
        case Form.PARQUET:
            table.write_parquet(content)
        case Form.XLSX:
            _write_sheet(table, content)
    return content.getvalue()


def export(store: RevenueStore, period: tuple[date | None, date | None], out: Path) -> int:
    """Write the facts of a period into a file and return how many they are.

    Raises:
        DataError: The file cannot be written, or they do not fit into it.
        StorageError: The store cannot be read.
    """
    form, facts = form_of(out), kept_facts(store, *period)
    try:
        write_whole(out, encoded(facts, form))
    except OSError as e:
        raise DataError(f"{out} cannot be written: {e.strerror}") from e
    return facts.height


def _with_usd(table: pl.DataFrame) -> pl.DataFrame:
    columns: list[pl.Expr] = []
    for name in table.columns:
        if name.endswith(_MICRO):
            exact = pl.col(name).cast(pl.Decimal(38, 6)) / 1_000_000
            columns.append(exact.alias(name.replace(_MICRO, "_usd")))
        columns.append(pl.col(name))
    return table.select(columns)


def _neutral(table: pl.DataFrame) -> pl.DataFrame:
    text = pl.col(pl.String)
    return table.with_columns(
        pl.when(text.str.contains(r"^[=+\-@\t\r]")).then("'" + text).otherwise(text).name.keep()
    )


def _write_sheet(table: pl.DataFrame, content: io.BytesIO) -> None:
    if table.height > LARGEST_SHEET:
        raise DataError(
            f"{table.height:,} rows do not fit into an XLSX sheet of {LARGEST_SHEET:,}: use .csv "
            "or .parquet, or fewer days"
        )
    money = dict.fromkeys(pl.selectors.expand_selector(table, pl.selectors.decimal()), _MONEY)
    with xlsxwriter.Workbook(content, _WORKBOOK) as book:
        table.write_excel(
            book,
            worksheet="revenue",
            column_formats=cast("Any", money),
            freeze_panes=(1, 0),
            autofit=True,
        )
