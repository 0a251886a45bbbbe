"""Commands that come from elsewhere are asked of the desk, and its answers become sentences."""

from __future__ import annotations

import json

import httpx2
import msgspec
import pytest

from dealing.alerts.desk_commands import DeskCommands
from dealing.alerts.model import Action, Offer
from exposure.errors import DisconnectedError, DomainError

pytestmark = pytest.mark.anyio

GOLD = Offer(action=Action.HEDGE, symbol="XAUUSD")
DESK = "http://127.0.0.1:8050"


@pytest.fixture
def anyio_backend():
    return "asyncio"


class AnsweringDesk:
    """Writes down what it is asked and gives the next answer."""

    def __init__(self, *answers):
        self.asked = []
        self._answers = list(answers)

    def __call__(self, request):
        body = json.loads(request.content) if request.content else {}
        self.asked.append((request.method, request.url.path, dict(request.url.params), body))
        assert request.headers["origin"] == DESK
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, content = answer
        return httpx2.Response(status, content=content)


def commands(*answers):
    desk = AnsweringDesk(*answers)
    return desk, DeskCommands(lambda: DESK, httpx2.MockTransport(desk))


def told(status=200, **content):
    return status, json.dumps(content).encode()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (told(state="done"), "new deals of client C7 go to book A"),
        (told(202, state="sending"), "new deals of client C7 go to book A"),
        (told(state="partly"), "some accounts of client C7 go to book A: see the desk"),
        (told(202, state="waiting"), "client C7 to book A waits for a second person"),
        (told(state="refused"), "client C7 to book A: refused"),
    ],
)
async def test_a_move_is_the_desks_own_command_and_says_how_far_it_came(answer, sentence):
    desk, ask = commands(answer)
    asked = await ask.move_to_a("C7", "anna", "A-3, pressed", "alert-1")
    assert asked.sentence.startswith(sentence)
    assert asked.waits is ("waits" in sentence)
    ((method, path, _, body),) = desk.asked
    assert (method, path) == ("POST", "/api/v1/commands/reassign")
    assert body == {
        "key": "alert-1", "actor": "anna", "reason": "A-3, pressed", "via": "slack",
        "book": "A", "clients": ["C7"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("approve", "answer", "sentence"),
    [
        (True, told(state="done"), "approved, new deals go to book A"),
        (True, told(202, state="sending"), "approved, new deals go to book A"),
        (True, told(state="partly"), "approve: partly, see the desk"),
        (False, told(state="rejected"), "rejected, nothing changes"),
    ],
)
async def test_a_vote_is_the_desks_own_approval(approve, answer, sentence):
    desk, ask = commands(answer)
    said = await ask.decide("alert-1", "carl", "A-3, pressed", approve=approve)
    assert said == sentence
    ((method, path, _, body),) = desk.asked
    assert (method, path) == ("POST", "/api/v1/approvals")
    assert body == {
        "command": "alert-1", "actor": "carl", "reason": "A-3, pressed", "via": "slack",
        "decision": "approve" if approve else "reject",
    }  # fmt: skip


async def test_a_hedge_is_of_the_size_that_the_desk_suggests_now():
    desk, ask = commands(told(side="sell", lots=3.5), told(order="H1"))
    said = await ask.hedge(GOLD, "anna", "A-3, pressed", "alert-1")
    assert said == "sell 3.5 lots XAUUSD are ordered"
    (_, path, query, _), (_, hedge, _, body) = desk.asked
    assert (path, query) == ("/api/v1/hedging/ticket", {"symbol": "XAUUSD"})
    assert hedge == "/api/v1/commands/hedge"
    assert (body["side"], body["lots"], body["via"]) == ("sell", 3.5, "slack")


async def test_a_hedge_of_a_limits_alert_brings_the_house_back_to_that_limit():
    desk, ask = commands(told(side="buy", lots=255.87), told(order="H1"))
    await ask.hedge(msgspec.structs.replace(GOLD, within_usd=200e6), "anna", "why", "alert-1")
    (_, _, query, _), (_, _, _, body) = desk.asked
    assert query == {"symbol": "XAUUSD", "within_usd": "200000000.0"}
    assert (body["side"], body["lots"]) == ("buy", 255.87)


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (told(422, error="it is inside its band"), DomainError, "it is inside its band"),
        (told(503, error="the engine is away"), DisconnectedError, "the engine is away"),
        ((200, b"<html>"), DisconnectedError, "nothing that can be read"),
        (httpx2.ConnectError("refused"), DisconnectedError, "the desk does not answer"),
    ],
)
async def test_what_goes_wrong_is_a_sentence(answer, kind, sentence):
    _, ask = commands(answer)
    with pytest.raises(kind, match=sentence):
        await ask.hedge(GOLD, "anna", "why", "alert-1")
