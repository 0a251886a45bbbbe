"""What the revenue screen says, without a browser: figures, sentences, and nothing believed."""

import asyncio
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.desk.panels import revenue, revenue_view
from dealing.desk.panels.revenue_view import (
    DIMENSION_NAMES,
    LISTED,
    PERIOD_NAMES,
    STALE_MS,
    Ask,
    Sources,
    answer,
    parse_ask,
)
from dealing.revenue.facts import DayOpening, Dimension
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.revenue.periods import Choice
from dealing.revenue.reader import RevenueReader
from exposure.errors import StorageError
from tests.dealing.revenue.made_facts import (
    GOLDEN,
    HOUR,
    NEW_YORK,
    NOON,
    TUESDAY,
    WEDNESDAY,
    booking,
    deal,
    fact,
    hedge,
    mark,
)
from tests.desk.scripted_book import FakeSource

KEPT_AT = 1_000_000_000_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NEARLY = st.fixed_dictionaries(
    {
        "dimension": st.sampled_from([*DIMENSION_NAMES, "desk", "x"]) | JSON,
        "period": st.sampled_from([*PERIOD_NAMES, "x"]) | JSON,
        "asked": st.integers() | JSON,
    },
    optional={"first": JSON, "last": JSON},
)


def golden_day(booked=12.7, **end):
    """A store with the golden trade, explained from its opening on."""
    store = MemoryRevenueStore(lambda: KEPT_AT)
    opening = DayOpening(TUESDAY, mark(0, floating=10.0, ts=NEW_YORK.begin(TUESDAY) - 1))
    end = mark(4, floating=4.5, booked=booked, ts=NOON + HOUR, **end)
    store.add(booking(GOLDEN, openings=[opening], mark=end))
    return store


def ask(dimension=Dimension.SYMBOL, period=Choice.TODAY, first="", last=""):
    return Ask(dimension, period, first, last, 7)


def asked(store, what=None, now_ns=KEPT_AT, source=None):
    sources = Sources(RevenueReader(store), source or FakeSource(), NEW_YORK, lambda: now_ns)
    return asyncio.run(answer(what or ask(), sources))


def test_the_tiles_the_total_row_and_the_explanation_are_the_same_figures():
    seen = asked(golden_day())
    assert (seen["state"], seen["asked"], seen["count"]) == ("shown", 7, 1)
    assert seen["total"]["total"] == seen["figures"]["total"] == pytest.approx(12.7)
    assert seen["rows"][0] | {"id": 0, "name": 0} == seen["total"] | {"id": 0, "name": 0}
    steps = dict(seen["explain"]["steps"])
    assert sum(steps.values()) + seen["explain"]["unexplained"] == pytest.approx(
        seen["explain"]["total"]
    )
    assert steps["Trading"] == pytest.approx(seen["figures"]["trading_net"])
    assert steps["Unrealised"] == seen["figures"]["unrealised"] == -5.5
    assert seen["explain"]["unexplained"] == pytest.approx(0.0)
    assert seen["explain"]["material"] is False


@pytest.mark.parametrize("dimension", list(DIMENSION_NAMES))
def test_every_dimension_shows_rows_that_add_up_to_the_total(dimension):
    seen = asked(golden_day(), ask(dimension))
    assert sum(row["total"] for row in seen["rows"]) == pytest.approx(seen["total"]["total"])
    assert len({row["id"] for row in seen["rows"]}) == len(seen["rows"])


def test_rows_are_named_as_people_say():
    store = golden_day()
    store.add(booking([fact(9, "ADJUSTMENT", -1_000_000, symbol="")]))

    def names(dimension):
        return {row["name"] for row in asked(store, ask(dimension))["rows"]}

    assert names(Dimension.SYMBOL) == {"EURUSD", "no symbol"}
    assert names(Dimension.CLIENT) == {"C1", "providers"}
    assert names(Dimension.ASSET_CLASS) == {"FX", "no symbol"}
    assert names(Dimension.HOUR) == {"14:00", "15:00"}
    assert names(Dimension.DAY) == {"2026-01-13"}
    assert names(Dimension.IB) == {"IB1", "no partner"}


def test_an_unexplained_amount_is_pointed_at():
    seen = asked(golden_day(booked=15.0))
    assert seen["explain"]["unexplained"] == pytest.approx(2.3)
    assert seen["explain"]["material"] is True


def test_today_is_the_market_s_day_and_not_the_clock_s(frame):
    source = FakeSource()
    source.publish(frame)
    seen = asked(golden_day(), source=source)
    assert seen["period"] == {
        "first": "2026-01-13", "last": "2026-01-13", "text": "Tue 13 Jan 2026",
    }  # fmt: skip


def test_without_an_engine_today_is_the_day_of_the_newest_figures():
    assert asked(golden_day())["period"]["first"] == "2026-01-13"


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (Choice.YESTERDAY, "Mon 12 Jan 2026"),
        (Choice.WEEK, "Wed 7 Jan 2026 to Tue 13 Jan 2026"),
        (Choice.MONTH, "Thu 1 Jan 2026 to Tue 13 Jan 2026"),
    ],
)
def test_a_period_says_its_days(period, text):
    assert asked(golden_day(), ask(period=period))["period"]["text"] == text


