"""What people do about breaks: take them, say something, propose postings, approve another's.

A resolution is postings, a reason and, above a size, a second person. He approves exactly what was
proposed: if the break or the postings are others by then, he is told so and nothing is posted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection, select

from crm_sync.audit_log import alone
from crm_sync.database import Database
from crm_sync.people import same_person
from crm_sync.reconcile.fixes import PlatformOrder, proposed_fix
from crm_sync.reconcile.kept import (
    REASON_LENGTHS,
    FourEyes,
    KeptBreak,
    Proposal,
    checked_name,
    checked_postings,
    checked_reason,
    keyed,
    payload_hash,
)
from crm_sync.reconcile.ports import Post, Posting
from crm_sync.reconcile.rows import (
    break_of,
    change_break,
    first,
    proposal,
    proposal_of,
    proposal_row,
    told_to_audit,
)
from crm_sync.reconcile.store import HOUSE, LIVING
from crm_sync.reconcile.tables import RECON_PROPOSALS, BreakState, Decision
from exposure.errors import DomainError


class Wish(NamedTuple):
    """What somebody wants to do about a break; ``key`` is the wish's own, for ever."""

    key: str
    break_id: str
    actor: str
    reason: str
    postings: Sequence[Posting]


class Approval(NamedTuple):
    """What a second person says to a proposal; ``payload_hash`` is that of what he saw."""

    key: str
    payload_hash: str
    actor: str
    reason: str


class OrderPlatform(Protocol):
    """Who lets the platform book what a break proposes, inside a transaction that is not theirs."""

    def __call__(
        self, connection: Connection, made: Proposal, actor: str, orders: Sequence[PlatformOrder]
    ) -> None:
        """Keep all orders once, or raise DomainError and keep none."""
        ...


class Resolutions:
    """The use case behind every screen and program that ends breaks."""

    def __init__(
        self,
        database: Database,
        rule: FourEyes,
        post: Post,
        now_us: Callable[[], int],
        order: OrderPlatform | None = None,
    ) -> None:
        """Take everything that it connects; ``now_us`` is the wall clock.

        Without ``order`` what is proposed for the platform is only shown.
        """
        self._database = database
        self._rule = rule
        self._post = post
        self._now_us = now_us
        self._order = order

    def assign(self, break_id: str, owner: str, actor: str) -> KeptBreak:
        """Give a break to somebody who looks after it.

        Raises:
            DomainError: There is no such break, it has ended, or a name is none.
            StorageError: It cannot be kept.
        """
        owner, actor = checked_name(owner), checked_name(actor)
        with self._database.writing() as connection:
            alone(connection)
            held = _living(break_of(connection, break_id))
            state = BreakState.ASSIGNED if held.state is BreakState.OPEN else held.state
            change_break(connection, break_id, owner=owner, state=state.value)
            self._tell(connection, actor, "recon.assign", break_id, owner=owner)
            return msgspec.structs.replace(held, owner=owner, state=state)

    def note(self, break_id: str, note: str, actor: str) -> KeptBreak:
        """Write something beside a break, over what stood there; raises as ``assign``."""
        note, actor = checked_reason(note), checked_name(actor)
        with self._database.writing() as connection:
            alone(connection)
            held = break_of(connection, break_id)
            change_break(connection, break_id, note=note)
            self._tell(connection, actor, "recon.note", break_id, reason=note)
            return msgspec.structs.replace(held, note=note)

    def propose(self, wish: Wish) -> Proposal:
        """Post at once, or let a second person decide; the same wish again changes nothing.

        Raises:
            DomainError: It cannot be meant, the break has ended or waits for another decision, or
                the key is another wish's.
            StorageError: It cannot be kept; nothing was posted.
        """
        actor, reason = checked_name(wish.actor), checked_reason(wish.reason)
        checked_postings(wish.postings)
        postings = keyed(wish.key, wish.postings)
        with self._database.writing() as connection:
            alone(connection)
            known = proposal_of(connection, wish.key)
            if known is not None:
                return _same(known, wish, postings)
            self._lapse_waiting(connection, wish.break_id)
            held = _free(_living(break_of(connection, wish.break_id)))
            made = Proposal(
                key=wish.key,
                break_id=wish.break_id,
                postings=postings,
                payload_hash=payload_hash(held.told, postings),
                reason=reason,
                proposed_by=actor,
                proposed_at_us=self._now_us(),
                expires_at_us=self._now_us() + self._rule.within_us,
            )
            return self._keep(connection, held, made)

    def approve(self, said: Approval) -> Proposal:
        """Post what somebody else proposed.

        Raises:
            DomainError: It does not wait any more, it is the same person's, it has expired, or what
                was proposed is not what was seen.
            StorageError: It cannot be kept; nothing was posted.
        """
        actor, reason = checked_name(said.actor), checked_reason(said.reason)
        with self._database.writing() as connection:
            alone(connection)
            waiting = self._waiting(connection, said.key)
            if waiting is not None:
                _refuse_same_person(waiting, actor)
                held = break_of(connection, waiting.break_id)
                _refuse_changed(held, waiting, said.payload_hash)
                return self._resolve(connection, waiting, Decision.APPROVED, actor, reason)
        raise DomainError(f"proposal {said.key} has expired: propose it again")

    def reject(self, said: Approval) -> Proposal:
        """Refuse what somebody proposed, or take back one's own; raises as ``approve``."""
        actor, reason = checked_name(said.actor), checked_reason(said.reason)
        with self._database.writing() as connection:
            alone(connection)
            waiting = self._waiting(connection, said.key)
            if waiting is not None:
                ended = self._end(connection, waiting, Decision.REJECTED, actor, reason)
                _give_back(connection, waiting.break_id)
                return ended
        raise DomainError(f"proposal {said.key} has expired: there is nothing to reject")

    def waiting(self) -> list[Proposal]:
        """Return the proposals that wait for a second person, the oldest first."""
        asked = select(RECON_PROPOSALS).where(
            RECON_PROPOSALS.c.decision == Decision.WAITING.value,
            RECON_PROPOSALS.c.expires_at_us > self._now_us(),
        )
        with self._database.reading() as connection:
            rows = connection.execute(asked.order_by("proposed_at_us", "key"))
            return [proposal(row) for row in rows]

    def _keep(self, connection: Connection, held: KeptBreak, made: Proposal) -> Proposal:
        connection.execute(RECON_PROPOSALS.insert(), proposal_row(made))
        self._tell(
            connection,
            made.proposed_by,
            "recon.propose",
            made.break_id,
            reason=made.reason,
            proposal=made.key,
            payload_hash=made.payload_hash,
        )
        if not self._rule.asks_for(held.told, made.postings):
            return self._resolve(connection, made, Decision.POSTED, made.proposed_by, made.reason)
        change_break(connection, made.break_id, state=BreakState.PROPOSED.value)
        return made

    def _resolve(
        self, connection: Connection, made: Proposal, decision: Decision, actor: str, reason: str
    ) -> Proposal:
        ended = self._end(connection, made, decision, actor, reason)
        self._post(connection, made.postings)
        if self._order is not None:
            # what is approved has the break's document in its digest, and this follows from it
            told = break_of(connection, made.break_id).told
            self._order(connection, made, actor, proposed_fix(told).orders)
        change_break(connection, made.break_id, state=BreakState.RESOLVED.value)
        return ended

    def _end(
        self, connection: Connection, made: Proposal, decision: Decision, actor: str, reason: str
    ) -> Proposal:
        ended = msgspec.structs.replace(
            made,
            decision=decision,
            decided_by=actor,
            decided_at_us=self._now_us(),
            decision_reason=reason,
        )
        this = RECON_PROPOSALS.c.key == made.key
        connection.execute(RECON_PROPOSALS.update().where(this).values(**proposal_row(ended)))
        self._tell(
            connection,
            actor,
            f"recon.{decision.value}",
            made.break_id,
            reason=reason,
            proposal=made.key,
        )
        return ended

    def _waiting(self, connection: Connection, key: str) -> Proposal | None:
        """Return a proposal that waits, None if it has just lapsed.

        Raises:
            DomainError: There is none, or it was decided.
        """
        found = proposal_of(connection, key)
        if found is None:
            raise DomainError(f"there is no proposal {key}: check its key")
        if found.decision is not Decision.WAITING:
            raise DomainError(f"proposal {key} does not wait any more: it is {found.decision}")
        if found.expires_at_us > self._now_us():
            return found
        self._lapse(connection, found)
        return None

    def _lapse_waiting(self, connection: Connection, break_id: str) -> None:
        """End the proposal of a break whose time is over."""
        over = first(
            connection,
            select(RECON_PROPOSALS).where(
                RECON_PROPOSALS.c.break_id == break_id,
                RECON_PROPOSALS.c.decision == Decision.WAITING.value,
                RECON_PROPOSALS.c.expires_at_us <= self._now_us(),
            ),
        )
        if over is not None:
            self._lapse(connection, proposal(over))

    def _lapse(self, connection: Connection, late: Proposal) -> None:
        self._end(connection, late, Decision.LAPSED, HOUSE, "nobody decided in time")
        _give_back(connection, late.break_id)

    def _tell(
        self, connection: Connection, actor: str, action: str, break_id: str, **more: str
    ) -> None:
        told_to_audit(connection, self._now_us(), actor, action, break_id, **more)


