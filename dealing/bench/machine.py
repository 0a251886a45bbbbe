"""What the figures were measured on: absolute times mean nothing without it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

_CPUINFO: Final = Path("/proc/cpuinfo")
_BUSY: Final = 0.5
"""Load per core, above which a machine counts as busy: this program itself is one of it."""


class Machine(msgspec.Struct, frozen=True):
    """A machine and what runs on it. ``load`` is the average of the last minute, at the start."""

    cpu: str
    cores: int
    python: str
    numba: str
    numpy: str
    load: float

    @property
    def is_busy(self) -> bool:
        """Whether others were at work before the bench began."""
        return self.load > _BUSY * self.cores

    def described(self) -> str:
        """Return it in two lines."""
        state = "busy" if self.is_busy else "quiet"
        return (
            f"{self.cpu}, {self.cores} cores, {state} (load average {self.load:.1f})\n"
            f"Python {self.python}, numba {self.numba}, numpy {self.numpy}"
        )


def this_machine() -> Machine:
    """Describe where this runs."""
    return Machine(
        _cpu(),
        os.cpu_count() or 1,
        platform.python_version(),
        version("numba"),
        version("numpy"),
        round(os.getloadavg()[0], 2),
    )


def _cpu() -> str:
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
