"""Every event of a stream of frames is read once, and what may be lost is said."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts.sources.newest import FIRST_LOOK_NS, Newest
from tests.thorough import examples


class Happened(NamedTuple):
    position: int
    ts_event: int = 0
    name: str = ""


def lives(draw):
    """Return events per frame, and how many a frame holds."""
    counts = draw(st.lists(st.integers(0, 6), max_size=12))
    return counts, draw(st.integers(1, 8))


@examples(200)
@given(st.composite(lives)())
def test_each_is_read_once_and_what_did_not_fit_is_a_gap(life):
    counts, kept = life
    ring, told, happened, gaps = deque(maxlen=kept), [], [], 0
    reader = Newest("0", kept)
    for step, count in enumerate(counts, 1):
        # several events may come of one position
        new = [Happened(10 * step, name=f"{step}-{n}") for n in range(count)]
        ring.extend(new)
        happened += new
        found = reader.new(list(ring), 0)
        told += found.events
        gaps += found.gap
        reader = Newest(reader.cursor, kept)  # a restart changes nothing

    assert len(told) == len(set(told))
    assert told == [one for one in happened if one in set(told)]
    lost = set(happened) - set(told)
    assert not lost or gaps
    assert gaps == sum(count >= kept for count in counts)


def test_the_first_look_ever_goes_back_a_minute():
    events = [Happened(1, 0), Happened(2, FIRST_LOOK_NS - 1), Happened(3, FIRST_LOOK_NS)]
    reader = Newest("", 3)

    found = reader.new(events, 2 * FIRST_LOOK_NS - 1)

    assert ([one.position for one in found.events], found.gap) == ([2, 3], False)
    assert reader.cursor == "3"


def test_who_looked_at_nothing_hears_of_all_that_follows():
    reader = Newest("", 3)
    reader.new([], 10**18)

    assert reader.cursor == "0"
    assert reader.new([Happened(1, 0)], 10**18).events == [Happened(1, 0)]


def test_a_cursor_that_is_none_counts_as_never():
    assert Newest("x1", 3).cursor == ""
