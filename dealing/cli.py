"""The command line: what a person may ask for, and how the answer ends.

Commands parse and pass on; what they do is behind ``Commands``, which the composition root fills
in. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import typer

from dealing import day_cli
from dealing.audit_cli import AuditCommands, audit
from dealing.cli_options import BenchSize, Choices, Config, Data, Json, Market, help_alone, of_run
from dealing.clients_cli import ClientCommands, clients
from dealing.day_cli import DayCommands
from dealing.lab.typed import LabCommands, lab
from dealing.reconcile_options import ReconcileCommands, add_reconcile
from dealing.whatif_options import WhatIfCommands, add_whatif
from exposure.errors import ConfigError, DeskError

__all__ = ["DONE", "FAILED", "MISUSED", "BenchSize", "Choices", "Commands", "answer"]

DONE, FAILED, MISUSED = 0, 1, 2

_INTERRUPTED = 130
_DAY: Final = "%Y-%m-%d"


class Commands(
    AuditCommands,
    ClientCommands,
    DayCommands,
    LabCommands,
    ReconcileCommands,
    WhatIfCommands,
    Protocol,
):
    """What the command line can ask for. Each returns an exit code or raises DeskError."""

    def run(self, choices: Choices, *, fresh: bool) -> int:
        """Start platform, engine and desk and keep them alive until told to stop."""
        ...

    def feed(self, choices: Choices) -> int:
        """Be the platform process."""
        ...

    def engine(self, choices: Choices) -> int:
        """Be the engine process."""
        ...

    def sync(self, choices: Choices) -> int:
        """Be the back office's process."""
        ...

    def desk(self, choices: Choices) -> int:
        """Be the desk process."""
        ...

    def alerts(self, choices: Choices) -> int:
        """Be the process of alerts."""
        ...

    def bench(
        self,
        choices: Choices,
        *,
        size: str | None,
        quick: bool,
        peers: bool,
        long: bool,
        json_out: str | None,
    ) -> int:
        """Measure this machine."""
        ...

    def doctor(self, choices: Choices, *, json_out: str | None) -> int:
        """Say what runs and what is wrong."""
        ...

    def check_config(self, file: Path) -> int:
        """Check a configuration file."""
        ...

    def upgrade_database(self, choices: Choices) -> int:
        """Bring the database's tables to this version."""
        ...

    def check_revenue(self, choices: Choices, *, json_out: str | None) -> int:
        """Prove the revenue that is kept."""
        ...

    def export_revenue(
        self, choices: Choices, *, first: date | None, last: date | None, out: Path
    ) -> int:
        """Write facts into a file."""
        ...


