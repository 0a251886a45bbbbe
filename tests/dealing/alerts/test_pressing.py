"""Presses of buttons: known, fresh, allowed, once, audited; everything else changes nothing."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts.memory_store import MemoryAlertStore
from dealing.alerts.model import Action, Offer
from dealing.alerts.ports import Nonce
from dealing.alerts.pressing import (
    FAILED,
    LONGEST_TOKEN,
    PRESSED,
    REFUSED,
    ROLES,
    DeskUser,
    Presser,
    Pressing,
    command_key,
    token_hash,
)
from dealing.commands.rules import problem_of_key
from exposure.errors import DisconnectedError, DomainError, StorageError
from tests.dealing.alerts.press_house import (
    ANNA,
    BO,
    BUTTONS,
    CARL,
    MINUTE_US,
    NOW_US,
    STRANGER,
    PressHouse,
)

EVERY_ROLE = ("dealer", "risk", "compliance", "payments")


@pytest.fixture
def house():
    return PressHouse()


# What a press does ------------------------------------------------------------------------------


def test_a_press_acknowledges_in_the_name_of_whoever_pressed(house):
    pressed = house.press("ack", ANNA)
    assert pressed.done
    assert pressed.sentence == "A-17 is yours"
    assert house.work.done == [("acknowledge", 17, "anna", "")]


def test_a_press_snoozes_for_half_an_hour(house):
    assert house.press("snooze", ANNA).done
    assert house.work.done == [("snooze", 17, "anna", 30)]


def test_a_command_has_a_reason_and_a_key_made_from_its_button(house):
    assert house.press("hedge", ANNA).done
    assert house.press("move", ANNA).sentence == "C100023 waits for a second person"
    hedge, move = house.work.done
    key = command_key(token_hash("hedge"))
    assert hedge == ("hedge", BUTTONS["hedge"], "anna", "A-17, pressed in slack", key)
    assert move[:4] == ("move_to_a", "C100023", "anna", "A-17, pressed in slack")
    assert problem_of_key(key) == ""
    assert hedge[4] != move[4]


def test_a_press_is_audited_with_who_what_and_which_button_but_not_its_token(house):
    house.press("move", ANNA)
    (row,) = house.audit.rows
    assert row[:4] == ("anna", PRESSED, "A-17", "")
    assert row[4] == {
        "pressed_by": "slack:U0ANNA",
        "button": token_hash("move")[:16],
        "press": "move_to_a",
        "channel": "slack",
        "client_id": "C100023",
    }


# What changes nothing ---------------------------------------------------------------------------


def refused(house, token, who, words):
    before = list(house.work.done)
    pressed = house.press(token, who)
    assert not pressed.done
    assert words in pressed.sentence
    assert house.work.done == before
    row = house.audit.rows[-1]
    assert row[1] == REFUSED
    assert row[3] == pressed.sentence
    return row


def test_a_button_that_nobody_issued_changes_nothing(house):
    row = refused(house, "guessed", ANNA, "not known")
    assert row[0] == "anna"
    assert row[2] == "button"


def test_a_second_press_changes_nothing_and_says_who_was_first(house):
    assert house.press("hedge", ANNA).done
    refused(house, "hedge", CARL, "pressed already, by anna")
    refused(house, "hedge", ANNA, "pressed already, by anna")
    assert len(house.work.done) == 1


def test_a_second_vote_is_another_persons_and_the_first_ones_press_leaves_the_button(house):
    for token in ("approve", "reject"):
        refused(house, token, ANNA, "another person has to decide")
    assert house.press("approve", CARL).sentence == "approved"
    reason = "A-17, pressed in slack"
    assert house.work.done == [("decide", 17, BUTTONS["approve"], "carl", reason)]
    assert house.audit.rows[-1][4]["command"] == "alert-9"


def test_a_late_press_changes_nothing(house):
    house.now_us += 15 * MINUTE_US
    refused(house, "ack", ANNA, "has expired")


def test_a_button_lives_until_its_last_microsecond(house):
    house.now_us += 15 * MINUTE_US - 1
    assert house.press("ack", ANNA).done


def test_somebody_without_the_role_changes_nothing_and_leaves_the_button_for_others(house):
    row = refused(house, "hedge", BO, "takes the role dealer")
    assert row[0] == "bo"
    assert house.store.nonce(token_hash("hedge")).used_us is None
    assert house.press("hedge", ANNA).done


def test_somebody_unknown_may_press_nothing(house):
    for token in ("ack", "snooze", "move", "hedge"):
        row = refused(house, token, STRANGER, "does not know you")
        assert row[0] == "slack:U0STRANGER"
    assert house.press("ack", ANNA).done


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", EVERY_ROLE)
def test_each_role_may_press_what_it_is_for(house, role, action):
    who = Presser("slack:U1", DeskUser("one", frozenset({role})))
    token = {
        "acknowledge": "ack", "snooze": "snooze", "move_to_a": "move", "hedge": "hedge",
        "approve": "approve", "reject": "reject",
    }  # fmt: skip
    assert house.press(token[action], who).done is (role in ROLES[action])


def test_only_dealers_hedge_and_only_dealers_and_risk_move_clients():
    assert ROLES[Action.HEDGE] == {"dealer"}
    assert ROLES[Action.MOVE_TO_A] == {"dealer", "risk"}
    assert ROLES[Action.ACKNOWLEDGE] == ROLES[Action.SNOOZE] == set(EVERY_ROLE)


def test_of_many_presses_at_once_one_goes_on(house):
    async def all_at_once():
        return await asyncio.gather(*(house.pressing.press("hedge", ANNA) for _ in range(20)))

    results = asyncio.run(all_at_once())
    assert sum(pressed.done for pressed in results) == 1
    assert len(house.work.done) == 1
    assert len(house.audit.rows) == 20


@given(st.text(max_size=300), st.sampled_from([ANNA, BO, STRANGER]))
def test_no_guess_does_anything(token, who):
    house = PressHouse()
    if token not in {"ack", "snooze", "move", "hedge"}:
        assert not house.press(token, who).done
        assert house.work.done == []
        assert len(house.audit.rows) == 1


def test_a_token_of_any_length_and_letters_is_only_not_known(house):
    refused(house, "x" * 10 * LONGEST_TOKEN, ANNA, "not known")
    refused(house, "\ud800", ANNA, "not known")


# Failures ---------------------------------------------------------------------------------------


def test_a_refusal_of_the_desk_is_told_and_audited(house):
    house.work.fails = DomainError("XAUUSD is within its band")
    pressed = house.press("hedge", ANNA)
    assert not pressed.done
    assert pressed.sentence == "It was refused: XAUUSD is within its band"
    assert [row[1] for row in house.audit.rows] == [PRESSED, FAILED]


@pytest.mark.parametrize("error", [DisconnectedError("desk away"), StorageError("disk full")])
def test_a_press_while_the_desk_is_away_is_used_up_and_sends_the_person_there(house, error):
    house.work.fails = error
    pressed = house.press("hedge", ANNA)
    assert not pressed.done
    assert "may not have been done" in pressed.sentence
    assert "Look at the desk" in pressed.sentence
    assert house.audit.rows[-1][1] == FAILED
    house.work.fails = None
    refused(house, "hedge", ANNA, "pressed already")


def test_what_cannot_be_audited_is_not_done(house):
    house.audit.fails = True
    pressed = house.press("hedge", ANNA)
    assert not pressed.done
    assert "nothing was done" in pressed.sentence
    assert house.work.done == []


def test_a_failure_that_cannot_be_audited_is_still_told_as_it_is(house):
    house.work.fails = DisconnectedError("the desk is away")
    house.audit.fails_after = 1
    pressed = house.press("hedge", ANNA)
    assert "may not have been done" in pressed.sentence


def test_while_the_store_is_away_nothing_is_done(house):
    class Away:
        def nonce(self, hashed):
            raise StorageError("the database is away")

        redeem = nonce

    pressing = Pressing(Away(), house.work, house.audit, lambda: NOW_US)
    pressed = asyncio.run(pressing.press("hedge", ANNA))
    assert "nothing was done" in pressed.sentence
    assert house.work.done == []


def test_a_store_that_gives_a_button_twice_still_gives_one_command():
    class Forgetful(MemoryAlertStore):
        def redeem(self, token_hash, by, now_us):
            return self.nonce(token_hash)

    house = PressHouse(Forgetful())
    house.press("hedge", ANNA)
    house.press("hedge", ANNA)
    assert len({done[4] for done in house.work.done}) == 1


def test_a_button_that_was_ended_by_newer_ones_has_expired(house):
    newer = Nonce(
        token_hash=token_hash("newer"), number=17, offer=Offer(action=Action.ACKNOWLEDGE),
        channel="slack", issued_us=NOW_US, expires_us=NOW_US + 15 * MINUTE_US,
    )  # fmt: skip
    house.store.issue([newer])
    refused(house, "ack", ANNA, "has expired")
    assert house.press("newer", ANNA).done
