"""The command line's questions about a day of files: what it came to, what if, and who is who."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Protocol

import typer

from dealing.cli_options import Choices, Config, Json
from dealing.stress.asked import StopOutChoice, StressAsked


class DayCommands(Protocol):
    """What can be asked about a day of files. Each returns an exit code or raises DeskError."""

    def replay(
        self, choices: Choices, directory: Path, *, until_ms: float | None, json_out: str | None
    ) -> int:
        """Compute a day of files."""
        ...

    def stress(self, choices: Choices, asked: StressAsked) -> int:
        """Say what a jump of prices would do to a day of files."""
        ...

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
        ...


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(short_help="Compute a broker's day from its files.")(replay)
    app.command(short_help="Say what a jump of prices would do to a day of files.")(stress)
    app.command(short_help="Say how dangerous each client's flow is.")(score)


def replay(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A day as files.")],
    config: Config = None,
    until: Annotated[
        float | None,
        typer.Option("--until", metavar="TS_MS", help="Stop after the events of this instant."),
    ] = None,
    json_out: Json = None,
) -> int:
    """Compute a broker's day from its files, as fast as it goes."""
    commands, choices = _commands(context), Choices(file=config)
    return commands.replay(choices, directory, until_ms=until, json_out=json_out)


def stress(
    context: typer.Context,
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="A day as files.", show_default=False)
    ] = None,
    config: Config = None,
    shock: Annotated[
        list[str] | None,
        typer.Option(
            "--shock",
            metavar="NAME=PCT",
            help="Move a symbol or currency: EURUSD=-5, CHF=+20, or to a price: EURCHF=@1.02.",
        ),
    ] = None,
    scenario: Annotated[
        str | None, typer.Option("--scenario", metavar="NAME", help="A scenario of --list.")
    ] = None,
    capital: Annotated[
        float | None, typer.Option("--capital", metavar="USD", help="What --reverse may lose.")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", metavar="NAME", help="What --reverse moves [everything]."),
    ] = None,
    ladder: Annotated[
        str | None,
        typer.Option("--ladder", metavar="NAME", help="Whom each step of a move stops out."),
    ] = None,
    impact: Annotated[
        float, typer.Option("--impact", metavar="BPS", help="What hedging 1m USD moves a price.")
    ] = 0.0,
    margin: Annotated[
        str | None,
        typer.Option(
            "--margin",
            metavar="NAME=RULE",
            help="Who is called if leverage falls or margin rises: EURUSD=50, class:fx=x2.",
        ),
    ] = None,
    lp_terms: Annotated[
        Path | None, typer.Option("--lp-terms", metavar="FILE", help="Providers' margin terms.")
    ] = None,
    stop_out: Annotated[
        StopOutChoice, typer.Option("--stop-out", help="What the platform closes first.")
    ] = StopOutChoice.METATRADER,
    until: Annotated[
        float | None,
        typer.Option("--until", metavar="TS_MS", help="The state after this instant."),
    ] = None,
    json_out: Json = None,
    *,
    reverse: Annotated[
        bool,
        typer.Option("--reverse", help="Find the smallest move that loses more than --capital."),
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="List the scenarios.")] = False,
) -> int:
    """Say what a jump of prices would do: who is stopped out, what is owed, what the house loses.

    Without a shock every scenario is one line. What the figures mean: docs/risk.md.
    """
    asked = StressAsked(
        directory=directory,
        shocks=tuple(shock or ()),
        scenario=scenario,
        reverse=reverse,
        capital_usd=capital,
        targets=tuple(target or ()),
        ladder=ladder,
        impact_bps=impact,
        margin=margin,
        lp_terms=lp_terms,
        stop_out=stop_out,
        until_ms=until,
        listing=listing,
        json_out=json_out,
    )
    return _commands(context).stress(Choices(file=config), asked)


def score(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A day as files.")],
    config: Config = None,
    client: Annotated[
        list[str] | None,
        typer.Option("--client", metavar="ID", help="Explain a client's score; again for more."),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option("--until", metavar="TS_MS", help="Stop after the events of this instant."),
    ] = None,
    json_out: Json = None,
) -> int:
    """Say how dangerous each client's flow is, from instruments, quotes and deals.

    Without accounts every login is a client. With --client: why, and what would change it.
    """
    return _commands(context).score(
        Choices(file=config),
        directory,
        clients=tuple(client or ()),
        until_ms=until,
        json_out=json_out,
    )


def _commands(context: typer.Context) -> DayCommands:
    commands: DayCommands = context.obj
    return commands
