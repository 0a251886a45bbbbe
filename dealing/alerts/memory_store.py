"""An AlertStore that forgets: for tests, and for a desk that runs for a moment."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import msgspec

from dealing.alerts.documents import (
    LONGEST_ERROR,
    LONGEST_SEARCH,
    changed_us,
    document_of,
    plain,
    plain_texts,
    searched,
    words_of,
)
from dealing.alerts.model import Case, CaseChange, CaseState, Entry, Mute
from dealing.alerts.ports import CasesAsked, Delivery, Kept, Nonce, NotTold, Told

_Key = tuple[str, int]


class MemoryAlertStore:
    """Everything in dicts and lists; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cases: dict[int, Case] = {}
        self._changed_us: dict[int, int] = {}
        self._entries: list[Entry] = []
        self._deliveries: dict[_Key, Delivery] = {}
        self._mutes: dict[str, Mute] = {}
        self._nonces: dict[str, Nonce] = {}
        self._cursors: dict[str, str] = {}

    def begin(self) -> Kept:
        """Return what was kept."""
        with self._lock:
            living = [case for case in self._cases.values() if case.state != CaseState.RESOLVED]
            last = max(self._cases, default=0)
            ordered = sorted(living, key=lambda case: case.number)
            return Kept(ordered, last, list(self._mutes.values()), dict(self._cursors))

    def keep(
        self,
        changes: Sequence[CaseChange],
        cursors: dict[str, str],
        channels_of: Sequence[Sequence[str]],
    ) -> None:
        """Keep changes, and how far was read, together or not at all."""
        told_to = list(zip(changes, channels_of, strict=True))
        for change in changes:
            document_of(change.case)
        with self._lock:
            for change, channels in told_to:
                self._keep(change, channels)
            self._cursors.update(cursors)

    def cases(self, asked: CasesAsked) -> list[Case]:
        """Return cases, the last changed first."""
        with self._lock:
            found = [case for case in self._cases.values() if self._is_asked(case, asked)]
            found.sort(key=lambda case: (self._changed_us[case.number], case.number), reverse=True)
            return found[: asked.limit]

    def case(self, number: int) -> Case | None:
        """Return a case."""
        with self._lock:
            return self._cases.get(number)

    def entries(self, number: int, after: int = 0) -> list[Entry]:
        """Return a case's timeline, oldest first, without its first ``after`` lines."""
        with self._lock:
            mine = [entry for entry in self._entries if entry.number == number]
            return mine[after:]

    def entries_since(self, since_us: int, limit: int) -> list[Entry]:
        """Return lines of all timelines, oldest first."""
        with self._lock:
            found = [entry for entry in self._entries if entry.at_us >= since_us]
            return sorted(found, key=lambda entry: entry.at_us)[:limit]

    def set_mute(self, mute: Mute) -> None:
        """Keep a mute; one with the same id is replaced (so it can be ended)."""
        with self._lock:
            self._mutes[mute.mute_id] = plain_texts(mute)

    def mutes(self, now_us: int) -> list[Mute]:
        """Return the mutes that have not expired."""
        with self._lock:
            return [mute for mute in self._mutes.values() if mute.until_us > now_us]

    def waiting(self, channel: str, now_us: int, limit: int) -> list[Delivery]:
        """Return what a channel is to be told now: the most severe, then the longest waiting."""
        with self._lock:
            due = [one for one in self._lacking(channel) if one.next_try_us <= now_us]
        due.sort(key=lambda one: (-one.case.severity.rank, one.first_wanted_us, one.case.number))
        return due[:limit]

    def waiting_count(self, channel: str) -> int:
        """Return how many deliveries a channel still lacks, due or not."""
        with self._lock:
            return len(self._lacking(channel))

    def waiting_since(self, channel: str) -> int | None:
        """Return since when the longest waiting delivery of a channel waits, due or not."""
        with self._lock:
            return min((one.first_wanted_us for one in self._lacking(channel)), default=None)

    def told(self, told: Sequence[Told]) -> None:
        """Note what channels have; a newer wanted version stays wanted."""
        with self._lock:
            for one in told:
                key = (one.channel, one.number)
                if key in self._deliveries:
                    self._deliveries[key] = _after_telling(self._deliveries[key], one)

    def not_told(self, failures: Sequence[NotTold]) -> None:
        """Note what did not go out."""
        with self._lock:
            for one in failures:
                key = (one.channel, one.number)
                if key in self._deliveries:
                    held = self._deliveries[key]
                    self._deliveries[key] = msgspec.structs.replace(
                        held,
                        tries=held.tries + 1,
                        next_try_us=one.next_try_us,
                        last_error=plain(one.error)[:LONGEST_ERROR],
                    )

    def find_ref(self, channel: str, ref: str) -> int | None:
        """Return the case behind a channel's message."""
        with self._lock:
            mine = (
                number
                for (name, number), one in self._deliveries.items()
                if name == channel and ref and one.ref == ref
            )
            return max(mine, default=None)

    def issue(self, nonces: Sequence[Nonce]) -> None:
        """Keep new buttons; those of the same case and channel that were not used end now."""
        with self._lock:
            for new in nonces:
                self._end_older(new.number, new.channel, new.issued_us)
            self._nonces.update({new.token_hash: new for new in nonces})

    def end_buttons(self, number: int, channel: str, now_us: int) -> None:
        """End the buttons of a case and channel that were not used: its message has none now."""
        with self._lock:
            self._end_older(number, channel, now_us)

    def redeem(self, token_hash: str, by: str, now_us: int) -> Nonce | None:
        """Use up a button, once: return it as it was before, None if nobody knows it."""
        with self._lock:
            held = self._nonces.get(token_hash)
            if held is not None and held.used_us is None and now_us < held.expires_us:
                used = msgspec.structs.replace(held, used_us=now_us, used_by=plain(by))
                self._nonces[token_hash] = used
            return held

    def nonce(self, token_hash: str) -> Nonce | None:
        """Return a button without using it."""
        with self._lock:
            return self._nonces.get(token_hash)

    def _keep(self, change: CaseChange, channels: Sequence[str]) -> None:
        number, at_us = change.case.number, changed_us(change)
        self._cases[number] = change.case
        self._changed_us[number] = max(at_us, self._changed_us.get(number, at_us))
        self._entries.extend(map(plain_texts, change.entries))
        for channel in channels if change.tell else ():
            key = (channel, number)
            self._deliveries[key] = _wanted(self._deliveries.get(key), channel, change.case, at_us)

    def _end_older(self, number: int, channel: str, now_us: int) -> None:
        for held in list(self._nonces.values()):
            same = (held.number, held.channel) == (number, channel)
            if same and held.used_us is None and now_us < held.expires_us:
                ended = msgspec.structs.replace(held, expires_us=now_us)
                self._nonces[held.token_hash] = ended

    def _is_asked(self, case: Case, asked: CasesAsked) -> bool:
        return (
            (not asked.states or case.state in asked.states)
            and asked.rule in {"", case.rule}
            and asked.severity in {None, case.severity}
            and searched(asked.search[:LONGEST_SEARCH]) in words_of(case)
            and (asked.since_us is None or self._changed_us[case.number] >= asked.since_us)
        )

    def _lacking(self, channel: str) -> list[Delivery]:
        return [
            msgspec.structs.replace(one, case=self._cases[number])
            for (name, number), one in self._deliveries.items()
            if name == channel and one.sent_version < one.wanted_version
        ]


def _wanted(held: Delivery | None, channel: str, case: Case, at_us: int) -> Delivery:
    """Return the delivery of a case's newest version; what waits goes on waiting."""
    if held is None:
        return Delivery(
            channel=channel, case=case, wanted_version=case.version, sent_version=0, ref="",
            first_wanted_us=at_us,
        )  # fmt: skip
    waits = held.sent_version < held.wanted_version
    return msgspec.structs.replace(
        held,
        wanted_version=max(held.wanted_version, case.version),
        first_wanted_us=held.first_wanted_us if waits else at_us,
        next_try_us=held.next_try_us if case.version <= held.wanted_version else 0,
    )


def _after_telling(held: Delivery, told: Told) -> Delivery:
    more = held.wanted_version > told.version
    return msgspec.structs.replace(
        held,
        sent_version=max(held.sent_version, told.version),
        ref=told.ref,
        entries_told=max(held.entries_told, told.entries),
        first_wanted_us=told.at_us if more else held.first_wanted_us,
        tries=0,
        next_try_us=0,
        last_error="",
    )
