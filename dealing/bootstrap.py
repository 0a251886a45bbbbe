"""The composition root: the one module that knows which adapter stands behind which port.

Each command imports only what it needs, when it is asked for: the desk's libraries alone take
longer to load than the engine takes to catch up.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dealing import cli
from dealing.day_answers import DayAnswers
from dealing.directory import DataDirectory, Role
from dealing.engine_settings import engine_settings
from dealing.layers import yaml_layer
from dealing.settings import (
    SIMULATED,
    CommandsSection,
    DeskSettings,
    Settings,
    default_file,
    load_settings,
    settings_of,
)

if TYPE_CHECKING:
    from datetime import date

    from crm_sync.database import Database, Owner
    from dealing.clients_cli import ImportAsked
    from dealing.commands.ports import CommandStore
    from dealing.commands.reassigning import Reassignments
    from dealing.flow.terms import RoutingTerms
    from dealing.hedging.desk import HedgeDesk
    from dealing.hedging.news import NewsCalendar
    from dealing.hub import HubClient
    from dealing.process import Work
    from dealing.revenue.writer import RevenueWriter
    from dealing.server_day import ServerDay
    from dealing.stopping import StopSignals
    from exposure.engine import ExposureEngine

MB: Final = 1_000_000


def command_line(arguments: Sequence[str], program: Sequence[str], signals: StopSignals) -> int:
    """Do what the arguments ask for and return the exit code.

    Args:
        arguments: Those of the command line, without the program.
        program: How to start this program again, for child processes.
        signals: What tells this process to stop, already listening.
    """
    return cli.answer(arguments, Plimsoll(program, signals))


class Plimsoll(DayAnswers):
    """The commands of the command line, each wired to what does the work."""

    def __init__(self, program: Sequence[str], signals: StopSignals) -> None:
        """Take how to start this program again and what tells it to stop."""
        super().__init__(signals)
        self._program = program

    def run(self, choices: cli.Choices, *, fresh: bool) -> int:
        """Start platform, engine and desk and keep them alive until told to stop."""
        from dealing.launch import launch

        settings, directory = _opened(choices, ignore_held=fresh)
        _check_policies(settings)
        with suppress(KeyboardInterrupt):
            launch(settings, directory, self._program, self._signals, fresh=fresh)
        return cli.DONE

    def feed(self, choices: cli.Choices) -> int:
        """Be the platform process."""
        settings, directory = _opened(choices)
        from dealing.platform_role import be_platform

        work = partial(be_platform, settings, directory)
        return self._be(Role.PLATFORM, settings, directory, work, choices)

    def engine(self, choices: cli.Choices) -> int:
        """Be the engine process."""
        settings, directory = _opened(choices)
        work = partial(_engine, settings, directory)
        return self._be(Role.ENGINE, settings, directory, work, choices)

    def sync(self, choices: cli.Choices) -> int:
        """Be the back office's process."""
        settings, directory = _opened(choices)
        work = partial(_sync, settings, directory)
        return self._be(Role.SYNC, settings, directory, work, choices)

    def desk(self, choices: cli.Choices) -> int:
        """Be the desk process."""
        settings, directory = _opened(choices)
        work = partial(_desk, settings, directory)
        return self._be(Role.DESK, settings, directory, work, choices)

    def alerts(self, choices: cli.Choices) -> int:
        """Be the process of alerts."""
        settings, directory = _opened(choices)
        work = partial(_alerts, settings, directory)
        return self._be(Role.ALERTS, settings, directory, work, choices)

    def bench(
        self,
        choices: cli.Choices,
        *,
        size: str | None,
        quick: bool,
        peers: bool,
        long: bool,
        json_out: str | None,
    ) -> int:
        """Measure this machine."""
        self._signals.leave()
        from dealing.bench import run_bench
        from dealing.logs import log_to_terminal

        log_to_terminal("plimsoll")
        load_settings(choices.file, os.environ)
        return run_bench(size=size, quick=quick, peers=peers, long=long, json_out=json_out)

    def doctor(self, choices: cli.Choices, *, json_out: str | None) -> int:
        """Say what runs and what is wrong."""
        self._signals.leave()
        from dealing.doctor import run_doctor
        from dealing.logs import log_to_terminal

        log_to_terminal("plimsoll")
        _, directory = _opened(choices, ignore_held=True)
        return run_doctor(directory, json_out=json_out)

    def check_config(self, file: Path) -> int:
        """Check a configuration file."""
        self._signals.leave()
        _check_policies(settings_of([yaml_layer(default_file()), yaml_layer(file)]))
        sys.stdout.write(f"{file} is a good configuration.\n")
        return cli.DONE

    def upgrade_database(self, choices: cli.Choices) -> int:
        """Bring the database's tables to this version."""
        self._signals.leave()
        from crm_sync.schema import SCHEMA_VERSIONS
        from dealing.storage.migrate import upgrade

        database, _ = _kept_database(choices)
        before, needed = upgrade(database), SCHEMA_VERSIONS[-1]
        was = "as before" if before == needed else f"it had {before or 'none'}"
        sys.stdout.write(f"The database {database.name} has schema {needed} ({was}).\n")
        return cli.DONE

    def check_revenue(self, choices: cli.Choices, *, json_out: str | None) -> int:
        """Prove the revenue that is kept."""
        self._signals.leave()
        from dealing.revenue.commands import run_check
        from dealing.storage.lake import RevenueLake
        from dealing.storage.revenue_store import SqlRevenueStore

        database, directory = _kept_database(choices)
        store = SqlRevenueStore(database, time.time_ns)
        return run_check(store, RevenueLake(directory.revenue_lake), json_out=json_out)

    def export_revenue(
        self, choices: cli.Choices, *, first: date | None, last: date | None, out: Path
    ) -> int:
        """Write facts into a file."""
        self._signals.leave()
        from dealing.revenue.commands import run_export
        from dealing.storage.revenue_store import SqlRevenueStore

        database, _ = _kept_database(choices)
        return run_export(SqlRevenueStore(database, time.time_ns), first, last, out)

    def verify_audit(self, choices: cli.Choices, *, head: str | None, json_out: str | None) -> int:
        """Walk the chain of the audit log."""
        self._signals.leave()
        from dealing.commands.command import run_verify
        from dealing.storage.command_store import SqlCommandStore

        database, _ = _kept_database(choices)
        return run_verify(SqlCommandStore(database), head=head, json_out=json_out)

    def import_clients(self, choices: cli.Choices, asked: ImportAsked) -> int:
        """Load files of clients and accounts."""
        self._signals.leave()
        from rich.console import Console

        from dealing.back_office.clock import now_us
        from dealing.back_office.importing import run_import
        from dealing.back_office.rooms import open_rooms
        from dealing.back_office.secrets import secrets_of

        settings, directory = _opened(choices)
        database, _ = _kept_database(choices)
        secrets = secrets_of(directory.secrets_file, os.environ)
        rooms = open_rooms(database, settings.sync, secrets, now_us)
        return run_import(rooms, asked, Console(highlight=False, markup=False, soft_wrap=True))

    def _be(
        self,
        role: Role,
        settings: Settings,
        directory: DataDirectory,
        work: Work,
        choices: cli.Choices,
    ) -> int:
        from dealing.process import be

        supervised = choices.exact is not None
        try:
            done = be(role, directory, settings.log, work, self._signals, supervised=supervised)
        except KeyboardInterrupt:
            return cli.DONE
        return cli.DONE if done else cli.FAILED


