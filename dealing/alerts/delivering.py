"""Telling one channel what it still lacks: not too fast, not twice on purpose, and all of it.

What a channel has is a number in the store beside the number that it should have; whoever starts
with the two goes on, whatever happened before. A process that dies between a message and its note
sends the message again; it never forgets one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from typing import Final, NamedTuple, TypeVar

from dealing.alerts.delivery_health import Delays, DeliveryHealth
from dealing.alerts.delivery_pace import US_PER_S, DeliveryPace, TokenBucket, Trouble
from dealing.alerts.delivery_queue import Queue, next_of, sorted_out, summarised
from dealing.alerts.delivery_words import label_of, summary_of_gone, summary_of_waiting
from dealing.alerts.errors import AlertDeliveryError
from dealing.alerts.model import Action, Case, CaseState, Entry, Offer, Severity
from dealing.alerts.ports import (
    AlertSink,
    AlertStore,
    Button,
    CaseMessage,
    Delivery,
    Nonce,
    NotTold,
    Told,
)

AT_ONCE: Final = 500
"""How many deliveries one look reads; a look before a summary reads all of them."""

ALL: Final = 1_000_000
MOST_OFFERS: Final = 8
MOST_NEW_ENTRIES: Final = 50
"""How many lines of a timeline a message brings at most; the newest ones."""

_R = TypeVar("_R")


class Surroundings(NamedTuple):
    """What messages need from around them."""

    link_of: Callable[[Case], str]
    """Opens a case on the desk."""
    mentions_of: Callable[[Case], tuple[str, ...]]
    """Desk users who are called to a case."""
    new_token: Callable[[], str]
    """Makes a text that nobody can guess."""
    chance: Callable[[], float]
    """Gives numbers in [0, 1)."""
    screen: str = ""
    """The address of the Alerts screen."""


class _Shown(NamedTuple):
    at_us: int
    severity: Severity
    state: CaseState


class _Move(NamedTuple):
    """What to do next: tell of one case, or say what became of many; ``text`` is "" for one."""

    deliveries: Sequence[Delivery]
    text: str
    is_urgent: bool


class Deliverer:
    """Tells one channel; one loop calls ``step`` again and again, nothing else does."""

    def __init__(
        self,
        store: AlertStore,
        sink: AlertSink,
        pace: DeliveryPace,
        now_us: Callable[[], int],
        surroundings: Surroundings,
    ) -> None:
        """Take what is told, to whom, how fast, and the wall clock."""
        self._store = store
        self._sink = sink
        self._pace = pace
        self._now_us = now_us
        self._surroundings = surroundings
        self._bucket = TokenBucket(pace)
        self._trouble = Trouble(pace, surroundings.chance)
        self._delays = Delays()
        self._shown: dict[int, _Shown] = {}
        self._unnoted: list[Told] = []
        self._may_say_us = 0

    async def step(self) -> float:
        """Do the one thing that is due, if anything is.

        Returns:
            In how many seconds it wants to be called again; sooner is never wrong.

        Raises:
            StorageError: The store cannot be used now; what was sent and not noted is noted first
                of all by a later step, before anything else is sent.
        """
        await self._note()
        now_us = self._now_us()
        rest_us = self._rest_us(now_us, is_urgent=True)
        if rest_us > 0:
            return rest_us / US_PER_S
        move = await self._next_move(now_us)
        if move is None:
            return self._pace.look_every_s
        rest_us = self._rest_us(now_us, is_urgent=move.is_urgent)
        if rest_us > 0:
            return min(rest_us / US_PER_S, self._pace.look_every_s)
        self._bucket.take(now_us)
        await self._make(move)
        return self._rest_us(self._now_us(), is_urgent=True) / US_PER_S

    async def health(self) -> DeliveryHealth:
        """Return how the channel is doing; raises StorageError as ``step``."""
        now_us, trouble, name = self._now_us(), self._trouble, self._sink.name
        waiting = await _asked(self._store.waiting_count, name)
        since_us = await _asked(self._store.waiting_since, name)
        return DeliveryHealth(
            channel=name,
            waiting=waiting,
            oldest_s=None if since_us is None else max(0, now_us - since_us) / US_PER_S,
            failing_since_us=trouble.since_us,
            failures=trouble.failures,
            needs_mending=trouble.needs_mending,
            last_error=trouble.last_error,
            last_told_us=self._delays.last_told_us,
            messages=self._delays.messages,
            summaries=self._delays.summaries,
            event_delays=self._delays.since_event(),
            wait_delays=self._delays.since_wanted(),
        )

    def _rest_us(self, now_us: int, *, is_urgent: bool) -> int:
        bucket_us = self._bucket.wait_us(now_us, is_urgent=is_urgent)
        return max(bucket_us, self._trouble.rest_us(now_us))

    # What is next ------------------------------------------------------------------------------

    async def _next_move(self, now_us: int) -> _Move | None:
        """Return what to do now.

        While the channel fails, every second try is of something that is not critical: perhaps it
        is only one message that the channel does not take.
        """
        waiting = await self._waiting(now_us, AT_ONCE)
        queue = sorted_out(waiting, now_us, self._pace)
        critical = self._one_of(queue.criticals)
        if critical is not None and self._trouble.failures % 2 == 0:
            return critical
        may_say = now_us >= self._may_say_us
        if may_say and len(waiting) == AT_ONCE:
            queue = sorted_out(await self._waiting(now_us, ALL), now_us, self._pace)
        return self._other_move(queue, now_us, may_say=may_say) or critical

    def _other_move(self, queue: Queue, now_us: int, *, may_say: bool) -> _Move | None:
        if may_say and queue.gone:
            return self._say_gone(summarised(queue.gone), now_us)
        updates = self._ripe(queue.updates, now_us)
        if len(queue.newcomers) <= self._pace.group_above:
            return self._one_of([*queue.newcomers, *updates])
        if may_say and self._is_gathered(queue.newcomers, now_us):
            return self._say_waiting(queue.newcomers)
        return self._one_of(updates)

    def _one_of(self, waiting: Sequence[Delivery]) -> _Move | None:
        one = next_of(waiting, is_failing=self._trouble.failures > 0)
        if one is None:
            return None
        return _Move([one], "", is_urgent=one.case.severity is Severity.CRITICAL and not one.ref)

    def _say_gone(self, gone: Sequence[Delivery], now_us: int) -> _Move:
        cases = [one.case for one in gone]
        since_us = min(one.first_wanted_us for one in gone)
        was_down = self._trouble.explains(since_us, now_us)
        text = summary_of_gone(cases, self._sink.name, was_down=was_down)
        is_urgent = any(case.severity is Severity.CRITICAL for case in cases)
        return _Move(gone, text, is_urgent=is_urgent)

    def _say_waiting(self, newcomers: Sequence[Delivery]) -> _Move:
        cases = [one.case for one in newcomers]
        text = summary_of_waiting(cases, self._surroundings.screen)
        return _Move(newcomers, text, is_urgent=False)

    def _is_gathered(self, newcomers: Sequence[Delivery], now_us: int) -> bool:
        gathering_us = round(self._pace.gather_s * US_PER_S)
        return any(now_us - one.first_wanted_us >= gathering_us for one in newcomers)

    def _ripe(self, updates: Sequence[Delivery], now_us: int) -> list[Delivery]:
        """Return updates of messages that have not been changed just now, and what is urgent."""
        fresh_us = now_us - round(self._pace.update_every_s * US_PER_S)
        return [one for one in updates if _is_ripe(one.case, self._shown, fresh_us)]

    # Doing it ----------------------------------------------------------------------------------

    async def _make(self, move: _Move) -> None:
        if move.text:
            await self._say(move)
        else:
            await self._tell(move.deliveries[0])

    async def _tell(self, one: Delivery) -> None:
        lines = await _asked(self._store.entries, one.case.number, one.entries_told)
        message = await self._message(one.case, lines[-MOST_NEW_ENTRIES:])
        try:
            ref = await self._sink.tell(message, one.ref)
        except AlertDeliveryError as e:
            retry_us = self._trouble.failed(e, self._now_us(), one.tries)
            failure = NotTold(
                channel=one.channel, number=one.case.number, error=str(e), next_try_us=retry_us
            )
            await _asked(self._store.not_told, [failure])
            return
        now_us = self._now_us()
        self._trouble.worked(now_us)
        self._delays.told(one, now_us)
        self._remember(one.case, now_us)
        self._unnoted.append(_told(one, ref, one.entries_told + len(lines), now_us))
        await self._note()

    async def _say(self, move: _Move) -> None:
        # whatever becomes of it: a text that a channel never takes must not hold up the others
        self._may_say_us = self._now_us() + round(self._pace.say_every_s * US_PER_S)
        try:
            await self._sink.say(move.text)
        except AlertDeliveryError as e:
            self._trouble.failed(e, self._now_us(), tries=0)
            return
        now_us = self._now_us()
        self._trouble.worked(now_us)
        self._delays.said(now_us)
        self._unnoted += [_told(one, "", one.entries_told, now_us) for one in move.deliveries]
        await self._note()

    async def _note(self) -> None:
        """Write what the channel has; until that worked nothing else is sent."""
        if self._unnoted:
            await _asked(self._store.told, self._unnoted)
            self._unnoted = []

    async def _message(self, case: Case, lines: Sequence[Entry]) -> CaseMessage:
        now_us = self._now_us()
        return CaseMessage(
            case=case,
            new_entries=tuple(lines),
            buttons=await self._buttons(case, now_us),
            link=self._surroundings.link_of(case),
            now_us=now_us,
            mentions=self._surroundings.mentions_of(case),
        )

    async def _buttons(self, case: Case, now_us: int) -> tuple[Button, ...]:
        """Return new buttons for a case; those of its message so far end."""
        if not self._sink.has_buttons:
            return ()
        buttons = tuple(
            Button(offer=offer, label=label_of(offer), token=self._surroundings.new_token())
            for offer in _offers(case)
        )
        if not buttons:
            await _asked(self._store.end_buttons, case.number, self._sink.name, now_us)
            return ()
        make = partial(self._nonce, case.number, now_us)
        await _asked(self._store.issue, [make(button) for button in buttons])
        return buttons

    def _nonce(self, number: int, now_us: int, button: Button) -> Nonce:
        return Nonce(
            token_hash=sha256(button.token.encode()).hexdigest(),
            number=number,
            offer=button.offer,
            channel=self._sink.name,
            issued_us=now_us,
            expires_us=now_us + round(self._lasts_s(button.offer) * US_PER_S),
        )

    def _lasts_s(self, offer: Offer) -> float:
        return self._pace.votes_for_s if offer.command else self._pace.buttons_for_s

    def _remember(self, case: Case, now_us: int) -> None:
        fresh_us = now_us - round(self._pace.update_every_s * US_PER_S)
        self._shown = {n: shown for n, shown in self._shown.items() if shown.at_us > fresh_us}
        self._shown[case.number] = _Shown(now_us, case.severity, case.state)

    async def _waiting(self, now_us: int, limit: int) -> list[Delivery]:
        return await _asked(self._store.waiting, self._sink.name, now_us, limit)


async def _asked(ask: Callable[..., _R], *arguments: object) -> _R:
    """Ask the store, which waits for a disk, without holding up the other channels."""
    return await asyncio.to_thread(ask, *arguments)


def _offers(case: Case) -> list[Offer]:
    """Return what can be done about a case, each once, as it is shown from left to right."""
    if case.state is not CaseState.OPEN:
        return [*case.votes]  # a case that ended has none
    asked_for = {vote.client_id for vote in case.votes}
    sensible = [
        one
        for one in case.offers
        if one.action in {Action.MOVE_TO_A, Action.HEDGE} and one.client_id not in asked_for
    ]
    own = [*case.votes, *dict.fromkeys(sensible)][:MOST_OFFERS]
    return [Offer(action=Action.ACKNOWLEDGE), *own, Offer(action=Action.SNOOZE)]


def _is_ripe(case: Case, shown: dict[int, _Shown], fresh_us: int) -> bool:
    last = shown.get(case.number)
    return (
        last is None
        or last.at_us <= fresh_us
        or last.state is not case.state
        or case.severity.rank > last.severity.rank
    )


def _told(one: Delivery, ref: str, entries: int, now_us: int) -> Told:
    """Return that all that was wanted was told, so that nothing is ever told for ever."""
    version = max(one.wanted_version, one.case.version)
    return Told(
        channel=one.channel, number=one.case.number, version=version, ref=ref, at_us=now_us,
        entries=entries,
    )  # fmt: skip
