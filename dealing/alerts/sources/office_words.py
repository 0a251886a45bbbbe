"""Breaks, messages, identifications and the ledger in the words of a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from crm_sync.events import KycState
from dealing.alerts.model import Reading
from dealing.alerts.sources.office_read import BoxState, ExpiringClient, OpenBreak
from dealing.alerts.sources.registry import BY_NAME
from dealing.alerts.sources.wording import counted, facts, known, money, span, usd
from exposure.model.ids import Currency
from exposure.model.money import minor_digits

LEDGER: Final = "ledger"
AT_ONCE_S: Final = 86_400.0
"""A ledger that does not add up is told at once: as if it had waited for a day."""

_NAMED: Final = 3
_US_PER_S: Final = 1e6
_NS_PER_US: Final = 1_000
_LEAST_BREAK_USD: Final = BY_NAME["recon_break"].least
_LEAST_LAG_S: Final = BY_NAME["sync_lag"].least
_LEAST_OWNED_USD: Final = BY_NAME["kyc_expiry"].least


def in_usd(minor: Mapping[str, int], rates: Mapping[str, float]) -> float:
    """Return what amounts of several currencies are worth; without a rate, one for one.

    >>> in_usd({"USD": 12_050, "JPY": 1_000}, {"USD": 1.0, "JPY": 0.007})
    127.5
    """
    return sum(_whole(one, name) * known(rates.get(name), 1.0) for name, one in minor.items())


def break_reading(one: OpenBreak, rates: Mapping[str, float], now_us: int) -> Reading | None:
    """Return a break, None for one that is about next to nothing."""
    amount = _whole(one.amount_minor, one.currency)
    stood_in = amount * known(rates.get(one.currency), 1.0)
    at_risk = known(one.usd_at_risk, stood_in)
    if at_risk < _LEAST_BREAK_USD:
        return None
    age_s = (now_us - one.open_since_us) / _US_PER_S
    kind = one.break_class.replace("_", " ").lower()
    whose = f" of client {one.client_id}" if one.client_id else ""
    worker = f"{one.owner} looks after it" if one.owner else "nobody looks after it"
    return Reading(
        rule="recon_break",
        subject=one.id,
        value=at_risk,
        at_stake_usd=at_risk,
        happened_at_ns=one.open_since_us * _NS_PER_US,
        headline=f"Break ({kind}, {one.side}): {usd(at_risk)}{whose} at risk for {span(age_s)}, "
        f"{worker}",
        advice="Assign it, and look at the proposed correction in the back office.",
        facts=facts(
            ("Amount", money(amount, one.currency)),
            ("Login", one.login),
            ("Owner", one.owner),
            ("Rate", "" if one.usd_at_risk is not None else f"no price for {one.currency}"),
        ),
    )


def box_readings(box: BoxState, now_us: int) -> list[Reading]:
    """Return that a box is late, or that letters in it are dead."""
    found = []
    if box.due_us is not None:
        late_s = (now_us - box.due_us) / _US_PER_S
        headline = (
            f"The {box.name} is {span(late_s)} late: {counted(box.overdue, 'message')} overdue"
        )
        advice = "Look whether the back office's process runs and its database answers."
        found.append(_lag(box.name, late_s, headline, advice, now_us))
    if box.dead_us is not None:
        dead_s = (now_us - box.dead_us) / _US_PER_S
        letters = counted(box.dead, "dead letter")
        headline = f"{letters} in the {box.name}, the oldest for {span(dead_s)}"
        advice = "Read it, mend it, and let it be tried again."
        found.append(_lag(f"dead letters of the {box.name}", dead_s, headline, advice, now_us))
    return [one for one in found if one.value >= _LEAST_LAG_S]


def ledger_reading(broken: Sequence[str], owed_usd: float, now_us: int) -> Reading:
    """Return that the ledger does not add up: all that it owes clients is in doubt."""
    more = f", and {len(broken) - 1:,} more" if len(broken) > 1 else ""
    headline = f"The ledger does not add up: {broken[0]}{more}"
    advice = "Stop payouts until somebody has found out why; nothing is mended by itself."
    named = facts(("Owed to clients", usd(owed_usd)), ("Broken", "; ".join(broken[:_NAMED])))
    return Reading(
        rule="sync_lag",
        subject=LEDGER,
        value=AT_ONCE_S,
        at_stake_usd=owed_usd,
        happened_at_ns=now_us * _NS_PER_US,
        headline=headline,
        advice=advice,
        facts=named,
    )


def expiry_reading(one: ExpiringClient, owned_usd: float, now_us: int) -> Reading | None:
    """Return a client who has to be identified anew, None if he has next to nothing here."""
    if owned_usd < _LEAST_OWNED_USD:
        return None
    left_s = (one.due_us - now_us) / _US_PER_S
    ends = f"ends in {span(left_s)}" if left_s > 0.0 else f"ended {span(-left_s)} ago"
    what = "the grace after his identification" if _is_expired(one) else "his identification"
    return Reading(
        rule="kyc_expiry",
        subject=one.client_id,
        value=owned_usd,
        at_stake_usd=owned_usd,
        happened_at_ns=now_us * _NS_PER_US,
        headline=f"Client {one.client_id} has {usd(owned_usd)} here and {what} {ends}",
        advice="Ask for new documents now: afterwards he may only close positions.",
        facts=facts(("State", one.state), ("Money here", usd(owned_usd))),
    )


def _is_expired(one: ExpiringClient) -> bool:
    return one.state == KycState.EXPIRED


def _lag(subject: str, value_s: float, headline: str, advice: str, now_us: int) -> Reading:
    return Reading(
        rule="sync_lag",
        subject=subject,
        value=value_s,
        at_stake_usd=0.0,
        happened_at_ns=now_us * _NS_PER_US,
        headline=headline,
        advice=advice,
    )


def _whole(minor: int, currency: str) -> float:
    return float(minor / 10 ** minor_digits(Currency(currency)))
