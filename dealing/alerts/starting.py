"""Starting alerts inside their process: everything that they need, connected."""

from __future__ import annotations

import asyncio
import os
import random
import secrets as random_names
import ssl
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

from crm_sync.database import Database
from crm_sync.messages.addresses import system_resolve
from dealing.addresses import address_of
from dealing.alerts.api import alerts_app
from dealing.alerts.channels.opening import open_channels
from dealing.alerts.channels.slack_answers import SlackAnswers, answers_base
from dealing.alerts.channels.slack_app import SlackSetup, slack_app
from dealing.alerts.channels.slack_commands import SlashCommands
from dealing.alerts.delivering import Deliverer, Surroundings
from dealing.alerts.delivery_pace import DeliveryPace
from dealing.alerts.desk_commands import DeskCommands
from dealing.alerts.hub_reading import HubReading
from dealing.alerts.model import Case
from dealing.alerts.policy import AlertPolicy
from dealing.alerts.policy_file import load_alert_policy
from dealing.alerts.press_work import PressLog, PressWork
from dealing.alerts.pressing import DeskUser, Pressing
from dealing.alerts.process import AlertsProcess, Door, run_alerts
from dealing.alerts.room import CaseRoom
from dealing.alerts.secrets import AlertSecrets, alert_secrets
from dealing.alerts.service import AlertService
from dealing.alerts.settings import AlertsSection
from dealing.alerts.sources.frame import FrameSettings, FrameSource
from dealing.alerts.sources.office import OfficeSettings, OfficeSource
from dealing.alerts.sources.polling import (
    OfficePoll,
    Poll,
    ask_flow,
    ask_hedging,
    ask_system,
    follow_frames,
)
from dealing.alerts.sources.system import SystemSource
from dealing.alerts.surroundings import Channel, DeskActs
from dealing.alerts.votes import tend_votes
from dealing.back_office.clock import now_us
from dealing.backoff import Backoff
from dealing.commands.ports import CommandStore
from dealing.directory import DataDirectory, Role
from dealing.hub import HubClient
from dealing.launch import status_file
from dealing.settings import Settings
from dealing.storage.alert_store import SqlAlertStore
from dealing.storage.command_store import SqlCommandStore

FLOW_EVERY_S: Final = 10.0
HEDGING_EVERY_S: Final = 2.0
OFFICE_EVERY_S: Final = 2.0
SYSTEM_EVERY_S: Final = 1.0

_TOKEN_BYTES: Final = 24


async def be_alerts(
    settings: Settings, directory: DataDirectory, database: Database, stop: asyncio.Event
) -> None:
    """Be the process of alerts.

    Raises:
        ConfigError: The policy, or a channel, cannot be used.
        StorageError: What was kept cannot be read.
    """
    section = settings.alerts
    secrets = alert_secrets(section, settings.slack, os.environ)
    file = None if section.policy is None else Path(section.policy)
    policy = load_alert_policy(file, section.names)
    store, commands = SqlAlertStore(database), SqlCommandStore(database)
    sinks = open_channels(settings, secrets, now_us)
    room = CaseRoom(policy, store, [sink.name for sink in sinks], now_us)
    hub = HubClient(directory.socket(Role.ENGINE), Backoff(random.random))
    desk = section.desk_url.rstrip("/") or address_of(settings.desk)
    around = _surroundings(desk, policy)
    channels = [
        Channel(sink=sink, deliverer=Deliverer(store, sink, DeliveryPace(), now_us, around))
        for sink in sinks
    ]
    frames, polls = _sources(settings, directory, database, hub, room)
    problems = partial(_problems, polls)
    acts = DeskActs(room, store, commands, hub, channels, problems, now_us)
    service = AlertService(store, acts, now_us, partial(random_names.token_hex, 8))
    process = AlertsProcess(
        room=room,
        acts=acts,
        app=alerts_app(service),
        socket=directory.socket(Role.ALERTS),
        door=_door(settings, secrets, store, commands, room, hub, directory),
        deliverers=[channel.deliverer for channel in channels],
        looking=[
            hub.run,
            partial(follow_frames, hub, frames, room.see, now_us),
            *(partial(_once_there, hub, poll) for poll in polls),
            partial(tend_votes, room, DeskCommands(lambda: address_of(settings.desk)).waiting),
        ],
    )
    try:
        await run_alerts(process, stop)
    finally:
        database.close()


async def _once_there(hub: HubClient, poll: Poll) -> NoReturn:
    """Ask from the engine's first frame on: before it there is nobody to ask."""
    await hub.next(None)
    await poll.run()


def _sources(
    settings: Settings, directory: DataDirectory, database: Database, hub: HubClient, room: CaseRoom
) -> tuple[FrameSource, list[Poll]]:
    told = FrameSettings(
        kept_events=settings.engine.kept_events, var_limit_usd=settings.alerts.var_limit_usd
    )
    frames = FrameSource(told, room.cursors)
    system = SystemSource(room.cursors)
    file = status_file(directory)
    see, cluster_usd = room.see, settings.limits.cluster_usd
    polls = [
        Poll("flow", FLOW_EVERY_S, partial(ask_flow, hub, now_us, cluster_usd), see),
        Poll("hedging", HEDGING_EVERY_S, partial(ask_hedging, hub, now_us), see),
        Poll("processes", SYSTEM_EVERY_S, partial(ask_system, file, system, now_us), see),
    ]
    if settings.sync.enabled:
        source = OfficeSource(OfficeSettings(), room.cursors)
        office = OfficePoll(database, source, frames, hub, now_us)
        polls.append(Poll("back office", OFFICE_EVERY_S, office.ask, see))
    return frames, polls


def _problems(polls: list[Poll]) -> list[str]:
    return [poll.problem for poll in polls if poll.problem]


def _surroundings(desk: str, policy: AlertPolicy) -> Surroundings:
    def link_of(case: Case) -> str:
        return f"{desk}/alerts?case={case.number}"

    def mentions_of(case: Case) -> tuple[str, ...]:
        return policy.on_call[: case.level]

    return Surroundings(
        link_of=link_of,
        mentions_of=mentions_of,
        new_token=partial(random_names.token_urlsafe, _TOKEN_BYTES),
        chance=random.random,
        screen=f"{desk}/alerts",
    )


def _door(
    settings: Settings,
    secrets: AlertSecrets,
    store: SqlAlertStore,
    commands: CommandStore,
    room: CaseRoom,
    hub: HubClient,
    directory: DataDirectory,
) -> Door | None:
    """Return where Slack's requests arrive; without a secret that they are signed with, nowhere."""
    section, slack = settings.alerts, settings.slack
    if slack.mode != "bot":
        return None
    log = PressLog(commands)
    own = address_of(settings.desk)
    work = PressWork(room, DeskCommands(lambda: own), now_us)
    setup = SlackSetup(
        signing_secrets=[part.encode() for part in secrets.signing_secret.split()],
        users=_people(section),
        team_id=slack.team_id,
        app_id=slack.app_id,
    )
    base = answers_base(slack.api_url)
    answers = SlackAnswers(
        now_us,
        system_resolve,
        ssl.create_default_context(),
        base.url,
        loopback=base.loopback,
    )
    reading = HubReading(hub, hub, room.open_cases)
    pressing = Pressing(store, work, log, now_us)
    app = slack_app(setup, pressing, SlashCommands(reading), answers, log, now_us)
    return Door(section.host, section.port, app, directory.slack_file)


def _people(section: AlertsSection) -> dict[str, DeskUser]:
    return {
        user.slack_id: DeskUser(name=user.name, roles=frozenset(user.roles))
        for user in section.users
        if user.slack_id
    }