def _opened(choices: cli.Choices, *, ignore_held: bool = False) -> tuple[Settings, DataDirectory]:
    if choices.exact is not None:
        settings = Settings.model_validate_json(choices.exact.read_bytes())
        return settings, DataDirectory(settings.directory)
    load = partial(load_settings, choices.file, os.environ, choices.values)
    settings = load()
    directory = DataDirectory(settings.directory)
    held = None if ignore_held else directory.held_identity()
    return settings if held is None else load(held=held.as_settings()), directory


def _check_policies(settings: Settings) -> None:
    """Read the policy files now: a mistake in one should not wait for the engine to find it."""
    for file in filter(None, (settings.routing.policy, settings.routing.shadow)):
        _routing_terms(settings, file)
    if settings.alerts.policy is not None:
        from dealing.alerts.policy_file import load_alert_policy

        load_alert_policy(Path(settings.alerts.policy), settings.alerts.names)


async def _sync(settings: Settings, directory: DataDirectory, stop: asyncio.Event) -> None:
    from dealing.back_office.starting import be_sync

    database = _database(settings, directory, directory.run_id)
    _make_ready(database, settings, directory)
    await be_sync(settings, directory, database, stop)


async def _alerts(settings: Settings, directory: DataDirectory, stop: asyncio.Event) -> None:
    from dealing.alerts.starting import be_alerts

    database = _database(settings, directory, directory.run_id)
    _make_ready(database, settings, directory)
    await be_alerts(settings, directory, database, stop)


