"""The back office over HTTP: what its screen reads, and what people decide.

Who asks is said in the request until there is sign-in. Every answer is JSON; a refusal says what is
wrong in a sentence, under ``error``. What may hold a person's data is neither logged nor put into
an address that is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from crm_sync.clients.roles import Reader, Role
from crm_sync.messages.dead_letters import Box
from crm_sync.money.errors import MoneyConflictError
from crm_sync.money.withdrawals import Destination
from dealing.back_office.desk import OfficeDesk
from dealing.back_office.order_desk import Action
from dealing.back_office.payment_desk import Asked, Who
from dealing.command_answers import REFUSALS, as_json, plain, refusal_of, refused
from exposure.errors import DeskError

Endpoint = Callable[..., Awaitable[Response]]
Body = TypeVar("Body", bound="_Body")
Told = dict[str, Any]

_OWN_SITES: Final = frozenset({"same-origin", "none"})
"""What a browser says of a request that no other site made; other programs say nothing."""


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    actor: str
    reason: str
    key: str = ""

    def who(self) -> Who:
        """Return who asks."""
        return Who(self.key, self.actor, self.reason)


class WithdrawalBody(_Body, frozen=True, kw_only=True):
    """What POST /api/v1/office/withdrawals takes; ``amount`` is a decimal text.

    Without a provider, what is left over goes where the client's money came from last.
    """

    client_id: str
    amount: str
    currency: str
    login: str = ""
    provider: str = ""
    method: str = ""
    instrument: str = ""


class DecisionBody(_Body, frozen=True, kw_only=True):
    """What POST /api/v1/office/decisions takes."""

    withdrawal: str
    decision: Literal["approve", "reject"]


class HoldBody(_Body, frozen=True, kw_only=True):
    """What POST /api/v1/office/holds takes: a sum to place, or a hold to release."""

    action: Literal["place", "release"]
    client_id: str = ""
    amount: str = ""
    currency: str = ""
    hold: str = ""


class BreakBody(_Body, frozen=True, kw_only=True):
    """What POST /api/v1/office/breaks takes; a proposal is decided by the digest that was seen."""

    action: Literal["assign", "note", "propose", "approve", "reject"]
    break_id: str = ""
    owner: str = ""
    proposal: str = ""
    payload_hash: str = ""


class OrderBody(_Body, frozen=True, kw_only=True):
    """What POST /api/v1/office/orders takes: what to do about an order that is unclear."""

    action: Action
    order: str


class MessageBody(_Body, frozen=True, kw_only=True):
    """What POST /api/v1/office/messages takes."""

    action: Literal["read", "replay", "drop"]
    box: Box
    number: int


def office_routes(desk: OfficeDesk) -> APIRouter:
    """Return the routes of the back office's screen."""
    router = APIRouter(prefix="/api/v1/office")
    for path, method, endpoint in (
        ("/clients", "GET", _searching(desk)),
        ("/client", "GET", _looking(desk)),
        ("/payments", "GET", _listing(desk.payments.queue)),
        ("/breaks", "GET", _breaks(desk)),
        ("/messages", "GET", _listing(desk.messages.queue)),
        ("/health", "GET", _listing(desk.health)),
        ("/withdrawals", "POST", _asking(WithdrawalBody, lambda body: _withdraw(desk, body))),
        ("/decisions", "POST", _asking(DecisionBody, lambda body: _decide(desk, body))),
        ("/holds", "POST", _asking(HoldBody, lambda body: _hold(desk, body))),
        ("/orders", "POST", _asking(OrderBody, lambda body: _end_order(desk, body))),
        ("/breaks", "POST", _asking(BreakBody, lambda body: _work_off(desk, body))),
        ("/messages", "POST", _asking(MessageBody, lambda body: _look_after(desk, body))),
    ):
        router.add_api_route(path, endpoint, methods=[method], include_in_schema=False)
    return router