app = typer.Typer(
    name="plimsoll",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_HELPS: Final = {"help_option_names": ["-h", "--help"]}
db = typer.Typer(context_settings=_HELPS)
revenue = typer.Typer(context_settings=_HELPS)
app.add_typer(db, name="db")
app.add_typer(revenue, name="revenue")
app.add_typer(audit, name="audit")
app.add_typer(clients, name="clients")

Speed = Annotated[float | None, typer.Option("--speed", help="Market seconds per second.")]
Clients = Annotated[int | None, typer.Option("--clients", help="How many clients trade.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Which of all possible days it is.")]
Host = Annotated[str | None, typer.Option("--host", help="Address the desk listens on.")]
Port = Annotated[
    int | None, typer.Option("--port", help="Port the desk listens on, 0 for any free one.")
]
Exact = Annotated[Path | None, typer.Option("--settings", hidden=True)]


@app.callback(invoke_without_command=True)
def _plimsoll(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> int | None:
    """Plimsoll: the real-time risk and dealing desk for CFD brokers."""
    if version:
        typer.echo(f"plimsoll {metadata.version('plimsoll')}")
        raise typer.Exit(DONE)
    help_alone(context)
    return None


@db.callback(invoke_without_command=True)
def _db(context: typer.Context) -> None:
    """Look after the database of a run."""
    help_alone(context)


@revenue.callback(invoke_without_command=True)
def _revenue(context: typer.Context) -> None:
    """Ask what the house earned, as it is kept."""
    help_alone(context)


@app.command(short_help="Start everything: market, engine and desk.")
def run(
    context: typer.Context,
    config: Config = None,
    market: Market = None,
    speed: Speed = None,
    clients: Clients = None,
    seed: Seed = None,
    host: Host = None,
    port: Port = None,
    data: Data = None,
    *,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open a browser.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete the run in the data directory and start anew.")
    ] = False,
) -> int:
    """Start everything: market, engine and desk. Ctrl-C ends it, the next start continues."""
    values = _market_values(market, speed, clients, seed, data) | _desk_values(host, port)
    if no_browser:
        values["desk.open_browser"] = False
    return _commands(context).run(Choices(file=config, values=values), fresh=fresh)


@app.command(short_help="Run the platform process alone.")
def feed(
    context: typer.Context,
    config: Config = None,
    market: Market = None,
    speed: Speed = None,
    clients: Clients = None,
    seed: Seed = None,
    data: Data = None,
    settings: Exact = None,
) -> int:
    """Run the platform process alone: the market and the clients who trade on it."""
    values = _market_values(market, speed, clients, seed, data)
    return _commands(context).feed(Choices(file=config, values=values, exact=settings))


def _add_process(name: str, title: str, be: Callable[[Commands, Choices], int]) -> None:
    """Add the command that is one process of a run, on the data directory of the others."""

    def command(
        context: typer.Context,
        config: Config = None,
        market: Market = None,
        data: Data = None,
        settings: Exact = None,
    ) -> int:
        values = {"market.source": market, "storage.directory": data}
        return be(_commands(context), Choices(file=config, values=values, exact=settings))

    help_text = f"Run the {title} alone, on the data directory of its run."
    app.command(name, short_help=f"Run the {title} alone.", help=help_text)(command)


_add_process("engine", "engine process", lambda commands, choices: commands.engine(choices))
_add_process("sync", "back office's process", lambda commands, choices: commands.sync(choices))
_add_process("alerts", "process of alerts", lambda commands, choices: commands.alerts(choices))


@app.command(short_help="Run the desk process alone.")
def desk(
    context: typer.Context,
    config: Config = None,
    market: Market = None,
    host: Host = None,
    port: Port = None,
    data: Data = None,
    settings: Exact = None,
) -> int:
    """Run the desk process alone, on the data directory of its engine."""
    values = {"market.source": market, "storage.directory": data} | _desk_values(host, port)
    return _commands(context).desk(Choices(file=config, values=values, exact=settings))


@app.command(short_help="Measure the engine on this machine.")
def bench(
    context: typer.Context,
    config: Config = None,
    size: Annotated[BenchSize | None, typer.Option("--size", help="How big a broker.")] = None,
    json_out: Json = None,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Seconds instead of minutes.")] = False,
    peers: Annotated[bool, typer.Option("--peers", help="Other tools on the same work.")] = False,
    long: Annotated[bool, typer.Option("--long", help="Two million ticks in a row too.")] = False,
) -> int:
    """Measure the engine on this machine, beside others on the same work."""
    choices = Choices(file=config)
    return _commands(context).bench(
        choices, size=size, quick=quick, peers=peers, long=long, json_out=json_out
    )


app.command(short_help="Try the scores on clients whose truth is known.")(lab)


@app.command(short_help="Say what runs and what is wrong.")
def doctor(
    context: typer.Context,
    config: Config = None,
    market: Market = None,
    data: Data = None,
    json_out: Json = None,
) -> int:
    """Say in one screen what runs, how old everything is and what is wrong (exit code 1)."""
    values = {"market.source": market, "storage.directory": data}
    return _commands(context).doctor(Choices(file=config, values=values), json_out=json_out)


@app.command("check-config", short_help="List every problem of a configuration.")
def check_config(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A configuration file.")],
) -> int:
    """List every problem of a configuration file at once."""
    return _commands(context).check_config(file)


@db.command("upgrade", short_help="Bring the tables to this version.")
def upgrade_database(
    context: typer.Context, config: Config = None, market: Market = None, data: Data = None
) -> int:
    """Bring the tables to this version of Plimsoll. SQLite does it by itself at each start."""
    return _commands(context).upgrade_database(of_run(config, market, data))


@revenue.command("check", short_help="Prove every sum.")
def check_revenue(
    context: typer.Context,
    config: Config = None,
    market: Market = None,
    data: Data = None,
    json_out: Json = None,
) -> int:
    """Prove that every sum of what is kept is right, and name what is not (exit code 1)."""
    return _commands(context).check_revenue(of_run(config, market, data), json_out=json_out)


@revenue.command("export", short_help="Write facts into a file.")
def export_revenue(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="A file .csv, .xlsx or .parquet.")
    ],
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=[_DAY], metavar="DAY", help="First server day [all]."),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=[_DAY], metavar="DAY", help="Last server day [all]."),
    ] = None,
    config: Config = None,
    market: Market = None,
    data: Data = None,
) -> int:
    """Write the facts of some server days into a file, one row each."""
    return _commands(context).export_revenue(
        of_run(config, market, data),
        first=None if first is None else first.date(),
        last=None if last is None else last.date(),
        out=out,
    )


day_cli.register(app)
add_whatif(app)
add_reconcile(app)


def answer(arguments: Sequence[str], commands: Commands) -> int:
    """Do what the arguments ask for and return the exit code."""
    try:
        code = app(args=arguments, prog_name="plimsoll", obj=commands, standalone_mode=False)
    except typer.TyperException as e:
        _complain(f"{e.format_message()} (plimsoll --help, plimsoll COMMAND --help)")
        return e.exit_code
    except ConfigError as e:
        for problem in e.problems:
            _complain(problem)
        return MISUSED
    except DeskError as e:
        _complain(str(e))
        return FAILED
    return FAILED if code == _INTERRUPTED else int(code)


def _commands(context: typer.Context) -> Commands:
    commands: Commands = context.obj
    return commands


def _market_values(
    market: str | None,
    speed: float | None,
    clients: int | None,
    seed: int | None,
    data: str | None,
) -> dict[str, Any]:
    return {
        "market.source": market,
        "market.speed": speed,
        "market.clients": clients,
        "market.seed": seed,
        "storage.directory": data,
    }


def _desk_values(host: str | None, port: int | None) -> dict[str, Any]:
    return {"desk.host": host, "desk.port": port}


def _complain(sentence: str) -> None:
    sys.stderr.write(f"plimsoll: {sentence}\n")
