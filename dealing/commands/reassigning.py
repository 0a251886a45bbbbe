"""Moving clients between books: asked for, approved, sent, answered, undone, and all of it audited.

What is decided is on the disk before it is sent, and it is sent with keys that the platform obeys
once. So whatever dies in between, ``go_on`` sends the same again and nothing happens twice. One
command is under way at a time: the next one sees what this one did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
import structlog

from crm_sync.audit import AuditEntry, canonical
from crm_sync.people import same_person
from dealing.commands.errors import BadRequestError, ConflictError, UnknownCommandError
from dealing.commands.model import (
    HOUSE,
    Approval,
    Command,
    CommandState,
    Move,
    ReassignBook,
    Request,
    UndoCommand,
)
from dealing.commands.ports import BooksQuery, Change, CommandGateway, CommandStore
from dealing.commands.rules import (
    ApprovalRule,
    has_arrived,
    moves_of,
    problem_of_actor,
    problem_of_reason,
    problems_of,
    undo_moves,
    unknown_names,
    with_answers,
)
from exposure.account_books import AccountBooks
from exposure.errors import FeedError

ARRIVES_WITHIN: Final = 30
"""How often the engine is asked whether it has seen what the platform accepted."""

LOOK_AGAIN_S: Final = 0.1

Pause = Callable[[float], Awaitable[None]]
Kept = TypeVar("Kept")


class Decision(NamedTuple):
    """What a second person says to a command that waits."""

    actor: str
    approve: bool
    reason: str


class _Plan(NamedTuple):
    moves: tuple[Move, ...]
    clients: int
    gross_usd: float
    unpriced: int


class Reassignments:
    """The use case behind every screen, page and program that moves clients."""

    def __init__(
        self,
        store: CommandStore,
        gateway: CommandGateway,
        books: BooksQuery,
        rule: ApprovalRule,
        now_ns: Callable[[], int],
        pause: Pause = asyncio.sleep,
    ) -> None:
        """Take everything that it connects; ``now_ns`` is the wall clock."""
        self._store = store
        self._gateway = gateway
        self._books = books
        self._rule = rule
        self._now_ns = now_ns
        self._pause = pause
        self._turn = asyncio.Lock()

    async def ask(self, request: Request, via: str) -> Command:
        """Take a request and return how far it came; the same key again returns the same command.

        Raises:
            BadRequestError: It cannot be meant.
            UnknownCommandError: It wants to undo what there never was.
            ConflictError: The key is another request's, or something newer stands against it.
            DisconnectedError: The engine is away, so nobody knows where the clients are.
            StorageError: It cannot be kept; nothing was sent.
        """
        problems = problems_of(request, self._now_ns())
        if problems:
            raise BadRequestError(problems)
        async with self._turn:
            held = await self._read(self._store.get, request.key)
            if held is not None:
                return _same(held, request)
            plan = await self._plan(request)
            command = self._command(request, via, plan)
            return await self._keep_and_send(command)

    async def foresee(self, request: ReassignBook, via: str) -> Command:
        """Return what a request would be now, and keep and send nothing.

        It would wait for a second person where its state is WAITING.

        Raises:
            BadRequestError: It cannot be meant.
            DisconnectedError: The engine is away, so nobody knows where the clients are.
        """
        problems = problems_of(request, self._now_ns())
        if problems:
            raise BadRequestError(problems)
        return self._command(request, via, await self._plan(request))

    async def decide(self, key: str, decision: Decision, via: str) -> Command:
        """Approve or reject a command that waits for a second person.

        Raises:
            BadRequestError: The decision has no name or no reason.
            UnknownCommandError: There is no such command.
            ConflictError: It does not wait any more, it is the same person's, or what it would do
                has changed since it was asked for.
            DisconnectedError: The engine is away.
            StorageError: It cannot be kept; nothing was sent.
        """
        problems = [problem_of_actor(decision.actor), problem_of_reason(decision.reason)]
        if any(problems):
            raise BadRequestError([problem for problem in problems if problem])
        async with self._turn:
            command = await self._waiting(key, decision.actor)
            if not decision.approve:
                return await self._end(command, CommandState.REJECTED, decision, via)
            plan = await self._plan(command.request)
            fresh = msgspec.structs.replace(command, moves=plan.moves)
            if fresh.payload_hash() != _approval(command).payload_hash:
                raise ConflictError(
                    f"what command {key} would do has changed since it was asked for: reject it "
                    "and ask anew"
                )
            decided = await self._end(fresh, CommandState.SENDING, decision, via, was=command)
            return await self._send(decided)

    async def go_on(self) -> None:
        """Do what is due: send again what has no answer, let approvals lapse, end overrides.

        Raises:
            FeedError: Platform or engine is away; what is due stays due.
            StorageError: The database is.
        """
        async with self._turn:
            sending = await self._read(self._store.newest, None, (CommandState.SENDING,))
            for command in reversed(sending):
                if (await self._send(command)).state is CommandState.SENDING:
                    break  # the platform is away: the others wait as well
            for command in await self._read(self._store.due, self._now_ns()):
                if command.state is CommandState.WAITING:
                    late = Decision(HOUSE, approve=False, reason="nobody decided in time")
                    await self._end(command, CommandState.LAPSED, late, "clock")
                else:
                    await self._expire(command)

    # A request ---------------------------------------------------------------------------------

    async def _plan(self, request: Request) -> _Plan:
        match request:
            case ReassignBook(logins=logins, clients=clients):
                accounts = await self._books.books_of(logins, clients)
                unknown = unknown_names(request, accounts)
                if unknown:
                    raise BadRequestError(unknown)
                return _sized(moves_of(request, accounts), accounts)
            case UndoCommand(command=key):
                command = await self._read(self._store.get, key)
                if command is None:
                    raise UnknownCommandError(key)
                later = await self._read(self._store.later, key, command.logins)
                others = [one for one in later if one.key != request.key]
                accounts = await self._books.books_of(command.logins, ())
                return _sized(undo_moves(command, accounts, others), accounts)

    def _command(self, request: Request, via: str, plan: _Plan) -> Command:
        now = self._now_ns()
        command = Command(
            request=request,
            via=via,
            state=CommandState.SENDING,
            created_at_ns=now,
            moves=plan.moves,
            clients=plan.clients,
            gross_usd=plan.gross_usd,
            unpriced=plan.unpriced,
            expires_at_ns=request.expires_at_ns if isinstance(request, ReassignBook) else None,
        )
        if not self._rule.asks_for(plan.clients, plan.gross_usd, plan.unpriced):
            return command
        approval = Approval(
            payload_hash=command.payload_hash(),
            requested_by=request.actor,
            requested_at_ns=now,
            expires_at_ns=now + self._rule.within_ns,
        )
        return msgspec.structs.replace(command, state=CommandState.WAITING, approval=approval)

    async def _keep_and_send(self, command: Command) -> Command:
        request = command.request
        action = "undo.requested" if command.undo_of else "reassign.requested"
        entry = self._entry(action, request.actor, command.via, request.reason, command)
        held = await self._read(self._store.add, command, entry)
        return await self._send(held) if held.state is CommandState.SENDING else held

    # A decision --------------------------------------------------------------------------------

    async def _waiting(self, key: str, actor: str) -> Command:
        command = await self._read(self._store.get, key)
        if command is None:
            raise UnknownCommandError(key)
        if command.state is not CommandState.WAITING:
            raise ConflictError(f"command {key} does not wait any more: it is {command.state}")
        if same_person(actor, _approval(command).requested_by):
            raise ConflictError(f"{actor} asked for command {key}: another person has to decide")
        if _approval(command).expires_at_ns <= self._now_ns():
            raise ConflictError(f"command {key} has waited too long: ask anew")
        return command

    async def _end(
        self,
        command: Command,
        state: CommandState,
        decision: Decision,
        via: str,
        was: Command | None = None,
    ) -> Command:
        """Write a decision down; the waiting is over."""
        words = {CommandState.SENDING: "approved", CommandState.REJECTED: "rejected"}
        word = words.get(state, "lapsed")
        approval = msgspec.structs.replace(
            _approval(command),
            decision=word,
            decided_by=decision.actor,
            decided_at_ns=self._now_ns(),
            reason=decision.reason,
        )
        now = msgspec.structs.replace(command, state=state, approval=approval)
        entry = self._entry(f"approval.{word}", decision.actor, via, decision.reason, now)
        await self._change([Change(was or command, now)], entry)
        return now

    # To the platform ---------------------------------------------------------------------------

    async def _send(self, command: Command) -> Command:
        try:
            answers = await self._gateway.send(command.orders())
        except FeedError as e:
            # it is kept, and sent again with the same keys until there is an answer
            structlog.get_logger().warning("command waits", key=command.key, reason=str(e))
            return command
        moves, accepted = with_answers(command, answers)
        state = CommandState.DONE if accepted == len(moves) else CommandState.PARTLY
        now = msgspec.structs.replace(
            command,
            state=state if accepted else CommandState.REFUSED,
            moves=moves,
            answered_at_ns=self._now_ns(),
        )
        changes = [Change(command, now)]
        if command.undo_of and accepted:
            undone = await self._read(self._store.get, command.undo_of)
            if undone is not None:
                changes.append(
                    Change(undone, msgspec.structs.replace(undone, undone_by=command.key))
                )
        entry = self._entry(f"platform.{now.state}", HOUSE, "platform", "", now)
        await self._change(changes, entry)
        if accepted:
            await self._arrival(now)
        return now

    async def _arrival(self, command: Command) -> None:
        """Wait for a moment until the engine has seen it, so that the next command sees it too."""
        for _ in range(ARRIVES_WITHIN):
            try:
                accounts = await self._books.books_of(command.logins, ())
            except FeedError:
                break
            if has_arrived(command, accounts):
                return
            await self._pause(LOOK_AGAIN_S)
        structlog.get_logger().warning("command not seen by the engine yet", key=command.key)

    # The end of an override --------------------------------------------------------------------

    async def _expire(self, command: Command) -> None:
        request = UndoCommand(
            key=f"{command.key}.expiry",
            actor=HOUSE,
            reason="the override has expired",
            command=command.key,
        )
        try:
            plan = await self._plan(request)
        except ConflictError as e:
            lasting = msgspec.structs.replace(command, expires_at_ns=None)
            entry = self._entry("override.overtaken", HOUSE, "clock", str(e), lasting)
            await self._change([Change(command, lasting)], entry)
            return
        # whoever approved the override approved its end
        undo = msgspec.structs.replace(
            self._command(request, "clock", plan), state=CommandState.SENDING, approval=None
        )
        ended = await self._keep_and_send(undo)
        if ended.state is CommandState.REFUSED:
            lasting = msgspec.structs.replace(command, expires_at_ns=None)
            entry = self._entry("override.stays", HOUSE, "clock", "the platform refused", lasting)
            await self._change([Change(command, lasting)], entry)

    # The store ---------------------------------------------------------------------------------

    async def _change(self, changes: Sequence[Change], entry: AuditEntry) -> None:
        if not await self._read(self._store.change, changes, [entry]):
            raise ConflictError(
                f"command {changes[0].was.key} was changed by somebody else meanwhile: look again"
            )

    async def _read(self, ask: Callable[..., Kept], *arguments: Any) -> Kept:
        return await asyncio.to_thread(partial(ask, *arguments))

    def _entry(
        self, action: str, actor: str, via: str, reason: str, command: Command
    ) -> AuditEntry:
        return AuditEntry(
            at_ns=self._now_ns(),
            actor=actor,
            via=via,
            action=action,
            entity=f"command {command.key}",
            reason=reason,
            detail=canonical(msgspec.to_builtins(command)),
        )


def _sized(moves: tuple[Move, ...], accounts: Sequence[AccountBooks]) -> _Plan:
    return _Plan(
        moves=moves,
        clients=len({account.client_id for account in accounts}),
        gross_usd=sum(account.gross_usd for account in accounts),
        unpriced=sum(account.unpriced for account in accounts),
    )


def _same(held: Command, request: Request) -> Command:
    if held.request != request:
        raise ConflictError(f"key {request.key} was used for another command: take a new one")
    return held


def _approval(command: Command) -> Approval:
    if command.approval is None:
        raise ConflictError(f"command {command.key} needs no second person")
    return command.approval
