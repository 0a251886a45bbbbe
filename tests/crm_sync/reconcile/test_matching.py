"""Matching as a whole: against a referee, in any order of rows, and with planted faults."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from crm_sync.reconcile.planting import planted
from crm_sync.reconcile.reconciling import reconcile
from crm_sync.reconcile.schema import BreakClass, Leg
from tests.crm_sync.reconcile.books import BOOKS, TERMS, cases_of, reconciled
from tests.crm_sync.reconcile.referee import judged, rows_of
from tests.thorough import examples


@examples(90)
@given(BOOKS)
def test_a_referee_that_goes_row_by_row_finds_the_same(book):
    assert cases_of(reconciled(**book)) == judged(book, TERMS)


@examples(10)
@given(BOOKS)
def test_every_row_is_once_on_each_of_its_legs_in_a_match_or_a_break(book):
    places = reconciled(**book).places
    due = Counter(
        (leg.value, row.side.value, row.place)
        for leg in Leg
        for rows in rows_of(book, leg)
        for row in rows
    )
    assert Counter(places.select("leg", "side", "row").iter_rows()) == due


@examples(10)
@given(BOOKS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(book, chance):
    named = {
        side: [row | {"id": f"{side} {n}"} for n, row in enumerate(rows)]
        for side, rows in book.items()
    }
    shuffled = {side: chance.sample(rows, len(rows)) for side, rows in named.items()}
    before, after = reconciled(**named), reconciled(**shuffled)
    assert after.breaks.equals(before.breaks)
    assert _by_name(shuffled, after) == _by_name(named, before)


def _by_name(book, reconciliation):
    return {
        (word, frozenset((leg, book[side][row]["id"]) for leg, side, row in members))
        for word, members in cases_of(reconciliation)
    }


@examples(10)
@given(BOOKS)
def test_every_break_has_an_id_of_its_own_and_the_same_in_every_run(book):
    first, again = reconciled(**book).breaks, reconciled(**book).breaks
    assert first["id"].is_unique().all()
    assert first.equals(again)


@examples(12)
@given(st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_as_many_faults_as_are_planted_are_found_and_no_others(per_class, seed):
    book = planted(300, per_class, seed)
    found = reconcile(*book.frames, book.terms).breaks
    assert Counter(found.select("class", "ref").iter_rows()) == Counter(
        (word.value, ref) for word, refs in book.faults.items() for ref in refs
    )
    assert {word.value for word in BreakClass} == {word.value for word in book.faults}
