"""``plimsoll revenue check`` on real stores: whole ones, and ones that somebody tampered with."""

import doctest
import json

import msgspec
import polars as pl
import pytest
from rich.console import Console
from sqlalchemy import text

from dealing.revenue import check as checking
from dealing.revenue.check import check, sentence, show
from dealing.revenue.closing import DayClosing
from dealing.revenue.facts import DayOpening
from dealing.revenue.proofs import Law
from dealing.storage.lake import RevenueLake
from dealing.storage.revenue_store import SqlRevenueStore
from tests.dealing.revenue.made_facts import (
    GOLDEN,
    HOUR,
    NEW_YORK,
    NOON,
    TUESDAY,
    WEDNESDAY,
    booking,
    deal,
    mark,
)

DAY = 24 * HOUR
TODAY = deal(5, NOON + DAY, login="2001", symbol="XAUUSD", MARKUP=2_000_000, COMMISSION=500_000)


@pytest.fixture
def lake(tmp_path):
    return RevenueLake(tmp_path / "lake")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request):
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def kept(database, lake):
    """Yesterday closed, today open, marks around both."""
    store = SqlRevenueStore(database, lambda: 1)
    store.add(booking(GOLDEN, openings=[DayOpening(TUESDAY, mark(0))]))
    opening = DayOpening(WEDNESDAY, mark(4, booked=12.7, ts=NOON + 2 * HOUR))
    store.add(booking(TODAY, openings=[opening], mark=mark(5, booked=15.2, ts=NOON + DAY)))
    DayClosing(store, lake, NEW_YORK).close(NOON + DAY)
    return store


def tamper(database, statement):
    with database.writing() as connection:
        assert connection.execute(text(statement)).rowcount >= 1


def shown(report):
    console = Console(width=160, record=True, highlight=False, file=None, quiet=False)
    with console.capture() as captured:
        show(report, console)
    return captured.get()


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(checking).failed == 0


def test_a_whole_store_holds(kept, lake):
    report = check(kept, lake)
    assert report.violations == []
    assert report.ok is True
    assert [(day.day, day.state, day.facts, day.events) for day in report.days] == [
        ("2026-01-13", "closed", 9, 4),
        ("2026-01-14", "open", 2, 1),
    ]
    assert report.amount_micro_usd == 15_200_000
    assert set(report.days[0].sums_micro_usd.values()) == {12_700_000}
    assert "Everything holds: 2 days, 11 facts, 15.200000 USD." in shown(report)


def test_an_empty_store_holds(database, lake):
    report = check(SqlRevenueStore(database, lambda: 1), lake)
    assert report.ok
    assert shown(report) == "No revenue is kept yet.\n"