def reopen(connection: Connection, break_id: str, why: str, now_us: int) -> None:
    """Open a break again whose correction came to nothing; call ``alone`` before."""
    held = break_of(connection, break_id)
    if held.state is not BreakState.RESOLVED:
        return
    state = BreakState.ASSIGNED if held.owner else BreakState.OPEN
    change_break(connection, break_id, state=state.value, note=why[: REASON_LENGTHS[1]])
    told_to_audit(connection, now_us, HOUSE, "recon.reopened", break_id, reason=why)


def _living(held: KeptBreak) -> KeptBreak:
    if held.state not in LIVING:
        raise DomainError(f"break {held.told.id} is {held.state}: there is nothing to do about it")
    return held


def _free(held: KeptBreak) -> KeptBreak:
    if held.state is BreakState.PROPOSED:
        raise DomainError(
            f"break {held.told.id} waits for a second person: reject what was proposed first"
        )
    return held


def _give_back(connection: Connection, break_id: str) -> None:
    """Let a break be what it was before something was proposed."""
    held = break_of(connection, break_id)
    if held.state is BreakState.PROPOSED:
        state = BreakState.ASSIGNED if held.owner else BreakState.OPEN
        change_break(connection, break_id, state=state.value)


def _same(known: Proposal, wish: Wish, postings: tuple[Posting, ...]) -> Proposal:
    if (known.break_id, known.postings) != (wish.break_id, postings):
        raise DomainError(f"key {wish.key} was used for another proposal: take a new one")
    return known


def _refuse_same_person(waiting: Proposal, actor: str) -> None:
    if same_person(waiting.proposed_by, actor):
        raise DomainError("a second person has to approve: this is who proposed it")


def _refuse_changed(held: KeptBreak, waiting: Proposal, seen_hash: str) -> None:
    now = payload_hash(held.told, waiting.postings)
    if held.state is not BreakState.PROPOSED or not now == waiting.payload_hash == seen_hash:
        raise DomainError(
            f"what proposal {waiting.key} would post, or the break itself, is not what was seen: "
            "reject it and propose it again"
        )
