"""A copied book answers like the engine that it was taken from, to the bit, wherever it went."""

import asyncio

import pytest
from polars.testing import assert_frame_equal

from dealing.hub_wire import CopyTold, packed, read_from_engine
from dealing.ports import BookTaken
from exposure.risk.book_copy import copy_of, stress_book
from exposure.risk.cascade import cascade_ladder
from exposure.risk.reverse import reverse_stress
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stop_outs import StopOutOrder
from exposure.risk.stress import stress
from exposure.risk.stress_book import StressBook
from tests.exposure.risk.books import given_quotes, random_book


def shock(target, percent):
    return [Shock(target, ShockKind.PERCENT, percent)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("order", list(StopOutOrder))
def test_a_copy_is_stressed_like_its_engine(seed, order):
    engine = random_book(seed, positions=60)
    here, there = StressBook(engine), stress_book(copy_of(engine))
    for target, percent in (("EUR", -8.0), ("USD", 12.0), ("EURUSD", 3.0)):
        ours = stress(here, shock(target, percent), order)
        theirs = stress(there, shock(target, percent), order)
        assert_frame_equal(ours.accounts, theirs.accounts, check_exact=True)
        assert_frame_equal(ours.symbols, theirs.symbols, check_exact=True)
        assert (ours.house, ours.notes) == (theirs.house, theirs.notes)


@pytest.mark.parametrize("seed", range(4))
def test_ladders_and_reverse_stress_are_the_same(seed):
    engine = random_book(seed, positions=60)
    here, there = StressBook(engine), stress_book(copy_of(engine))
    assert cascade_ladder(here, "EURUSD", impact_bps_per_musd=20.0) == cascade_ladder(
        there, "EURUSD", impact_bps_per_musd=20.0
    )
    assert reverse_stress(here, 500.0, ["EUR"]) == reverse_stress(there, 500.0, ["EUR"])


def test_later_events_do_not_change_a_copy():
    engine = random_book(3)
    copy = copy_of(engine)
    before = stress(stress_book(copy), shock("EUR", -5.0)).accounts
    given_quotes(engine, StressBook(engine).shocked(shock("EUR", 4.0)).prices)
    assert_frame_equal(stress(stress_book(copy), shock("EUR", -5.0)).accounts, before)
    assert engine.as_of > copy.as_of


class Bytes:
    def __init__(self, content):
        self.content = content

    async def readexactly(self, count):
        taken, self.content = self.content[:count], self.content[count:]
        return taken


def test_a_copy_comes_out_of_the_socket_as_it_went_in():
    engine = random_book(5)
    taken = BookTaken(copy=copy_of(engine), taken_at=7, took_ms=1.5)
    told = asyncio.run(read_from_engine(Bytes(packed(CopyTold(3, taken)))))
    assert (told.id, told.answer.taken_at, told.answer.took_ms) == (3, 7, 1.5)
    ours = stress(StressBook(engine), shock("EUR", -5.0))
    theirs = stress(stress_book(told.answer.copy), shock("EUR", -5.0))
    assert_frame_equal(ours.accounts, theirs.accounts, check_exact=True)
    assert told.answer.copy.instruments == engine.book.instruments


def test_an_empty_book_can_be_copied():
    engine = random_book(1, positions=0)
    result = stress(stress_book(copy_of(engine)), shock("EUR", -5.0))
    assert result.house == stress(StressBook(engine), shock("EUR", -5.0)).house
