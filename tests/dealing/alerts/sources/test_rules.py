"""Every rule through the default policy: what makes a case of it, and what must not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dealing.alerts.model import ChangeKind, Look
from dealing.alerts.policy_file import load_alert_policy
from dealing.alerts.sources.flow import flow_look
from dealing.alerts.sources.frame import FrameSettings, FrameSource
from dealing.alerts.sources.hedging import hedging_look
from dealing.alerts.sources.office import OfficeSeen, OfficeSettings, OfficeSource, Proof
from dealing.alerts.sources.office_read import BoxState, ExpiringClient, OpenBreak
from dealing.alerts.sources.payments_read import Step
from dealing.alerts.sources.registry import BY_NAME, Kind
from dealing.alerts.sources.system import SystemSource
from dealing.alerts.watching import Watch
from dealing.components import ComponentState
from tests.dealing.alerts.sources import test_payments
from tests.dealing.alerts.sources.made_frames import (
    NOON,
    NOW_US,
    NS,
    account,
    broken,
    component,
    crossing,
    delays,
    frame,
    house,
    large_deal,
    limit,
    risk,
    symbol,
)
from tests.dealing.alerts.sources.test_flow import client, cluster, found
from tests.dealing.alerts.sources.test_frame import READ_ALL, stale
from tests.dealing.alerts.sources.test_hedging import answer, row
from tests.dealing.alerts.sources.test_system import status

POLICY = load_alert_policy()
LONG_S = 120
"""Longer than any rule waits before it fires."""

GOLD = {"gross_usd": 200e6, "client_gross_lots": 1_000.0}
FRESH = symbol("GBPUSD", asset_class="fx")


def of_frames(*frames):
    """Return the looks at frames, the last of them once more after a long time."""
    source = FrameSource(FrameSettings(kept_events=5_000, var_limit_usd=1e6), READ_ALL)
    looks = [source.look(one, NOW_US + n) for n, one in enumerate(frames)]
    again = [replace(one, sent_at=one.sent_at + LONG_S * NS) for one in frames[-1:]]
    return [*looks, *(source.look(one, NOW_US + LONG_S * 1_000_000) for one in again)]


def lasting(look):
    """Return the same look, now and after a long time."""
    return [look, replace(look, at_us=look.at_us + LONG_S * 1_000_000)]


def of_flow(*rows, clusters=()):
    return lasting(flow_look([found(*rows)], clusters, NOW_US))


def of_hedging(*rows):
    told = {"as_of_ms": NOON / 1e6, "feed_is_live": True, "not_kept": "", "symbols": list(rows)}
    return lasting(hedging_look(told, NOW_US))


def of_office(*payments, breaks=(), boxes=(), expiring=(), proof=None):
    source = OfficeSource(OfficeSettings(), {"office.payments": "0"})
    now_us = test_payments.BEGIN_US + 3_600_000_000
    seen = OfficeSeen(
        payments=payments, upto_seq=9, newest_seq=9, told_seq=0, breaks=list(breaks),
        boxes=list(boxes), expiring=list(expiring), proof=proof,
    )  # fmt: skip
    source.take(seen, now_us)
    return lasting(source.look(now_us, {"USD": 1.0}, {}, {}))


def open_break(usd_at_risk):
    return OpenBreak(
        id="b-1", break_class="MISSING_LEDGER", side="ledger", client_id="C1", login="",
        currency="USD", amount_minor=100, usd_at_risk=usd_at_risk, open_since_us=1, owner="",
    )  # fmt: skip


def box(late_s):
    due_us = test_payments.BEGIN_US + 3_600_000_000 - late_s * 1_000_000
    return BoxState(name="inbox", waiting=1, overdue=1, due_us=due_us, dead=0, dead_us=None)


def expiring(usd):
    due_us = test_payments.BEGIN_US + 3 * 86_400_000_000
    wallets = {"USD": usd * 100}
    return ExpiringClient(client_id="C1", state="approved", due_us=due_us, wallets=wallets)


def paid(step, usd, **more):
    return test_payments.seen(step, usd, **more)


def of_system(state):
    return lasting(SystemSource({}).look(status(state=state), NOW_US))


def rich(level_usd=700.0):
    return [account("1000", margin=level_usd, equity=900.0)]


FIRES = {
    "margin_call": of_frames(frame(accounts=rich(), crossings=[crossing("margin_call")])),
    "stop_out": of_frames(frame(accounts=rich(), crossings=[crossing("stop_out")])),
    "negative_equity": of_frames(frame(accounts=rich(), crossings=[crossing("negative_equity")])),
    "limit_soft": of_frames(frame(limits=[limit(soft=100.0, value=100.0)])),
    "limit_hard": of_frames(frame(limits=[limit(hard=100.0, value=100.0)])),
    "uncovered_exposure": of_frames(frame(symbol(uncovered_lots=-11.0, **GOLD))),
    "toxic_client": of_flow(client(score=80.0)),
    "cluster": of_flow(clusters=[cluster("C1", "C2", score=80.0)]),
    "stale_feed": of_frames(frame(stale("EURUSD", age_s=21.0), FRESH)),
    "feed_gap": of_frames(
        frame(components=[component("platform", ComponentState.DEGRADED, "away", 4_000.0)])
    ),
    "provider_rejects": of_hedging(row(answers=[answer(n) for n in range(5)])),
    "engine_break": of_frames(frame(breaks=[broken()])),
    "recon_break": of_office(breaks=[open_break(1_000.0)]),
    "var_limit": of_frames(frame(var=risk(var_usd=0.95e6))),
    "large_deal": of_frames(frame(large_deals=[large_deal()])),
    "large_deposit": of_office(paid(Step.CAPTURED, 50_000)),
    "large_withdrawal": of_office(paid(Step.HELD, 25_000)),
    "payment_pattern": of_office(*(paid(Step.CAPTURED, 900, minutes=n) for n in range(5))),
    "kyc_expiry": of_office(expiring=[expiring(1_000)]),
    "pnl_jump": of_frames(
        frame(symbol()),
        frame(symbol(), position=11, as_of=NOON + NS, sent_at=NOON, result=house(-100_000.0)),
    ),
    "engine_lag": of_frames(frame(delays=delays(1_500.0))),
    "sync_lag": of_office(boxes=[box(60)]),
    "component_down": of_system(ComponentState.DEGRADED),
}

QUIET = {
    "margin_call": of_frames(frame(accounts=rich())),
    "stop_out": of_frames(frame(accounts=rich(), crossings=[crossing("margin_call")])),
    "negative_equity": of_frames(frame(accounts=rich(), crossings=[crossing("stop_out")])),
    "limit_soft": of_frames(frame(limits=[limit(soft=100.0, value=99.0)])),
    "limit_hard": of_frames(frame(limits=[limit(soft=50.0, hard=100.0, value=99.0)])),
    "uncovered_exposure": of_frames(frame(symbol(uncovered_lots=-9.0, **GOLD))),
    "toxic_client": of_flow(client(score=79.0), client("C8", book="A", score=99.0)),
    "cluster": of_flow(clusters=[cluster("C1", "C2", score=79.0)]),
    "stale_feed": of_frames(frame(stale("EURUSD", age_s=9.0), FRESH)),
    "feed_gap": of_frames(
        frame(components=[component("platform", ComponentState.RUNNING, "speed 1", 900.0)])
    ),
    "provider_rejects": of_hedging(row(answers=[answer(n) for n in range(4)])),
    "engine_break": of_frames(frame()),
    "recon_break": of_office(breaks=[open_break(999.0)]),
    "var_limit": of_frames(frame(var=risk(var_usd=0.85e6))),
    "large_deal": of_frames(frame(large_deals=[large_deal(notional_usd=4.9e6)])),
    "large_deposit": of_office(paid(Step.CAPTURED, 49_999), paid(Step.HELD, 60_000)),
    "large_withdrawal": of_office(paid(Step.HELD, 24_999), paid(Step.CAPTURED, 60_000)),
    "payment_pattern": of_office(*(paid(Step.CAPTURED, 900, minutes=n) for n in range(4))),
    "kyc_expiry": of_office(expiring=[expiring(999)]),
    "pnl_jump": of_frames(
        frame(symbol()),
        frame(symbol(), position=11, as_of=NOON + NS, sent_at=NOON, result=house(-99_000.0)),
    ),
    "engine_lag": of_frames(frame(delays=delays(900.0))),
    "sync_lag": of_office(boxes=[box(59)]),
    "component_down": of_system(ComponentState.RUNNING),
}

BEGUN = {Kind.STATE: ChangeKind.RAISED, Kind.HAPPENING: ChangeKind.HAPPENED}


def begun(rule, looks):
    """Return what the default policy makes of looks, as far as a rule is concerned."""
    watch = Watch(POLICY)
    changes = [change for look in looks for change in watch.look(look)]
    return [change.kind for change in changes
            if change.reading.rule == rule and change.kind in BEGUN.values()]  # fmt: skip


@pytest.mark.parametrize("rule", BY_NAME)
def test_a_rule_makes_one_case_of_what_it_is_about(rule):
    assert begun(rule, FIRES[rule]) == [BEGUN[BY_NAME[rule].kind]]


@pytest.mark.parametrize("rule", BY_NAME)
def test_a_rule_leaves_the_rest_alone(rule):
    assert QUIET[rule]
    assert begun(rule, QUIET[rule]) == []


@pytest.mark.parametrize(
    "rule", [rule.name for rule in BY_NAME.values() if rule.kind is Kind.STATE]
)
def test_a_state_is_over_when_its_source_no_longer_mentions_it(rule):
    watch = Watch(POLICY)
    for look in FIRES[rule]:
        watch.look(look)
    last = FIRES[rule][-1]

    over = watch.look(Look(source=last.source, at_us=last.at_us + 1, readings=(),
                           measured=last.measured))  # fmt: skip

    assert ChangeKind.CLEARED in {one.kind for one in over if one.reading.rule == rule}


def test_a_ledger_that_does_not_add_up_makes_a_case_at_once():
    proof = Proof(broken=("account wallet:C1:USD is overdrawn by 5",), owed={"USD": 100})

    assert begun("sync_lag", of_office(proof=proof)[:1]) == [ChangeKind.RAISED]


def test_the_policy_knows_the_rules_and_no_other():
    assert POLICY.rules.keys() == BY_NAME.keys()


def test_no_figure_of_the_policy_lies_where_a_source_says_nothing():
    for name, rule in POLICY.rules.items():
        for figures in (rule, *rule.by_symbol.values()):
            assert figures.fires_at >= BY_NAME[name].least


def test_the_policy_gives_every_rule_to_the_team_of_the_registry():
    assert {name: rule.team for name, rule in POLICY.rules.items()} == {
        name: rule.team for name, rule in BY_NAME.items()
    }
