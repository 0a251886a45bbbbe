"""Options that several commands of the command line share, and what they come to."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about settings.

    ``values`` are dotted keys, None where it says nothing. ``exact`` is a file with complete
    settings, written by the supervisor for its children.
    """

    file: Path | None = None
    values: dict[str, Any] = {}
    exact: Path | None = None


class BenchSize(StrEnum):
    """The workloads of performance.md."""

    SMALL = "small"
    SEED = "seed"
    BIG = "big"


Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Your own configuration over the default."),
]
Data = Annotated[
    str | None,
    typer.Option("--data", metavar="DIR", help="Data directory [default: var/MARKET]."),
]
Market = Annotated[
    str | None,
    typer.Option(
        "--market",
        metavar="NAME",
        help="simulated, sample, a directory of recorded quotes, or an earlier run's data.",
    ),
]
Json = Annotated[
    str | None,
    typer.Option("--json", metavar="OUT", help="Write the answer as JSON, - for standard output."),
]


def of_run(config: Path | None, market: str | None, data: str | None) -> Choices:
    """Return the choices that name a run which is there."""
    return Choices(file=config, values={"market.source": market, "storage.directory": data})


def help_alone(context: typer.Context) -> None:
    """Print the help of a group that somebody named without a command, which is wrong usage."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
