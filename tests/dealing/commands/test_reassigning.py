"""Moving clients: reasons, second persons, undo, crashes, and an audit row for everything."""

import asyncio

import msgspec
import pytest

from crm_sync.audit import verify
from dealing.commands.errors import BadRequestError, ConflictError, UnknownCommandError
from dealing.commands.model import CommandState
from exposure.errors import DisconnectedError
from exposure.model.events import AccountChanged, BookAssigned
from tests.dealing.commands.given import MINUTE, START, SmallHouse, approve, reassign, reject, undo

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def house():
    made = SmallHouse()
    yield made
    assert verify(made.store.audit_rows()).ok


async def test_a_client_is_moved_at_once_and_the_audit_says_who_and_why(house):
    command = await house.commands.ask(reassign(), "api")
    assert command.state is CommandState.DONE
    assert house.place() == ("A", 0.0)
    asked, answered = house.store.audit_rows()
    assert (asked.entry.action, asked.entry.actor) == ("reassign.requested", "dealer")
    assert asked.entry.reason == "picks stale quotes"
    before = msgspec.json.decode(asked.entry.detail)["moves"][0]["before"]
    assert before == [{"book": "B", "partial": 0.0, "symbol": ""}]
    assert (answered.entry.action, answered.entry.actor) == ("platform.done", "plimsoll")


async def test_his_next_deal_goes_to_the_new_book_and_his_open_ones_stay(house):
    await house.commands.ask(reassign(), "api")
    house.trade("1", 0.5)
    rows = house.engine.engine.positions_of_account("1").to_dicts()
    assert sorted((row["lots"], row["book"]) for row in rows) == [(0.5, "A"), (1.0, "B")]


async def test_open_positions_go_along_if_asked(house):
    await house.commands.ask(reassign(move_open=True), "api")
    rows = house.engine.engine.positions_of_account("1").to_dicts()
    assert [row["book"] for row in rows] == ["A"]


async def test_the_same_key_is_the_same_command_and_happens_once(house):
    first = await house.commands.ask(reassign(), "api")
    assert await house.commands.ask(reassign(), "api") == first
    assert house.sent == ["move-1:1"]
    assert house.actions() == ["reassign.requested", "platform.done"]
    with pytest.raises(ConflictError, match="key move-1 was used for another command"):
        await house.commands.ask(reassign(book="C"), "api")


async def test_a_client_is_all_his_logins_each_once(house):
    command = await house.commands.ask(reassign(clients=("C1", "C2")), "api")
    assert [move.login for move in command.moves] == ["1", "2", "3"]
    assert command.clients == 2


BAD = {
    "key must": {"key": "x"},
    "actor must be a name": {"actor": " "},
    "actor must be a person": {"actor": "Plim Soll"},
    "reason must": {"reason": " ab "},
    "in 3 to 500": {"reason": "x" * 501},
    "book must be A, B or C": {"book": "D"},
    "hedge_ratio must": {"hedge_ratio": float("nan")},
    "name at least one": {"logins": ()},
    "are names": {"logins": ("1\x00",)},
    "expire in the future": {"expires_at_ns": START},
    "login 9, client X are not known": {"logins": ("1", "9"), "clients": ("X",)},
}


@pytest.mark.parametrize("words", list(BAD))
async def test_a_request_that_cannot_be_meant_is_refused_and_nothing_is_kept(house, words):
    with pytest.raises(BadRequestError, match=words):
        await house.commands.ask(reassign(**BAD[words]), "api")
    assert (house.sent, house.actions()) == ([], [])


async def test_every_problem_is_said_at_once(house):
    with pytest.raises(BadRequestError) as e:
        await house.commands.ask(reassign(book="D", reason="", logins=()), "api")
    assert len(e.value.problems) == 3


async def test_what_the_platform_refuses_is_said_per_account(house):
    house.refusals["2"] = "login 2 is being closed"
    command = await house.commands.ask(reassign(logins=("1", "2")), "api")
    assert command.state is CommandState.PARTLY
    assert [(m.login, m.accepted, m.reason) for m in command.moves] == [
        ("1", True, ""),
        ("2", False, "login 2 is being closed"),
    ]
    house.refusals["5"] = "no"
    refused = await house.commands.ask(reassign("move-2", ("5",)), "api")
    assert refused.state is CommandState.REFUSED
    assert house.actions()[-1] == "platform.refused"


# A second person -------------------------------------------------------------------------------


@pytest.mark.parametrize("logins", [("4",), ("1", "5", "6")])
async def test_a_large_command_waits_for_a_second_person(house, logins):
    command = await house.commands.ask(reassign(logins=logins), "api")
    assert command.state is CommandState.WAITING
    assert house.sent == []
    done = await house.commands.decide("move-1", approve(), "api")
    assert done.state is CommandState.DONE
    assert house.place(logins[0]) == ("A", 0.0)
    assert house.actions() == ["reassign.requested", "approval.approved", "platform.done"]
    assert (done.approval.decided_by, done.approval.reason) == ("second", "seen it")


