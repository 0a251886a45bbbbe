"""Do what ``plimsoll lab`` does: draw populations, judge every method, say what was kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import orjson
from rich.console import Console

from dealing.answers import progress_on, write_json
from dealing.lab.asked import LabAsked
from dealing.lab.columns import Population, Size
from dealing.lab.evaluation import Course, Learned, Row, course, rows, study
from dealing.lab.export import export
from dealing.lab.observed import Observed, observed
from dealing.lab.placebos import Placebo, placebos
from dealing.lab.populations import POPULATIONS, QUICK, SIZES
from dealing.lab.scorers import Scorer
from dealing.lab.table import show
from dealing.lab.targets import Target, targets
from exposure.errors import ConfigError

NUMBERS: Final = (20, 50, 100)
QUICK_NUMBERS: Final = (20, 50)

_TRAINING_SEED: Final = 900_000
_TRAINING_MORE: Final = 1.5
_PLACEBO_TRADES: Final = 50


class Plan(NamedTuple):
    """What to draw: names, seeds, sizes and after how many trades to judge."""

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    sizes: dict[str, Size]
    numbers: tuple[int, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured: the JSON of semantics.md section 10, and more."""

    rows: list[Row]
    courses: list[Course]
    placebos: list[Placebo]
    targets: list[Target]


def run_lab(asked: LabAsked, scorer: Scorer) -> int:
    """Answer and return the exit code.

    Args:
        asked: What was typed.
        scorer: What is put to the test.

    Raises:
        ConfigError: A population or a seed is unknown.
        DataError: A file cannot be written.
    """
    plan = understood(asked)
    errors = Console(stderr=True, highlight=False, markup=False)
    with progress_on(errors, "drawing clients") as progress:
        if asked.export is not None:
            name = plan.names[0]
            export(POPULATIONS[name](plan.seeds[0], plan.sizes[name]), asked.export)
            return 0
        answer = measured(plan, scorer, progress)
    if asked.json_out is None:
        console = Console(highlight=False, markup=False)
        show(answer.rows, answer.courses, answer.placebos, answer.targets, console)
    else:
        write_json(to_json(answer), asked.json_out)
    return 0


def understood(asked: LabAsked) -> Plan:
    """Return what was meant.

    Raises:
        ConfigError: A population or a seed is unknown, or an export has more than one.
    """
    problems = [
        f"--population {name}: there is {', '.join(POPULATIONS)}"
        for name in asked.populations
        if name not in POPULATIONS
    ]
    words = [word.strip() for word in asked.seeds.split(",") if word.strip()]
    if not words or not all(word.isdecimal() for word in words):
        problems.append(f"--seeds {asked.seeds}: whole numbers with commas, like 1,2,3")
    if asked.export is not None and len(asked.populations) != 1:
        problems.append("--export DIR: say which one population with --population NAME")
    if problems:
        raise ConfigError(problems)
    return Plan(
        asked.populations or tuple(POPULATIONS),
        tuple(int(word) for word in words),
        QUICK if asked.quick else SIZES,
        QUICK_NUMBERS if asked.quick else NUMBERS,
    )


def measured(plan: Plan, scorer: Scorer, progress: Callable[[float], None]) -> Answer:
    """Draw, judge, and add up."""
    judged: list[Row] = []
    courses: list[Course] = []
    tried: list[Placebo] = []
    steps = len(plan.names) * (len(plan.seeds) + 1)
    done = 0
    for name in plan.names:
        lessons = _lessons(name, plan, scorer)
        done += 1
        progress(done / steps)
        for k, seed in enumerate(plan.seeds):
            population, seen = _drawn(name, seed, plan.sizes[name])
            said = scorer(population, seen)
            judged += rows(population, seen, said, lessons, plan.numbers)
            courses.append(course(population, seen, said, lessons))
            if k == 0:
                tried += placebos(population, scorer, min(_PLACEBO_TRADES, plan.numbers[-1]))
            done += 1
            progress(done / steps)
    return Answer(rows=judged, courses=courses, placebos=tried, targets=targets(judged, courses))


def to_json(answer: Answer) -> bytes:
    """Return the answer as JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(answer)
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2) + b"\n"


def _drawn(name: str, seed: int, size: Size) -> tuple[Population, Observed]:
    population = POPULATIONS[name](seed, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        return population, observed(population)


def _lessons(name: str, plan: Plan, scorer: Scorer) -> Learned:
    """Learn from a bigger draw with a seed that nobody is judged on."""
    size = plan.sizes[name]
    size = size._replace(clients=int(size.clients * _TRAINING_MORE))
    population, seen = _drawn(name, _TRAINING_SEED, size)
    return study(population, seen, scorer)
