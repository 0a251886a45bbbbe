"""Breaks as people work them off: who looks after which, what is proposed, and who approves it."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from crm_sync.clients.csv_export import neutral
from crm_sync.reconcile.fixes import Fix, proposed_fix
from crm_sync.reconcile.kept import FourEyes, KeptBreak, Proposal
from crm_sync.reconcile.ports import Posting
from crm_sync.reconcile.resolving import Approval, Resolutions, Wish
from crm_sync.reconcile.store import BreakStore
from dealing.back_office.corrections import CorrectionOrders
from dealing.back_office.payment_desk import Who
from dealing.back_office.posting import LedgerPosts
from dealing.back_office.rooms import Rooms
from exposure.errors import DomainError
from exposure.model.ids import Currency
from exposure.model.money import minor_digits

LISTED: Final = 500
EXPORTED: Final = 100_000

_FIELDS: Final = (
    "id", "class", "side", "state", "age", "owner", "usd_at_risk", "amount", "currency",
    "client_id", "login", "ref", "open_since_ms", "note", "fix",
)  # fmt: skip


class BreakDesk:
    """The use cases behind the tab of breaks."""

    def __init__(self, rooms: Rooms, rule: FourEyes) -> None:
        """Take the rooms, and from which size on a second person decides."""
        self._now_us = rooms.now_us
        self._store = BreakStore(rooms.database, rooms.now_us)
        posts = LedgerPosts(rooms.now_us)
        orders = CorrectionOrders(rooms.accounts, rooms.now_us)
        self._resolutions = Resolutions(rooms.database, rule, posts, rooms.now_us, orders)

    async def queue(self, limit: int = LISTED) -> dict[str, Any]:
        """Return the breaks that have no end, the longest open first.

        Raises:
            StorageError: The database cannot be used.
        """
        held, waiting = await asyncio.to_thread(self._held, limit)
        proposals = {one.break_id: one for one in waiting}
        now_us = self._now_us()
        return {"breaks": [break_told(one, proposals.get(one.told.id), now_us) for one in held]}

    async def exported(self) -> str:
        """Return the same as CSV, nothing in it that a spreadsheet would compute."""
        rows = (await self.queue(EXPORTED))["breaks"]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(_FIELDS)
        for row in rows:
            amount = row["amount_minor"] / 10 ** row["digits"]
            cells = {**row, "amount": amount, "fix": row["fix"]["action"]}
            writer.writerow([_cell(cells[name]) for name in _FIELDS])
        return "\ufeff" + text.getvalue()

    async def assign(self, break_id: str, owner: str, who: Who) -> dict[str, Any]:
        """Give a break to somebody.

        Raises:
            DomainError: It cannot be meant, or may not be.
            StorageError: It cannot be kept.
        """
        held = await asyncio.to_thread(self._resolutions.assign, break_id, owner, who.actor)
        return break_told(held, None, self._now_us())

    async def note(self, break_id: str, who: Who) -> dict[str, Any]:
        """Write the reason of somebody beside a break; raises as ``assign``."""
        held = await asyncio.to_thread(self._resolutions.note, break_id, who.reason, who.actor)
        return break_told(held, None, self._now_us())

    async def propose(self, break_id: str, who: Who) -> dict[str, Any]:
        """Propose, or post, what would put a break right; raises as ``assign``."""
        clean = who.checked()

        def act() -> Proposal:
            held = self._store.get(break_id)
            if held is None:
                raise DomainError(f"there is no break {break_id}: look at the list again")
            postings = proposed_fix(held.told).postings
            wish = Wish(clean.key, break_id, clean.actor, clean.reason, postings)
            return self._resolutions.propose(wish)

        return proposal_told(await asyncio.to_thread(act))

    async def decide(
        self, proposal: str, payload_hash: str, who: Who, *, approve: bool
    ) -> dict[str, Any]:
        """Approve or reject as a second person exactly what he saw; raises as ``assign``."""
        said = Approval(proposal, payload_hash, who.actor, who.reason)
        resolve = self._resolutions.approve if approve else self._resolutions.reject
        return proposal_told(await asyncio.to_thread(resolve, said))

    def _held(self, limit: int) -> tuple[list[KeptBreak], list[Proposal]]:
        return self._store.living(limit), self._resolutions.waiting()


def break_told(held: KeptBreak, proposal: Proposal | None, now_us: int) -> dict[str, Any]:
    """Return a break for a page: times in epoch ms, amounts in minor units."""
    told = held.told
    return {
        "id": told.id,
        "class": told.break_class.value,
        "side": told.side.value,
        "ref": told.ref,
        "client_id": told.client_id,
        "login": told.login,
        "amount_minor": told.amount_minor,
        "digits": minor_digits(Currency(told.currency)),
        "currency": told.currency,
        "usd_at_risk": told.usd_at_risk,
        "state": held.state.value,
        "age": held.age(now_us).value,
        "open_since_ms": held.open_since_us // 1_000,
        "owner": held.owner,
        "note": held.note,
        "fix": fix_told(proposed_fix(told)),
        "proposal": None if proposal is None else proposal_told(proposal),
    }


def fix_told(fix: Fix) -> dict[str, Any]:
    """Return what would put a break right."""
    return {
        "action": fix.action.value,
        "postings": _postings_told(fix.postings),
        "orders": [
            {**msgspec.to_builtins(one), "digits": minor_digits(Currency(one.currency))}
            for one in fix.orders
        ],
    }


def proposal_told(one: Proposal) -> dict[str, Any]:
    """Return a proposal, with the digest that a second person approves."""
    return {
        "key": one.key,
        "break_id": one.break_id,
        "payload_hash": one.payload_hash,
        "reason": one.reason,
        "proposed_by": one.proposed_by,
        "expires_at_ms": one.expires_at_us // 1_000,
        "decision": one.decision.value,
        "decided_by": one.decided_by,
        "postings": _postings_told(one.postings),
    }


def _postings_told(postings: Sequence[Posting]) -> list[dict[str, Any]]:
    return [
        {**msgspec.to_builtins(one), "digits": minor_digits(Currency(one.currency))}
        for one in postings
    ]


def _cell(value: object) -> object:
    return neutral(value) if isinstance(value, str) else value
