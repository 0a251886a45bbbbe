"""An account's terms as one line: what its group allows, and the leverage it really has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dealing.desk import formats
from exposure.account_terms import AccountTerms, DecidedBy, SymbolLeverage
from exposure.model.accounts import Account, CreditMode

WHY: Final = {DecidedBy.ACCOUNT: "", DecidedBy.CAP: " by cap", DecidedBy.TIERS: " by tiers"}
NAMED: Final = 3
"""Symbols that are named before the rest is counted."""


def terms_line(terms: AccountTerms) -> str:
    """Return what applies to an account, its leverage first."""
    account = terms.account
    parts = [
        f"leverage {_ratio(account.leverage)}",
        *_effective(terms.leverages),
        *_named("profile", account.leverage_profile),
        *_named("group", account.group),
        *_regime(account),
        f"margin call {formats.number(account.margin_call_level)} %",
        f"stop-out {formats.number(account.stop_out_level)} %",
        f"hedged margin {account.hedged_margin_mode.replace('_', ' ')}",
    ]
    if account.credit_mode is CreditMode.EXCLUDED:
        parts.append("credit in no equity")
    return " · ".join(parts)


def _effective(leverages: Sequence[SymbolLeverage]) -> list[str]:
    """Name what differs from the account's own leverage, symbols of one leverage together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for held in leverages:
        if held.decided_by is not DecidedBy.ACCOUNT:
            groups.setdefault((_ratio(held.leverage), WHY[held.decided_by]), []).append(held.symbol)
    return [f"{ratio}{why} on {_some(symbols)}" for (ratio, why), symbols in groups.items()]


def _some(symbols: Sequence[str]) -> str:
    rest = len(symbols) - NAMED
    named = ", ".join(symbols[:NAMED])
    return f"{named} and {rest} more" if rest > 0 else named


def _ratio(leverage: float) -> str:
    decimals = 0 if leverage == round(leverage) else 1
    return f"1:{formats.number(leverage, decimals)}"


def _named(what: str, name: str) -> list[str]:
    return [f"{what} {name}"] if name else []


def _regime(account: Account) -> list[str]:
    known = " ".join(part for part in (account.region, account.category) if part)
    return [f"rules of {known}"] if known else []
