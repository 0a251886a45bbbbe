"""``plimsoll`` on the command line, and ``python app.py`` in a checkout."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from dealing.stopping import StopSignals


def main() -> NoReturn:
    """Do what the arguments ask for; exit codes: 0 done, 1 failed, 2 wrong usage."""
    sys.excepthook = _report_unexpected
    signals = StopSignals()
    signals.listen()
    # libraries take most of a start to load: a signal meanwhile is noted, not an error in one
    from dealing.bootstrap import command_line

    program = (sys.executable, str(Path(__file__).absolute()))
    sys.exit(command_line(sys.argv[1:], program, signals))


def _report_unexpected(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Say an unexpected error in one sentence; its traceback is for those who ask for it."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("plimsoll: interrupted\n")
        return
    if os.environ.get("PLIMSOLL_DEBUG"):
        traceback.print_exception(kind, error, trace)
        return
    place = traceback.extract_tb(trace)[-1]
    sys.stderr.write(
        f"plimsoll: unexpected {kind.__name__} in {Path(place.filename).name} line {place.lineno}: "
        f"{error} (set PLIMSOLL_DEBUG=1 to see where it comes from)\n"
    )


if __name__ == "__main__":
    main()
