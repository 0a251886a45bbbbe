"""Margin calls, stop-outs and negative equity, as the engine noticed them.

At stake is the margin in USD that the account's positions tied up, and what its equity is below
zero: so much comes back to the house, and so much nobody may ever pay. A stop-out may be over when
the next frame is made, so the margin is the larger one of this frame's and the one's before; where
neither has any, it is what the level and the equity make it, because closing changes no equity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import polars as pl

from dealing.alerts.model import Reading
from dealing.alerts.sources.newest import Newest
from dealing.alerts.sources.rates import usd_rates
from dealing.alerts.sources.wording import facts, known, money, usd
from exposure.model.events import MarginLevelCrossed
from exposure.snapshot import Snapshot

MISSED: Final = "accounts that were not listed"
"""The subject that stands for crossings that a frame had no more room for."""

BELOW_PERCENT: Final = 100.0
"""Accounts below this margin level are those that a missed crossing may be about."""

LEAST: Final = 1.0
"""The value of a crossing of which nothing is known: none goes unheard."""

_ADVICE: Final = {
    "margin_call": "Look at the positions: a stop-out would give them back to the book.",
    "stop_out": "Check the hedges of what was closed: they may cover nothing now.",
    "negative_equity": "Decide about the negative balance, and close what is still open.",
}
_WORDS: Final = {
    "margin_call": "margin call",
    "stop_out": "stop-out",
    "negative_equity": "equity below zero",
}


class AccountNow(NamedTuple):
    """An account as a frame has it; money in its currency."""

    client_id: str
    book: str
    currency: str
    equity: float | None
    margin: float | None


NOBODY: Final = AccountNow("", "", "", None, None)
_COLUMNS: Final = AccountNow._fields


class Crossings:
    """Reads crossings from frame to frame."""

    def __init__(self, cursor: str, kept: int) -> None:
        """Take how far an earlier process read, and how many crossings a frame holds."""
        self._newest = Newest[MarginLevelCrossed](cursor, kept)

    @property
    def cursor(self) -> str:
        """How far they were read."""
        return self._newest.cursor

    def look(self, snapshot: Snapshot, before: Snapshot | None) -> list[Reading]:
        """Return what nobody has read yet; ``before`` is the frame's predecessor."""
        new = self._newest.new(snapshot.crossings, snapshot.as_of)
        if not new.events:
            return []
        rates = usd_rates(snapshot)
        accounts = _accounts_of(snapshot.accounts, new.events)
        earlier = {} if before is None else _accounts_of(before.accounts, new.events)
        readings = [
            _reading(one, accounts.get(one.login, NOBODY), earlier.get(one.login, NOBODY), rates)
            for one in new.events
            if one.kind in _WORDS
        ]
        return [*readings, _missed(snapshot, new.events, rates)] if new.gap else readings


def _accounts_of(
    accounts: pl.DataFrame, events: Sequence[MarginLevelCrossed]
) -> dict[str, AccountNow]:
    logins = list({one.login for one in events})
    rows = accounts.filter(pl.col("login").is_in(logins))
    return {login: AccountNow(*row) for login, *row in rows.select("login", *_COLUMNS).iter_rows()}


def _reading(
    event: MarginLevelCrossed, account: AccountNow, before: AccountNow, rates: Mapping[str, float]
) -> Reading:
    rate = rates.get(account.currency)
    tied_usd = _tied_up(event.level, account, before) * known(rate)
    at_stake_usd = tied_usd + max(0.0, -known(account.equity)) * known(rate)
    has_level = event.level is not None and math.isfinite(event.level)
    level = f"{event.level:.0f} %" if has_level else ""
    client = f" (client {account.client_id})" if account.client_id else ""
    at = f" at {level}" if level and event.kind != "negative_equity" else ""
    tied = f"its positions tied up {usd(tied_usd)}"
    owned = f"equity {money(account.equity, account.currency)}"
    return Reading(
        rule=event.kind,
        subject=event.login,
        value=max(at_stake_usd, LEAST),
        at_stake_usd=at_stake_usd,
        happened_at_ns=event.ts_event,
        headline=f"Login {event.login}{client}: {_WORDS[event.kind]}{at}, {tied}, {owned}",
        advice=_ADVICE[event.kind],
        facts=facts(
            ("Margin level", level),
            ("Equity", money(account.equity, account.currency)),
            ("Margin", money(account.margin, account.currency)),
            ("Book", account.book),
            ("Client", account.client_id),
            ("Rate", "" if rate is not None else f"no USD rate for {account.currency}"),
        ),
        key=f"{event.kind}:{event.position}:{event.login}",
    )


def _tied_up(level: float | None, account: AccountNow, before: AccountNow) -> float:
    margin = max(known(account.margin), known(before.margin))
    if margin > 0.0 or not known(level):
        return margin
    return max(0.0, 100.0 * known(account.equity) / known(level))


def _missed(
    snapshot: Snapshot, events: Sequence[MarginLevelCrossed], rates: Mapping[str, float]
) -> Reading:
    low = snapshot.accounts.filter(pl.col("margin_level").cast(pl.Float64) < BELOW_PERCENT)
    sums = low.group_by("currency").agg(pl.col("margin").cast(pl.Float64).fill_nan(None).sum())
    tied_usd = sum(known(margin) * known(rates.get(name)) for name, margin in sums.iter_rows())
    first = events[0]
    return Reading(
        rule="stop_out",
        subject=MISSED,
        value=max(tied_usd, LEAST),
        at_stake_usd=tied_usd,
        happened_at_ns=first.ts_event,
        headline=f"More accounts reached a level at once than the {len(events):,} that are listed: "
        f"{low.height:,} are below {BELOW_PERCENT:.0f} % now and tie up {usd(tied_usd)}",
        advice="Sort the accounts by margin level: this list is not complete.",
        facts=facts(("Listed", f"{len(events):,}"), ("Below now", f"{low.height:,}")),
        key=f"missed:{first.position}",
    )
