"""Real processes that are killed at random while they move money: everything stays exact."""

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.crm_sync.money.fakes import House
from tests.crm_sync.money.lives import FilePlatform, now_us, opened
from tests.thorough import LONG

HERE = Path(__file__).parent
KILLS = int(os.environ.get("PLIMSOLL_KILLS", "200" if LONG else "5"))
DEPOSITS = 60 if KILLS <= 20 else 400
BROUGHT = sum(1_000 + n for n in range(1, DEPOSITS + 1)) - 10 * (DEPOSITS // 10)
WITHDRAWN = 500


@pytest.fixture(params=["sqlite", "postgres"])
def address(request, tmp_path):
    request.getfixturevalue(f"{request.param}_database")
    if request.param == "sqlite":
        return str(tmp_path / "desk.db")
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def nursery():
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, HERE / "lives.py", *arguments],
            env={**os.environ, "PYTHONPATH": str(HERE.parents[2])},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def test_kills_at_any_moment_leave_ledger_and_platform_exact(address, nursery, tmp_path):
    choices = random.Random(11)  # noqa: S311 - the same moments every time
    platform_file = tmp_path / "platform.db"
    process, whole_rounds, round_number = None, 0, 0
    kills = 0
    while kills < KILLS or not whole_rounds:
        if process is None or process.poll() is not None:
            seed = 1_000 * round_number
            process = nursery(address, str(platform_file), str(DEPOSITS), str(seed))
            round_number += 1
        killed = let_live(process, choices.uniform(0.002, 0.25) if kills < KILLS else None)
        kills += killed
        whole_rounds += not killed
    check(address, platform_file)


def let_live(process, seconds):
    """Let one life begin, kill it after a while, and return whether that ended it."""
    process.stdin.write("\n")
    process.stdin.flush()
    child = int(process.stdout.readline())
    ended = []
    reader = threading.Thread(target=lambda: ended.append(int(process.stdout.readline())))
    reader.start()
    reader.join(seconds)
    if not ended:
        os.kill(child, signal.SIGKILL)
        reader.join()
    assert ended[0] in {0, -signal.SIGKILL}
    return ended[0] != 0


def check(address, platform_file):
    platform = FilePlatform(platform_file, 0)
    database = opened(address)
    house = House(database, now_us, platform)
    deals = platform.all_deals()
    assert len({deal.comment for deal in deals}) == len(deals), "something was booked twice"
    assert house.broken() == []
    ours = {login: house.mirror(login) for login in ("anna-0", "anna-1", "anna-2")}
    theirs = dict.fromkeys(ours, 0)
    for deal in deals:
        theirs[deal.login] += deal.amount_minor if deal.side == "in" else -deal.amount_minor
    assert theirs == ours
    held = house.wallet() + WITHDRAWN  # the payout holds it, since nobody reported it paid
    assert sum(ours.values()) + held - house.owes() == BROUGHT
    database.close()
    platform.close()
