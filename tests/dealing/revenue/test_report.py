"""The table and the explanation: what adds up to what."""

import pytest
from hypothesis import given

from dealing.revenue.facts import DayOpening, Dimension
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.revenue.ports import Period
from dealing.revenue.report import GROUP_OF, Group, explain, rows, total
from exposure.model.revenue import Component
from tests.dealing.revenue.made_facts import (
    GOLDEN,
    HOUR,
    NOON,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    bonus,
    booking,
    deal,
    events,
    mark,
)

TODAY = Period(TUESDAY, TUESDAY)


def stored(*bookings):
    store = MemoryRevenueStore()
    for one in bookings:
        store.add(one)
    return store


def explained(store, period=TODAY):
    seen = store.summary(period, Dimension.SYMBOL)
    return explain(seen, total(rows(seen.totals)))


def test_every_component_has_a_group():
    assert set(GROUP_OF) == set(Component)


def test_the_golden_trade_reads_as_it_is_told():
    store = stored(booking([*GOLDEN, *bonus(5, -50_000_000)]))
    made = rows(store.summary(TODAY, Dimension.SYMBOL).totals)
    assert [row.name for row in made] == ["EURUSD", ""]
    euro = made[0]
    assert euro.by_group == {
        Group.MARKUP: 7_000_000,
        Group.COMMISSION: 6_000_000,
        Group.SWAP: 2_200_000,
        Group.TRADING: -98_000_000,
        Group.PROVIDERS: 95_500_000,
    }
    assert (euro.total, euro.other) == (12_700_000, 0)
    assert made[1].other == made[1].total == -50_000_000
    assert total(made).total == -37_300_000


@given(events())
def test_every_dimension_has_the_same_total_row(booked):
    store = stored(booking(booked))
    period = Period(TUESDAY, THURSDAY)
    whole = {
        dimension: total(rows(store.summary(period, dimension).totals)).by_group
        for dimension in Dimension
    }
    groups = [{g: usd for g, usd in by_group.items() if usd} for by_group in whole.values()]
    assert all(one == groups[0] for one in groups)


def test_a_day_is_explained_to_the_last_cent():
    opening = DayOpening(TUESDAY, mark(0, floating=100.0, booked=0.0))
    store = stored(booking(GOLDEN, openings=[opening], mark=mark(4, floating=70.5, booked=12.7)))
    seen = explained(store)
    assert {step.name: pytest.approx(step.usd) for step in seen.steps} == {
        "Markup": 7.0,
        "Commission": 6.0,
        "Swap": 2.2,
        "Trading": -2.5,
        "Dividends": 0.0,
        "Adjustments": 0.0,
        "Unrealised": -29.5,
    }
    assert seen.unexplained_usd == pytest.approx(0.0, abs=1e-9)
    assert seen.total_usd == pytest.approx(12.7 - 29.5)


def test_what_the_facts_do_not_say_is_unexplained():
    opening = DayOpening(TUESDAY, mark(0))
    store = stored(booking(GOLDEN, openings=[opening], mark=mark(4, booked=15.0)))
    seen = explained(store)
    assert seen.unexplained_usd == pytest.approx(2.3)
    assert seen.total_usd == pytest.approx(15.0)


def test_facts_around_the_marks_are_no_mystery():
    early = booking(deal(1, MARKUP=5_000_000))
    opening = DayOpening(TUESDAY, mark(1, floating=1.0, booked=5.0))
    tail = deal(9, NOON + HOUR, MARKUP=3_000_000)
    store = stored(
        early,
        booking(deal(2, MARKUP=2_000_000), openings=[opening], mark=mark(2, 4.0, booked=7.0)),
        booking(tail),
    )
    seen = explained(store)
    assert seen.unexplained_usd == pytest.approx(0.0, abs=1e-9)
    assert seen.total_usd == pytest.approx(10.0 + 3.0)


def test_a_past_day_ends_where_the_next_one_opens():
    openings = [
        DayOpening(TUESDAY, mark(0)),
        DayOpening(WEDNESDAY, mark(4, floating=-3.0, booked=12.7)),
    ]
    store = stored(booking(GOLDEN, openings=openings, mark=mark(9, floating=50.0, booked=99.0)))
    seen = explained(store)
    assert (seen.total_usd, seen.end.mark.position) == (pytest.approx(9.7), 4)


def test_nothing_is_explained_before_it_was_measured():
    assert explained(stored(booking(GOLDEN))) is None
    assert explained(stored(booking(GOLDEN, mark=mark(4)))) is None
