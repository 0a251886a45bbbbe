"""What every RevenueStore does: the fake, SQLite and PostgreSQL answer alike."""

import csv
import hashlib
import io
from datetime import date

import polars as pl
import pytest

from dealing.revenue.facts import CONTROL_SCHEMA, FACT_SCHEMA, TOTAL_SCHEMA, DayOpening, Dimension
from dealing.revenue.frames import seal_of
from dealing.revenue.ports import DayState, Period
from exposure.model.events import CashBooked
from tests.dealing.revenue.made_facts import (
    BOOKS,
    GOLDEN,
    HOUR,
    NEW_YORK,
    NOON,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    bonus,
    booking,
    deal,
    fact,
    mark,
)

DAY = 24 * HOUR
ONE_DAY = Period(TUESDAY, TUESDAY)


def by_name(table):
    return {(name, part): usd for name, part, usd in table.iter_rows()}


def sums(table):
    return dict(table.group_by("name").agg(pl.col("amount_micro_usd").sum()).iter_rows())


def test_an_empty_store_knows_nothing(store):
    seen = store.summary(ONE_DAY, Dimension.SYMBOL)
    assert seen.totals.height == 0
    assert (seen.opening, seen.closing, seen.now, store.now()) == (None, None, None, None)
    assert store.days() == []
    assert store.books(TUESDAY).facts.schema == pl.Schema(FACT_SCHEMA)
    assert store.books(TUESDAY).controls.schema == pl.Schema(CONTROL_SCHEMA)
    assert store.books(TUESDAY).totals.schema == pl.Schema(TOTAL_SCHEMA)
    assert store.begin_closing(WEDNESDAY) == []


def test_facts_come_back_as_they_were_booked(store):
    store.add(booking(GOLDEN))
    rows = store.books(TUESDAY).facts
    assert rows.height == 9
    first = rows.row(0, named=True)
    expected = BOOKS.facts([fact(1, "BBOOK_PNL", -4_000_000)])[0]
    assert first["ts_event"].timestamp() * 1e9 == expected.ts_event
    assert {name: first[name] for name in FACT_SCHEMA if name != "ts_event"} == {
        name: getattr(expected, name) for name in FACT_SCHEMA if name != "ts_event"
    }
    assert rows["amount_micro_usd"].sum() == 12_700_000
    assert store.books(TUESDAY).controls["position"].to_list() == [1, 2, 3, 4]
    assert store.books(TUESDAY).controls["lp_net_micro_usd"].to_list() == [
        0,
        -2_500_000,
        0,
        93_000_000,
    ]


def test_rows_are_sorted_by_their_key_whatever_a_collation_says(store):
    booked = [fact(1, "MARKUP", 1, login=login) for login in ("a", "B", "_", "ä", "")]
    store.add(booking(booked))
    assert store.books(TUESDAY).facts["login"].to_list() == ["", "B", "_", "a", "ä"]


def test_what_comes_again_changes_nothing(store):
    store.add(booking(GOLDEN))
    before = store.books(TUESDAY).facts, store.books(TUESDAY).totals
    store.add(booking(GOLDEN))
    more = [*GOLDEN, *deal(5, MARKUP=1_000_000)]
    store.add(booking(more))
    store.add(booking([fact(1, "MARKUP", 999_999)]))
    assert store.books(TUESDAY).facts.filter(pl.col("position") < 5).equals(before[0])
    assert store.books(TUESDAY).facts["amount_micro_usd"].sum() == 13_700_000
    assert sums(store.summary(ONE_DAY, Dimension.DAY).totals) == {"2026-01-13": 13_700_000}


def test_one_event_may_have_a_control_in_each_currency(store):
    store.add(booking([CashBooked(NOON, 1, client_net_micro_usd=5, currency="USD"),
                       *deal(1, MARKUP=5)]))  # fmt: skip
    store.add(booking([CashBooked(NOON, 1, client_net_micro_usd=7, currency="EUR")]))
    assert store.books(TUESDAY).controls.select("currency", "client_net_micro_usd").rows() == [
        ("", 5), ("EUR", 7), ("USD", 5),
    ]  # fmt: skip


def test_the_same_deal_may_earn_in_two_books(store):
    store.add(booking([fact(1, book="A", amount=1), fact(1, book="B", amount=2)]))
    assert store.books(TUESDAY).facts.select("book", "amount_micro_usd").rows() == [
        ("A", 1),
        ("B", 2),
    ]


def test_one_booking_may_hold_the_same_fact_twice(store):
    store.add(booking([*GOLDEN, *GOLDEN]))
    assert store.books(TUESDAY).facts.height == 9
    assert store.books(TUESDAY).controls.height == 4