async def _engine(settings: Settings, directory: DataDirectory, stop: asyncio.Event) -> None:
    from dealing.backoff import Backoff
    from dealing.flow.keeping import recovered_flow
    from dealing.garbage import spare_what_is_old
    from dealing.hub import SnapshotHubServer
    from dealing.large_deals import LargeDeals
    from dealing.runtime import (
        SWITCH_S,
        EngineQueries,
        EngineRuntime,
        FlowKept,
        Pace,
        recovered,
    )
    from dealing.storage.journal import Journal
    from dealing.storage.snapshots import SnapshotStore
    from feeds.socket_feed import SocketEventFeed

    sys.setswitchinterval(SWITCH_S)
    section, storage = settings.engine, settings.storage
    pace = Pace(
        frame_s=section.frame_interval_ms / 1e3,
        sync_s=section.fsync_interval_ms / 1e3,
        save_s=section.snapshot_every_s,
    )
    revenue = _revenue_writer(settings, directory)
    journal = Journal.open(
        directory.journal,
        segment_bytes=storage.file_mb * MB,
        keep_bytes=storage.journal_keep_mb * MB,
    )
    store = SnapshotStore(directory.snapshots, storage.kept_snapshots)
    large = LargeDeals(settings.alerts.large_deal_floor_usd)
    told = engine_settings(settings, section.kept_events)
    engine = recovered(store, journal, told, revenue, large)
    flow_store = SnapshotStore(directory.flow, storage.kept_snapshots)
    terms = _routing_terms(settings, settings.routing.policy)
    beside = settings.routing.shadow
    shadow = None if beside is None else _routing_terms(settings, beside)
    flow = recovered_flow(flow_store, journal, engine, terms, shadow)
    hedges = _hedge_desk(settings, directory, engine)
    hedges.recover(journal)
    queries = EngineQueries(engine, flow, hedges)
    hub = SnapshotHubServer(directory.socket(Role.ENGINE), queries)
    feed = SocketEventFeed(directory.socket(Role.PLATFORM), time.time_ns)
    backoff = Backoff(random.random)
    kept = FlowKept(flow, flow_store)
    runtime = EngineRuntime(
        engine, feed, journal, store, hub, pace, backoff, revenue, kept, hedges, large
    )
    spare_what_is_old()
    await runtime.run(stop)
    journal.close()


def _routing_terms(settings: Settings, file: str | None) -> RoutingTerms:
    from dealing.flow.terms import STANDARD_POLICY, RoutingTerms
    from dealing.routing_policy import load_routing_policy

    policy = STANDARD_POLICY if file is None else load_routing_policy(Path(file))
    return RoutingTerms(policy, settings.routing.provider_usd_per_million)


def _hedge_desk(settings: Settings, directory: DataDirectory, engine: ExposureEngine) -> HedgeDesk:
    import secrets

    from dealing.commands.gateway import SocketCommandGateway
    from dealing.hedging.book import HedgeBook
    from dealing.hedging.desk import HedgeDesk
    from dealing.hedging.gateway import PlatformHedgeGateway
    from dealing.hedging.keeping import HedgeFiles, remembered
    from dealing.hedging.news import NewsPauses
    from dealing.hedging.rules import rules_in

    files = HedgeFiles(directory.hedging)
    # a name that no other run has: whatever was lost, no key comes back
    memory = remembered(files, engine.position, lambda: secrets.token_hex(6))
    news = NewsPauses(_news(settings))
    book = HedgeBook(engine, rules_in(settings.hedging), memory, news, _server_day(settings.desk))
    gateway = PlatformHedgeGateway(SocketCommandGateway(directory.socket(Role.PLATFORM)))
    return HedgeDesk(book, files, gateway)


def _news(settings: Settings) -> NewsCalendar:
    from dealing.hedging.news import AllNews, ListedNews

    listed = ListedNews(round(at.timestamp()) * 10**9 for at in settings.hedging.news)
    if settings.market.source != SIMULATED:
        return listed
    from dealing.hedging.simulated_news import SimulatedNews

    return AllNews([listed, SimulatedNews()])


def _revenue_writer(settings: Settings, directory: DataDirectory) -> RevenueWriter:
    from dealing.backoff import Backoff
    from dealing.revenue.closing import DayClosing
    from dealing.revenue.facts import Bookkeeper
    from dealing.revenue.writer import RevenueWriter
    from dealing.storage.lake import RevenueLake
    from dealing.storage.revenue_store import SqlRevenueStore

    database = _database(settings, directory, directory.run_id)
    _make_ready(database, settings, directory)
    store = SqlRevenueStore(database, time.time_ns)
    day = _server_day(settings.desk)
    closing = DayClosing(store, RevenueLake(directory.revenue_lake), day)
    books = Bookkeeper(day, settings.desk.name)
    return RevenueWriter(store, books, closing, time.monotonic, Backoff(random.random))


