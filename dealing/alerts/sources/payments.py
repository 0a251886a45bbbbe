"""What payments say to the rules: large ones, and patterns of a client within a day.

A pattern's value is how often what is usual fits into what was seen: 1 is the most that is usual.
There are three, and a client is told with the one that is furthest beyond:

- many: captured deposits and withdrawals within 24 hours;
- failing: deposits that failed in a row, with none captured in between;
- through: withdrawals within an hour of a deposit, as a share of it. A client who has traded many
  times his deposit's worth counts by half: money that came to be traded may go.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from dealing.alerts.model import Reading
from dealing.alerts.sources.payments_read import PaymentSeen, Step
from dealing.alerts.sources.registry import BY_NAME
from dealing.alerts.sources.wording import counted, facts, known, money, span, usd
from exposure.model.ids import Currency
from exposure.model.money import minor_digits

DAY_US: Final = 86_400_000_000
HALF: Final = 0.5

_US_PER_S: Final = 1e6
_NS_PER_US: Final = 1_000
_LEAST: Final = BY_NAME["payment_pattern"].least
_LEAST_DEPOSIT_USD: Final = BY_NAME["large_deposit"].least
_LEAST_WITHDRAWAL_USD: Final = BY_NAME["large_withdrawal"].least


class PatternSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is usual of one client.

    Units: ``through_within_us`` between deposit and withdrawal, ``through_share`` of the deposit;
    who traded ``traded_times`` his deposit has traded.
    """

    payments_a_day: int = 5
    failed_in_a_row: int = 4
    through_within_us: int = 3_600_000_000
    through_share: float = 0.8
    through_least_usd: float = 500.0
    traded_times: float = 10.0


class Worth(NamedTuple):
    """A payment in whole units and in USD; without a rate it counts as if it were USD."""

    amount: float
    usd: float
    has_rate: bool


def worth_of(seen: PaymentSeen, rates: Mapping[str, float]) -> Worth:
    """Return what a payment is worth."""
    amount = seen.amount_minor / 10 ** minor_digits(Currency(seen.currency))
    rate = rates.get(seen.currency)
    return Worth(amount, amount * known(rate, 1.0), rate is not None)


def large_reading(seen: PaymentSeen, rates: Mapping[str, float]) -> Reading | None:
    """Return a deposit or withdrawal that may be large, None for others."""
    worth = worth_of(seen, rates)
    is_deposit = seen.step is Step.CAPTURED
    least = _LEAST_DEPOSIT_USD if is_deposit else _LEAST_WITHDRAWAL_USD
    if seen.step is Step.FAILED or worth.usd < least:
        return None
    done, place = ("paid in", "by") if is_deposit else ("asks to be paid", "to")
    own = "" if seen.currency == "USD" else f" ({money(worth.amount, seen.currency)})"
    return Reading(
        rule="large_deposit" if is_deposit else "large_withdrawal",
        subject=seen.client_id,
        value=worth.usd,
        at_stake_usd=worth.usd,
        happened_at_ns=seen.at_us * _NS_PER_US,
        headline=f"Client {seen.client_id} {done} {usd(worth.usd)}{own} {place} "
        f"{seen.method or seen.provider}",
        advice="Check where the money comes from, and what the client may open with it."
        if is_deposit
        else "Look at the client's open risk and earlier deposits before it is paid.",
        facts=facts(
            ("Payment", seen.payment_id),
            ("Amount", money(worth.amount, seen.currency)),
            ("Provider", seen.provider),
            ("Method", seen.method),
            ("Rate", "" if worth.has_rate else f"no USD rate for {seen.currency}: taken as 1"),
        ),
        key=seen.payment_id,
    )


class Pattern(NamedTuple):
    """One thing that is not usual; ``at_us`` is its last payment."""

    value: float
    sentence: str
    advice: str
    at_us: int
    usd: float