def test_a_fact_that_waited_for_its_rate_comes_behind_later_ones(store):
    store.add(booking(deal(7, MARKUP=5)))
    store.add(booking(deal(3, MARKUP=2)))
    assert store.books(TUESDAY).facts["position"].to_list() == [3, 7]
    assert store.books(TUESDAY).facts["amount_micro_usd"].sum() == 7


@pytest.mark.parametrize("dimension", list(Dimension))
def test_the_totals_of_every_dimension_are_the_same_sum(store, dimension):
    store.add(booking([*GOLDEN, *bonus(5, -50_000_000)]))
    totals = store.summary(ONE_DAY, dimension).totals
    assert totals["amount_micro_usd"].sum() == 12_700_000 - 50_000_000


def test_totals_are_by_name_and_component(store):
    store.add(booking([*GOLDEN, *deal(6, login="2001", symbol="EURUSD.pro", MARKUP=1)]))
    by_symbol = by_name(store.summary(ONE_DAY, Dimension.SYMBOL).totals)
    assert by_symbol["EURUSD", "MARKUP"] == 7_000_000
    assert by_symbol["EURUSD.pro", "MARKUP"] == 1
    by_underlying = by_name(store.summary(ONE_DAY, Dimension.UNDERLYING).totals)
    assert by_underlying["EURUSD", "MARKUP"] == 7_000_001
    by_hour = sums(store.summary(ONE_DAY, Dimension.HOUR).totals)
    assert by_hour == {"14": -2_500_000 + 1, "15": 15_200_000}
    by_book = sums(store.summary(ONE_DAY, Dimension.BOOK).totals)
    assert by_book == {"A": 90_500_000, "B": -77_800_000 + 1}


def test_a_period_adds_up_its_days(store):
    store.add(booking([*deal(1, MARKUP=1), *deal(2, NOON + DAY, MARKUP=10),
                       *deal(3, NOON + 2 * DAY, MARKUP=100)]))  # fmt: skip
    period = Period(TUESDAY, WEDNESDAY)
    assert by_name(store.summary(period, Dimension.SYMBOL).totals) == {("EURUSD", "MARKUP"): 11}
    assert sums(store.summary(Period(WEDNESDAY, THURSDAY), Dimension.DAY).totals) == {
        "2026-01-14": 10,
        "2026-01-15": 100,
    }


def test_the_newest_mark_says_what_was_booked_up_to_its_position(store):
    store.add(booking(GOLDEN, mark=mark(2, floating=-5.5, booked=1.25)))
    kept = store.now()
    assert kept.mark == mark(2, floating=-5.5, booked=1.25)
    assert kept.facts_micro_usd == -2_500_000
    store.add(booking([], mark=mark(4, booked=12.7, ts=NOON + 5)))
    assert store.now().facts_micro_usd == 12_700_000
    assert store.now().kept_at > kept.kept_at
    assert store.summary(ONE_DAY, Dimension.SYMBOL).now == store.now()


def test_the_first_opening_of_a_day_counts(store):
    store.add(booking(GOLDEN, openings=[DayOpening(WEDNESDAY, mark(3, 1.0, 2.0))]))
    store.add(booking([], openings=[DayOpening(WEDNESDAY, mark(4, 9.0, 9.0))]))
    seen = store.summary(Period(WEDNESDAY, THURSDAY), Dimension.SYMBOL)
    assert seen.opening.mark == mark(3, 1.0, 2.0)
    assert seen.opening.facts_micro_usd == -2_500_000 - 77_800_000 + 0
    assert seen.closing is None
    assert store.openings() == [(WEDNESDAY, seen.opening)]


def test_a_period_lies_between_two_openings(store):
    openings = [DayOpening(day, mark(k)) for k, day in enumerate((TUESDAY, WEDNESDAY, THURSDAY))]
    store.add(booking([], openings=openings))
    seen = store.summary(Period(date(2026, 1, 10), TUESDAY), Dimension.SYMBOL)
    assert (seen.opening.mark.position, seen.closing.mark.position) == (0, 1)
    seen = store.summary(Period(WEDNESDAY, THURSDAY), Dimension.SYMBOL)
    assert (seen.opening.mark.position, seen.closing) == (1, None)


def test_a_day_that_is_closing_takes_no_more(store):
    store.add(booking(GOLDEN))
    assert store.begin_closing(WEDNESDAY) == [TUESDAY]
    store.add(booking(deal(5, NOON + HOUR, MARKUP=1), ts=NOON + DAY + 3 * HOUR))
    assert store.books(TUESDAY).facts.height == 9
    late = store.books(WEDNESDAY).facts.row(0, named=True)
    assert (late["day"], late["hour"], late["corrects_day"]) == (WEDNESDAY, 17, TUESDAY)
    assert late["ts_event"].timestamp() * 1e9 == NOON + HOUR
    assert store.books(WEDNESDAY).controls["corrects_day"].to_list() == [TUESDAY]
    assert sums(store.summary(Period(WEDNESDAY, WEDNESDAY), Dimension.HOUR).totals) == {"17": 1}


