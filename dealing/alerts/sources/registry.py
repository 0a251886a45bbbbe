"""Every rule in words: what its value means, and whose it is unless the policy says otherwise.

The screen and the docs read this. Figures (from where on a rule fires, what is critical) are the
policy's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class Kind(StrEnum):
    """Whether a rule is about something that lasts, or that took place once."""

    STATE = "state"
    HAPPENING = "happening"


class RuleWords(msgspec.Struct, frozen=True, kw_only=True):
    """One rule.

    ``unit`` is that of its value, ``subject`` what it tells apart. ``least`` is the smallest value
    that its source mentions: a policy that fires or clears below it never hears of it.
    """

    name: str
    title: str
    kind: Kind
    unit: str
    subject: str
    team: str
    description: str
    least: float = 0.0


DEALING: Final = "dealing"
RISK: Final = "risk"
PAYMENTS: Final = "payments"
COMPLIANCE: Final = "compliance"
OPERATIONS: Final = "operations"

RULES: Final = (
    RuleWords(
        name="margin_call",
        title="Margin call",
        kind=Kind.HAPPENING,
        unit="USD",
        subject="login",
        team=DEALING,
        description="An account fell to its margin-call level; the value is the margin that its "
        "positions tied up.",
        least=1.0,
    ),
    RuleWords(
        name="stop_out",
        title="Stop-out",
        kind=Kind.HAPPENING,
        unit="USD",
        subject="login",
        team=DEALING,
        description="An account fell to its stop-out level: its positions come back to the house; "
        "the value is the margin that they tied up, with any negative equity.",
        least=1.0,
    ),
    RuleWords(
        name="negative_equity",
        title="Negative equity",
        kind=Kind.HAPPENING,
        unit="USD",
        subject="login",
        team=RISK,
        description="An account lost more than it had; the value is what its positions tied "
        "up, with the deficit.",
        least=1.0,
    ),
    RuleWords(
        name="limit_soft",
        title="Soft limit",
        kind=Kind.STATE,
        unit="of the limit",
        subject="what is limited",
        team=DEALING,
        description="The house holds as much as a soft limit allows; 1 is the limit itself.",
        least=0.5,
    ),
    RuleWords(
        name="limit_hard",
        title="Hard limit",
        kind=Kind.STATE,
        unit="of the limit",
        subject="what is limited",
        team=RISK,
        description="The house holds more than a hard limit allows; 1 is the limit itself.",
        least=0.5,
    ),
    RuleWords(
        name="uncovered_exposure",
        title="Uncovered exposure",
        kind=Kind.STATE,
        unit="USD",
        subject="symbol",
        team=DEALING,
        description="Providers hold less, or more, than the books mean them to.",
        least=10_000.0,
    ),
    RuleWords(
        name="toxic_client",
        title="Toxic client",
        kind=Kind.STATE,
        unit="points of 100",
        subject="client",
        team=DEALING,
        description="A client outside book A whose flow is expected to cost the house money.",
    ),
    RuleWords(
        name="cluster",
        title="Clients who act as one",
        kind=Kind.STATE,
        unit="points of 100",
        subject="cluster",
        team=RISK,
        description="Linked or copying clients, scored as one, of whom some are not in book A.",
    ),
    RuleWords(
        name="stale_feed",
        title="Stale prices",
        kind=Kind.STATE,
        unit="s",
        subject="symbol",
        team=DEALING,
        description="A symbol that clients hold has no new price although its market is open.",
    ),
    RuleWords(
        name="feed_gap",
        title="Feed away",
        kind=Kind.STATE,
        unit="s",
        subject="feed",
        team=OPERATIONS,
        description="The platform that the engine listens to has been silent or away.",
    ),
    RuleWords(
        name="provider_rejects",
        title="Provider rejects",
        kind=Kind.STATE,
        unit="rejects",
        subject="provider",
        team=DEALING,
        description="A provider refused, or does not answer, hedges of the last ten minutes.",
        least=1.0,
    ),
    RuleWords(
        name="engine_break",
        title="Quarantined input",
        kind=Kind.HAPPENING,
        unit="events",
        subject="kind of break",
        team=OPERATIONS,
        description="Events contradict what the engine knows: they are kept apart, so its figures "
        "may lack them.",
    ),
    RuleWords(
        name="recon_break",
        title="Reconciliation break",
        kind=Kind.STATE,
        unit="USD",
        subject="break",
        team=PAYMENTS,
        description="Providers, ledger and platform disagree about a payment.",
        least=10.0,
    ),
    RuleWords(
        name="var_limit",
        title="Value at risk",
        kind=Kind.STATE,
        unit="of the limit",
        subject="house",
        team=RISK,
        description="What the house may lose in a day, at 99 %, against its limit.",
        least=0.5,
    ),
    RuleWords(
        name="large_deal",
        title="Large deal",
        kind=Kind.HAPPENING,
        unit="USD",
        subject="client",
        team=DEALING,
        description="A client's single deal of a large notional.",
    ),
    RuleWords(
        name="large_deposit",
        title="Large deposit",
        kind=Kind.HAPPENING,
        unit="USD",
        subject="client",
        team=PAYMENTS,
        description="A large payment into the house was captured.",
        least=1_000.0,
    ),
    RuleWords(
        name="large_withdrawal",
        title="Large withdrawal",
        kind=Kind.HAPPENING,
        unit="USD",
        subject="client",
        team=PAYMENTS,
        description="A client asked for a large amount to be paid out; it is held until then.",
        least=1_000.0,
    ),
    RuleWords(
        name="payment_pattern",
        title="Payment pattern",
        kind=Kind.STATE,
        unit="of what is usual",
        subject="client",
        team=COMPLIANCE,
        description="Many payments within a day, deposits that fail in a row, or a deposit that is "
        "taken out within an hour; 1 is the most that is usual.",
        least=0.5,
    ),
    RuleWords(
        name="kyc_expiry",
        title="Identification expires",
        kind=Kind.STATE,
        unit="USD",
        subject="client",
        team=COMPLIANCE,
        description="A client whose identification, or the grace after it, ends soon; the value is "
        "the money that he has here.",
        least=100.0,
    ),
    RuleWords(
        name="pnl_jump",
        title="P&L jump",
        kind=Kind.STATE,
        unit="USD",
        subject="house",
        team=RISK,
        description="The house's result, floating and realised, moved much within a short time.",
        least=10_000.0,
    ),
    RuleWords(
        name="engine_lag",
        title="Engine lag",
        kind=Kind.STATE,
        unit="ms",
        subject="engine",
        team=OPERATIONS,
        description="Events wait before the engine applies them, or its newest frame is old.",
        least=100.0,
    ),
    RuleWords(
        name="sync_lag",
        title="Back-office lag",
        kind=Kind.STATE,
        unit="s",
        subject="part of the back office",
        team=OPERATIONS,
        description="Messages are overdue or dead, or the ledger does not add up.",
        least=1.0,
    ),
    RuleWords(
        name="component_down",
        title="Component down",
        kind=Kind.STATE,
        unit="1 degraded, 2 stopped",
        subject="component",
        team=OPERATIONS,
        description="A process or a part of one is degraded, was started again, or has stopped.",
        least=1.0,
    ),
)

BY_NAME: Final = {rule.name: rule for rule in RULES}


def lasts(rule: str) -> bool:
    """Whether a rule is about something that goes on, and not about what took place once."""
    return rule not in BY_NAME or BY_NAME[rule].kind is Kind.STATE
