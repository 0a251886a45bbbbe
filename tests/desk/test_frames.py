"""What goes over the wire: ticks that can be missed, and full frames that repair."""

import orjson
import pytest

from dealing.desk.frames import FrameBuilder
from dealing.desk.options import DeskOptions
from dealing.desk.panels.tiles import TILES
from exposure.model.events import BreakFound, LimitBreached, MarginLevelCrossed
from tests.desk.scripted_book import START, ScriptedBook

SECOND = 1_000_000_000


@pytest.fixture
def builder():
    return FrameBuilder(DeskOptions())


def told(frame, **changes):
    """The same frame with another snapshot."""
    fields = frame.snapshot.__struct_fields__
    snapshot = {name: getattr(frame.snapshot, name) for name in fields} | changes
    outer = {name: getattr(frame, name) for name in frame.__struct_fields__}
    return type(frame)(**outer | {"snapshot": type(frame.snapshot)(**snapshot)})


def crossing(position, kind="margin_call"):
    return MarginLevelCrossed(START, position, "10001", kind, 99.0)


def hear(builder, frame, now=START):
    return orjson.loads(builder.tick(frame, now))


def test_the_first_message_is_full_and_the_next_ones_are_not(builder, frame):
    assert hear(builder, frame)["type"] == "full"
    assert hear(builder, frame)["type"] == "tick"


def test_a_tick_has_every_figure_but_no_definitions(builder, frame):
    hear(builder, frame)
    tick = hear(builder, frame)
    assert "definitions" not in tick
    assert set(tick["views"]) == {"symbol", "underlying", "class", "currency", "total"}
    assert all(len(column) == 62 for column in tick["views"]["symbol"].values())
    assert {tile.figure.format(side="house", book="all") for tile in TILES} <= set(tick["figures"])


def test_a_message_is_small_enough_to_send_five_times_a_second(builder, frame):
    hear(builder, frame)
    assert len(builder.tick(frame, START)) < 80_000


def test_missing_figures_are_null_and_never_nan(builder, frame):
    raw = builder.tick(frame, START)
    assert b"NaN" not in raw
    assert b"Infinity" not in raw


def test_the_age_counts_from_when_the_engine_sent_it(builder, frame):
    assert hear(builder, frame, START + 2 * SECOND)["age_ms"] == 2_000.0
    assert orjson.loads(builder.full(1_500.0))["age_ms"] == 3_500.0


def test_a_tick_repeats_the_crossings_of_the_last_seconds_and_no_older_ones(builder, frame):
    hear(builder, told(frame, position=10, crossings=[crossing(7)]))
    soon = hear(builder, told(frame, position=10, crossings=[crossing(7)]), START + 4 * SECOND)
    assert [row["id"] for row in soon["crossings"]] == ["7/10001/margin_call"]
    both = told(frame, position=12, crossings=[crossing(7), crossing(11)])
    later = hear(builder, both, START + 6 * SECOND)
    assert [row["id"] for row in later["crossings"]] == ["11/10001/margin_call"]


def test_two_thresholds_crossed_by_one_event_are_two_rows(builder, frame):
    both = [crossing(7), crossing(7, "stop_out")]
    rows = hear(builder, told(frame, position=10, crossings=both))["crossings"]
    assert len({row["id"] for row in rows}) == 2


def test_breaches_stand_between_crossings_where_they_happened(builder, frame):
    breached = LimitBreached(START, 8, "symbol", "EURUSD", "hard", 2.0, 1.0)
    both = told(frame, position=10, crossings=[crossing(7), crossing(9)], breaches=[breached])
    rows = hear(builder, both)["crossings"]
    assert [row["id"].split("/")[0] for row in rows] == ["7", "8", "9"]
    later = hear(builder, told(both, position=11), START + 6 * SECOND)
    assert later["crossings"] == []


def test_a_full_frame_repeats_what_was_sent_before(builder, frame):
    hear(builder, told(frame, position=10, crossings=[crossing(7)]))
    hear(builder, told(frame, position=20, crossings=[crossing(7), crossing(15)]))
    full = orjson.loads(builder.full(0.0))
    assert [row["id"][:2] for row in full["crossings"]] == ["7/", "15"]
    assert len(full["points"]) == 1
    assert full["trends"]["mids"]["EURUSD"]


def test_breaks_travel_like_crossings(builder, frame):
    broken = [BreakFound(START, 4, "bad_deal", "lots must be positive", deal_id="D9")]
    first = hear(builder, told(frame, position=5, breaks=broken))
    assert len(first["breaks"]) == 1
    assert first["break_kinds"] == [["bad_deal", 1]]
    later = hear(builder, told(frame, position=6, breaks=broken), START + 6 * SECOND)
    assert later["breaks"] == []


def test_an_engine_that_starts_over_is_a_new_story(builder, frame):
    hear(builder, told(frame, position=100, crossings=[crossing(90)]))
    anew = hear(builder, told(frame, position=3, crossings=[crossing(2)]))
    assert anew["type"] == "full"
    assert [row["id"] for row in anew["crossings"]] == ["2/10001/margin_call"]


def test_a_new_instrument_makes_the_next_message_full(builder, frame):
    hear(builder, frame)
    fewer = told(frame, exposure=frame.snapshot.exposure.head(10))
    message = hear(builder, fewer)
    assert message["type"] == "full"
    assert len(message["definitions"]["symbol"]["names"]) == 10


def test_rows_of_a_moving_market_agree_with_their_tiles(builder):
    broker = ScriptedBook(accounts=20, positions=80)
    for _ in range(5):
        broker.step()
        message = hear(builder, broker.frame(sent_at=START))
        net = sum(value or 0.0 for value in message["views"]["underlying"]["house_value_all"])
        assert net == pytest.approx(message["figures"]["net_house_all"], abs=1.0)
