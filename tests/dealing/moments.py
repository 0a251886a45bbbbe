"""Moments of an engine's life at which a test may kill it."""

from __future__ import annotations

import time

from dealing.directory import DataDirectory, Role
from tests.dealing.processes import until

LONGEST_LIFE_S = 1.5


def newest_file(directory: DataDirectory):
    """Return name and size of the file that the journal grows in."""
    files = sorted(directory.journal.glob("*.frames"))
    return (files[-1].name, files[-1].stat().st_size) if files else ("", 0)


def saved(directory: DataDirectory):
    return sorted(path.name for path in directory.snapshots.glob("*.snapshot"))


def until_it_starts(directory, _):
    until(lambda: directory.owner(Role.ENGINE) is not None)


def until_it_has_recovered(directory, _):
    until(directory.socket(Role.ENGINE).exists)


def until_it_has_written(directory, chance):
    name, size = newest_file(directory)
    enough = (name, size + chance.randrange(200_000))
    until(lambda: newest_file(directory) > enough)


def until_it_saves(directory, _):
    """Wait for a state being saved, or just saved: the draft lives for some milliseconds only."""
    known, draft = saved(directory), directory.snapshots / ".draft.snapshot"
    until(lambda: draft.exists() or saved(directory) != known, pause_s=0.0005)


def until_it_has_saved(directory, _):
    known = saved(directory)
    until(lambda: saved(directory) != known)


def until_any_time(_, chance):
    end_s = time.monotonic() + chance.uniform(0.0, LONGEST_LIFE_S)
    until(lambda: time.monotonic() >= end_s)


MOMENTS = (
    until_it_has_written,
    until_it_saves,
    until_it_starts,
    until_it_has_saved,
    until_it_has_recovered,
)