async def test_what_has_no_price_may_be_worth_anything_so_it_waits(house):
    house.trade("5", 0.01, "GBPUSD")
    command = await house.commands.ask(reassign(logins=("5",)), "api")
    assert (command.state, command.unpriced) == (CommandState.WAITING, 1)


@pytest.mark.parametrize("name", ["dealer", "Dealer", " d e a l e r ", "\uff44ealer"])
async def test_nobody_approves_what_he_asked_for(house, name):
    await house.commands.ask(reassign(logins=("4",)), "api")
    with pytest.raises(ConflictError, match="another person has to decide"):
        await house.commands.decide("move-1", approve(name), "api")
    assert house.sent == []


async def test_a_rejected_command_is_over(house):
    await house.commands.ask(reassign(logins=("4",)), "api")
    rejected = await house.commands.decide("move-1", reject(), "api")
    assert rejected.state is CommandState.REJECTED
    with pytest.raises(ConflictError, match="does not wait any more: it is rejected"):
        await house.commands.decide("move-1", approve(), "api")
    assert (house.sent, house.place("4")) == ([], ("B", 0.0))


async def test_two_votes_at_once_are_one_execution(house):
    await house.commands.ask(reassign(logins=("4",)), "api")
    votes = (house.commands.decide("move-1", vote, "api") for vote in (approve(), approve("third")))
    first, second = await asyncio.gather(*votes, return_exceptions=True)
    assert first.state is CommandState.DONE
    assert isinstance(second, ConflictError)
    assert house.sent == ["move-1:1"]


async def test_a_vote_that_another_process_overtook_decides_nothing(house, monkeypatch):
    waiting = await house.commands.ask(reassign(logins=("4",)), "api")
    await house.started().decide("move-1", reject(), "api")
    monkeypatch.setattr(house.store, "get", lambda _: waiting)
    with pytest.raises(ConflictError, match="changed by somebody else meanwhile"):
        await house.commands.decide("move-1", approve(), "api")
    assert house.sent == []


async def test_an_approval_that_came_too_late_decides_nothing(house):
    await house.commands.ask(reassign(logins=("4",)), "api")
    house.now += 30 * MINUTE
    with pytest.raises(ConflictError, match="waited too long"):
        await house.commands.decide("move-1", approve(), "api")
    await house.commands.go_on()
    assert house.store.get("move-1").state is CommandState.LAPSED
    assert house.actions()[-1] == "approval.lapsed"


async def test_what_was_asked_for_is_what_is_approved(house):
    await house.commands.ask(reassign(logins=(), clients=("C3",)), "api")
    from_now_on = msgspec.structs.replace(
        house.engine.engine.book.terms[0], login="7", client_id="C3"
    )
    house.engine.feed(AccountChanged(9, from_now_on))
    with pytest.raises(ConflictError, match="has changed since it was asked for"):
        await house.commands.decide("move-1", approve(), "api")
    assert house.sent == []


async def test_a_decision_needs_a_name_and_a_reason_and_a_command(house):
    with pytest.raises(BadRequestError, match=r"actor must.*reason must"):
        await house.commands.decide("move-1", approve("", ""), "api")
    with pytest.raises(UnknownCommandError, match="there is no command move-9"):
        await house.commands.decide("move-9", approve(), "api")


# Undo ------------------------------------------------------------------------------------------


async def test_an_undo_puts_back_the_book_its_ratio_and_the_exceptions(house):
    await house.commands.ask(
        reassign("move-0", ("2",), book="C", symbol="EURUSD", hedge_ratio=0.7), "api"
    )
    await house.commands.ask(reassign("move-1", ("2",), hedge_ratio=0.9), "api")
    assert house.place("2") == house.place("2", "EURUSD") == ("A", 0.9)
    undone = await house.commands.ask(undo(), "api")
    assert undone.state is CommandState.DONE
    assert (house.place("2"), house.place("2", "EURUSD")) == (("C", 0.4), ("C", 0.7))
    assert house.store.get("move-1").undone_by == "undo-1"


async def test_an_undo_can_be_undone(house):
    await house.commands.ask(reassign(), "api")
    await house.commands.ask(undo(), "api")
    assert house.place() == ("B", 0.0)
    await house.commands.ask(undo("undo-1", "redo-1"), "api")
    assert house.place() == ("A", 0.0)


async def test_what_was_undone_is_not_undone_again(house):
    await house.commands.ask(reassign(), "api")
    await house.commands.ask(undo(), "api")
    with pytest.raises(ConflictError, match="was undone already by undo-1"):
        await house.commands.ask(undo(key="undo-2"), "api")


async def test_an_undo_that_a_newer_command_overtook_says_so(house):
    await house.commands.ask(reassign(logins=("1", "5")), "api")
    await house.commands.ask(reassign("move-2", ("5",)), "api")
    with pytest.raises(ConflictError, match="newer changed it: login 5 by command move-2"):
        await house.commands.ask(undo(), "api")
    assert house.place("1") == ("A", 0.0)


