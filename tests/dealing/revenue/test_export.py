"""What other programs get: every fact, exact USD, and no formulas."""

import csv
import io
import re
import zipfile
from decimal import Decimal

import polars as pl
import pytest

from dealing.revenue import export as exporting
from dealing.revenue.export import Form, encoded, export, form_of, kept_facts, report_table
from dealing.revenue.facts import FACT_SCHEMA, Dimension
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.revenue.ports import Period
from dealing.revenue.report import Group, rows, total
from exposure.errors import DataError
from tests.dealing.revenue.made_facts import (
    GOLDEN,
    HOUR,
    NOON,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    booking,
    deal,
    fact,
)

DAY = 24 * HOUR
EVIL = ["=1+1", "+1", "-cmd", "@x", "\tx", "plain", 'quo"te,']


@pytest.fixture
def store():
    made = MemoryRevenueStore()
    made.add(booking([*GOLDEN, *deal(5, NOON + DAY, MARKUP=1), *deal(6, NOON + 2 * DAY, MARKUP=2)]))
    return made


def rows_of(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def sheet_text(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read("xl/worksheets/sheet1.xml").decode(), archive.read(
            "xl/sharedStrings.xml"
        ).decode()


def test_a_period_holds_both_of_its_ends(store):
    assert kept_facts(store, WEDNESDAY, THURSDAY)["position"].to_list() == [5, 6]
    assert kept_facts(store, None, TUESDAY).height == 9
    assert kept_facts(store, None, None).height == 11
    assert kept_facts(MemoryRevenueStore(), None, None).height == 0


def test_csv_has_exact_usd_beside_millionths(store, tmp_path):
    assert export(store, (TUESDAY, TUESDAY), tmp_path / "facts.csv") == 9
    rows = rows_of((tmp_path / "facts.csv").read_bytes())
    assert sum(Decimal(row["amount_usd"]) for row in rows) == Decimal("12.700000")
    assert all(Decimal(row["amount_usd"]) * 10**6 == int(row["amount_micro_usd"]) for row in rows)
    assert rows[0]["ts_event"].startswith("2026-01-13T12:00:00.000000000")


def test_parquet_has_the_same(store, tmp_path):
    export(store, (None, None), tmp_path / "facts.parquet")
    table = pl.read_parquet(tmp_path / "facts.parquet")
    assert table["amount_usd"].sum() == Decimal("12.700003")
    assert table.equals(kept_facts(store, None, None))
    assert table.drop("amount_usd").schema == pl.Schema(FACT_SCHEMA)


def test_xlsx_has_numbers_dates_and_a_frozen_header(store, tmp_path):
    export(store, (TUESDAY, TUESDAY), tmp_path / "facts.xlsx")
    sheet, strings = sheet_text((tmp_path / "facts.xlsx").read_bytes())
    assert 'state="frozen"' in sheet
    numbers = [float(value) for value in re.findall(r'<c r="I\d+" s="\d+"><v>([^<]+)</v>', sheet)]
    assert sum(numbers) == pytest.approx(12.7)
    assert "BBOOK_PNL" in strings


def test_names_never_become_formulas():
    store = MemoryRevenueStore()
    store.add(booking([fact(k, login=name) for k, name in enumerate(EVIL, 1)]))
    facts = kept_facts(store, None, None)
    logins = [row["login"] for row in rows_of(encoded(facts, Form.CSV))]
    assert logins == ["'=1+1", "'+1", "'-cmd", "'@x", "'\tx", "plain", 'quo"te,']
    sheet, strings = sheet_text(encoded(facts, Form.XLSX))
    assert "<f>" not in sheet
    assert "=1+1" in strings


def test_a_report_is_exported_with_its_total(store):
    made = rows(store.summary(Period(TUESDAY, THURSDAY), Dimension.BOOK).totals)
    table = report_table([*made, total(made)], Dimension.BOOK)
    assert table.columns == ["book", *(f"{group}_usd" for group in Group), "total_usd"]
    assert table["book"].to_list() == ["A", "B", "Total"]
    assert table["total_usd"].to_list() == [
        Decimal("90.500000"), Decimal("-77.799997"), Decimal("12.700003"),
    ]  # fmt: skip


def test_an_ending_names_the_form_and_another_is_refused(tmp_path):
    assert form_of(tmp_path / "a.CSV") is Form.CSV
    with pytest.raises(DataError, match=r"has to end in \.csv, \.xlsx or \.parquet"):
        form_of(tmp_path / "a.txt")


def test_a_sheet_has_an_end(store, monkeypatch):
    monkeypatch.setattr(exporting, "LARGEST_SHEET", 10)
    with pytest.raises(DataError, match="11 rows do not fit into an XLSX sheet of 10"):
        encoded(kept_facts(store, None, None), Form.XLSX)


def test_a_place_that_cannot_be_written_is_named(store, tmp_path):
    with pytest.raises(DataError, match="cannot be written"):
        export(store, (None, None), tmp_path / "missing" / "facts.csv")
