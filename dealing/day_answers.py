"""Answers to questions about a day of files, wired to what computes them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dealing.cli_options import Choices
from dealing.engine_settings import engine_settings
from dealing.settings import load_settings

if TYPE_CHECKING:
    from dealing.lab.asked import LabAsked
    from dealing.reconcile.asked import ReconcileAsked
    from dealing.stopping import StopSignals
    from dealing.stress.asked import StressAsked
    from dealing.whatif.asked import WhatIfAsked


class DayAnswers:
    """The commands that read files and answer; each imports only what it needs."""

    def __init__(self, signals: StopSignals) -> None:
        """Take what tells this process to stop."""
        self._signals = signals

    def replay(
        self, choices: Choices, directory: Path, *, until_ms: float | None, json_out: str | None
    ) -> int:
        """Compute a day of files."""
        self._signals.leave()
        from dealing.logs import log_to_terminal
        from dealing.replay import run_replay

        log_to_terminal("plimsoll")
        chosen = load_settings(choices.file, os.environ)
        return run_replay(
            directory,
            until_ms=until_ms,
            json_out=json_out,
            settings=engine_settings(chosen, kept_events=None),
            regimes=chosen.engine.regime_rules,
        )

    def stress(self, choices: Choices, asked: StressAsked) -> int:
        """Say what a jump of prices would do to a day of files."""
        self._signals.leave()
        from dealing.logs import log_to_terminal
        from dealing.stress.command import run_stress

        log_to_terminal("plimsoll")
        chosen = load_settings(choices.file, os.environ)
        settings = engine_settings(chosen, kept_events=None)
        return run_stress(asked, settings, chosen.engine.regime_rules)

    def score(
        self,
        choices: Choices,
        directory: Path,
        *,
        clients: Sequence[str],
        until_ms: float | None,
        json_out: str | None,
    ) -> int:
        """Say how dangerous each client's flow is."""
        self._signals.leave()
        from dealing.logs import log_to_terminal
        from dealing.score.command import run_score

        log_to_terminal("plimsoll")
        chosen = load_settings(choices.file, os.environ)
        return run_score(
            directory,
            clients=clients,
            until_ms=until_ms,
            json_out=json_out,
            pivots=chosen.engine.pivots,
        )

    def whatif(self, choices: Choices, asked: WhatIfAsked) -> int:
        """Say what other policies would have made of a day of files."""
        self._signals.leave()
        from dealing.logs import log_to_terminal
        from dealing.whatif.command import run_whatif

        log_to_terminal("plimsoll")
        chosen = load_settings(choices.file, os.environ)
        settings = engine_settings(chosen, kept_events=None)
        return run_whatif(asked, settings, chosen.engine.regime_rules)

    def reconcile(self, asked: ReconcileAsked) -> int:
        """Say where provider, ledger and platform differ."""
        self._signals.leave()
        from dealing.reconcile.command import run_reconcile

        return run_reconcile(asked, lambda: time.time_ns() // 1_000)

    def lab(self, asked: LabAsked) -> int:
        """Try the scores on clients whose truth is known."""
        self._signals.leave()
        from dealing.lab.command import run_lab
        from dealing.lab.product import product
        from dealing.logs import log_to_terminal

        log_to_terminal("plimsoll")
        load_settings(asked.config, os.environ)
        return run_lab(asked, product)
