"""Buttons that are pressed elsewhere: who may, once, and what is told to whoever pressed.

A button holds nothing but a token; what it means is kept here under the token's hash. A press goes
through these gates in this order, and each refusal changes nothing, is audited and says why:

1. the token is known, was not used, and has not expired;
2. the person has a role for it, and did not ask for it if it is a second vote (before it is used
   up, so that another one still can);
3. it is used up, in one step of the store: of two presses at once one goes on;
4. the press is audited; what cannot be audited is not done;
5. it is done, through :class:`Deskwork`.

A button stays used when step 5 fails, also when the desk is away: whether a command arrived there
cannot be known, so nobody should be invited to send it again blindly. The person is told to look at
the desk; the case's message gets new buttons with its next version. The key of a command is made
from the token, so even a press that is carried out twice is one command.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import msgspec
import structlog

from crm_sync.people import same_person
from dealing.alerts.model import Action, Offer
from dealing.alerts.ports import Nonce
from exposure.errors import DomainError, FeedError, StorageError

SNOOZE_MINUTES: Final = 30
LONGEST_TOKEN: Final = 200

ROLES: Final[Mapping[Action, frozenset[str]]] = {
    Action.ACKNOWLEDGE: frozenset({"dealer", "risk", "compliance", "payments"}),
    Action.SNOOZE: frozenset({"dealer", "risk", "compliance", "payments"}),
    Action.MOVE_TO_A: frozenset({"risk", "dealer"}),
    Action.HEDGE: frozenset({"dealer"}),
    Action.APPROVE: frozenset({"risk", "dealer"}),
    Action.REJECT: frozenset({"risk", "dealer"}),
}
"""Who may press what; the desk's own rules about approvals apply besides."""

PRESSED: Final = "alert.press"
REFUSED: Final = "alert.press.refused"
FAILED: Final = "alert.press.failed"

_DOING: Final = {
    Action.ACKNOWLEDGE: "acknowledge it",
    Action.SNOOZE: "snooze it",
    Action.MOVE_TO_A: "move a client",
    Action.HEDGE: "hedge",
    Action.APPROVE: "approve a move",
    Action.REJECT: "reject a move",
}


class DeskUser(msgspec.Struct, frozen=True):
    """A person of the desk, and what he or she may do."""

    name: str
    roles: frozenset[str]


class Presser(msgspec.Struct, frozen=True):
    """Who presses: what the channel calls the person, and who that is on the desk, if known."""

    ident: str
    user: DeskUser | None

    @property
    def actor(self) -> str:
        """The name in the audit log."""
        return self.ident if self.user is None else self.user.name


class Pressed(msgspec.Struct, frozen=True):
    """What came of a press, in a sentence for whoever pressed."""

    done: bool
    sentence: str


class Deskwork(Protocol):
    """What a press does. All return a sentence for whoever pressed.

    All raise DomainError where it is refused, and DisconnectedError or StorageError where nobody
    can know now whether it was done.
    """

    async def acknowledge(self, number: int, actor: str, note: str) -> str:
        """Acknowledge a case."""
        ...

    async def snooze(self, number: int, actor: str, minutes: int) -> str:
        """Let a case rest."""
        ...

    async def move_to_a(
        self, number: int, client_id: str, actor: str, reason: str, key: str
    ) -> str:
        """For a case, send a client's new deals to book A, or ask a second person whether to."""
        ...

    async def hedge(self, number: int, offer: Offer, actor: str, reason: str, key: str) -> str:
        """For a case, order the hedge that was offered, of the size that it takes now."""
        ...

    async def decide(self, number: int, offer: Offer, actor: str, reason: str) -> str:
        """For a case, vote about what another person asked for."""
        ...


class PressAudit(Protocol):
    """Where it is written down who pressed what."""

    def record(
        self, actor: str, action: str, entity: str, reason: str, detail: Mapping[str, str]
    ) -> None:
        """Write a row; it is called in a thread.

        Raises:
            StorageError: It cannot be written.
        """
        ...


class Buttons(Protocol):
    """Where buttons are kept (an AlertStore); they are called in a thread."""

    def redeem(self, token_hash: str, by: str, now_us: int) -> Nonce | None:
        """Use up a button, once: return it as it was before, None if nobody knows it."""
        ...

    def nonce(self, token_hash: str) -> Nonce | None:
        """Return a button without using it."""
        ...


