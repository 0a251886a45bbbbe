"""What is said of many cases at once, as plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from dealing.alerts.model import Action, Case, CaseState, Offer, Severity

LONGEST_HEADLINE: Final = 120
MOST_LARGEST: Final = 3
MOST_HEADLINES: Final = 10

_LABELS: Final = {
    Action.ACKNOWLEDGE: "Acknowledge",
    Action.MOVE_TO_A: "Move {client} to A",
    Action.HEDGE: "Hedge {symbol}",
    Action.SNOOZE: "Snooze",
    Action.APPROVE: "Approve {client} to A",
    Action.REJECT: "Reject it",
}


def label_of(offer: Offer) -> str:
    """Return what is on a button."""
    return _LABELS[offer.action].format(client=offer.client_id, symbol=offer.symbol)


def summary_of_gone(cases: Sequence[Case], channel: str, *, was_down: bool) -> str:
    """Return what to say of cases that began and ended before a channel could be told."""
    why = f"while {channel} was down" if was_down else "before there was time to say so"
    begin = f"{_alerts(len(cases))} came and went {why}: {_by_rule(cases)}"
    criticals = [case for case in _worst_first(cases) if case.severity is Severity.CRITICAL]
    if criticals:
        return f"{begin}; critical: {_named(criticals)}"
    return f"{begin}; the most severe: {_named(_worst_first(cases)[:1])}"


def summary_of_waiting(cases: Sequence[Case], screen: str) -> str:
    """Return what to say of new cases that are too many for a message each."""
    over = sum(case.state is CaseState.RESOLVED for case in cases)
    already = f" ({over} of them over already)" if over else ""
    wait = "wait" if len(cases) > 1 else "waits"
    where = f" {screen}" if screen else ""
    return (
        f"{_alerts(len(cases), 'more ')} {wait} on the desk{already}: {_by_rule(cases)}; "
        f"the largest: {_named(_worst_first(cases)[:MOST_LARGEST])}{where}"
    )


def _alerts(count: int, more: str = "") -> str:
    return f"1 {more}alert" if count == 1 else f"{count} {more}alerts"


def _by_rule(cases: Sequence[Case]) -> str:
    counted = Counter(case.rule for case in cases)
    return ", ".join(f"{count} {rule}" for rule, count in counted.most_common())


def _worst_first(cases: Sequence[Case]) -> list[Case]:
    return sorted(cases, key=lambda case: (-case.severity.rank, -case.worst_usd, case.number))


def _named(cases: Sequence[Case]) -> str:
    told = [f"{case.name} {_short(case.headline)}" for case in cases[:MOST_HEADLINES]]
    return "; ".join([*told, *(case.name for case in cases[MOST_HEADLINES:])])


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_HEADLINE else f"{line[: LONGEST_HEADLINE - 1]}…"
