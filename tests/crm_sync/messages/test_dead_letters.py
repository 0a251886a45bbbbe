"""Dead letters: shown without content, and what a person does with them is written down."""

import json
import os

import pytest
from sqlalchemy import select

from crm_sync.audit import verify
from crm_sync.audit_log import audit_row
from crm_sync.messages.backlog import Backlog, backlog
from crm_sync.messages.dead_letters import Box, By, DeadLetters, shape_of
from crm_sync.messages.model import OutMessage
from crm_sync.messages.sealing import Seal
from crm_sync.messages.tables import INBOX, OUTBOX
from crm_sync.schema import AUDIT_LOG
from exposure.errors import DomainError
from tests.crm_sync.messages.parts import KEY, SEAL, payment

ADA = By(actor="ada", via="desk", reason="the amount was misspelt")
CANARY = "Grace Hopper"


@pytest.fixture
def letters(desk):
    return DeadLetters(desk.database, SEAL, desk.clock)


@pytest.fixture(autouse=True)
def _before(desk):
    """Remember where the log stands: its rows cannot be deleted."""
    AUDITED.append(len(every_entry(desk)))


AUDITED = [0]


@pytest.fixture
def dead(desk):
    """Return the number of a dead letter about somebody."""
    desk.receive(payment("p1", amount_minor=CANARY))
    desk.worker.step()
    [row] = desk.rows()
    assert row.state == "dead"
    return row.id


def every_entry(desk):
    with desk.database.reading() as connection:
        asked = select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq)
        rows = [audit_row(row) for row in connection.execute(asked)]
    assert verify(rows).ok
    return [row.entry for row in rows]


def dead_count(desk):
    with desk.database.reading() as connection:
        return backlog(connection, desk.clock()).dead


def audit(desk):
    """Return what this test has added to the log."""
    return every_entry(desk)[AUDITED[-1] :]


def test_a_dead_letter_is_shown_by_its_shape(desk, letters, dead):
    [letter] = letters.list(Box.INBOX)
    assert (letter.number, letter.party, letter.attempts) == (dead, "crm", 1)
    assert json.loads(letter.shape)["data"]["amount_minor"] == "text of 12"
    assert CANARY not in repr(letter)
    assert dead_count(desk) == 1
    assert letters.list(Box.OUTBOX) == []
    assert audit(desk) == []


def test_who_reads_one_is_written_down(desk, letters, dead):
    assert letters.read(Box.INBOX, dead, ADA) == payment("p1", amount_minor=CANARY)
    [entry] = audit(desk)
    assert (entry.actor, entry.via, entry.reason) == ("ada", "desk", ADA.reason)
    assert (entry.action, entry.entity) == ("dead_letter.read", f"inbox:{dead}")
    assert entry.at_ns == desk.clock() * 1_000
    assert CANARY not in repr(entry)


def test_one_that_was_mended_is_taken_and_the_original_stays(desk, letters, dead):
    letters.mend(Box.INBOX, dead, payment("p1", 77), ADA)
    assert letters.list(Box.INBOX)[0].mended
    assert letters.read(Box.INBOX, dead, ADA) == payment("p1", 77)
    letters.replay(Box.INBOX, dead, ADA)
    assert dead_count(desk) == 0
    desk.worker.step()
    assert [row.amount_minor for row in desk.taken()] == [77]
    [row] = desk.rows()
    assert SEAL.open(row.sealed, f"inbox\ncrm\n{row.dedupe_key}") == payment(
        "p1", amount_minor=CANARY
    )
    assert [entry.action.split(".")[1] for entry in audit(desk)] == ["mended", "read", "replayed"]


def test_one_that_is_still_broken_dies_again(desk, letters, dead):
    letters.replay(Box.INBOX, dead, ADA)
    desk.worker.step()
    assert dead_count(desk) == 1


def test_one_that_was_given_up_is_gone_and_kept(desk, letters, dead):
    letters.drop(Box.INBOX, dead, ADA)
    assert dead_count(desk) == 0
    assert [row.state for row in desk.rows()] == ["dropped"]
    desk.receive(payment("p1", amount_minor=CANARY))
    assert desk.worker.step() == 0, "it is known, and stays given up"
    assert audit(desk)[0].action == "dead_letter.dropped"


def test_a_message_that_could_not_be_sent_is_a_dead_letter_too(desk, letters):
    with desk.database.writing() as connection:
        message = OutMessage(key="k1", aggregate="a", target="crm", body=b'{"name": "x"}')
        desk.outbox.tell(connection, message)
        values = {"state": "dead", "reason": "gone", "finished_at_us": 1}
        connection.execute(OUTBOX.update().values(**values))
    [letter] = letters.list(Box.OUTBOX)
    assert (letter.party, letter.key, letter.shape) == ("crm", "k1", '{"name":"text of 1"}')
    letters.replay(Box.OUTBOX, letter.number, ADA)
    assert [row.state for row in desk.rows(OUTBOX)] == ["waiting"]


