"""``plimsoll clients``: files of clients and accounts, for brokers whose CRM has no interface."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Protocol

import msgspec
import typer

from dealing.cli_options import Choices, Config, Data, Market, help_alone, of_run

clients: Final = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})


class ImportAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be loaded: files, what they call our columns, and who says it."""

    clients: Path | None = None
    accounts: Path | None = None
    clients_mapping: Path | None = None
    accounts_mapping: Path | None = None
    source: str = "crm"
    dry_run: bool = False


class ClientCommands(Protocol):
    """What can be done with files of clients."""

    def import_clients(self, choices: Choices, asked: ImportAsked) -> int:
        """Load files of clients and accounts."""
        ...


@clients.callback(invoke_without_command=True)
def _clients(context: typer.Context) -> None:
    """Load clients from files."""
    help_alone(context)


@clients.command("import", short_help="Load clients and accounts from CSV files.")
def import_clients(
    context: typer.Context,
    config: Config = None,
    market: Market = None,
    data: Data = None,
    file: Annotated[
        Path | None, typer.Option("--clients", metavar="FILE", help="A row per client.")
    ] = None,
    accounts: Annotated[
        Path | None, typer.Option("--accounts", metavar="FILE", help="A row per trading account.")
    ] = None,
    clients_mapping: Annotated[
        Path | None,
        typer.Option("--clients-mapping", metavar="FILE", help="JSON: the file's names to ours."),
    ] = None,
    accounts_mapping: Annotated[
        Path | None,
        typer.Option("--accounts-mapping", metavar="FILE", help="The same for accounts."),
    ] = None,
    source: Annotated[
        str, typer.Option("--source", metavar="NAME", help="Who says it: crm, kyc or platform.")
    ] = "crm",
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> int:
    """Load clients and trading accounts from CSV files; loading a file again changes nothing.

    Rows that cannot be are set aside with file, line, column and reason; exit code 1 then.
    """
    asked = ImportAsked(
        clients=file,
        accounts=accounts,
        clients_mapping=clients_mapping,
        accounts_mapping=accounts_mapping,
        source=source,
        dry_run=dry_run,
    )
    commands: ClientCommands = context.obj
    return commands.import_clients(of_run(config, market, data), asked)
