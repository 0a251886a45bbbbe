"""A desk with an alerts process beside it that has had a busy morning, for tests with a browser."""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from fastapi import APIRouter

from dealing.alerts.forwarding import alert_routes
from dealing.alerts.model import (
    Action,
    CaseState,
    Fact,
    Member,
    Mute,
    Offer,
    Outcome,
    Severity,
)
from dealing.command_api import command_routes
from dealing.desk import DeskOptions
from tests.dealing.alerts.small_alerts import MINUTE_US, SmallAlerts, a_case, listening, working
from tests.desk.flow_market import PICKER, FlowMarket
from tests.desk.served_desk import ServedDesk

EVIL = "<img src=x onerror=alert(1)>"


def wall_us():
    return time.time_ns() // 1_000


class ServedAlerts(ServedDesk):
    """A desk, and an alerts process on a Unix socket that can go away and come back."""

    def __init__(self):
        market = FlowMarket()
        super().__init__(market=market)
        self.alerts = SmallAlerts(wall_us)
        self.options = DeskOptions(version="test", alerts=True)
        self._place = tempfile.TemporaryDirectory(prefix="pl-")
        self._path = Path(self._place.name) / "alerts.sock"
        self._process = ExitStack()
        self.routes = APIRouter()
        self.routes.include_router(command_routes(market.commands, market.store))
        self.routes.include_router(alert_routes(self._path))
        busy_morning(self.alerts.acts, wall_us())

    def come(self):
        """Let the alerts process run."""
        self._process.enter_context(listening(self.alerts.app, self._path))

    def go_away(self):
        """End the alerts process."""
        self._process.close()

    def start(self):
        """Serve the desk, with its alerts process."""
        self.come()
        super().start()

    def stop(self):
        """End both."""
        super().stop()
        self.go_away()
        self._place.cleanup()


def busy_morning(acts, now_us):
    """Let cases of every kind begin, and some be worked on."""

    def ago(minutes, **fields):
        return {"opened_us": now_us - minutes * MINUTE_US, "last_us": now_us - MINUTE_US, **fields}

    acts.channels = [working("slack"), working("mail", failing_since_us=now_us, waiting=3,
                     last_error="the mail server does not answer")]  # fmt: skip
    acts.add(
        a_case(12, **ago(4)),
        a_case(13, **ago(9, rule="toxic_client", title="Toxic client", subject=PICKER,
               severity=Severity.WARNING, at_stake_usd=48_200.0, worst_usd=51_000.0, symbol="",
               headline=f"{PICKER} earns 41 USD per million within 10 s, with 99 % certainty",
               advice="Move new deals to book A; what is open may stay",
               offers=(Offer(action=Action.MOVE_TO_A, client_id=PICKER),))),
        a_case(14, **ago(2, rule="stop_out", title="Stop-out", subject="XAUUSD", is_group=True,
               headline=f"312 accounts were stopped out while gold fell 2.1 % {EVIL}",
               advice="Check the closing deals and the hedge that they leave behind",
               at_stake_usd=4_310_000.0, worst_usd=4_310_000.0, count=312, member_count=312,
               active_count=12, level=1, members=stopped_out(now_us),
               facts=(Fact("Lots thrown back", "1,840"), Fact("Negative equity", "38 k USD")))),
        a_case(15, **ago(31, rule="provider_rejects", title="Provider rejects", subject="LP1",
               severity=Severity.WARNING, at_stake_usd=310_000.0, symbol="", offers=(),
               state=CaseState.ACKNOWLEDGED, owner="Cara", acknowledged_us=now_us - 20 * MINUTE_US,
               headline="LP1 refused 9 of 40 orders within 10 minutes",
               advice="Send to LP2 until it is mended", flapping=True)),
        a_case(16, **ago(12, rule="stale_feed", title="Stale prices", subject="USDTRY",
               severity=Severity.INFO, at_stake_usd=0.0, worst_usd=0.0, inhibited_by=12,
               headline="USDTRY has no price for 95 s", advice="Look at the feed", offers=())),
        a_case(17, **ago(55, rule="kyc_expiry", title="Identification expires", subject="C88",
               severity=Severity.INFO, at_stake_usd=0.0, worst_usd=0.0, offers=(), symbol="",
               state=CaseState.SNOOZED, owner="Ben", snoozed_until_us=now_us + 240 * MINUTE_US,
               headline="The passport of client C88 ends in 6 days", advice="Ask for a new one")),
        a_case(18, **ago(7, rule="large_withdrawal", title="Large withdrawal", subject="C31",
               severity=Severity.WARNING, at_stake_usd=240_000.0, worst_usd=240_000.0, offers=(),
               symbol="", headline="C31 asked for 240,000 USD, 83 % of what is there",
               advice="Look at the account before it is approved")),
        a_case(9, **ago(190, state=CaseState.RESOLVED, resolved_us=now_us - 60 * MINUTE_US,
               owner="Anna", outcome=Outcome.USEFUL, outcome_usd=12_400.0, subject="EURUSD",
               severity=Severity.WARNING, at_stake_usd=90_000.0, active_count=0)),
    )  # fmt: skip
    acts.add(*graded_cases(now_us))
    acts.held_mutes["m1"] = Mute(
        mute_id="m1", rule="large_deal", subject="", actor="Ben", reason="a test of the bridge",
        since_us=now_us, until_us=now_us + 45 * MINUTE_US,
    )  # fmt: skip


def graded_cases(now_us):
    """Return cases of last week that people graded."""
    ended = now_us - 3 * 24 * 60 * MINUTE_US
    worth = ((Outcome.USEFUL, 9_000.0), (Outcome.USEFUL, 2_500.0), (Outcome.NOISE, -400.0))
    return [
        a_case(200 + number, rule="toxic_client", title="Toxic client", subject=f"C{number}",
               severity=Severity.WARNING, state=CaseState.RESOLVED, owner="Anna",
               opened_us=ended - 30 * MINUTE_US, last_us=ended, resolved_us=ended,
               acknowledged_us=ended - (30 - number % 9) * MINUTE_US, outcome=outcome,
               outcome_usd=usd, active_count=0, offers=())
        for number, (outcome, usd) in enumerate(worth * 6)
    ]  # fmt: skip


def stopped_out(now_us):
    """Return the largest of a group, worst first."""
    return tuple(
        Member(
            subject=f"4010{place}", severity=Severity.CRITICAL, value=40.0 - place,
            at_stake_usd=410_000.0 / (place + 1), headline=f"{EVIL} level {40 - place} %",
            first_us=now_us - 2 * MINUTE_US, last_us=now_us - MINUTE_US, active=place < 5,
            client_id=PICKER,
        )
        for place in range(8)
    )  # fmt: skip
