"""The one place where cases change: in order, kept before the next, whoever is away."""

from __future__ import annotations

import asyncio

import pytest

from dealing.alerts.errors import ActRefusedError, UnknownCaseError
from dealing.alerts.memory_store import MemoryAlertStore
from dealing.alerts.model import Act, ActKind, CaseState, EntryKind, Look, Mute, Press
from dealing.alerts.ports import CasesAsked
from dealing.alerts.room import CaseRoom
from exposure.errors import StorageError
from tests.dealing.alerts.book_days import MIN, START, S, policy, reading

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class AwayStore(MemoryAlertStore):
    """A store that can be away for some calls."""

    def __init__(self):
        super().__init__()
        self.away_for = 0

    def keep(self, changes, cursors, channels_of):
        if self.away_for > 0:
            self.away_for -= 1
            raise StorageError("the database is away")
        super().keep(changes, cursors, channels_of)


class Desk:
    """A room on a store, with a clock of its own and pauses that take no time."""

    def __init__(self, store=None, channels=("slack",)):
        self.store = store or AwayStore()
        self.now_us = START
        self.pauses = []
        self.channels = channels
        self.room = self.again()

    def again(self):
        return CaseRoom(policy(), self.store, self.channels, lambda: self.now_us, self._pause)

    async def _pause(self, seconds):
        self.pauses.append(seconds)

    async def sees(self, *readings, **cursors):
        self.now_us += S
        look = Look(
            source="test",
            at_us=self.now_us,
            readings=readings,
            measured=frozenset({"stale_feed"}),
            cursors=cursors,
        )
        await self.room.see(look)

    def act(self, kind, number=1, **fields):
        act = Act(number=number, kind=ActKind(kind), actor="anna", via="desk", **fields)
        return self.room.act(act)


@pytest.fixture
def desk():
    return Desk()


async def test_what_a_source_saw_is_a_case_that_is_kept_and_to_be_told(desk):
    await desk.sees(reading(usd=5_000.0), engine="17")
    (case,) = desk.store.cases(CasesAsked())
    assert (case.name, case.state, case.at_stake_usd) == ("A-1", CaseState.OPEN, 5_000.0)
    (waiting,) = desk.store.waiting("slack", desk.now_us, 10)
    assert waiting.case == case
    assert desk.store.begin().cursors == {"engine": "17"}


async def test_a_channel_that_is_not_switched_on_is_not_wanted():
    desk = Desk(channels=("email",))
    await desk.sees(reading(usd=5_000.0))
    assert desk.store.waiting_count("slack") == 0


async def test_a_look_is_held_until_its_cases_can_be_kept(desk):
    desk.store.away_for = 3
    await desk.sees(reading(usd=5_000.0), engine="17")
    assert len(desk.pauses) == 3
    assert desk.room.problem == ""
    assert len(desk.store.cases(CasesAsked())) == 1


async def test_while_the_store_is_away_the_problem_is_told_and_acts_count(desk):
    await desk.sees(reading(usd=5_000.0))
    desk.store.away_for = 1
    case = await desk.act("acknowledge")
    assert case.owner == "anna"
    assert "cannot be kept" in desk.room.problem
    assert desk.store.case(1).state is CaseState.OPEN
    await desk.room.pass_time()
    assert desk.room.problem == ""
    assert desk.store.case(1).owner == "anna"


async def test_a_room_that_begins_again_goes_on_with_what_holds(desk):
    await desk.sees(reading(usd=5_000.0), engine="17")
    desk.room = desk.again()
    assert desk.room.cursors == {"engine": "17"}
    await desk.sees(reading(usd=5_000.0))
    assert [case.number for case in desk.room.open_cases()] == [1]
    await desk.sees()
    assert desk.room.open_cases() == []
    assert desk.store.case(1).state is CaseState.RESOLVED


async def test_acts_on_cases_that_ended_long_ago_find_them_in_the_store(desk):
    await desk.sees(reading(usd=5_000.0))
    await desk.act("resolve")
    await desk.sees()
    desk.now_us += 3 * 86_400 * S
    desk.room = desk.again()
    case = await desk.act("note", note="it was the feed")
    assert case.number == 1
    with pytest.raises(UnknownCaseError):
        await desk.act("note", 7, note="of nobody")


async def test_a_snooze_ends_by_itself(desk):
    await desk.sees(reading(usd=5_000.0))
    await desk.act("snooze", until_us=desk.now_us + 10 * MIN)
    desk.now_us += 11 * MIN
    await desk.room.pass_time()
    assert desk.store.case(1).state is CaseState.OPEN


async def test_a_mute_keeps_cases_and_tells_nobody_until_it_ends(desk):
    mute = Mute(
        mute_id="m", rule="stale_feed", subject="", actor="anna", reason="maintenance",
        since_us=desk.now_us, until_us=desk.now_us + 60 * MIN,
    )  # fmt: skip
    await desk.room.mute(mute)
    await desk.sees(reading(usd=5_000.0))
    assert desk.store.waiting_count("slack") == 0
    await desk.room.unmute("m")
    assert desk.store.waiting_count("slack") == 1
    with pytest.raises(ActRefusedError, match="no such mute"):
        await desk.room.unmute("m")


def press(text):
    return Press(text=text, actor="anna", via="slack")


async def test_what_came_of_a_press_is_on_the_timeline_of_an_open_case(desk):
    await desk.sees(reading(usd=5_000.0))
    await desk.room.note_press(1, press("sell 3 lots XAUUSD are ordered"))
    kinds = [(entry.kind, entry.actor) for entry in desk.store.entries(1)]
    assert kinds == [(EntryKind.OPENED, ""), (EntryKind.ACTED, "anna")]
    await desk.room.note_press(99, press("of nobody"))


async def test_whoever_waits_for_news_is_woken_when_something_was_kept(desk):
    news = desk.room.news()
    await desk.sees(reading(usd=5_000.0))
    async with asyncio.timeout(1):
        await news.wait()


async def test_words_are_kept_beside_the_cursors(desk):
    await desk.room.remember("handover", "12")
    assert desk.again().cursors == {"handover": "12"}