def test_a_period_without_facts_says_so():
    seen = asked(golden_day(), ask(period=Choice.YESTERDAY))
    assert (seen["state"], seen["note"]) == ("empty", "Nothing was booked on Mon 12 Jan 2026.")


def test_a_store_without_anything_says_what_will_come():
    seen = asked(MemoryRevenueStore())
    assert (seen["state"], seen["asked"]) == ("empty", 7)
    assert "what the first deal earns" in seen["note"]


def test_a_custom_period_that_is_none_says_what_to_do():
    seen = asked(golden_day(), ask(period=Choice.CUSTOM, first="2026-01-14", last="2026-01-13"))
    assert seen["state"] == "choose"
    assert "first and a last day" in seen["note"]


def test_a_database_that_is_away_is_said_and_shows_nothing_old():
    class Away(MemoryRevenueStore):
        def now(self):
            raise StorageError("the database db cannot be used: connection refused")

    seen = asked(Away())
    assert seen["state"] == "failed"
    assert seen["note"] == "the database db cannot be used: connection refused."


@pytest.mark.parametrize(("seconds", "age"), [(11, "11 s"), (300, "5 min"), (10_800, "3 h")])
def test_figures_of_today_that_nobody_keeps_any_more_are_not_current(seconds, age):
    seen = asked(golden_day(), now_ns=KEPT_AT + seconds * 10**9)
    assert seen["stale"] is True
    assert f"kept {age} ago" in seen["note"]


def test_fresh_figures_and_those_of_past_days_are_current():
    assert asked(golden_day(), now_ns=KEPT_AT + STALE_MS * 10**6)["stale"] is False
    past = asked(golden_day(), ask(period=Choice.YESTERDAY), now_ns=KEPT_AT + 10**15)
    assert past["stale"] is False


def test_an_opening_that_was_seen_late_says_since_when():
    store = MemoryRevenueStore(lambda: KEPT_AT)
    late = DayOpening(TUESDAY, mark(0, ts=NOON))
    store.add(booking(GOLDEN, openings=[late], mark=mark(4, booked=12.7, ts=NOON + HOUR)))
    assert asked(store)["explain"]["note"] == (
        "Unrealised profit was first measured Tue 13 Jan 2026 14:00:00."
    )
    assert asked(golden_day())["explain"]["note"] == ""


def test_a_past_day_is_explained_up_to_the_next_opening():
    store = golden_day()
    opening = DayOpening(WEDNESDAY, mark(4, floating=1.0, booked=12.7, ts=NOON + 9 * HOUR))
    store.add(booking([], openings=[opening], mark=mark(5, 99.0, 12.7, ts=NOON + 24 * HOUR)))
    seen = asked(store, ask(period=Choice.YESTERDAY))
    assert dict(seen["explain"]["steps"])["Unrealised"] == -9.0
    assert seen["explain"]["until"] == "23:00:00"


def test_a_long_list_is_cut_and_its_total_is_of_all(monkeypatch):
    monkeypatch.setattr(revenue_view, "LISTED", 3)
    store = MemoryRevenueStore(lambda: KEPT_AT)
    booked = hedge(20, LP_PNL=1)
    for k in range(1, 9):
        booked += deal(k, login=str(k), symbol=f"S{k}", MARKUP=k * (-1) ** k * 1_000_000)
    store.add(booking(booked, mark=mark(20)))
    seen = asked(store)
    assert (seen["count"], [row["name"] for row in seen["rows"]]) == (9, ["S8", "S7", "S6"])
    assert seen["total"]["total"] == pytest.approx(4.000001)
    assert LISTED == 2_000


@given(NEARLY | JSON)
def test_a_question_is_parsed_and_never_trusted(given_):
    parsed = parse_ask(given_)
    if parsed is not None:
        assert parsed.dimension in DIMENSION_NAMES
        assert parsed.period in PERIOD_NAMES
        assert max(len(parsed.first), len(parsed.last)) <= 10
        assert isinstance(asked(golden_day(), parsed)["state"], str)


def test_a_good_question_is_understood():
    parsed = parse_ask(
        {"dimension": "ib", "period": "custom", "first": "2026-01-01", "last": None, "asked": 3}
    )
    assert parsed == Ask(Dimension.IB, Choice.CUSTOM, "2026-01-01", "", 3)


def test_every_tile_has_a_figure_and_every_figure_of_a_tile_exists():
    figures = asked(golden_day())["figures"]
    assert {tile.key for tile in revenue.TILES} <= set(figures)
    assert {key for tile in revenue.TILES for _, key in tile.parts} <= set(figures)


def test_every_column_of_the_table_is_in_its_rows():
    row = asked(golden_day())["rows"][0]
    assert {column.field for column in revenue.REVENUE_COLUMNS} <= set(row)


def test_days_are_told_in_the_server_s_calendar():
    assert date(2026, 1, 13) == TUESDAY
    assert asked(golden_day())["explain"]["until"] == "15:00:00"
