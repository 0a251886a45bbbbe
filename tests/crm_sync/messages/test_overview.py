"""How far behind each box is, on both databases."""

import os

from crm_sync.messages.inbox import Inbox
from crm_sync.messages.model import Item
from crm_sync.messages.overview import Queue, inbox_queue, outbox_queue
from crm_sync.messages.sealing import Seal
from crm_sync.messages.tables import INBOX


def test_what_waits_longest_says_how_far_behind_a_box_is(database):
    now = [1_000]
    inbox = Inbox(database, Seal(b"k" * 32, (), os.urandom), lambda: now[0])
    for key in ("k-1", "k-2", "k-3"):
        inbox.receive("stripe", [Item(dedupe_key=key, aggregate=key, body=b"{}")])
        now[0] += 500
    with database.writing() as connection:
        dead = {"state": "dead", "reason": "odd", "finished_at_us": 9}
        connection.execute(INBOX.update().where(INBOX.c.dedupe_key == "k-1").values(dead))
    with database.reading() as connection:
        assert inbox_queue(connection) == Queue(waiting=2, dead=1, oldest_us=1_500)
        assert outbox_queue(connection) == Queue(waiting=0, dead=0, oldest_us=None)
