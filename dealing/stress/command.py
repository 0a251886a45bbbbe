"""Do what ``plimsoll stress`` does: load a day, move its prices, say what is left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
from rich.console import Console

from dealing.answers import progress_on, write_json
from dealing.replay import ReplayedDay, replayed_day
from dealing.stress.answer import Answer, answer, answer_json, scenario_rows
from dealing.stress.asked import StressAsked
from dealing.stress.summary import show_answer, show_scenarios
from dealing.stress.words import Plan, require_known, understood
from exposure.risk.stress_book import StressBook
from exposure.settings import EngineSettings
from feeds.catalogue.regimes import RegimeRule
from feeds.catalogue.scenarios import load_scenarios


def run_stress(
    asked: StressAsked, settings: EngineSettings, regimes: Sequence[RegimeRule] = ()
) -> int:
    """Answer and return the exit code.

    Args:
        asked: What was typed.
        settings: Those of the engine.
        regimes: Whose leverage caps hold for which accounts.

    Raises:
        ConfigError: What was typed cannot be meant; every problem names its option.
        DataError: The directory cannot be used, or the JSON file cannot be written.
    """
    plan = understood(asked)
    if asked.listing or asked.directory is None:
        return _list(asked.json_out)
    errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        day = _loaded(asked.directory, asked, settings, regimes, errors)
        found = _computed(day, asked, plan, errors)
        payload = b"" if asked.json_out is None else answer_json(found) + b"\n"
    for note in found.notes:
        errors.print(f"note: {note}")
    if asked.json_out is None:
        show_answer(found, Console(highlight=False, markup=False))
    else:
        write_json(payload, asked.json_out)
    return 0


def _loaded(
    directory: Path,
    asked: StressAsked,
    settings: EngineSettings,
    regimes: Sequence[RegimeRule],
    errors: Console,
) -> ReplayedDay:
    with progress_on(errors, "replaying") as progress:
        day = replayed_day(directory, asked.until_ms, progress, settings, regimes)
    for note in day.notes:
        errors.print(f"note: {note}")
    return day


def _computed(day: ReplayedDay, asked: StressAsked, plan: Plan, errors: Console) -> Answer:
    book = StressBook(day.engine)
    require_known(book.targets, asked, plan)
    with progress_on(errors, "moving prices") as progress:
        return answer(book, asked, plan, progress)


def _list(json_out: str | None) -> int:
    scenarios = load_scenarios()
    if json_out is None:
        show_scenarios(scenarios, Console(highlight=False, markup=False))
    else:
        write_json(orjson.dumps({"scenarios": scenario_rows(scenarios)}) + b"\n", json_out)
    return 0
