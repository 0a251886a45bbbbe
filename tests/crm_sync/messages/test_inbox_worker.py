"""The inbox: once, in order, whole or not at all, and never stopped by one bad message."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.database import database_at
from crm_sync.events import KycReported, PaymentReported
from crm_sync.messages.inbox_worker import InboxWorker, Rooms
from crm_sync.messages.model import Item, Meaning, MessageState, OutMessage
from crm_sync.messages.tables import INBOX, OUTBOX
from crm_sync.providers.standard import Standard
from dealing.storage.migrate import upgrade
from exposure.errors import DomainError, StorageError
from tests.crm_sync.messages.parts import (
    ORIGIN,
    SEAL,
    TAKEN,
    CountingRoom,
    Killed,
    Killer,
    desk_on,
    pace_of,
    payment,
    profile,
    refused,
)
from tests.thorough import LONG, examples

MANY = 3_000 if LONG else 200


class AsksProvider(Standard):
    """A provider whose messages make us ask something."""

    def meaning(self, body):
        ask = OutMessage(key="ask-1", aggregate="a", target="crm", path="/x")
        return Meaning(asks=(ask,))


def states(desk):
    return [row.state for row in desk.rows()]


def test_what_comes_is_taken_once_however_often_it_comes(desk):
    desk.receive(payment("p1"), payment("p1"), payment("p2"))
    assert desk.worker.step() == 2
    desk.receive(payment("p1"))
    assert desk.worker.step() == 0
    assert [row.who for row in desk.taken()] == ["p1", "p2"]
    assert states(desk) == ["done", "done"]


def test_what_is_kept_cannot_be_read_in_the_database(desk):
    desk.receive(profile("c1", name="Ada Lovelace"))
    [row] = desk.rows()
    assert b"Lovelace" not in row.sealed
    assert desk.inbox.text(row) == profile("c1", name="Ada Lovelace")


def test_messages_are_taken_in_the_order_in_which_they_came(desk):
    desk.receive(*(payment(f"p{number}") for number in range(20)))
    assert desk.worker.step(at_most=5) == 5
    assert desk.worker.step() == 15
    assert [row.who for row in desk.taken()] == [f"p{number}" for number in range(20)]


def test_a_message_that_is_refused_waits_longer_each_time_and_then_for_a_person(desk):
    desk.room.refuses["p1"] = refused("the client is not known yet")
    desk.receive(payment("p1"))
    waits_s = []
    while states(desk) == ["waiting"]:
        assert desk.worker.step() == 1
        [row] = desk.rows()
        if row.state == "waiting":
            waits_s.append((row.due_at_us - desk.clock.us) / 1e6)
            desk.clock.us = row.due_at_us - 1
            assert desk.worker.step() == 0
            desk.clock.us = row.due_at_us
    assert len(waits_s) == 9
    assert waits_s[0] == pytest.approx(1.0)
    assert waits_s[-1] == pytest.approx(3_600.0)
    assert waits_s == sorted(waits_s)
    assert (row.state, row.attempts, row.reason) == ("dead", 10, "the client is not known yet")
    assert desk.taken() == []


def test_one_that_is_refused_holds_up_nobody_not_even_its_own_aggregate(desk):
    desk.room.refuses["c1"] = refused()
    desk.receive(profile("c1", name="a"), profile("c2", name="b"))
    desk.worker.step()
    del desk.room.refuses["c1"]
    desk.receive(profile("c1", name="c"))
    desk.worker.step()
    assert states(desk) == ["waiting", "done", "done"]
    desk.drain()
    assert states(desk) == ["done"] * 3


def test_what_a_refused_message_wrote_is_undone(desk):
    desk.room.refuses["p1"] = refused()
    desk.receive(payment("p1"), payment("p2"))
    desk.worker.step()
    assert [row.who for row in desk.taken()] == ["p2"]


def test_one_that_nobody_can_read_goes_to_the_dead_letters_at_once(desk):
    desk.receive(b'{"type": "payment.reported"}', payment("p1", amount_minor="ten"), payment("p2"))
    desk.worker.step()
    first, second, third = desk.rows()
    assert (first.state, second.state, third.state) == ("dead", "dead", "done")
    assert "timestamp" in first.reason
    assert "amount_minor" in second.reason
    assert "ten" not in second.reason


def test_one_of_a_provider_that_nobody_reads_says_so(desk):
    desk.receive(payment("p1"), provider="other")
    desk.worker.step()
    [row] = desk.rows()
    assert (row.state, row.reason) == ("dead", "nobody reads the messages of other")


def test_a_report_that_nobody_takes_says_so(database):
    desk = desk_on(database, handlers={KycReported: CountingRoom()})
    desk.receive(payment("p1"))
    desk.worker.step()
    [row] = desk.rows()
    assert (row.state, row.reason) == ("dead", "nobody takes a PaymentReported")


def test_a_kind_of_event_that_we_do_not_know_is_kept_and_ignored(desk):
    desk.receive(b'{"type": "x.y", "timestamp": "2023-11-14T22:13:20Z", "data": {}}')
    desk.worker.step()
    assert states(desk) == ["ignored"]


def test_our_own_words_come_back_and_change_nothing(desk):
    desk.receive(profile("c1", origin=ORIGIN, name="a"), profile("c1", origin="them", name="b"))
    desk.worker.step()
    assert states(desk) == ["ignored", "done"]
    assert desk.room.calls == 1


def test_a_message_that_makes_us_ask_does_so_once(database):
    desk = desk_on(database, providers={"asks": AsksProvider("asks")})
    for number in (1, 2):
        item = Item(dedupe_key=f"k{number}", aggregate="a", body=b"{}")
        desk.inbox.receive("asks", [item])
    assert desk.worker.step() == 2
    assert [row.key for row in desk.rows(OUTBOX)] == ["ask-1"]
    assert states(desk) == ["done", "done"]


def test_what_the_database_refuses_is_no_reason_to_stop(desk):
    class Clashing(CountingRoom):
        def __call__(self, connection, report, now_us):
            row = {"event_id": "same", "who": "secret-name", "amount_minor": 0, "place": 0}
            connection.execute(TAKEN.insert(), row)
            return super().__call__(connection, report, now_us)

    rooms = Rooms({"crm": Standard("crm")}, {PaymentReported: Clashing()}, ORIGIN)
    worker = InboxWorker(desk.database, desk.inbox, desk.outbox, rooms, pace_of(desk.clock))
    desk.receive(payment("p1"), payment("p2"), payment("p3"))
    assert worker.step() == 3
    assert states(desk) == ["done", "waiting", "waiting"]
    assert desk.rows()[1].reason == "the database refuses it: IntegrityError"


def test_a_bug_ends_the_worker_and_the_next_one_begins_with_others(desk):
    desk.room.refuses["p1"] = ZeroDivisionError()
    desk.receive(payment("p1"), payment("p2"))
    with pytest.raises(ZeroDivisionError):
        desk.worker.step()
    assert desk.worker.step() == 1
    assert states(desk) == ["waiting", "done"]
    assert desk.rows()[0].reason == "taking it ended with ZeroDivisionError"
    for _ in range(9):
        desk.clock.go(3_600)
        with pytest.raises(ZeroDivisionError):
            desk.worker.step()
    assert states(desk) == ["dead", "done"]


def test_a_message_that_does_not_open_is_counted_and_the_others_go_on(desk):
    desk.receive(payment("p1"), payment("p2"))
    desk_rows = desk.rows()
    with desk.database.writing() as connection:
        broken = SEAL.close(payment("p1"), "another row")
        first = INBOX.c.id == desk_rows[0].id
        connection.execute(INBOX.update().where(first).values(sealed=broken))
    with pytest.raises(StorageError, match="changed or moved"):
        desk.worker.step()
    assert desk.worker.step() == 1
    assert states(desk) == ["waiting", "done"]


def test_two_workers_share_the_work_and_keep_the_order_of_an_aggregate(postgres_database):
    desk = desk_on(postgres_database)
    desk.receive(profile("c1", n="1"), profile("c1", n="2"), profile("c2", n="1"))
    within = []

    class Nested(CountingRoom):
        def __call__(self, connection, report, now_us):
            if not within:
                within.append(report)
                within.append(desk.worker.step())
            return super().__call__(connection, report, now_us)

    rooms = desk.worker._rooms._replace(
        handlers=dict.fromkeys(desk.worker._rooms.handlers, Nested())
    )
    outer = InboxWorker(desk.database, desk.inbox, desk.outbox, rooms, pace_of(desk.clock))
    assert outer.step(at_most=1) == 1
    assert within[1] == 1, "only the other aggregate's message is free"
    assert states(desk) == ["done", "waiting", "done"]
    assert outer.step() == 1


# Everything at once ------------------------------------------------------------------------------


def test_three_times_in_any_order_and_one_in_twenty_broken_ends_as_it_should(desk):
    random_ = random.Random(7)  # noqa: S311 - a seed, no secret
    good = {f"p{number}": random_.randrange(1, 10**6) for number in range(MANY)}
    broken = [b'{"type": "payment.reported", "n": %d}' % number for number in range(MANY // 20)]
    came = [payment(ref, amount) for ref, amount in good.items()] * 3 + broken * 3
    random_.shuffle(came)
    for begin in range(0, len(came), 100):
        items = [one for body in came[begin : begin + 100] for one in Standard("crm").items(body)]
        desk.inbox.receive("crm", items)
        desk.worker.step(at_most=random_.randrange(120))
    desk.drain()
    assert {row.who: row.amount_minor for row in desk.taken()} == good
    ends = [(row.state, bool(row.reason)) for row in desk.rows()]
    assert ends.count(("done", True)) == len(good)
    assert ends.count(("dead", True)) == len(broken)
    assert len(ends) == len(good) + len(broken)


def test_a_process_may_die_at_any_point_between_receiving_and_done(database):
    desk = desk_on(database)
    desk.room.refuses["p1"] = refused()
    killer = Killer(database)
    points = 0
    while not survives(desk, killer, points):
        assert_whole(desk)
        go_through(desk)
        assert states(desk) == ["done", "waiting", "done"], f"killed at point {points}"
        assert sorted(row.who for row in desk.taken()) == ["p0", "p2"]
        with desk.database.writing() as connection:
            connection.execute(TAKEN.delete())
            connection.execute(INBOX.delete())
        points += 1
    assert points > 15


def survives(desk, killer, points):
    """Go through with a process that dies at a point, and return whether it came to the end."""
    killer.left = points
    try:
        go_through(desk)
    except Killed:
        return False
    finally:
        killer.left = Killer.NEVER
    return True


def go_through(desk):
    desk.receive(*(payment(f"p{number}") for number in range(3)))
    while desk.worker.step():
        pass


def assert_whole(desk):
    """A message and what it did are there together or not at all."""
    done = [row for row in desk.rows() if row.state == "done"]
    assert len(desk.taken()) == len(done)


@pytest.fixture(scope="module")
def kept_desk(tmp_path_factory):
    file = tmp_path_factory.mktemp("messages") / "desk.db"
    file.touch()
    database = database_at(None, file)
    upgrade(database)
    yield desk_on(database)
    database.close()


@examples(10)
@given(
    st.lists(
        st.tuples(st.sampled_from("abcde"), st.sampled_from(["ok", "later", "never"])), max_size=6
    )
)
def test_whatever_comes_every_message_ends_and_none_is_taken_twice(kept_desk, came):
    desk = kept_desk
    with desk.database.writing() as connection:
        connection.execute(TAKEN.delete())
        connection.execute(INBOX.delete())
    desk.room.refuses = {name: DomainError("no") for name, kind in came if kind == "never"}
    for number, (name, kind) in enumerate(came):
        desk.receive(payment(name, number), payment(name, number))
        if kind == "later":
            desk.worker.step(at_most=1)
    desk.drain()
    expected = {(n, i) for i, (n, _) in enumerate(came) if n not in desk.room.refuses}
    assert {(row.who, row.amount_minor) for row in desk.taken()} == expected
    ended = {MessageState.DONE.value, MessageState.DEAD.value}
    assert {row.state for row in desk.rows()} <= ended
    assert len(desk.rows()) == len(came)
