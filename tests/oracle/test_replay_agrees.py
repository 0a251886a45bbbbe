"""The replay says of every day exactly what the referee says.

``PLIMSOLL_ORACLE_SEEDS=200 pytest tests/oracle`` compares as many random days.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal

import pytest

from dealing.replay import replay_directory, to_json
from tests.oracle import book
from tests.oracle.agreement import disagreements
from tests.oracle.days import write_day
from tests.oracle.referee import judge
from tests.oracle.ties import write_conversions, write_ties

SEEDS = range(1, 1 + int(os.environ.get("PLIMSOLL_ORACLE_SEEDS", "6")))


def replayed(directory, until_ms=None):
    return json.loads(to_json(replay_directory(directory, until_ms)))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_day_ends_with_the_referees_numbers(tmp_path, seed):
    write_day(tmp_path, seed, size=2_000)
    assert disagreements(replayed(tmp_path), judge(tmp_path)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_of_actions_and_brackets_ends_with_the_referees_numbers(tmp_path, seed):
    write_day(tmp_path, 1_000 + seed, size=800, eventful=True)
    assert disagreements(replayed(tmp_path), judge(tmp_path)) == []


def test_a_crowded_day_ends_with_the_referees_numbers(tmp_path):
    write_day(tmp_path, seed=501, size=6_000, eventful=True)
    assert disagreements(replayed(tmp_path), judge(tmp_path)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_levels_exactly_on_a_threshold_cross_on_the_same_event(tmp_path, seed):
    write_ties(tmp_path, seed, size=1_500)
    assert disagreements(replayed(tmp_path), judge(tmp_path)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_moving_conversion_rate_alone_crosses_on_the_same_event(tmp_path, seed):
    write_conversions(tmp_path, seed, size=1_500)
    assert disagreements(replayed(tmp_path), judge(tmp_path)) == []


@pytest.mark.parametrize("part", [0.02, 0.37, 0.81])
def test_a_replay_stops_after_the_events_of_an_instant(tmp_path, part):
    write_day(tmp_path, seed=77, size=1_200, eventful=True)
    events = book.events(tmp_path)
    until_ms = events[int(len(events) * part)].effective_ms
    said = replayed(tmp_path, float(until_ms))
    assert disagreements(said, judge(tmp_path, Decimal(until_ms))) == []


def test_replaying_a_day_twice_gives_the_same_bytes(tmp_path):
    write_day(tmp_path, seed=78, size=1_200, eventful=True)
    assert to_json(replay_directory(tmp_path)) == to_json(replay_directory(tmp_path))
