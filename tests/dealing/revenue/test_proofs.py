"""The laws hold for whatever the engine may book, and a single changed row breaks one."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.revenue.facts import Dimension
from dealing.revenue.frames import seal_of
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.revenue.ports import KeptMark, Period
from dealing.revenue.proofs import (
    Law,
    books_violations,
    engine_violations,
    file_violations,
    mark_violations,
    seal_violations,
    sums_by,
)
from tests.dealing.revenue.made_facts import (
    GOLDEN,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    booking,
    events,
    mark,
)
from tests.thorough import examples

DAYS = (TUESDAY, WEDNESDAY, THURSDAY)


def stored(booked):
    store = MemoryRevenueStore()
    store.add(booking(booked))
    return store


def laws(violations):
    return {violation.law for violation in violations}


@examples(40)
@given(events())
def test_every_law_holds_for_balanced_events_in_any_hours(booked):
    store = stored(booked)
    for day in DAYS:
        books = store.books(day)
        assert books_violations(day, books) == []
        assert len(set(sums_by(books.facts).values())) <= 1


@examples(40)
@given(events())
def test_a_period_is_the_sum_of_its_days_by_every_dimension(booked):
    store = stored(booked)
    expected = sum(int(store.books(day).facts["amount_micro_usd"].sum()) for day in DAYS)
    for dimension in Dimension:
        totals = store.summary(Period(TUESDAY, THURSDAY), dimension).totals
        assert totals["amount_micro_usd"].sum() == expected


@examples(40)
@given(events(), st.data())
def test_any_changed_amount_breaks_its_event_its_hour_and_its_day(booked, data):
    store = stored(booked)
    day = next(day for day in DAYS if store.books(day).facts.height)
    books = store.books(day)
    row = data.draw(st.integers(0, books.facts.height - 1))
    change = data.draw(st.integers(-(10**9), 10**9).filter(bool))
    nth = pl.int_range(pl.len()) == row
    amount = pl.when(nth).then(pl.col("amount_micro_usd") + change).otherwise("amount_micro_usd")
    facts = books.facts.with_columns(amount.alias("amount_micro_usd"))
    found = books_violations(day, books._replace(facts=facts))
    assert {Law.EVENT, Law.HOUR, Law.DAY, Law.TOTALS} <= laws(found)
    by_law = {violation.law: violation for violation in found}
    assert by_law[Law.DAY].found - by_law[Law.DAY].expected == change
    assert by_law[Law.EVENT].where == f"event {books.facts['position'][row]}"


@examples(40)
@given(events(), st.data())
def test_any_lost_event_is_seen_in_the_totals(booked, data):
    store = stored(booked)
    day = next(day for day in DAYS if store.books(day).facts.height)
    books = store.books(day)
    lost = data.draw(st.sampled_from(sorted(set(books.facts["position"]))))
    keep = pl.col("position") != lost
    was = books.facts.filter(~keep).group_by("component").agg(pl.col("amount_micro_usd").sum())
    found = books_violations(
        day, books._replace(facts=books.facts.filter(keep), controls=books.controls.filter(keep))
    )
    assert (Law.TOTALS in laws(found)) == bool((was["amount_micro_usd"] != 0).any())


def golden():
    return stored(GOLDEN).books(TUESDAY)


def test_facts_without_a_control_and_controls_without_facts_are_named():
    books = golden()
    found = books_violations(TUESDAY, books._replace(controls=books.controls.slice(1)))
    assert found[0].law is Law.NO_CONTROL
    assert (found[0].where, found[0].expected, found[0].found) == ("event 1", None, 0)
    lonely = books._replace(facts=books.facts.filter(pl.col("position") != 4))
    found = books_violations(TUESDAY, lonely)
    assert found[0].law is Law.NO_FACTS
    assert (found[0].where, found[0].expected) == ("event 4", 93_000_000)


def test_a_fact_that_is_there_twice_is_a_duplicate():
    books = golden()
    twice = pl.concat([books.facts, books.facts.head(1)])
    found = books_violations(TUESDAY, books._replace(facts=twice))
    assert found[0].law is Law.DUPLICATE
    assert found[0].where == "event 1 BBOOK_PNL 1001 EURUSD B"
    assert (found[0].expected, found[0].found) == (1, 2)


def test_a_moved_hour_breaks_two_hours_and_no_day():
    books = golden()
    hour = pl.when(pl.col("position") == 4).then(20).otherwise("hour").cast(pl.Int8)
    found = books_violations(TUESDAY, books._replace(facts=books.facts.with_columns(hour=hour)))
    assert [v.where for v in found if v.law is Law.HOUR] == ["hour 15", "hour 20"]
    assert Law.DAY not in laws(found)


def test_a_fact_that_went_to_another_client_shows_in_the_totals():
    books = golden()
    client = pl.when(pl.col("component") == "COMMISSION").then(pl.lit("C9")).otherwise("client_id")
    moved = books.facts.with_columns(client_id=client)
    found = books_violations(TUESDAY, books._replace(facts=moved))
    assert {(v.law, v.where) for v in found} == {
        (Law.TOTALS, "client_id C1, COMMISSION"),
        (Law.TOTALS, "client_id C9, COMMISSION"),
    }


def test_a_correction_points_backwards():
    books = golden()
    facts = books.facts.with_columns(corrects_day=pl.lit(TUESDAY))
    assert laws(books_violations(TUESDAY, books._replace(facts=facts))) == {Law.CORRECTION}
    assert books_violations(WEDNESDAY, books._replace(facts=facts)) == []


def test_a_sealed_day_that_changed_says_what_and_how_much():
    books = golden()
    seal = seal_of(books.facts, books.controls)
    assert seal_violations(TUESDAY, books, seal) == []
    found = seal_violations(TUESDAY, books._replace(facts=books.facts.slice(1)), seal)
    assert [(v.where, v.expected, v.found) for v in found] == [
        ("facts", 9, 8),
        ("sum of facts", 12_700_000, 16_700_000),
        ("digest of facts", None, None),
    ]
    renamed = books.controls.with_columns(currency=pl.lit("EUR"))
    found = seal_violations(TUESDAY, books._replace(controls=renamed), seal)
    assert [v.where for v in found] == ["digest of controls"]


def test_a_file_is_equal_to_the_last_cell():
    books = golden()
    assert file_violations(TUESDAY, books, books.facts) == []
    found = file_violations(TUESDAY, books, books.facts.slice(1))
    assert [(v.where, v.expected, v.found) for v in found] == [
        ("event 1 BBOOK_PNL 1001 EURUSD B", -4_000_000, None)
    ]
    other = books.facts.with_columns(deal_id=pl.lit("D1"))
    assert len(file_violations(TUESDAY, books, other)) == 18
    assert file_violations(TUESDAY, books, books.facts.reverse())[0].where == "rows"
    assert file_violations(TUESDAY, books, books.facts.drop("desk"))[0].where == "columns"


def kept(position, booked, facts):
    return KeptMark(mark(position, booked=booked), facts, 0)


def test_facts_are_what_the_engine_itself_added_up_within_its_rounding():
    openings = [(TUESDAY, kept(1, 100.0, 0)), (WEDNESDAY, kept(5, 112.7, 12_700_000))]
    assert engine_violations(openings, kept(9, 112.7000001, 12_700_000)) == []
    found = engine_violations(openings, kept(9, 113.7, 12_700_000))
    assert [(v.where, v.expected, v.found) for v in found] == [
        ("opening of 2026-01-14 to now", 1_000_000, 0)
    ]
    assert engine_violations([], None) == []
    assert engine_violations([], kept(1, 5.0, 0)) == []


def test_a_whole_event_that_vanished_from_a_resting_store_is_missed():
    assert mark_violations(kept(9, 12.7, 12_700_000), 12_700_000) == []
    (found,) = mark_violations(kept(9, 12.7, 12_700_000), 10_000_000)
    assert (found.law, found.where) == (Law.ENGINE, "all facts up to event 9")


@pytest.mark.parametrize("size", [10**18, -(10**18)])
def test_large_amounts_are_compared_to_the_last_millionth(size):
    books = golden()
    facts = books.facts.with_columns(amount_micro_usd=pl.lit(size))
    found = [
        v for v in books_violations(TUESDAY, books._replace(facts=facts)) if v.law is Law.EVENT
    ]
    assert found[1].found == size
