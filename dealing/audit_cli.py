"""``plimsoll audit``: questions about who did what."""

from __future__ import annotations

from typing import Annotated, Final, Protocol

import typer

from dealing.cli_options import Choices, Config, Data, Json, Market, help_alone, of_run

audit: Final = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})


class AuditCommands(Protocol):
    """What can be asked about the audit log."""

    def verify_audit(self, choices: Choices, *, head: str | None, json_out: str | None) -> int:
        """Walk the chain of the audit log."""
        ...


@audit.callback(invoke_without_command=True)
def _audit(context: typer.Context) -> None:
    """Ask who did what, as it is kept."""
    help_alone(context)


@audit.command("verify", short_help="Prove that nobody changed it.")
def verify_audit(
    context: typer.Context,
    config: Config = None,
    market: Market = None,
    data: Data = None,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="HASH", help="A hash noted earlier that must be in it."),
    ] = None,
    json_out: Json = None,
) -> int:
    """Walk the audit log's chain and say where it breaks (exit code 1)."""
    commands: AuditCommands = context.obj
    return commands.verify_audit(of_run(config, market, data), head=head, json_out=json_out)