def test_nobody_acts_without_a_name_and_a_reason_or_on_what_is_not_dead(desk, letters, dead):
    desk.receive(payment("p2"))
    tries = [
        (dead, By(actor=" ", via="desk", reason="x"), "who does it"),
        (dead, By(actor="ada", via="desk", reason=" "), "who does it"),
        (dead + 1, ADA, "no dead letter"),
        (10**9, ADA, "no dead letter"),
    ]
    for number, by, why in tries:
        for act in (letters.read, letters.replay, letters.drop):
            with pytest.raises(DomainError, match=why):
                act(Box.INBOX, number, by)
        with pytest.raises(DomainError, match=why):
            letters.mend(Box.INBOX, number, b"{}", by)
    with pytest.raises(DomainError, match="at most"):
        letters.mend(Box.INBOX, dead, b"x" * (1 << 20), ADA)
    assert audit(desk) == []
    with desk.database.reading() as connection:
        assert connection.scalar(select(INBOX.c.mended).where(INBOX.c.id == dead)) is None


@pytest.fixture
def sealed_by_another_key(desk):
    """Return the number of a dead letter whose key is gone; another one is dead too."""
    desk.receive(payment("p1", amount_minor=CANARY), payment("p2", amount_minor="odd"))
    desk.worker.step()
    first, _ = desk.rows()
    lost = Seal(bytes(32), (), os.urandom)
    text = lost.close(payment("p1"), f"inbox\ncrm\n{first.dedupe_key}")
    with desk.database.writing() as connection:
        mine = INBOX.c.id == first.id
        connection.execute(INBOX.update().where(mine).values(sealed=text))
    return first.id


def test_one_that_does_not_open_is_listed_as_that_and_the_others_as_they_are(
    desk, letters, sealed_by_another_key
):
    fine, odd = letters.list(Box.INBOX)
    assert (odd.number, odd.shape) == (sealed_by_another_key, "")
    assert odd.unreadable == "a message was sealed with a key that is not configured: add it"
    assert (fine.unreadable, "text of 3" in fine.shape) == ("", True)
    with pytest.raises(DomainError, match="cannot be read: a message was sealed with a key"):
        letters.read(Box.INBOX, odd.number, ADA)
    assert audit(desk) == [], "nobody read anything"
    letters.mend(Box.INBOX, odd.number, payment("p1", 5), ADA)
    letters.replay(Box.INBOX, odd.number, ADA)
    desk.worker.step()
    assert [row.amount_minor for row in desk.taken()] == [5]


def test_one_whose_key_is_given_again_is_read(desk, sealed_by_another_key):
    both = DeadLetters(desk.database, Seal(KEY, [bytes(32)], os.urandom), desk.clock)
    assert [letter.unreadable for letter in both.list(Box.INBOX)] == ["", ""]
    assert both.read(Box.INBOX, sealed_by_another_key, ADA) == payment("p1")


def test_two_people_cannot_replay_the_same_one(desk, letters, dead):
    letters.replay(Box.INBOX, dead, ADA)
    with pytest.raises(DomainError, match="look again"):
        letters.replay(Box.INBOX, dead, ADA)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (b"no json", "no JSON, 7 bytes"),
        (b"[1, 2.5]", '["int"]'),
        (b"null", '"null"'),
        (b'{"b": true, "a": {"x": [["y"]]}}', '{"a":{"x":[["text of 1"]]},"b":"bool"}'),
    ],
)
def test_a_shape_has_kinds_in_place_of_values(text, shape):
    assert shape_of(text) == shape


def test_a_shape_has_a_depth():
    assert shape_of(b'{"a":' * 50 + b"1" + b"}" * 50).count("a") == 6
    assert shape_of(b"[" * 100_000).startswith("no JSON")


def test_what_has_no_end_yet_is_counted_with_its_age(desk):
    with desk.database.writing() as connection:
        assert backlog(connection, desk.clock()) == Backlog(
            inbox_waiting=0, inbox_age_us=0, outbox_waiting=0, outbox_age_us=0, dead=0
        )
        desk.outbox.tell(connection, OutMessage(key="k1", aggregate="a", target="crm"))
    desk.clock.go(5)
    desk.receive(payment("p1"), payment("p2"), b"{}")
    desk.clock.go(2)
    desk.worker.step(at_most=1)
    with desk.database.reading() as connection:
        assert backlog(connection, desk.clock()) == Backlog(
            inbox_waiting=2, inbox_age_us=2_000_000,
            outbox_waiting=1, outbox_age_us=7_000_000, dead=0,
        )  # fmt: skip
