"""What machines and pages ask the desk to do: move clients, decide, undo; and the audit log.

Who asks is said in the request until there is sign-in. Every answer is JSON; a refusal says what is
wrong in a sentence, under ``error``.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from crm_sync.audit import AuditRow
from dealing.command_answers import REFUSALS, as_json, plain, refusal_of, refused
from dealing.commands.errors import UnknownCommandError
from dealing.commands.model import Command, CommandState, ReassignBook, UndoCommand
from dealing.commands.ports import CommandStore
from dealing.commands.reassigning import Decision, Reassignments
from exposure.errors import StorageError

MOST_COMMANDS: Final = 500
MOST_ROWS: Final = 10_000
VIA: Final = "api"

Via = Literal["api", "slack"]
"""Through what somebody asks; "slack" is said by this machine's own process of alerts."""

_NS_PER_MS: Final = 1_000_000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

_AUDIT_TEXTS: Final = ("actor", "via", "action", "entity", "reason", "detail")

Body = TypeVar("Body")
Act = Callable[[], Awaitable[Command]]


class Refusal(Exception):  # noqa: N818  # it is an answer, no failure
    """Ends a request with a status and sentences."""

    def __init__(self, status: HTTPStatus, problems: Sequence[str]) -> None:
        """Take the status and every problem."""
        super().__init__("; ".join(problems))
        self.status, self.problems = status, problems


class ReassignBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What POST /api/v1/commands/reassign and preview take; ``expires_at_ms`` is epoch ms."""

    key: str
    actor: str
    reason: str
    book: str
    via: Via = "api"
    logins: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    symbol: str = ""
    hedge_ratio: float | None = None
    move_open: bool = False
    expires_at_ms: int | None = None


class UndoBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What POST /api/v1/commands/undo takes; ``command`` is the key of what is undone."""

    key: str
    actor: str
    reason: str
    command: str


class DecisionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What POST /api/v1/approvals takes."""

    command: str
    actor: str
    decision: Literal["approve", "reject"]
    reason: str
    via: Via = "api"


def command_routes(commands: Reassignments, store: CommandStore) -> APIRouter:
    """Return the routes of commands, approvals and the audit log."""
    router = APIRouter()
    for path, method, endpoint in (
        ("/api/v1/commands/reassign", "POST", _reassigning(commands)),
        ("/api/v1/commands/preview", "POST", _previewing(commands)),
        ("/api/v1/commands/undo", "POST", _undoing(commands)),
        ("/api/v1/approvals", "POST", _deciding(commands)),
        ("/api/v1/approvals", "GET", _waiting(store)),
        ("/api/v1/commands", "GET", _listing(store)),
        ("/api/v1/audit", "GET", _auditing(store)),
    ):
        router.add_api_route(path, endpoint, methods=[method], include_in_schema=False)
    return router


Endpoint = Callable[..., Awaitable[Response]]


def _reassigning(commands: Reassignments) -> Endpoint:
    async def reassign(request: Request) -> Response:
        async def act() -> Command:
            asked, via = _reassignment(await request.body())
            return await commands.ask(asked, via)

        return await _answer(act)

    return reassign


def _previewing(commands: Reassignments) -> Endpoint:
    async def preview(request: Request) -> Response:
        async def act() -> Command:
            asked, via = _reassignment(await request.body())
            return await commands.foresee(asked, via)

        return await _answer(act)

    return preview


def _reassignment(content: bytes) -> tuple[ReassignBook, Via]:
    """Return what is meant, and through what it was asked for."""
    body = _read(content, ReassignBody)
    fields = msgspec.structs.asdict(body)
    del fields["via"]
    at_ms = fields.pop("expires_at_ms")
    at_ns = None if at_ms is None else at_ms * _NS_PER_MS
    return ReassignBook(**fields, expires_at_ns=at_ns), body.via


def _undoing(commands: Reassignments) -> Endpoint:
    async def undo(request: Request) -> Response:
        async def act() -> Command:
            body = _read(await request.body(), UndoBody)
            return await commands.ask(UndoCommand(**msgspec.structs.asdict(body)), VIA)

        return await _answer(act)

    return undo


def _deciding(commands: Reassignments) -> Endpoint:
    async def decide(request: Request) -> Response:
        async def act() -> Command:
            body = _read(await request.body(), DecisionBody)
            decision = Decision(body.actor, body.decision == "approve", body.reason)
            return await commands.decide(body.command, decision, body.via)

        return await _answer(act)

    return decide


def _waiting(store: CommandStore) -> Endpoint:
    async def approvals() -> Response:
        return await _listed(store, MOST_COMMANDS, (CommandState.WAITING,))

    return approvals


def _listing(store: CommandStore) -> Endpoint:
    async def listing(
        limit: Annotated[int, Query(ge=1, le=MOST_COMMANDS)] = 100, key: str | None = None
    ) -> Response:
        if key is None:
            return await _listed(store, limit, ())
        try:
            command = await asyncio.to_thread(store.get, key)
        except StorageError as e:
            return refused(HTTPStatus.SERVICE_UNAVAILABLE, [str(e)])
        if command is None:
            return refused(HTTPStatus.NOT_FOUND, [str(UnknownCommandError(key))])
        return as_json(command_json(command))

    return listing


def _auditing(store: CommandStore) -> Endpoint:
    async def audit(
        before: Annotated[int | None, Query(ge=1)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
        form: Literal["json", "csv"] = "json",
    ) -> Response:
        try:
            rows = await asyncio.to_thread(store.audit_newest, before, limit)
        except StorageError as e:
            return refused(HTTPStatus.SERVICE_UNAVAILABLE, [str(e)])
        if form == "csv":
            held = {"content-disposition": 'attachment; filename="audit.csv"'}
            return Response(_audit_csv(rows), media_type="text/csv", headers=held)
        more = rows[-1].seq if len(rows) == limit and rows[-1].seq > 1 else None
        return as_json({"rows": [_audit_json(row) for row in rows], "next_before": more})

    return audit


def command_json(command: Command) -> dict[str, Any]:
    """Return a command for whoever asks: times in epoch milliseconds, names of semantics.md."""
    request = msgspec.to_builtins(command.request)
    request["kind"] = request.pop("type")
    expires_ns = request.pop("expires_at_ns", None)
    approval = None if command.approval is None else msgspec.to_builtins(command.approval)
    return {
        "key": command.key,
        "state": command.state.value,
        "request": {**request, "expires_at_ms": _ms(expires_ns)},
        "created_at_ms": _ms(command.created_at_ns),
        "answered_at_ms": _ms(command.answered_at_ns),
        "expires_at_ms": _ms(command.expires_at_ns),
        "clients": command.clients,
        "gross_usd": command.gross_usd,
        "unpriced": command.unpriced,
        "undo_of": command.undo_of or None,
        "undone_by": command.undone_by or None,
        "approval": approval and _in_ms(approval),
        "moves": [msgspec.to_builtins(move) for move in command.moves],
    }


def _audit_json(row: AuditRow) -> dict[str, Any]:
    entry = msgspec.to_builtins(row.entry)
    detail = orjson.loads(entry.pop("detail"))
    chain = {"prev_hash": row.prev_hash, "hash": row.hash}
    return {"seq": row.seq, **_in_ms(entry), "detail": detail, **chain}


def _audit_csv(rows: Sequence[AuditRow]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["seq", "at_ms", *_AUDIT_TEXTS, "prev_hash", "hash"])
    for row in rows:
        entry = _in_ms(msgspec.to_builtins(row.entry))
        cells = (_cell(entry[name]) for name in _AUDIT_TEXTS)
        writer.writerow([row.seq, entry["at_ms"], *cells, row.prev_hash, row.hash])
    return "\ufeff" + text.getvalue()


def _cell(text: str) -> str:
    # a spreadsheet would compute what begins so
    return f"'{text}" if text.startswith(_FORMULA) else text


def _in_ms(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{name.removesuffix('_ns')}_ms" if name.endswith("_ns") else name: (
            _ms(value) if name.endswith("_ns") else value
        )
        for name, value in fields.items()
    }


def _ms(ns: int | None) -> int | None:
    return None if ns is None else ns // _NS_PER_MS


def _read(content: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, [plain(str(e))]) from e


async def _listed(store: CommandStore, limit: int, states: Sequence[CommandState]) -> Response:
    try:
        found = await asyncio.to_thread(store.newest, limit, states)
    except StorageError as e:
        return refused(HTTPStatus.SERVICE_UNAVAILABLE, [str(e)])
    return as_json({"commands": [command_json(command) for command in found]})


async def _answer(act: Act) -> Response:
    """Do it and say how far it came: 200 at an end, 202 while it waits or is under way."""
    try:
        command = await act()
    except Refusal as e:
        return refused(e.status, e.problems)
    except REFUSALS as e:
        return refusal_of(e)
    open_ended = command.state in {CommandState.WAITING, CommandState.SENDING}
    return as_json(command_json(command), HTTPStatus.ACCEPTED if open_ended else HTTPStatus.OK)
