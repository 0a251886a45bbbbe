"""Sealed messages open with the right key in the right row, and nothing else does."""

import os

import pytest

from crm_sync.messages.retries import INBOX_RETRIES, OUTBOX_RETRIES, RetrySchedule
from crm_sync.messages.sealing import Seal
from exposure.errors import ConfigError, StorageError

OLD, NEW = b"o" * 32, b"n" * 32


def test_what_was_sealed_opens():
    seal = Seal(NEW, (), os.urandom)
    sealed = seal.close(b"text", "row 1")
    assert seal.open(sealed, "row 1") == b"text"
    assert b"text" not in sealed
    assert seal.close(b"text", "row 1") != sealed


def test_what_was_moved_or_changed_does_not_open():
    seal = Seal(NEW, (), os.urandom)
    sealed = seal.close(b"text", "row 1")
    with pytest.raises(StorageError, match="changed or moved"):
        seal.open(sealed, "row 2")
    for place in range(4, len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(StorageError, match="changed or moved"):
            seal.open(changed, "row 1")
    for length in range(len(sealed)):
        with pytest.raises(StorageError):
            seal.open(sealed[:length], "row 1")


def test_an_old_key_goes_on_opening_what_it_sealed():
    sealed = Seal(OLD, (), os.urandom).close(b"text", "row 1")
    assert Seal(NEW, (OLD,), os.urandom).open(sealed, "row 1") == b"text"
    with pytest.raises(StorageError, match="a key that is not configured"):
        Seal(NEW, (), os.urandom).open(sealed, "row 1")


@pytest.mark.parametrize("keys", [(b"short", ()), (NEW, (b"short",)), (b"", ())])
def test_a_key_of_another_length_is_refused(keys):
    with pytest.raises(ConfigError, match="32 bytes"):
        Seal(*keys, os.urandom)


@pytest.mark.parametrize("schedule", [INBOX_RETRIES, OUTBOX_RETRIES])
def test_ten_tries_are_enough(schedule):
    waits = [schedule.wait_us(attempts, 0.0) for attempts in range(1, 11)]
    assert waits[-1] is None
    assert None not in waits[:-1]
    assert waits[:-1] == sorted(waits[:-1])


def test_a_wait_is_shortened_by_chance_and_never_below_what_was_asked_for():
    schedule = RetrySchedule((100.0,))
    assert schedule.wait_us(1, 0.5) == 75_000_000
    assert schedule.wait_us(1, 0.5, at_least_s=90.0) == 90_000_000
    assert schedule.wait_us(2, 0.5, at_least_s=90.0) is None
