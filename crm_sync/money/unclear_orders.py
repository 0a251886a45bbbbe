"""How people end an order that the platform booked otherwise under our token.

Nobody but a person can say what is right then: that the booking is there as it was ordered, because
somebody put it right on the platform; that it is not there, so that its money goes back; or that it
has to be looked for once more, which ends nothing by itself. The first two move money: above a
limit a second person decides, within a time, about exactly what was said.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, select

from crm_sync.audit_log import alone
from crm_sync.money import approvals
from crm_sync.money.approvals import APPROVED, REJECTED, Decision, Matter
from crm_sync.money.errors import MoneyConflictError
from crm_sync.money.platform_order_store import Cause, end, keep, note, order_of
from crm_sync.money.platform_orders import OrderState, PlatformOrder, confirmed, rejected
from crm_sync.money.platform_worker import OrderEnded
from crm_sync.money.rows import locked
from crm_sync.money.tables import MONEY_APPROVALS
from crm_sync.people import same_person

SOURCE: Final = "unclear_order"
BY_HAND: Final = "by hand"
"""The ticket of a booking whose number nobody knows."""

_COLUMNS: Final = MONEY_APPROVALS.c


class Verdict(StrEnum):
    """What a person says of an unclear order."""

    FOUND = "found"
    NOT_FOUND = "not_found"


class UnclearRule(msgspec.Struct, frozen=True, kw_only=True):
    """Above which amount, in minor units by currency, a second person decides, and within what.

    A currency that is not named always takes a second person.
    """

    alone_up_to_minor: Mapping[str, int]
    decide_within_us: int = 30 * 60 * 1_000_000

    def asks_for(self, order: PlatformOrder) -> bool:
        """Whether a second person has to decide."""
        return order.amount_minor > self.alone_up_to_minor.get(order.currency, 0)


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Who says something, through what, and why."""

    actor: str
    via: str
    reason: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one person said of an unclear order, which another one decides about until a time."""

    token: str
    verdict: Verdict
    by: str
    expires_at_us: int


class UnclearOrders:
    """The use case behind whoever ends unclear orders; each step is in the caller's transaction."""

    def __init__(self, ended: OrderEnded, rule: UnclearRule) -> None:
        """Take who goes on where an order has ended, and when a second person decides."""
        self._ended = ended
        self._rule = rule

    def look_again(self, connection: Connection, token: str, by: By, now_us: int) -> PlatformOrder:
        """Let an order be looked for once more; it is sent again only if it is not there any more.

        Raises:
            MoneyConflictError: It is not unclear, or a second person decides about it.
        """
        alone(connection)
        order = _order(connection, token)
        if order.state is OrderState.SENT:
            return order  # it was said before, and the answer was lost
        _refuse_clear(order)
        if _waiting(connection, token) is not None:
            raise MoneyConflictError(f"order {token} waits for a second person: reject that first")
        again = msgspec.structs.replace(
            order, state=OrderState.SENT, reason="", ticket="", due_us=now_us
        )
        note(connection, again, "look_again", now_us, [], _cause(token, by))
        keep(connection, again)
        return again

    def say(
        self, connection: Connection, token: str, verdict: Verdict, by: By, now_us: int
    ) -> PlatformOrder:
        """End an order as a person says, or let a second person decide about it.

        Saying the same again changes nothing.

        Raises:
            MoneyConflictError: It is not unclear, or something else was said before.
        """
        alone(connection)
        order = _order(connection, token)
        if order.state is _ENDS[verdict]:
            return order  # it was said before, and the answer was lost
        _refuse_clear(order)
        held = _waiting(connection, token)
        if held is not None and held.expires_at_us <= now_us:
            approvals.lapse(connection, _matter_of(order, held), now_us)
            held = None
        if held is not None:
            if Verdict(_verdict_of(held)) is verdict and same_person(held.requested_by, by.actor):
                return order
            raise MoneyConflictError(
                f"order {token} waits for a second person: approve or reject what was said"
            )
        if not self._rule.asks_for(order):
            return self._end(connection, order, verdict, by, now_us)
        matter = _matter(order, verdict, f"{token}/{_times(connection, token) + 1}")
        note(connection, order, f"said_{verdict}", now_us, [], _cause(token, by))
        approvals.ask(connection, matter, by.actor, now_us, self._rule.decide_within_us)
        return order

    def decide(
        self, connection: Connection, token: str, decision: Decision, now_us: int
    ) -> PlatformOrder:
        """Approve or reject, as a second person, what was said of an order.

        Raises:
            MoneyConflictError: Nothing was said, it is the same person's, too late, or about what
                the order is not any more.
        """
        alone(connection)
        order = _order(connection, token)
        held = _waiting(connection, token)
        if held is None:
            if _was_decided(connection, token, decision):
                return order
            raise MoneyConflictError(f"order {token} does not wait for a second person")
        approvals.decide(connection, _matter_of(order, held), decision, now_us)
        if not decision.approve:
            return order
        _refuse_clear(order)
        by = By(actor=decision.actor, via=decision.via, reason=decision.reason)
        return self._end(connection, order, Verdict(_verdict_of(held)), by, now_us)

    def _end(
        self, connection: Connection, order: PlatformOrder, verdict: Verdict, by: By, now_us: int
    ) -> PlatformOrder:
        if verdict is Verdict.FOUND:
            ended = confirmed(order, order.ticket or BY_HAND)
        else:
            ended = rejected(order, by.reason)
        end(connection, ended, now_us, _cause(order.token, by))
        self._ended(connection, ended, now_us)
        return ended


