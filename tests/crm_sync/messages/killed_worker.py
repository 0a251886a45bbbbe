"""A worker in a process of its own, which a test kills: ``killed_worker.py URL-or-"" FILE``."""

import sys
from pathlib import Path

from crm_sync.database import database_at
from tests.crm_sync.messages.parts import desk_on


def work(url, file):
    """Take messages until there are none, one after the other."""
    desk = desk_on(database_at(url or None, Path(file)), make=False)
    desk.worker.step(at_most=1)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    while desk.worker.step():
        pass


if __name__ == "__main__":
    work(*sys.argv[1:])
