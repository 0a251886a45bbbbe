"""A worker that is killed at any moment, again and again: nothing is lost and nothing twice."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

from sqlalchemy import func, select

from crm_sync.database import database_at
from crm_sync.messages.tables import INBOX
from crm_sync.providers.standard import Standard
from dealing.storage.migrate import upgrade
from tests.crm_sync.messages.parts import TAKEN, desk_on, payment
from tests.thorough import LONG

KILLS = 200 if LONG else 5
MESSAGES = 5_000 if LONG else 1_000
ROOT = Path(__file__).parents[3]


def start(url, file):
    child = Path(__file__).with_name("killed_worker.py")
    return subprocess.Popen(
        [sys.executable, child, url, file],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )


def assert_whole(database):
    """A message and what it did are there together or not at all."""
    done = select(func.count()).where(INBOX.c.state == "done").scalar_subquery()
    taken = select(func.count()).select_from(TAKEN).scalar_subquery()
    with database.reading() as connection:
        counted = connection.execute(select(done, taken)).one()
    assert counted[0] == counted[1]


def test_a_worker_that_is_killed_again_and_again_loses_nothing(tmp_path):
    file = tmp_path / "desk.db"
    file.touch()
    database = database_at(None, file)
    upgrade(database)
    desk = desk_on(database)
    bodies = [payment(f"p{number}", number) for number in range(MESSAGES)]
    for begin in range(0, MESSAGES, 100):
        items = [Standard("crm").items(body)[0] for body in bodies[begin : begin + 100]]
        desk.inbox.receive("crm", items)
    random_ = random.Random(11)  # noqa: S311 - a seed, no secret
    killed = 0
    for _ in range(KILLS):
        worker = start("", str(file))
        worker.stdout.readline()
        threading.Event().wait(random_.random() / 50)
        worker.send_signal(signal.SIGKILL)
        killed += worker.wait(60) == -signal.SIGKILL
        worker.stdout.close()
        assert_whole(database)
    assert killed > KILLS / 2
    desk.drain()
    taken = sorted((row.who, row.amount_minor) for row in desk.taken())
    assert taken == sorted((f"p{number}", number) for number in range(MESSAGES))
    assert [row.amount_minor for row in desk.taken()] == list(range(MESSAGES))
    database.close()
