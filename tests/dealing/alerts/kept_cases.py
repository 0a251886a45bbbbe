"""Cases for tests of keeping and telling, and stores of every kind to keep them in."""

from dealing.alerts.model import Case, CaseChange, CaseState, Entry, EntryKind, Severity

S = 1_000_000
START = 1_768_305_600 * S


def case(number=1, **changes):
    """A warning about margin, unless ``changes`` say otherwise; it began at START."""
    fields = {
        "number": number, "rule": "margin_call", "dedupe_key": f"margin_call:{number}",
        "title": "Margin call", "severity": Severity.WARNING, "state": CaseState.OPEN,
        "team": "dealing", "opened_us": START, "last_us": START, "happened_at_ns": START * 1_000,
        "at_stake_usd": 1_000.0, "worst_usd": 1_000.0, "headline": f"login {number} is at 99 %",
        "advice": "look at it", **changes,
    }  # fmt: skip
    return Case(**fields)


def critical(number=1, **changes):
    return case(number, **{"severity": Severity.CRITICAL, "rule": "stop_out", **changes})


def resolved(number=1, **changes):
    return case(number, **{"state": CaseState.RESOLVED, "resolved_us": START, **changes})


def line(number=1, at_us=START, text="it began", kind=EntryKind.OPENED, **changes):
    return Entry(number=number, at_us=at_us, kind=kind, text=text, **changes)


def change(one, *entries, tell=True):
    return CaseChange(case=one, entries=entries, tell=tell)


def keep(store, *cases, channels=("slack",), cursors=None):
    """Keep cases, each with a line that says its version, and let channels hear of them."""
    changes = [
        change(one, line(one.number, at_us=one.last_us, text=f"version {one.version}"))
        for one in cases
    ]
    store.keep(changes, {} if cursors is None else cursors, [channels for _ in changes])