def _make_ready(database: Database, settings: Settings, directory: DataDirectory) -> None:
    """Let SQLite have its tables; a PostgreSQL that is away may come back, a wrong one may not."""
    import structlog

    from exposure.errors import SchemaError, StorageError

    if settings.storage.database is None:
        directory.make_database()
    try:
        database.check()
    except SchemaError:
        if settings.storage.database is not None:
            raise
        from dealing.storage.migrate import upgrade

        upgrade(database)
        database.check()
    except StorageError as e:
        if settings.storage.database is None:
            raise
        structlog.get_logger().warning("facts wait for their database", reason=str(e))


def _database(settings: Settings, directory: DataDirectory, owner: Owner) -> Database:
    from crm_sync.database import database_at

    return database_at(settings.storage.database, directory.database, owner)


def _kept_database(choices: cli.Choices) -> tuple[Database, DataDirectory]:
    """Return the database of a run that somebody asks about."""
    from exposure.errors import DataError

    settings, directory = _opened(choices)
    if settings.storage.database is None and not directory.database.exists():
        raise DataError(f"{directory.root} keeps no database yet: start a run with plimsoll run")
    return _database(settings, directory, directory.held_run_id), directory


def _server_day(settings: DeskSettings) -> ServerDay:
    from zoneinfo import ZoneInfo

    from dealing.server_day import ServerDay

    return ServerDay(ZoneInfo(settings.day_zone), settings.day_starts_at_hour)


async def _desk(settings: Settings, directory: DataDirectory, stop: asyncio.Event) -> None:
    from dealing.addresses import listening_socket
    from dealing.alerts.forwarding import alert_routes
    from dealing.backoff import Backoff
    from dealing.command_api import command_routes
    from dealing.commands.keeper import keep_commands
    from dealing.desk import DeskOptions, create_desk
    from dealing.hedge_api import hedge_routes
    from dealing.hedging.commands import HedgeCommands
    from dealing.hub import HubClient
    from dealing.serving import serve_desk
    from dealing.storage.command_store import SqlCommandStore
    from dealing.storage.revenue_store import SqlRevenueStore
    from exposure.risk.provider_margin import ProviderAccount

    section = settings.desk
    options = DeskOptions(
        version=metadata.version("plimsoll"),
        theme=section.theme,
        reporting_currency=section.reporting_currency,
        hosts=section.hosts,
        day_zone=section.day_zone,
        day_starts_at_hour=section.day_starts_at_hour,
        alerts=settings.alerts.enabled,
        providers={
            account.lp: ProviderAccount(
                margin_ratio=account.margin_ratio,
                cash_usd=account.cash_usd,
                call_level=account.call_level,
            )
            for account in settings.providers.accounts
        },
    )
    hub = HubClient(directory.socket(Role.ENGINE), Backoff(random.random))
    database = _database(settings, directory, directory.held_run_id)
    store = SqlRevenueStore(database, time.time_ns)
    kept = SqlCommandStore(database)
    commands = _reassignments(settings.commands, kept, directory, hub)
    routes = command_routes(commands, kept)
    routes.include_router(hedge_routes(HedgeCommands(kept, hub, time.time_ns), hub))
    if settings.alerts.enabled:
        routes.include_router(alert_routes(directory.socket(Role.ALERTS)))
    if settings.sync.enabled:
        from dealing.back_office.wiring import office_routes_of

        routes.include_router(office_routes_of(settings, directory, database, hub))
    app = create_desk(hub, hub, store, options, commands=routes)
    with listening_socket(section) as listening:
        await serve_desk(app, hub, listening, stop, keep_commands(commands))
    database.close()


def _reassignments(
    section: CommandsSection, store: CommandStore, directory: DataDirectory, hub: HubClient
) -> Reassignments:
    from dealing.commands.gateway import SocketCommandGateway
    from dealing.commands.reassigning import Reassignments
    from dealing.commands.rules import ApprovalRule

    rule = ApprovalRule(
        section.approval_above_usd,
        section.approval_above_clients,
        section.approval_within_min * 60 * 10**9,
    )
    gateway = SocketCommandGateway(directory.socket(Role.PLATFORM))
    return Reassignments(store, gateway, hub, rule, time.time_ns)
