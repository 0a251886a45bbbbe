"""Commands on the disk: a key counts once for ever, whatever is cut off or repeated."""

import stat

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exposure.errors import StorageError
from feeds.command_log import USED_OTHERWISE, CommandLog, CommandTaken
from feeds.platform_commands import AssignBook, SendHedgeOrder, SetBridge, problem_of


def moving(number, book="A"):
    return AssignBook(key=f"move-{number}", login=str(number), book=book)


def taken(number, after, reason=""):
    return CommandTaken(after, moving(number), reason)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "commands" / "taken.frames"


def test_a_key_is_answered_as_it_was_the_first_time_by_every_later_process(path):
    CommandLog(path).take([taken(1, 7), taken(2, 7, "login 2 is not known here")])
    log = CommandLog(path)
    assert log.answer_to(moving(1)).accepted
    refused = log.answer_to(moving(2))
    assert (refused.accepted, refused.reason) == (False, "login 2 is not known here")
    assert log.answer_to(moving(3)) is None


def test_a_key_that_says_something_else_is_refused(path):
    log = CommandLog(path)
    log.take([taken(1, 7)])
    answer = log.answer_to(moving(1, book="B"))
    assert (answer.accepted, answer.reason) == (False, USED_OTHERWISE)


def test_accepted_commands_are_due_behind_their_position_in_order(path):
    log = CommandLog(path)
    log.take([taken(1, 7), taken(2, 7, "no"), taken(3, 7)])
    log.take([taken(4, 9)])
    for read in (log, CommandLog(path)):
        assert [command.login for command in read.due(7)] == ["1", "3"]
        assert [command.login for command in read.due(9)] == ["4"]
        assert read.due(8) == []


def test_what_follows_a_lost_end_is_due_at_the_end_that_is_left(path):
    log = CommandLog(path)
    log.take([taken(1, 3), taken(2, 8), taken(3, 8)])
    log.postpone_beyond(5)
    for read in (log, CommandLog(path)):
        assert [command.login for command in read.due(3)] == ["1"]
        assert [command.login for command in read.due(5)] == ["2", "3"]
        assert read.due(8) == []


def test_only_this_user_can_read_it(path):
    CommandLog(path).take([taken(1, 0)])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@settings(max_examples=20)
@given(st.integers(1, 200))
def test_a_record_that_was_cut_off_was_never_taken(tmp_path_factory, lost):
    path = tmp_path_factory.mktemp("cut") / "c" / "taken.frames"
    CommandLog(path).take([taken(1, 0)])
    whole = path.stat().st_size
    CommandLog(path).take([taken(2, 0)])
    size = max(whole, path.stat().st_size - lost)
    with path.open("r+b") as file:
        file.truncate(size)
    log = CommandLog(path)
    assert log.answer_to(moving(2)) is None
    assert path.stat().st_size == whole
    log.take([taken(3, 1)])
    assert [command.login for command in CommandLog(path).due(0)] == ["1"]
    assert [command.login for command in CommandLog(path).due(1)] == ["3"]


def test_garbage_at_the_end_is_cut_off_and_damage_in_the_middle_is_not(path):
    CommandLog(path).take([taken(1, 0)])
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(50))
    assert CommandLog(path).answer_to(moving(1)).accepted
    assert path.read_bytes() == whole
    CommandLog(path).take([taken(2, 0)])
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)
    with pytest.raises(StorageError, match=rf"{path} is damaged at byte 0 .* restore it"):
        CommandLog(path)
    assert path.read_bytes() == bytes(content)


def test_a_disk_that_takes_nothing_takes_no_command(path):
    log = CommandLog(path)
    path.mkdir()
    with pytest.raises(StorageError, match="takes no more commands"):
        log.take([taken(1, 0)])
    assert log.answer_to(moving(1)) is None
    assert log.due(0) == []


BAD = {
    "book": moving(1, book="D"),
    "hedge_ratio": msgspec.structs.replace(moving(1), hedge_ratio=float("nan")),
    "key": msgspec.structs.replace(moving(1), key="x/y z"),
    "side": SendHedgeOrder(key="hedge-1", lp="LP1", symbol="EURUSD", side="long", lots=1.0),
    "lots": SendHedgeOrder(key="hedge-1", lp="LP1", symbol="EURUSD", side="buy", lots=float("inf")),
}


@pytest.mark.parametrize("word", list(BAD))
def test_what_cannot_be_meant_is_said(word):
    assert word in problem_of(BAD[word])


def test_what_can_be_meant_has_no_problem():
    good = [
        moving(1),
        SendHedgeOrder(key="hedge-1", lp="LP1", symbol="EURUSD", side="buy", lots=0.5),
        SetBridge(key="bridge-1", symbol="EURUSD", on=False),
    ]
    assert [problem_of(command) for command in good] == [""] * 3