async def test_an_undo_sees_what_others_changed_on_the_platform_itself(house):
    await house.commands.ask(reassign(), "api")
    house.engine.feed(BookAssigned(5, "1", "C", 0.5))
    with pytest.raises(ConflictError, match="login 1 is in book C now, not A"):
        await house.commands.ask(undo(), "api")
    house.engine.feed(BookAssigned(6, "1", "A", 0.0), BookAssigned(7, "1", "B", 0.0, "EURUSD"))
    with pytest.raises(ConflictError, match="login 1 has an exception for EURUSD now"):
        await house.commands.ask(undo(), "api")


async def test_there_is_nothing_to_undo_in_what_never_was_or_did_nothing(house):
    with pytest.raises(UnknownCommandError):
        await house.commands.ask(undo("move-9"), "api")
    await house.commands.ask(reassign(logins=("4",)), "api")
    with pytest.raises(ConflictError, match="moved nothing"):
        await house.commands.ask(undo(), "api")


async def test_undoing_something_large_needs_a_second_person_too(house):
    await house.commands.ask(reassign(logins=("4",)), "api")
    await house.commands.decide("move-1", approve(), "api")
    assert (await house.commands.ask(undo(), "api")).state is CommandState.WAITING
    await house.commands.decide("undo-1", approve(), "api")
    assert house.place("4") == ("B", 0.0)


async def test_an_undo_right_after_a_move_waits_for_the_engine_to_see_the_move(house):
    house.slow = True
    await house.commands.ask(reassign(), "api")
    assert house.place() == ("A", 0.0)
    await house.commands.ask(undo(), "api")
    assert house.place() == ("B", 0.0)


# Crashes ---------------------------------------------------------------------------------------


async def test_a_command_whose_platform_is_away_is_sent_when_it_is_back(house):
    house.away = True
    assert (await house.commands.ask(reassign(), "api")).state is CommandState.SENDING
    await house.commands.go_on()
    assert house.place() == ("B", 0.0)
    house.away = False
    await house.started().go_on()  # another process, after a crash
    assert house.place() == ("A", 0.0)
    assert house.store.get("move-1").state is CommandState.DONE


async def test_a_command_whose_answer_was_lost_is_sent_again_and_happens_once(house):
    house.lost_answers = True
    await house.commands.ask(reassign(), "api")
    house.lost_answers = False
    house.engine.feed(BookAssigned(9, "1", "C", 0.5))  # somebody moved him meanwhile
    await house.started().go_on()
    assert house.sent == ["move-1:1", "move-1:1"]
    assert house.place() == ("C", 0.5)
    assert house.store.get("move-1").state is CommandState.DONE


async def test_without_an_engine_nothing_is_decided(house, monkeypatch):
    async def away(*_):
        raise DisconnectedError("the engine is away: try again when it is back")

    monkeypatch.setattr(house, "books_of", away)
    with pytest.raises(DisconnectedError):
        await house.commands.ask(reassign(), "api")
    assert house.actions() == []


# Overrides that end by themselves --------------------------------------------------------------


async def test_an_override_is_put_back_when_it_expires(house):
    await house.commands.ask(reassign(expires_at_ns=START + MINUTE), "api")
    await house.commands.go_on()
    assert house.place() == ("A", 0.0)
    house.now += MINUTE
    for _ in range(2):
        await house.commands.go_on()
    assert house.place() == ("B", 0.0)
    ended = house.store.get("move-1.expiry")
    assert (ended.state, ended.request.actor, ended.via) == (
        CommandState.DONE, "plimsoll", "clock",
    )  # fmt: skip
    assert house.sent == ["move-1:1", "move-1.expiry:1"]


async def test_a_large_override_was_approved_with_its_end(house):
    await house.commands.ask(reassign(logins=("4",), expires_at_ns=START + MINUTE), "api")
    await house.commands.decide("move-1", approve(), "api")
    house.now += MINUTE
    await house.commands.go_on()
    assert house.place("4") == ("B", 0.0)


async def test_an_override_that_something_newer_overtook_ends_without_a_trace_but_in_the_audit(
    house,
):
    await house.commands.ask(reassign(expires_at_ns=START + MINUTE), "api")
    await house.commands.ask(reassign("move-2", book="C", hedge_ratio=0.5), "api")
    house.now += MINUTE
    for _ in range(2):
        await house.commands.go_on()
    assert house.place() == ("C", 0.5)
    assert house.actions()[-1:] == ["override.overtaken"]
    assert house.actions().count("override.overtaken") == 1


async def test_an_override_whose_end_the_platform_refuses_is_said_once(house):
    await house.commands.ask(reassign(expires_at_ns=START + MINUTE), "api")
    house.refusals["1"] = "the account is being closed"
    house.now += MINUTE
    for _ in range(2):
        await house.commands.go_on()
    assert house.actions()[-1:] == ["override.stays"]
    assert house.store.due(house.now) == []


async def test_an_end_that_waits_for_the_platform_comes_when_it_is_back(house):
    await house.commands.ask(reassign(expires_at_ns=START + MINUTE), "api")
    house.now += MINUTE
    house.away = True
    await house.commands.go_on()
    house.away = False
    await house.started().go_on()
    assert house.place() == ("B", 0.0)
    assert house.sent == ["move-1:1", "move-1.expiry:1"]
