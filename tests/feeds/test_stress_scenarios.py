"""The shipped scenarios: every row is one that a book can take, and says where it comes from."""

from __future__ import annotations

import re

import pytest

from exposure.risk.scenarios import applicable, parallel_scenarios
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stress_book import StressBook
from feeds.catalogue import load_catalogue, read_rows
from feeds.catalogue.scenarios import TABLE, load_scenarios
from tests.exposure.builders import Desk

SCENARIOS = load_scenarios()


@pytest.fixture(scope="module")
def catalogue():
    return StressBook(Desk(load_catalogue()).engine)


def named(name):
    return next(one for one in SCENARIOS if one.name == name)


def test_every_scenario_has_moves_a_title_and_a_source():
    assert len(SCENARIOS) >= 20
    for one in SCENARIOS:
        assert re.fullmatch(r"[a-z][a-z0-9_]+", one.name)
        assert one.title
        assert one.source
        assert one.date == "" or re.fullmatch(r"20\d\d-\d\d-\d\d", one.date)


def test_the_rows_of_a_scenario_stand_together_and_agree():
    rows = read_rows(TABLE)
    seen = list(dict.fromkeys(row["scenario"] for row in rows))
    assert [row["scenario"] for row in rows] == sorted(
        (row["scenario"] for row in rows), key=seen.index
    )
    for name in seen:
        assert len({(row["date"], row["title"]) for row in rows if row["scenario"] == name}) == 1
    assert {row["from_memory"] for row in rows} == {"yes", "no"}


def test_the_shipped_instruments_have_everything_that_scenarios_move(catalogue):
    for one in SCENARIOS:
        shocks, notes = applicable(one, catalogue)
        assert shocks == one.shocks
        assert notes == []


def test_the_swiss_franc_is_the_one_of_the_contract():
    assert named("snb2015").shocks == (Shock("EURCHF", ShockKind.PRICE, 1.02, 1.201),)


def test_the_lira_and_the_yen_move_their_pairs_as_they_did():
    lira, yen = named("try2021").shocks[0], named("jpy_flash2019").shocks[0]
    assert 1.0 / (1.0 + lira.value / 100.0) == pytest.approx(8.4850 / 7.2185, abs=1e-3)
    assert 1.0 / (1.0 + yen.value / 100.0) == pytest.approx(105.25 / 108.76, abs=1e-3)
    assert 18.27 + named("wti2020").shocks[0].value == pytest.approx(-37.63)
    assert 18.27 + named("wti2020_low").shocks[0].value == pytest.approx(-40.32)


def test_what_nobody_checked_is_marked():
    from_memory = {one.name for one in SCENARIOS if one.from_memory}
    assert from_memory == {
        "snb2015_print", "oil2020_currencies", "covid2020", "yen2024", "weekend_gap",
    }  # fmt: skip


def test_every_currency_moves_alone_both_ways(catalogue):
    names = [one.name for one in parallel_scenarios(catalogue.targets)]
    assert names[:4] == ["AUD+1", "AUD-1", "AUD+3", "AUD-3"]
    assert {"CHF+10", "CHF-10", "USD+5", "XAU-1"} <= set(names)
    assert len(names) == len(set(names))
