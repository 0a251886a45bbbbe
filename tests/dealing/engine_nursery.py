"""Starts engine processes in a moment: everything is loaded and compiled once, then forked.

``python -m`` this module with the engine's arguments. For every line on standard input it forks a
process that is ``plimsoll engine``, says its number, and says how it ended once it did.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from dealing.bootstrap import command_line
from dealing.stopping import StopSignals
from exposure.engine import ExposureEngine
from tests.dealing.storage.broker_days import broker_day

LOADED_WHEN_ASKED_FOR = (
    "dealing.backoff",
    "dealing.hub",
    "dealing.process",
    "dealing.runtime",
    "feeds.socket_feed",
)
"""What the composition root imports for an engine."""


def be_born(arguments: list[str]) -> NoReturn:
    """Be ``plimsoll engine``, from its first line on."""
    signals = StopSignals()
    signals.listen()
    program = (sys.executable, str(Path(__file__)))
    os._exit(command_line(["engine", *arguments], program, signals))


def compile_kernels() -> None:
    """Let an engine work, but without a picture: polars would start threads, which forks lose."""
    engine = ExposureEngine()
    for frame in broker_day(20):
        engine.apply(frame.batch())


def main() -> None:
    """Fork an engine for every line."""
    for name in LOADED_WHEN_ASKED_FOR:
        import_module(name)
    compile_kernels()
    for _ in sys.stdin:
        number = os.fork()
        if number == 0:
            be_born(sys.argv[1:])
        print(number, flush=True)  # noqa: T201 - to whoever asked for it
        _, status = os.waitpid(number, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
