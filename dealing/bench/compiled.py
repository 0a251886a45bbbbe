"""The same work in C, where the machine has a compiler: ``gcc -O3 -march=native`` and ctypes.

It works on copies of the engine's own arrays, so layout and order of memory are the same.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from exposure.engine import ExposureEngine
from exposure.model.quotes import QuoteColumns

NO_COMPILER: Final = "no gcc here"

_SOURCE: Final = Path(__file__).with_name("reference.c")
_FLAGS: Final = ("-O3", "-march=native", "-shared", "-fPIC")
_FIELDS: Final = (
    "bid", "ask", "units", "quoted", "leg_1", "leg_2", "inverted_1", "inverted_2", "mid", "gain",
    "loss", "touched", "balance", "credit", "floating", "margin", "call_level", "out_level",
    "fired", "account", "symbol", "side", "lots", "open_price", "swap", "value", "pair",
    "conversion", "symbol_start", "symbol_length", "symbol_items", "pair_start", "pair_length",
    "pair_items", "account_start", "account_length", "account_items", "pairs_start",
    "pairs_length", "pairs_items", "scratch",
)  # fmt: skip
"""Of ``Book`` in the source, in its order."""


class _Book(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in _FIELDS)


@cache
def library() -> ctypes.CDLL | None:
    """Compile the source once; None where there is no compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as directory:
        target = Path(directory) / "reference.so"
        command = [compiler, *_FLAGS, "-o", str(target), str(_SOURCE), "-lm"]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 # our own source
        loaded = ctypes.CDLL(str(target))
    loaded.ticks.restype = ctypes.c_int64
    loaded.refresh.restype = None
    return loaded


class CompiledBook:
    """A copy of an engine's book that C works on."""

    def __init__(self, engine: ExposureEngine, library: ctypes.CDLL) -> None:
        """Take a book whose values are current."""
        self._library = library
        self._columns = {name: column.copy() for name, column in _columns(engine).items()}
        self._accounts = len(engine.book.terms)
        self._slots = len(engine.book.position_ids)
        self._book = _Book(**{name: _address(self._columns[name]) for name in _FIELDS})
        self._event = engine.position + 1
        self.floating: NDArray[np.float64] = self._columns["floating"][: self._accounts]

    def run(self, ticks: QuoteColumns) -> int:
        """Apply ticks the eager way and return how many crossings there were."""
        columns = [np.ascontiguousarray(column) for column in ticks[:3]]
        count = len(columns[0])
        found: int = self._library.ticks(
            ctypes.byref(self._book),
            *map(_address, columns),
            ctypes.c_int64(count),
            ctypes.c_int64(self._event),
        )
        self._event += count
        return found

    def refresh(self) -> NDArray[np.float64]:
        """Value every position and return every account's floating profit."""
        book, counts = ctypes.byref(self._book), (self._accounts, self._slots)
        self._library.refresh(book, *map(ctypes.c_int64, counts))
        return self.floating


def _columns(engine: ExposureEngine) -> dict[str, NDArray[Any]]:
    book = engine.book.arrays()
    columns: dict[str, NDArray[Any]] = {
        **book.prices._asdict(), **book.pairs._asdict(), **book.positions._asdict(),
        **book.accounts._asdict(),
    }  # fmt: skip
    columns |= {
        "units": book.prices.units_per_lot,
        "call_level": book.accounts.margin_call_level,
        "out_level": book.accounts.stop_out_level,
        "scratch": np.zeros(len(book.accounts.balance), np.int32),
    }
    for name, rows in (
        ("symbol", book.of_symbol),
        ("pair", book.of_pair),
        ("account", book.of_account),
        ("pairs", book.pairs_of_symbol),
    ):
        columns |= {f"{name}_{key}": column for key, column in rows._asdict().items()}
    return columns


def _address(column: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(column.ctypes.data)
