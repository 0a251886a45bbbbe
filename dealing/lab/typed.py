"""``plimsoll lab`` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Protocol

import typer

from dealing.cli_options import Config, Json
from dealing.lab.asked import LabAsked


class LabCommands(Protocol):
    """What the command needs to have behind it."""

    def lab(self, asked: LabAsked) -> int:
        """Try the scores on clients whose truth is known."""
        ...


def lab(
    context: typer.Context,
    config: Config = None,
    population: Annotated[
        list[str] | None,
        typer.Option("--population", metavar="NAME", help="Which generator, several times [all]."),
    ] = None,
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="N,N,...", help="Which draws of each.")
    ] = "1,2,3",
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="DIR", help="Write the first draw as files instead."),
    ] = None,
    json_out: Json = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller draws.")] = False,
) -> int:
    """Try the scores on clients whose truth is known, beside rules of thumb and an oracle.

    What is drawn, measured and promised: docs/flow.md.
    """
    commands: LabCommands = context.obj
    return commands.lab(
        LabAsked(
            config=config,
            populations=tuple(population or ()),
            seeds=seeds,
            quick=quick,
            json_out=json_out,
            export=export,
        )
    )