class Patterns:
    """Remembers the payments of a day, by client."""

    def __init__(self, settings: PatternSettings) -> None:
        """Take what is usual."""
        self._settings = settings
        self._of_client: dict[str, deque[PaymentSeen]] = {}

    def take(self, seen: PaymentSeen) -> None:
        """Remember a payment; one that is known already changes nothing."""
        mine = self._of_client.setdefault(seen.client_id, deque())
        if all((one.payment_id, one.step) != (seen.payment_id, seen.step) for one in mine):
            mine.append(seen)

    def forget_before(self, at_us: int) -> None:
        """Forget what is older than a moment."""
        for client_id, mine in list(self._of_client.items()):
            while mine and mine[0].at_us < at_us:
                mine.popleft()
            if not mine:
                del self._of_client[client_id]

    def through_clients(self, rates: Mapping[str, float]) -> list[str]:
        """Return who took money out soon after it came: what they traded is worth asking."""
        return [
            client_id
            for client_id, mine in self._of_client.items()
            if len(mine) > 1 and self._through(mine, rates, None) is not None
        ]

    def readings(self, rates: Mapping[str, float], traded: Mapping[str, float]) -> list[Reading]:
        """Return the clients whose payments are not usual.

        Args:
            rates: USD for one unit of each currency.
            traded: How much clients have traded in USD, of those who were asked about.
        """
        found = []
        for client_id, mine in self._of_client.items():
            if len(mine) > 1:
                patterns = list(self._patterns(mine, rates, traded.get(client_id)))
                worst = max(patterns, key=lambda one: one.value, default=None)
                if worst is not None and worst.value >= _LEAST:
                    found.append(_reading(client_id, worst, patterns))
        return found

    def _patterns(
        self, mine: deque[PaymentSeen], rates: Mapping[str, float], traded_usd: float | None
    ) -> list[Pattern]:
        through = self._through(mine, rates, traded_usd)
        return [
            *self._many(mine, rates),
            *self._failing(mine),
            *([] if through is None else [through]),
        ]

    def _many(self, mine: deque[PaymentSeen], rates: Mapping[str, float]) -> list[Pattern]:
        moved = [one for one in mine if one.step is not Step.FAILED]
        if not moved:
            return []
        total = sum(worth_of(one, rates).usd for one in moved)
        sentence = f"{counted(len(moved), 'payment')} of {usd(total)} in all within a day"
        advice = "Look whether amounts are split to stay below a limit."
        value = len(moved) / self._settings.payments_a_day
        return [Pattern(value, sentence, advice, moved[-1].at_us, total)]

    def _failing(self, mine: deque[PaymentSeen]) -> list[Pattern]:
        row = 0
        for one in mine:
            if one.step is Step.FAILED:
                row += 1
            elif one.step is Step.CAPTURED:
                row = 0
        if row == 0:
            return []
        sentence = f"{counted(row, 'deposit')} in a row failed within a day"
        advice = "Look whether somebody tries cards; ask the provider for its reasons."
        value = row / self._settings.failed_in_a_row
        return [Pattern(value, sentence, advice, mine[-1].at_us, 0.0)]

    def _through(
        self, mine: deque[PaymentSeen], rates: Mapping[str, float], traded_usd: float | None
    ) -> Pattern | None:
        """Return a deposit that went out again, the one of which the largest part did."""
        found = [
            pattern
            for deposit in mine
            if deposit.step is Step.CAPTURED
            and (pattern := self._gone(deposit, mine, rates, traded_usd)) is not None
        ]
        return max(found, key=lambda one: one.value, default=None)

    def _gone(
        self,
        deposit: PaymentSeen,
        mine: deque[PaymentSeen],
        rates: Mapping[str, float],
        traded_usd: float | None,
    ) -> Pattern | None:
        settings, came_usd = self._settings, worth_of(deposit, rates).usd
        until_us = deposit.at_us + settings.through_within_us
        gone = [
            one for one in mine if one.step is Step.HELD and deposit.at_us <= one.at_us <= until_us
        ]
        if not gone or came_usd < settings.through_least_usd:
            return None
        gone_usd = sum(worth_of(one, rates).usd for one in gone)
        value = gone_usd / came_usd / settings.through_share
        if traded_usd is not None and traded_usd >= settings.traded_times * came_usd:
            value *= HALF
        after = span((gone[-1].at_us - deposit.at_us) / _US_PER_S)
        trading = "" if traded_usd is None else f", having traded {usd(traded_usd)} in all"
        sentence = f"{usd(gone_usd)} taken out {after} after {usd(came_usd)} came in{trading}"
        advice = "Hold the withdrawal until somebody knows why the money came."
        return Pattern(value, sentence, advice, gone[-1].at_us, gone_usd)


def _reading(client_id: str, worst: Pattern, patterns: list[Pattern]) -> Reading:
    others = [one.sentence for one in patterns if one is not worst and one.value >= _LEAST]
    return Reading(
        rule="payment_pattern",
        subject=client_id,
        value=worst.value,
        at_stake_usd=worst.usd,
        happened_at_ns=worst.at_us * _NS_PER_US,
        headline=f"Client {client_id}: {worst.sentence}",
        advice=worst.advice,
        facts=facts(("Also", "; ".join(others))),
    )
