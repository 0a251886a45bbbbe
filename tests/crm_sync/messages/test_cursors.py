"""Cursors: what no webhook told is found, the overlap is harmless, a round that was cut goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.database import database_at
from crm_sync.messages.cursors import Cursor, Puller, Stream
from crm_sync.messages.errors import DeliveryError
from crm_sync.messages.ports import Page
from crm_sync.messages.tables import CURSORS, INBOX
from crm_sync.providers.standard import Standard
from dealing.storage.migrate import upgrade
from tests.crm_sync.messages.parts import TAKEN, desk_on, payment
from tests.thorough import examples

PAGE = 3


class OtherSide:
    """A system whose changes have times, in pages; it can go away in the middle."""

    def __init__(self):
        self.changes = []
        self.asked = []
        self.away_after = 10**9

    def page(self, since_us, cursor):
        if len(self.asked) >= self.away_after:
            raise DeliveryError("away")
        self.asked.append((since_us, cursor))
        begin = int(cursor or 0)
        found = sorted(change for change in self.changes if change[0] >= since_us)
        part = found[begin : begin + PAGE]
        more = str(begin + PAGE) if len(found) > begin + PAGE else ""
        return Page(tuple(body for _, body in part), max((at for at, _ in part), default=0), more)


def stream_of(source, overlap_us=10):
    return Stream("crm", "payments", Standard("crm"), source, overlap_us)


def puller_of(desk):
    return Puller(desk.database, desk.inbox, desk.clock)


def test_a_round_reads_every_page_and_the_next_one_begins_a_little_before_its_end(desk):
    source, puller = OtherSide(), puller_of(desk)
    source.changes = [(100 + n, payment(f"p{n}")) for n in range(7)]
    assert puller.pull(stream_of(source)) == 7
    assert source.asked == [(0, ""), (0, "3"), (0, "6")]
    assert puller.place("crm", "payments") == Cursor(high_watermark_us=106)
    source.changes.append((98, payment("late")))
    puller.pull(stream_of(source))
    assert source.asked[3] == (96, "")
    desk.drain()
    assert sorted(row.who for row in desk.taken()) == ["late", *(f"p{n}" for n in range(7))]


def test_what_is_read_again_changes_nothing(desk):
    source, puller = OtherSide(), puller_of(desk)
    source.changes = [(100, payment("p1"))]
    for _ in range(3):
        assert puller.pull(stream_of(source)) == 1
    desk.drain()
    assert len(desk.rows()) == len(desk.taken()) == 1


def test_a_round_that_was_cut_goes_on_where_it_was(desk):
    source, puller = OtherSide(), puller_of(desk)
    source.changes = [(100 + n, payment(f"p{n}")) for n in range(8)]
    source.away_after = 2
    with pytest.raises(DeliveryError):
        puller.pull(stream_of(source))
    assert puller.place("crm", "payments") == Cursor(cursor="6", seen_us=105)
    source.away_after = 10**9
    assert puller_of(desk).pull(stream_of(source)) == 2
    assert source.asked[-1] == (0, "6")
    assert puller.place("crm", "payments") == Cursor(high_watermark_us=107)


def test_streams_have_places_of_their_own(desk):
    source, puller = OtherSide(), puller_of(desk)
    source.changes = [(100, payment("p1"))]
    puller.pull(stream_of(source))
    assert puller.place("crm", "other") == puller.place("other", "payments") == Cursor()


def test_what_is_no_json_is_kept_for_the_dead_letters(desk):
    source = OtherSide()
    source.changes = [(100, b"no json"), (101, payment("p1"))]
    puller_of(desk).pull(stream_of(source))
    desk.drain()
    assert [row.state for row in desk.rows()] == ["dead", "done"]


def test_an_empty_round_moves_nothing_back(desk):
    source, puller = OtherSide(), puller_of(desk)
    source.changes = [(100, payment("p1"))]
    puller.pull(stream_of(source))
    source.changes = []
    assert puller.pull(stream_of(source)) == 0
    assert puller.place("crm", "payments").high_watermark_us == 100


@pytest.fixture(scope="module")
def kept_desk(tmp_path_factory):
    file = tmp_path_factory.mktemp("cursors") / "desk.db"
    file.touch()
    database = database_at(None, file)
    upgrade(database)
    yield desk_on(database)
    database.close()


@examples(10)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=8))
def test_nothing_that_is_at_most_an_overlap_late_is_missed(kept_desk, batches):
    """Each round, something new appears, up to an overlap before the newest."""
    desk = kept_desk
    with desk.database.writing() as connection:
        for table in (TAKEN, INBOX, CURSORS):
            connection.execute(table.delete())
    source, puller, newest = OtherSide(), puller_of(desk), 100
    for number, (late, outage) in enumerate(batches):
        newest = newest + 5 - (late % 2)
        source.changes.append((newest - late, payment(f"p{number}")))
        source.away_after = len(source.asked) + outage
        try:
            puller.pull(stream_of(source))
        except DeliveryError:
            source.away_after = 10**9
            puller.pull(stream_of(source))
    source.away_after = 10**9
    puller.pull(stream_of(source))
    desk.drain()
    assert {row.who for row in desk.taken()} == {f"p{n}" for n in range(len(batches))}