_ENDS: Final = {
    Verdict.FOUND: OrderState.CONFIRMED,
    Verdict.NOT_FOUND: OrderState.REJECTED,
}


def waiting(connection: Connection, now_us: int, limit: int) -> list[Said]:
    """Return what was said and waits for a second person, the soonest to lapse first."""
    mine = _COLUMNS.kind.in_(_KINDS) & (_COLUMNS.decision == "")
    asked = select(MONEY_APPROVALS).where(mine, _COLUMNS.expires_at_us > now_us)
    rows = connection.execute(asked.order_by(_COLUMNS.expires_at_us).limit(limit))
    return [
        Said(
            token=row.subject.partition("/")[0],
            verdict=Verdict(_verdict_of(row)),
            by=row.requested_by,
            expires_at_us=row.expires_at_us,
        )
        for row in rows
    ]


def lapse_said(connection: Connection, now_us: int, limit: int = 100) -> int:
    """Give up what was said and nobody decided about in time, and return how much that was."""
    alone(connection)
    count = 0
    for kind in _KINDS:
        for subject in approvals.lapsing(connection, kind, now_us, limit):
            order = order_of(connection, subject.partition("/")[0])
            if order is not None:
                matter = _matter(order, Verdict(kind.removeprefix(_PREFIX)), subject)
                approvals.lapse(connection, matter, now_us)
                count += 1
    return count


_PREFIX: Final = "order_"
_KINDS: Final = tuple(f"{_PREFIX}{verdict}" for verdict in Verdict)


def _order(connection: Connection, token: str) -> PlatformOrder:
    order = order_of(connection, token)
    if order is None:
        raise MoneyConflictError(f"there is no order {token}")
    return order


def _refuse_clear(order: PlatformOrder) -> None:
    if order.state is not OrderState.UNCLEAR:
        raise MoneyConflictError(f"order {order.token} is {order.state}: nobody has to end it")


def _matter(order: PlatformOrder, verdict: Verdict, subject: str) -> Matter:
    about = [
        order.token, order.login, order.side, order.what, order.amount_minor, order.currency,
        order.ticket, order.attempts,
    ]  # fmt: skip
    return Matter(f"{_PREFIX}{verdict}", subject, about)


def _matter_of(order: PlatformOrder, held: Row[Any]) -> Matter:
    return _matter(order, Verdict(_verdict_of(held)), held.subject)


def _verdict_of(held: Row[Any]) -> str:
    return str(held.kind).removeprefix(_PREFIX)


def _waiting(connection: Connection, token: str) -> Row[Any] | None:
    asked = select(MONEY_APPROVALS).where(_of(token), _COLUMNS.decision == "")
    return connection.execute(locked(connection, asked)).first()


def _times(connection: Connection, token: str) -> int:
    asked = select(func.count()).select_from(MONEY_APPROVALS).where(_of(token))
    return connection.scalar(asked) or 0


def _was_decided(connection: Connection, token: str, decision: Decision) -> bool:
    """Whether this very answer was the last one; its own answer was lost then."""
    newest = (
        _COLUMNS.decided_at_us.desc(),
        func.length(_COLUMNS.subject).desc(),
        _COLUMNS.subject.desc(),
    )
    asked = select(MONEY_APPROVALS).where(_of(token)).order_by(*newest)
    row = connection.execute(asked.limit(1)).first()
    meant = APPROVED if decision.approve else REJECTED
    return row is not None and row.decision == meant and same_person(row.decided_by, decision.actor)


def _of(token: str) -> Any:
    mine = _COLUMNS.subject.startswith(f"{token}/", autoescape=True)
    return _COLUMNS.kind.in_(_KINDS) & mine


def _cause(token: str, by: By) -> Cause:
    return Cause(source=SOURCE, ext_ref=token, actor=by.actor, via=by.via, reason=by.reason)
