"""The parties at work beside the platform: they write, deliver, and take orders to pay out."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import httpx2
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from feeds.simulator.parties.cash_desk import CashDesk
from feeds.simulator.parties.people import SimulatedAccount, accounts_csv, clients_csv
from feeds.simulator.parties.post_office import PostOffice

STEP_S: Final = 0.5
_LONGEST_ORDER: Final = 16 << 10
_FIELDS: Final = ("reference", "client_id", "currency", "amount_minor", "method", "instrument")


async def run_parties(
    desk: CashDesk, post: PostOffice, now_us: Callable[[], int], stop: asyncio.Event
) -> None:
    """Let payments happen and deliver what there is to say, until told to stop."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        while not stop.is_set():
            desk.step(now_us())
            await post.deliver(client, now_us())
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), STEP_S)


def parties_app(
    desk: CashDesk,
    accounts: Sequence[SimulatedAccount],
    secret: str,
    now_us: Callable[[], int],
) -> Starlette:
    """Return what the parties answer: orders to pay out, a statement, and the CRM's exports.

    All need ``Authorization: Bearer SECRET``.
    """

    def is_known(request: Request) -> bool:
        said = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(said, f"Bearer {secret}".encode())

    async def pay_out(request: Request) -> Response:
        if not is_known(request):
            return Response(status_code=401)
        order = _order(await request.body())
        if order is None:
            return Response("the order cannot be read", 400)
        return JSONResponse({"id": desk.pay_out(order, now_us())})

    async def statement(request: Request) -> Response:
        if not is_known(request):
            return Response(status_code=401)
        since = request.query_params.get("since_us", "0")
        return JSONResponse(desk.statement(int(since) if since.isdecimal() else 0))

    async def exported(request: Request) -> Response:
        if not is_known(request):
            return Response(status_code=401)
        make = clients_csv if request.url.path == "/clients.csv" else accounts_csv
        text = await asyncio.to_thread(make, accounts)
        return Response(text, media_type="text/csv")

    return Starlette(
        routes=[
            Route("/clients.csv", exported, methods=["GET"]),
            Route("/accounts.csv", exported, methods=["GET"]),
            Route("/payouts", pay_out, methods=["POST"]),
            Route("/statement", statement, methods=["GET"]),
        ]
    )


def _order(body: bytes) -> dict[str, Any] | None:
    try:
        order = msgspec.json.decode(body[:_LONGEST_ORDER])
    except msgspec.DecodeError:
        return None
    if not isinstance(order, dict) or not all(name in order for name in _FIELDS):
        return None
    amount = order["amount_minor"]
    return order if isinstance(amount, int) and amount > 0 else None
