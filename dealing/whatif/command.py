"""Do what ``plimsoll whatif`` does: read a day and its policies, compute, say what differs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from rich.console import Console

from dealing.answers import nanoseconds, progress_on, write_json
from dealing.whatif.answer import answer_json
from dealing.whatif.asked import BlockChoice, WhatIfAsked
from dealing.whatif.compare import Comparison, compare
from dealing.whatif.policy import Policy, load_policies
from dealing.whatif.summary import show_comparison
from exposure.settings import EngineSettings
from feeds.book_files import read_book_directory
from feeds.catalogue.regimes import RegimeRule, caps_of_rules


def run_whatif(
    asked: WhatIfAsked, settings: EngineSettings, regimes: Sequence[RegimeRule] = ()
) -> int:
    """Answer and return the exit code.

    Args:
        asked: What was typed.
        settings: Those of the engine.
        regimes: Whose leverage caps hold for which accounts.

    Raises:
        ConfigError: A policy file cannot be meant; every problem names its key.
        DataError: The directory cannot be used, or the JSON file cannot be written.
    """
    policies = load_policies(asked.policies)
    errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    with np.errstate(over="ignore", invalid="ignore"):  # absurd amounts have no figure: null
        found = _computed(asked, policies, settings, regimes, errors)
        payload = b"" if asked.json_out is None else answer_json(found) + b"\n"
    for note in found.notes:
        errors.print(f"note: {note}")
    if asked.json_out is None:
        show_comparison(found, Console(highlight=False, markup=False))
    else:
        write_json(payload, asked.json_out)
    return 0


def _computed(
    asked: WhatIfAsked,
    policies: list[Policy],
    settings: EngineSettings,
    regimes: Sequence[RegimeRule],
    errors: Console,
) -> Comparison:
    notes: list[str] = []
    with progress_on(errors, "replaying") as progress:
        book = read_book_directory(asked.directory, notes)
        caps = (*settings.leverage_caps, *caps_of_rules(regimes, book.instruments()))
        settings = msgspec.structs.replace(settings, leverage_caps=caps)
        until = None if asked.until_ms is None else nanoseconds(asked.until_ms)
        blocks = BlockChoice(asked.blocks)
        found = compare(book, policies, settings, blocks, asked.seed, until, progress)
    return found._replace(notes=[*notes, *found.notes])
