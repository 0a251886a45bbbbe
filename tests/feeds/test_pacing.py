"""Market time against wall time, with a clock moved by hand."""

import pytest

from feeds.pacing import PATIENCE_NS, Metronome, Pace, Speedometer

MS = 1_000_000
SECOND = 1_000_000_000


class HandClock:
    def __init__(self):
        self.now = 5 * SECOND

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return HandClock()


@pytest.mark.parametrize(
    ("speed", "market_ms", "wall_ms"),
    [
        (1, 100, 100),
        (0.5, 50, 100),
        (5, 500, 100),
        (10, 1000, 100),
        (50, 1000, 20),
        (100, 1000, 10),
    ],
)
def test_steps_grow_with_the_speed_up_to_a_second_of_market_time(speed, market_ms, wall_ms):
    pace = Pace(speed)
    assert (pace.market_step_ns, pace.wall_step_ns) == (market_ms * MS, wall_ms * MS)


def test_a_metronome_does_not_drift(clock):
    metronome = Metronome(100 * MS, clock)
    clock.now += 30 * MS
    assert metronome.rest_ns() == 70 * MS
    clock.now += 70 * MS + 5 * MS
    assert metronome.rest_ns() == 95 * MS


def test_a_late_metronome_catches_up_what_is_short_and_gives_up_what_is_long(clock):
    metronome = Metronome(100 * MS, clock)
    clock.now += 250 * MS
    assert [metronome.rest_ns() for _ in range(3)] == [0, 0, 50 * MS]
    clock.now += 60 * SECOND
    rests = [metronome.rest_ns() for _ in range(PATIENCE_NS // (100 * MS) + 2)]
    assert rests == [0] * (len(rests) - 1) + [100 * MS]


def test_a_speedometer_reads_once_a_second_what_happened_since(clock):
    meter = Speedometer(7 * SECOND, clock)
    meter.passed(30)
    clock.now += SECOND - 1
    assert meter.read(20 * SECOND) is None
    clock.now += SECOND + 1
    assert meter.read(37 * SECOND) == (15.0, 15.0)
    clock.now += 2 * SECOND
    assert meter.read(37 * SECOND) == (0.0, 0.0)