def token_hash(token: str) -> str:
    """Return under which name a button is kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def command_key(hashed: str) -> str:
    """Return the key of the command that a button gives, always the same one."""
    return f"alert-{hashed[:32]}"


class Pressing:
    """Takes presses of buttons, whatever channel they come from."""

    def __init__(
        self, buttons: Buttons, work: Deskwork, audit: PressAudit, now_us: Callable[[], int]
    ) -> None:
        """Take where buttons are kept, who does the work, the audit log and the wall clock."""
        self._buttons = buttons
        self._work = work
        self._audit = audit
        self._now_us = now_us

    async def press(self, token: str, who: Presser) -> Pressed:
        """Do what a button means, if this person may and nobody did before."""
        try:
            return await self._gated(token_hash(token[:LONGEST_TOKEN]), who)
        except StorageError:
            return Pressed(
                done=False,
                sentence="The desk's database is away, so nothing was done: use the desk.",
            )

    async def _gated(self, hashed: str, who: Presser) -> Pressed:
        now_us = self._now_us()
        try:
            seen = _usable(await asyncio.to_thread(self._buttons.nonce, hashed), now_us)
            user = _allowed(seen, who)
            taken = await asyncio.to_thread(self._buttons.redeem, hashed, user.name, now_us)
            nonce = _usable(taken, now_us)
        except _RefusedError as refusal:
            await self._record(REFUSED, str(refusal), refusal.nonce, hashed, who)
            return Pressed(done=False, sentence=str(refusal))
        await self._record(PRESSED, "", nonce, hashed, who)
        return await self._carry_out(nonce, hashed, who, user)

    async def _carry_out(self, nonce: Nonce, hashed: str, who: Presser, user: DeskUser) -> Pressed:
        try:
            return Pressed(
                done=True, sentence=await self._do(nonce, user.name, command_key(hashed))
            )
        except DomainError as e:
            reason, sentence = str(e), f"It was refused: {e}"
        except (FeedError, StorageError) as e:
            reason = str(e)
            sentence = f"It may not have been done ({e}). Look at the desk, and do it there."
        try:
            await self._record(FAILED, reason, nonce, hashed, who)
        except StorageError as e:
            # that it was pressed is in the log, and a command that arrived is audited by the desk
            structlog.get_logger().warning("the end of a press is not audited", reason=str(e))
        return Pressed(done=False, sentence=sentence)

    async def _do(self, nonce: Nonce, actor: str, key: str) -> str:
        reason = f"A-{nonce.number}, pressed in {nonce.channel}"
        match nonce.offer.action:
            case Action.ACKNOWLEDGE:
                return await self._work.acknowledge(nonce.number, actor, "")
            case Action.SNOOZE:
                return await self._work.snooze(nonce.number, actor, SNOOZE_MINUTES)
            case Action.MOVE_TO_A:
                client_id = nonce.offer.client_id
                return await self._work.move_to_a(nonce.number, client_id, actor, reason, key)
            case Action.HEDGE:
                return await self._work.hedge(nonce.number, nonce.offer, actor, reason, key)
            case Action.APPROVE | Action.REJECT:
                return await self._work.decide(nonce.number, nonce.offer, actor, reason)

    async def _record(
        self, action: str, reason: str, nonce: Nonce | None, hashed: str, who: Presser
    ) -> None:
        entity = "button" if nonce is None else f"A-{nonce.number}"
        detail = {"pressed_by": who.ident, "button": hashed[:16], **_meant(nonce)}
        await asyncio.to_thread(self._audit.record, who.actor, action, entity, reason, detail)


class _RefusedError(Exception):
    """A press that changes nothing, with the sentence for whoever pressed."""

    def __init__(self, sentence: str, nonce: Nonce | None) -> None:
        super().__init__(sentence)
        self.nonce = nonce


def _usable(nonce: Nonce | None, now_us: int) -> Nonce:
    if nonce is None:
        raise _RefusedError("This button is not known here: it changed nothing.", None)
    if nonce.used_us is not None:
        raise _RefusedError(
            f"This was pressed already, by {nonce.used_by}: it changed nothing again.", nonce
        )
    if nonce.expires_us <= now_us:
        raise _RefusedError(
            "This button has expired, it changed nothing: open the case on the desk.", nonce
        )
    return nonce


def _allowed(nonce: Nonce, who: Presser) -> DeskUser:
    action = nonce.offer.action
    if who.user is None:
        raise _RefusedError(
            f"The desk does not know you ({who.ident}), so you may look but not press: ask for an "
            "entry under alerts.users.",
            nonce,
        )
    if not who.user.roles & ROLES[action]:
        takes = " or ".join(sorted(ROLES[action]))
        raise _RefusedError(
            f"To {_DOING[action]} takes the role {takes}: ask somebody who has it. "
            "The button is still there.",
            nonce,
        )
    if nonce.offer.asked_by and same_person(who.user.name, nonce.offer.asked_by):
        raise _RefusedError(
            "You asked for it, so another person has to decide. The button is still there.", nonce
        )
    return who.user


def _meant(nonce: Nonce | None) -> dict[str, str]:
    if nonce is None:
        return {}
    offer = nonce.offer
    told = {"press": offer.action.value, "channel": nonce.channel}
    named = {"client_id": offer.client_id, "symbol": offer.symbol, "command": offer.command}
    return told | {name: value for name, value in named.items() if value}
