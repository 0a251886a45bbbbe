"""What a press does, with the desk's own routes behind it: votes are asked for and settled."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI

from dealing.alerts.desk_commands import DeskCommands
from dealing.alerts.memory_store import MemoryAlertStore
from dealing.alerts.model import Act, Action, ActKind, CaseState, Look
from dealing.alerts.press_work import PressWork
from dealing.alerts.room import CaseRoom
from dealing.alerts.votes import settle_votes
from dealing.command_api import command_routes
from exposure.errors import DisconnectedError, DomainError
from exposure.model.books import Book
from exposure.model.events import AccountChanged
from tests.dealing.alerts.book_days import START, policy, reading
from tests.dealing.commands.given import SmallHouse, reject
from tests.exposure.builders import account

pytestmark = pytest.mark.anyio

DESK = "http://127.0.0.1:8050"
WHY = "A-1, pressed in slack"
LARGE = "C3"


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Pressed:
    """A case, the desk's commands, and whoever presses."""

    def __init__(self):
        self.house = SmallHouse()
        self.store = MemoryAlertStore()
        self.room = CaseRoom(policy(), self.store, ["slack"], lambda: START)
        app = FastAPI()
        app.include_router(command_routes(self.house.commands, self.house.store))
        self.ask = DeskCommands(lambda: DESK, httpx2.ASGITransport(app=app))
        self.work = PressWork(self.room, self.ask, lambda: START)

    async def begin(self):
        seen = frozenset({"stale_feed"})
        look = Look(source="test", at_us=START, readings=(reading(usd=5_000.0),), measured=seen)
        await self.room.see(look)
        return self

    @property
    def case(self):
        return self.room.open_cases()[0]

    def move(self, client_id=LARGE, key="alert-1"):
        return self.work.move_to_a(1, client_id, "anna", WHY, key)

    def vote(self, action, actor="carl"):
        (offer,) = [one for one in self.case.votes if one.action is action]
        return self.work.decide(1, offer, actor, WHY)

    def lines(self):
        return [entry.text for entry in self.store.entries(1)]


@pytest.fixture
async def pressed():
    return await Pressed().begin()


async def test_a_small_move_is_done_and_asks_nobody(pressed):
    assert await pressed.move("C1") == "new deals of client C1 go to book A"
    assert pressed.case.votes == ()
    assert pressed.house.place("1") == ("A", 0.0)


async def test_a_large_move_gives_the_case_the_buttons_of_a_second_person(pressed):
    said = await pressed.move()
    assert said.startswith("client C3 to book A waits for a second person")
    assert [vote.action for vote in pressed.case.votes] == [Action.APPROVE, Action.REJECT]
    assert {(one.command, one.asked_by) for one in pressed.case.votes} == {("alert-1", "anna")}
    assert pressed.house.place("4")[0] == "B"


async def test_a_second_person_agrees_and_the_buttons_are_gone(pressed):
    await pressed.move()
    assert await pressed.vote(Action.APPROVE) == "client C3: approved, new deals go to book A"
    assert pressed.house.place("4")[0] == "A"
    assert pressed.case.votes == ()
    assert pressed.lines()[-1] == "client C3: approved, new deals go to book A"
    voted = [row.entry for row in pressed.house.store.audit_rows()
             if row.entry.action == "approval.approved"]  # fmt: skip
    assert [(one.actor, one.via) for one in voted] == [("carl", "slack")]


async def test_a_second_person_says_no_and_nothing_changes(pressed):
    await pressed.move()
    assert await pressed.vote(Action.REJECT) == "client C3: rejected, nothing changes"
    assert pressed.house.place("4")[0] == "B"
    assert pressed.case.votes == ()


async def test_the_same_person_is_refused_by_the_desk_too(pressed):
    await pressed.move()
    with pytest.raises(DomainError, match="another person"):
        await pressed.vote(Action.APPROVE, actor=" ANNA ")
    assert pressed.house.place("4")[0] == "B"
    assert len(pressed.case.votes) == 2  # it still waits for another one


async def test_a_plan_that_changed_is_not_approved_and_may_still_be_rejected(pressed):
    await pressed.move()
    pressed.house.engine.feed(AccountChanged(3, account("7", client_id=LARGE, book=Book.B)))
    with pytest.raises(DomainError, match="has changed since"):
        await pressed.vote(Action.APPROVE)
    assert await pressed.vote(Action.REJECT) == "client C3: rejected, nothing changes"


async def test_a_vote_that_was_cast_on_the_desk_leaves_the_case(pressed):
    await pressed.move()
    await settle_votes(pressed.room, pressed.ask.waiting)
    assert len(pressed.case.votes) == 2
    await pressed.house.commands.decide("alert-1", reject("dora"), "desk")
    await settle_votes(pressed.room, pressed.ask.waiting)
    assert pressed.case.votes == ()
    assert pressed.lines()[-1].startswith("the vote about client C3 is over")


async def test_a_desk_that_is_away_settles_nothing(pressed):
    await pressed.move()

    async def away():
        raise DisconnectedError("the desk does not answer")

    await settle_votes(pressed.room, away)
    assert len(pressed.case.votes) == 2


async def test_a_case_that_ended_takes_no_votes_and_has_none(pressed):
    await pressed.move()
    act = Act(number=1, kind=ActKind.RESOLVE, actor="anna", via="desk", note="done")
    assert (await pressed.room.act(act)).votes == ()
    await pressed.move(key="alert-2")
    act = Act(number=1, kind=ActKind.REOPEN, actor="anna", via="desk", note="not yet")
    assert (await pressed.room.act(act)).votes == ()


async def test_what_was_decided_on_the_desk_meanwhile_is_said_and_settled(pressed):
    await pressed.move()
    votes = pressed.case.votes
    await pressed.vote(Action.REJECT)
    with pytest.raises(DomainError, match="rejected"):
        await pressed.work.decide(1, votes[0], "dora", WHY)
    assert pressed.case.votes == ()
    assert pressed.lines()[-1].startswith("the vote about client C3 came to nothing: ")
    assert pressed.case.state is CaseState.OPEN