def _searching(desk: OfficeDesk) -> Endpoint:
    async def search(
        q: Annotated[str, Query(max_length=200)],
        role: Role,
        actor: Annotated[str, Query(max_length=64)] = "",
    ) -> Response:
        return await _answer(desk.clients.search(q, Reader(actor=actor, role=role)))

    return search


def _looking(desk: OfficeDesk) -> Endpoint:
    async def look(
        request: Request,
        id: Annotated[str, Query(max_length=200)],  # noqa: A002 (it is what the address says)
        role: Role,
        actor: Annotated[str, Query(max_length=64)] = "",
        reason: Annotated[str, Query(max_length=500)] = "",
    ) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            # a read of compliance is written down: no other site causes one
            return refused(HTTPStatus.FORBIDDEN, ["only pages of this desk may ask for this"])
        reader = Reader(actor=actor.strip(), role=role, reason=reason.strip())
        return await _answer(desk.clients.client(id, reader))

    return look


def _breaks(desk: OfficeDesk) -> Endpoint:
    async def breaks(form: Literal["json", "csv"] = "json") -> Response:
        if form == "json":
            return await _answer(desk.breaks.queue())
        try:
            text = await desk.breaks.exported()
        except REFUSALS as e:
            return _refusal(e)
        held = {"content-disposition": 'attachment; filename="breaks.csv"'}
        return Response(text, media_type="text/csv", headers=held)

    return breaks


def _listing(listed: Callable[[], Awaitable[Told]]) -> Endpoint:
    async def listing() -> Response:
        return await _answer(listed())

    return listing


def _asking(kind: type[Body], act: Callable[[Body], Awaitable[Told]]) -> Endpoint:
    async def ask(request: Request) -> Response:
        try:
            body = msgspec.json.decode(await request.body(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            return refused(HTTPStatus.UNPROCESSABLE_ENTITY, [plain(str(e))])
        return await _answer(act(body))

    return ask


async def _withdraw(desk: OfficeDesk, body: WithdrawalBody) -> Told:
    asked = Asked(body.client_id, body.amount, body.currency)
    goes = Destination(body.provider, body.method, body.instrument) if body.provider else None
    return await desk.payments.request(body.who(), asked, body.login, goes)


async def _decide(desk: OfficeDesk, body: DecisionBody) -> Told:
    approve = body.decision == "approve"
    return await desk.payments.decide(body.withdrawal, body.who(), approve=approve)


async def _hold(desk: OfficeDesk, body: HoldBody) -> Told:
    if body.action == "release":
        return await desk.payments.release(body.who(), body.hold)
    asked = Asked(body.client_id, body.amount, body.currency)
    return await desk.payments.hold(body.who(), asked)


async def _work_off(desk: OfficeDesk, body: BreakBody) -> Told:
    breaks, who = desk.breaks, body.who()
    match body.action:
        case "assign":
            return await breaks.assign(body.break_id, body.owner, who)
        case "note":
            return await breaks.note(body.break_id, who)
        case "propose":
            return await breaks.propose(body.break_id, who)
        case "approve" | "reject":
            approve = body.action == "approve"
            return await breaks.decide(body.proposal, body.payload_hash, who, approve=approve)


async def _end_order(desk: OfficeDesk, body: OrderBody) -> Told:
    return await desk.orders.act(body.order, body.action, body.who())


async def _look_after(desk: OfficeDesk, body: MessageBody) -> Told:
    letters = {
        "read": desk.messages.read,
        "replay": desk.messages.replay,
        "drop": desk.messages.drop,
    }
    return await letters[body.action](body.box, body.number, body.who())


async def _answer(told: Awaitable[Mapping[str, Any]]) -> Response:
    try:
        return as_json(dict(await told))
    except REFUSALS as e:
        return _refusal(e)


def _refusal(error: DeskError) -> Response:
    if isinstance(error, MoneyConflictError):
        return refused(HTTPStatus.CONFLICT, [str(error)])
    return refusal_of(error)