def test_a_fact_of_a_closed_day_that_comes_again_stays_there(store):
    store.add(booking(GOLDEN))
    store.begin_closing(WEDNESDAY)
    store.add(booking(GOLDEN, ts=NOON + DAY))
    assert store.books(TUESDAY).facts.height == 9
    assert store.books(WEDNESDAY).facts.height == 0


def test_an_engine_that_stands_in_a_closed_day_books_into_the_next_one(store):
    store.add(booking(GOLDEN))
    store.begin_closing(WEDNESDAY)
    store.add(booking(deal(9, MARKUP=1), ts=NOON))
    assert store.books(WEDNESDAY).facts.select("hour", "corrects_day").row(0) == (0, TUESDAY)


def test_closing_that_was_begun_is_begun_again_until_it_is_sealed(store):
    store.add(booking([*GOLDEN, *deal(8, NOON + DAY, MARKUP=1)]))
    assert store.begin_closing(WEDNESDAY) == [TUESDAY]
    assert store.begin_closing(THURSDAY) == [TUESDAY, WEDNESDAY]
    assert store.days() == [DayState(TUESDAY, True, None), DayState(WEDNESDAY, True, None)]
    seal = seal_of(store.books(TUESDAY).facts, store.books(TUESDAY).controls)
    store.seal(TUESDAY, seal)
    assert store.begin_closing(THURSDAY) == [WEDNESDAY]
    assert store.days()[0] == DayState(TUESDAY, True, seal)


def test_a_sealed_day_keeps_its_first_seal(store):
    store.add(booking(GOLDEN))
    store.begin_closing(WEDNESDAY)
    seal = seal_of(store.books(TUESDAY).facts, store.books(TUESDAY).controls)
    store.seal(TUESDAY, seal)
    store.seal(TUESDAY, seal._replace(facts=0, facts_digest="other"))
    assert store.days()[0].seal == seal


def test_days_without_anything_are_not_closed(store):
    store.add(booking(deal(1, NOON + 3 * DAY, MARKUP=1)))
    assert store.begin_closing(date(2026, 2, 1)) == [date(2026, 1, 16)]


def test_a_digest_is_that_of_a_plain_csv_with_every_cell_quoted(store):
    store.add(booking([*GOLDEN, fact(5, "ADJUSTMENT", -1, login='odd"\n,x', symbol="")]))
    seal = seal_of(store.books(TUESDAY).facts, store.books(TUESDAY).controls)
    assert (seal.facts, seal.controls, seal.amount_micro_usd) == (10, 4, 12_699_999)
    assert seal.facts_digest == as_csv_digest(store.books(TUESDAY).facts)
    assert seal.controls_digest == as_csv_digest(store.books(TUESDAY).controls)


def as_csv_digest(table):
    text = io.StringIO()
    rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    rows.writerow(table.columns)
    rows.writerows(table.with_columns(pl.col("ts_event").cast(pl.Int64)).iter_rows())
    return hashlib.sha256(text.getvalue().encode()).hexdigest()


def test_amounts_of_any_size_a_database_keeps_stay_exact(store):
    huge = 2**62
    store.add(booking([fact(1, "MARKUP", huge), fact(2, "BBOOK_PNL", -huge + 1)]))
    assert store.books(TUESDAY).facts["amount_micro_usd"].to_list() == [huge, -huge + 1]
    assert by_name(store.summary(ONE_DAY, Dimension.SYMBOL).totals) == {
        ("EURUSD", "MARKUP"): huge,
        ("EURUSD", "BBOOK_PNL"): -huge + 1,
    }


def test_hostile_names_are_kept_as_text(store):
    names = ["'; DROP TABLE revenue_facts; --", "\0zero", "=1+1", "日本", " ", "x" * 5_000]
    store.add(booking([fact(k, login=name, symbol=name) for k, name in enumerate(names, 1)]))
    kept = store.books(TUESDAY).facts.sort("position")["login"].to_list()
    assert kept == ["'; DROP TABLE revenue_facts; --", "\ufffdzero", *names[2:]]


def test_an_hour_is_that_of_the_servers_clock(store):
    bell = NEW_YORK.begin(WEDNESDAY)
    store.add(booking([*deal(1, bell - 1, MARKUP=1), *deal(2, bell, MARKUP=2)]))
    assert store.books(TUESDAY).facts.select("hour", "amount_micro_usd").row(0) == (23, 1)
    assert store.books(WEDNESDAY).facts.select("hour", "amount_micro_usd").row(0) == (0, 2)
