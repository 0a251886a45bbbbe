"""Told to end: a signal at any moment of a process ends it once, and cleanly.

Python's own answers do not: Ctrl-C is an exception between any two lines, also in the middle of an
import or of a callback that loses it, and SIGTERM is sudden death. Here a signal is only noted,
from the first line of the program on, and obeyed where that is safe: by the event loop, which also
hears of what was noted before it ran.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # this module is loaded before signals are heard, so it loads nothing itself
    import asyncio
    from types import FrameType

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """The signals that end a process, noted while nobody can obey them."""

    def __init__(self) -> None:
        self.told = False

    def listen(self) -> None:
        """Note signals from now on; SIGHUP stays ignored where it is (``nohup``)."""
        for number in STOP_SIGNALS:
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note)

    def leave(self) -> None:
        """Give signals their usual meaning back, for a command that a person waits for.

        Raises:
            KeyboardInterrupt: One was noted already.
        """
        for number in STOP_SIGNALS:
            if signal.getsignal(number) == self._note:
                usual = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
                signal.signal(number, usual)
        if self.told:
            raise KeyboardInterrupt

    def tell(self, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
        """Set ``stop`` when a signal comes while the loop runs, or came before."""
        for number in STOP_SIGNALS:
            if signal.getsignal(number) == self._note:
                loop.add_signal_handler(number, stop.set)
        # a signal between the two is noted or heard: looking after listening loses none
        if self.told:
            stop.set()

    def _note(self, _: int, __: FrameType | None) -> None:
        self.told = True