TAMPERING = {
    "an amount of today": (
        (
            "UPDATE revenue_facts SET amount_micro_usd = amount_micro_usd + 1 "
            "WHERE position = 5 AND component = 'MARKUP'"
        ),
        Law.EVENT,
        (
            "wrong: 2026-01-14 event 5 has facts that do not add up to its control: "
            "2.500000 expected, 2.500001 found, 0.000001 too much"
        ),
    ),
    "a lost fact": (
        "DELETE FROM revenue_facts WHERE position = 5 AND component = 'COMMISSION'",
        Law.EVENT,
        (
            "wrong: 2026-01-14 event 5 has facts that do not add up to its control: "
            "2.500000 expected, 2.000000 found, 0.500000 too little"
        ),
    ),
    "a lost control": (
        "DELETE FROM revenue_controls WHERE position = 5",
        Law.NO_CONTROL,
        "wrong: 2026-01-14 event 5 has facts and no control: 2.500000",
    ),
    "lost facts of an event": (
        "DELETE FROM revenue_facts WHERE position = 5",
        Law.NO_FACTS,
        "wrong: 2026-01-14 event 5 has a control and no facts: 2.500000",
    ),
    "a control": (
        "UPDATE revenue_controls SET bonus_micro_usd = -1 WHERE position = 5",
        Law.EVENT,
        (
            "wrong: 2026-01-14 event 5 has facts that do not add up to its control: "
            "2.499999 expected, 2.500000 found, 0.000001 too much"
        ),
    ),
    "a total": (
        (
            "UPDATE revenue_totals SET amount_micro_usd = 7 WHERE dimension = 'symbol' "
            "AND name = 'XAUUSD' AND component = 'MARKUP'"
        ),
        Law.TOTALS,
        (
            "wrong: 2026-01-14 symbol XAUUSD, MARKUP the kept total is not the sum of its facts: "
            "2.000000 expected, 0.000007 found, 1.999993 too little"
        ),
    ),
    "a client": (
        "UPDATE revenue_facts SET client_id = 'C9' WHERE position = 5 AND component = 'MARKUP'",
        Law.TOTALS,
        (
            "wrong: 2026-01-14 client_id C2, MARKUP the kept total is not the sum of its facts: "
            "0.000000 expected, 2.000000 found, 2.000000 too much"
        ),
    ),
    "an hour": (
        "UPDATE revenue_facts SET hour = 3 WHERE position = 5",
        Law.HOUR,
        (
            "wrong: 2026-01-14 hour 03 has facts that do not add up to its controls: 0.000000 "
            "expected, 2.500000 found, 2.500000 too much"
        ),
    ),
    "a closed day, consistently": (
        "UPDATE revenue_facts SET client_id = 'C9', region = 'XX' WHERE position = 3",
        Law.SEAL,
        "wrong: 2026-01-13 digest of facts content changed after the day was closed",
    ),
    "a seal": (
        "UPDATE revenue_days SET amount_micro_usd = 0",
        Law.SEAL,
        (
            "wrong: 2026-01-13 sum of facts changed after the day was closed: 0.000000 expected, "
            "12.700000 found, 12.700000 too much"
        ),
    ),
    "what the engine booked": (
        "UPDATE revenue_now SET booked_usd = booked_usd + 0.5",
        Law.ENGINE,
        (
            "wrong: opening of 2026-01-14 to now the facts are not what the engine booked: "
            "3.000000 expected, 2.500000 found, 0.500000 too little"
        ),
    ),
    "which day is corrected": (
        "UPDATE revenue_facts SET corrects_day = '2027-01-01' WHERE position = 5",
        Law.CORRECTION,
        "wrong: 2026-01-14 event 5 corrects a day that is not before it",
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_found_and_named(kept, database, lake, what):
    statement, law, line = TAMPERING[what]
    tamper(database, statement)
    report = check(kept, lake)
    assert report.ok is False
    assert line in [sentence(violation) for violation in report.violations if violation.law == law]
    assert line in shown(report).replace("\n", " ") or len(line) > 150


def test_a_whole_event_that_is_deleted_everywhere_is_missed(kept, database, lake):
    for table, where in (("facts", "position = 5"), ("controls", "position = 5"),
                         ("totals", "day = '2026-01-14'")):  # fmt: skip
        tamper(database, f"DELETE FROM revenue_{table} WHERE {where}")  # noqa: S608 - a test
    report = check(kept, lake)
    assert [sentence(violation) for violation in report.violations] == [
        (
            "wrong: all facts up to event 5 changed after they were kept: 15.200000 expected, "
            "12.700000 found, 2.500000 too little"
        )
    ]


def test_a_missing_file_a_damaged_one_and_one_too_many_are_named(kept, lake):
    path = lake.path(TUESDAY)
    good = path.read_bytes()
    path.unlink()
    assert "day=2026-01-13.parquet is missing" in sentence(check(kept, lake).violations[0])
    path.write_bytes(good[:100])
    assert "day=2026-01-13.parquet is damaged" in sentence(check(kept, lake).violations[0])
    path.write_bytes(good)
    assert check(kept, lake).ok
    lake.write(WEDNESDAY, kept.books(WEDNESDAY).facts)
    assert sentence(check(kept, lake).violations[0]) == (
        "wrong: 2026-01-14 has a file and is not closed in the database"
    )


def test_a_file_with_other_facts_is_named_row_by_row(kept, lake):
    facts = kept.books(TUESDAY).facts
    amount = pl.col("amount_micro_usd")
    lake.write(TUESDAY, facts.with_columns(pl.when(amount > 90_000_000).then(1).otherwise(amount)
                                           .alias("amount_micro_usd")))  # fmt: skip
    assert [sentence(violation) for violation in check(kept, lake).violations] == [
        (
            "wrong: 2026-01-13 event 4 LP_PNL EURUSD A is in the database and not in the file: "
            "98.000000"
        ),
        (
            "wrong: 2026-01-13 event 4 LP_PNL EURUSD A is in the file and not in the database: "
            "0.000001"
        ),
    ]


def test_the_report_is_plain_json(kept, lake):
    told = json.loads(msgspec.json.encode(check(kept, lake)))
    assert told["ok"] is True
    assert told["days"][0]["amount_micro_usd"] == 12_700_000
    assert told["violations"] == []


def test_closing_that_did_not_end_is_shown_and_no_violation(database, lake):
    store = SqlRevenueStore(database, lambda: 1)
    store.add(booking(GOLDEN))
    store.begin_closing(WEDNESDAY)
    report = check(store, lake)
    assert report.ok
    assert report.days[0].state == "closing"
    DayClosing(store, lake, NEW_YORK).close(NOON + DAY)
    assert check(store, lake).days[0].state == "closed"


def test_a_crash_after_the_file_and_before_the_seal_is_finished_by_the_next_start(database, lake):
    store = SqlRevenueStore(database, lambda: 1)
    store.add(booking(GOLDEN))
    store.begin_closing(WEDNESDAY)
    lake.write(TUESDAY, store.books(TUESDAY).facts.head(2))
    store.add(booking(deal(9, NOON, MARKUP=1), ts=NOON + DAY))
    DayClosing(store, lake, NEW_YORK).close(NOON + DAY)
    assert lake.read(TUESDAY).height == 9
    assert check(store, lake).ok
