"""Do what ``plimsoll reconcile`` does: read three files, compare, say what is wrong.

Exit codes: 0 no open breaks, 1 breaks, or rows that nobody could compare, 2 wrong usage or files
that cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from crm_sync.reconcile.legs import Sides
from crm_sync.reconcile.reconciling import Reconciliation, reconcile
from crm_sync.reconcile.schema import Side, Terms
from dealing.answers import STANDARD_OUTPUT, Report, progress_on, silently, write_json
from dealing.reconcile.answer import answer_csv, answer_json
from dealing.reconcile.asked import ReconcileAsked
from dealing.reconcile.files import Refused, read_side
from dealing.reconcile.mapping import load_mapping
from dealing.reconcile.summary import show_reconciliation
from exposure.errors import ConfigError, DataError

_SHOWN_ROWS: Final = 5
_US_PER_S: Final = 1_000_000
_READING: Final = 0.4


def run_reconcile(asked: ReconcileAsked, now_us: Callable[[], int]) -> int:
    """Answer and return the exit code.

    Args:
        asked: What was typed.
        now_us: The wall clock.

    Raises:
        ConfigError: An option or a file cannot be used.
        DataError: An answer cannot be written.
    """
    terms = _terms(asked, now_us)
    errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    notes: list[str] = []
    with progress_on(errors, "reconciling") as progress:
        sides, refused = _read(asked, notes, progress)
        found = reconcile(*sides, terms, lambda done: progress(_READING + done * (1 - _READING)))
    for note in [*notes, *_told(refused)]:
        errors.print(f"note: {note}")
    return conclude(found, terms, asked, refused)


def conclude(
    found: Reconciliation, terms: Terms, asked: ReconcileAsked, refused: Sequence[Refused] = ()
) -> int:
    """Write and show what three sides came to, wherever they came from; return the exit code.

    Raises:
        DataError: An answer cannot be written.
    """
    if asked.csv_out is not None:
        write_json(answer_csv(found), asked.csv_out)
    if asked.json_out is not None:
        write_json(answer_json(found, terms, refused), asked.json_out)
    if STANDARD_OUTPUT not in {asked.csv_out, asked.json_out}:
        show_reconciliation(found, terms, Console(highlight=False, markup=False))
    return 1 if found.open_breaks.height or refused else 0


def _read(
    asked: ReconcileAsked, notes: list[str], report: Report = silently
) -> tuple[Sides, list[Refused]]:
    frames, refused = [], []
    files = (
        (asked.provider, asked.provider_mapping),
        (asked.ledger, asked.ledger_mapping),
        (asked.platform, asked.platform_mapping),
    )
    for number, (side, (path, file)) in enumerate(zip(Side, files, strict=True), 1):
        mapping = None if file is None else load_mapping(file, side)
        try:
            rows = read_side(side, path, notes, mapping)
        except DataError as e:
            raise ConfigError([str(e)]) from e
        frames.append(rows.frame)
        refused += rows.refused
        report(_READING * number / len(Side))
    return Sides(*frames), refused


def _told(refused: Sequence[Refused]) -> list[str]:
    told = [f"set aside: {one}" for one in refused[:_SHOWN_ROWS]]
    more = len(refused) - len(told)
    return [*told, f"... and {more:,} rows more: --json has them all"] if more else told


def _terms(asked: ReconcileAsked, now_us: Callable[[], int]) -> Terms:
    problems: list[str] = []
    as_of_us = now_us() if asked.as_of is None else _time(asked.as_of, problems)
    usd_per = {"USD": 1.0} | dict(_rate(text, problems) for text in asked.rates)
    if problems:
        raise ConfigError(problems)
    return Terms(as_of_us=as_of_us, scope=asked.scope, usd_per=usd_per)


def _time(text: str, problems: list[str]) -> int:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        problems.append(f"--as-of: '{text}' is no time like 2026-03-31 or 2026-03-31T17:00:00Z")
        return 0
    whole = told if told.tzinfo is not None else told.replace(tzinfo=UTC)
    return round(whole.timestamp() * _US_PER_S)


def _rate(text: str, problems: list[str]) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        usd = float(number)
    except ValueError:
        usd = -1.0
    if not name or not 0.0 < usd < float("inf"):
        problems.append(f"--rate: '{text}' is no rate like EUR=1.08")
    return name.upper(), usd
