"""What alerts need from their surroundings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from dealing.alerts.model import Case, CaseChange, CaseState, Entry, Mute, Offer, Severity


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel still has to be told about a case.

    ``wanted_version`` is the case's newest that is worth telling, ``sent_version`` what the channel
    has (0: nothing yet), ``ref`` what the channel calls its message ("" before the first).
    ``first_wanted_us`` is since when it waits, ``entries_told`` how many lines of the timeline the
    channel has.
    """

    channel: str
    case: Case
    wanted_version: int
    sent_version: int
    ref: str
    first_wanted_us: int
    tries: int = 0
    next_try_us: int = 0
    last_error: str = ""
    entries_told: int = 0


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A channel has a version of a case, and so many lines of its timeline."""

    channel: str
    number: int
    version: int
    ref: str
    at_us: int
    entries: int = 0


class NotTold(msgspec.Struct, frozen=True, kw_only=True):
    """A channel could not be told; try again at ``next_try_us``."""

    channel: str
    number: int
    error: str
    next_try_us: int


class Nonce(msgspec.Struct, frozen=True, kw_only=True):
    """A button that may be pressed once: what it means is kept here, never in the button.

    ``token_hash`` is the SHA-256 (hex) of the text behind the button.
    """

    token_hash: str
    number: int
    offer: Offer
    channel: str
    issued_us: int
    expires_us: int
    used_us: int | None = None
    used_by: str = ""


class Kept(NamedTuple):
    """What a process begins with."""

    cases: Sequence[Case]
    """All that are not resolved."""
    last_number: int
    """The highest number that a case ever had."""
    mutes: Sequence[Mute]
    cursors: dict[str, str]


class CasesAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which cases: the newest first; without states of every state."""

    states: tuple[CaseState, ...] = ()
    rule: str = ""
    search: str = ""
    severity: Severity | None = None
    since_us: int | None = None
    """Opened, changed or resolved at or after this."""
    limit: int = 200


class AlertStore(Protocol):
    """Cases, their timelines, what channels were told, mutes, buttons and cursors.

    All raise StorageError while it cannot be read or written.
    """

    def begin(self) -> Kept:
        """Return what was kept."""
        ...

    def keep(
        self,
        changes: Sequence[CaseChange],
        cursors: dict[str, str],
        channels_of: Sequence[Sequence[str]],
    ) -> None:
        """Keep changes, and how far was read, together or not at all.

        ``channels_of`` has for each change the channels that are to be told of its version.
        """
        ...

    def cases(self, asked: CasesAsked) -> list[Case]:
        """Return cases, the last changed first."""
        ...

    def case(self, number: int) -> Case | None:
        """Return a case."""
        ...

    def entries(self, number: int, after: int = 0) -> list[Entry]:
        """Return a case's timeline, oldest first, without its first ``after`` lines."""
        ...

    def entries_since(self, since_us: int, limit: int) -> list[Entry]:
        """Return lines of all timelines, oldest first."""
        ...

    def set_mute(self, mute: Mute) -> None:
        """Keep a mute; one with the same id is replaced (so it can be ended)."""
        ...

    def mutes(self, now_us: int) -> list[Mute]:
        """Return the mutes that have not expired."""
        ...

    def waiting(self, channel: str, now_us: int, limit: int) -> list[Delivery]:
        """Return what a channel is to be told now: the most severe first, then the longest waiting.

        Only those whose ``next_try_us`` has come.
        """
        ...

    def waiting_count(self, channel: str) -> int:
        """Return how many deliveries a channel still lacks, due or not."""
        ...

    def waiting_since(self, channel: str) -> int | None:
        """Return since when the longest waiting delivery of a channel waits, due or not."""
        ...

    def told(self, told: Sequence[Told]) -> None:
        """Note what channels have; a newer wanted version stays wanted."""
        ...

    def not_told(self, failures: Sequence[NotTold]) -> None:
        """Note what did not go out."""
        ...

    def find_ref(self, channel: str, ref: str) -> int | None:
        """Return the case behind a channel's message."""
        ...

    def issue(self, nonces: Sequence[Nonce]) -> None:
        """Keep new buttons; those of the same case and channel that were not used end now."""
        ...

    def end_buttons(self, number: int, channel: str, now_us: int) -> None:
        """End the buttons of a case and channel that were not used: its message has none now."""
        ...

    def redeem(self, token_hash: str, by: str, now_us: int) -> Nonce | None:
        """Use up a button, once: return it as it was before, None if nobody knows it.

        The caller looks at ``used_us`` and ``expires_us`` of what it gets: a button that was used
        or has expired is returned unchanged, so that people hear why.
        """
        ...

    def nonce(self, token_hash: str) -> Nonce | None:
        """Return a button without using it."""
        ...


class Button(msgspec.Struct, frozen=True, kw_only=True):
    """An offer as a channel shows it: what is on it, and the text that comes back when pressed."""

    offer: Offer
    label: str
    token: str


class CaseMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel is told: the case as it is, and what is new on its timeline.

    ``link`` opens the case on the desk. ``mentions`` are desk users who are called to it.
    """

    case: Case
    new_entries: tuple[Entry, ...]
    buttons: tuple[Button, ...]
    link: str
    now_us: int
    mentions: tuple[str, ...] = ()


class AlertSink(Protocol):
    """A channel that people read.

    Both raise AlertDeliveryError, which says whether and when to try again.
    """

    name: str
    has_buttons: bool

    async def tell(self, message: CaseMessage, ref: str) -> str:
        """Show a case: a new message where ``ref`` is "", else change that one; return its ref."""
        ...

    async def say(self, text: str) -> None:
        """Say something that is no case: a summary, a hand-over note, as plain text."""
        ...
