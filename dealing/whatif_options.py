"""The command line of ``plimsoll whatif``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Protocol

import typer

from dealing.cli_options import Choices, Config, Json
from dealing.whatif.asked import BlockChoice, WhatIfAsked


class WhatIfCommands(Protocol):
    """What can be asked about other policies."""

    def whatif(self, choices: Choices, asked: WhatIfAsked) -> int:
        """Say what other policies would have made of a day of files."""
        ...


def add_whatif(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(short_help="Say what other policies would have made of a day of files.")(whatif)


def whatif(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A day as files.")],
    policy: Annotated[
        list[Path],
        typer.Option("--policy", metavar="FILE", help="A policy; may be given several times."),
    ],
    config: Config = None,
    blocks: Annotated[
        BlockChoice, typer.Option("--blocks", help="What the error band draws anew.")
    ] = BlockChoice.AUTO,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which draws.")] = 1,
    until: Annotated[
        float | None,
        typer.Option("--until", metavar="TS_MS", help="Stop after the events of this instant."),
    ] = None,
    json_out: Json = None,
) -> int:
    """Say what other policies would have made of a day: the result, its risk and what it costs.

    The same ticks and deals, other books and hedges. What the figures mean: docs/whatif.md.
    """
    asked = WhatIfAsked(
        directory=directory,
        policies=tuple(policy),
        blocks=blocks,
        seed=seed,
        until_ms=until,
        json_out=json_out,
    )
    commands: WhatIfCommands = context.obj
    return commands.whatif(Choices(file=config), asked)
