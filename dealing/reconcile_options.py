"""The command line of ``plimsoll reconcile``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from dealing.cli_options import Json
from dealing.reconcile.asked import ReconcileAsked


class ReconcileCommands(Protocol):
    """What can be asked about three sides."""

    def reconcile(self, asked: ReconcileAsked) -> int:
        """Say where provider, ledger and platform differ."""
        ...


def add_reconcile(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(short_help="Say where provider, ledger and platform differ.")(reconcile)


def _mapping(side: str) -> Any:
    return typer.Option(f"--{side}-mapping", metavar="FILE", help="How that file is to be read.")


def reconcile(
    context: typer.Context,
    provider: Annotated[
        Path, typer.Option("--provider", metavar="FILE", help="The provider's statement.")
    ],
    ledger: Annotated[Path, typer.Option("--ledger", metavar="FILE", help="The ledger's entries.")],
    platform: Annotated[
        Path, typer.Option("--platform", metavar="FILE", help="The platform's balance deals.")
    ],
    provider_mapping: Annotated[Path | None, _mapping("provider")] = None,
    ledger_mapping: Annotated[Path | None, _mapping("ledger")] = None,
    platform_mapping: Annotated[Path | None, _mapping("platform")] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="A day or a time, UTC unless it says [now]."),
    ] = None,
    scope: Annotated[
        str, typer.Option("--scope", metavar="NAME", help="What is compared: in every break's id.")
    ] = "all",
    rate: Annotated[
        list[str] | None,
        typer.Option("--rate", metavar="CODE=USD", help="What a unit is worth: EUR=1.08."),
    ] = None,
    json_out: Json = None,
    csv_out: Annotated[
        str | None, typer.Option("--csv", metavar="FILE", help="Write the breaks as a table.")
    ] = None,
) -> int:
    """Say where a provider's statement, the ledger and the platform's deals differ.

    Files are CSV, gzipped or not, or Parquet. Exit codes: 0 no open breaks, 1 breaks or rows that
    cannot be read, 2 wrong usage. Columns and classes: docs/backoffice.md.
    """
    asked = ReconcileAsked(
        provider=provider,
        ledger=ledger,
        platform=platform,
        provider_mapping=provider_mapping,
        ledger_mapping=ledger_mapping,
        platform_mapping=platform_mapping,
        as_of=as_of,
        scope=scope,
        rates=tuple(rate or ()),
        json_out=json_out,
        csv_out=csv_out,
    )
    commands: ReconcileCommands = context.obj
    return commands.reconcile(asked)
