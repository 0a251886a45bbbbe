"""Small books of the three sides, made by hand or drawn at random."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl
from hypothesis import strategies as st

from crm_sync.reconcile.reconciling import reconcile
from crm_sync.reconcile.schema import COLUMNS, DAY_US, MINUTE_US, Side, Terms

AS_OF_US = 20_000 * DAY_US
TERMS = Terms(as_of_us=AS_OF_US, usd_per={"USD": 1.0, "EUR": 1.1})
LONG_AGO = AS_OF_US - 10 * DAY_US


def frame(side, rows):
    """Return rows as a frame with every column that a side may have."""
    schema = {column.name: column.dtype for column in COLUMNS[side]}
    return pl.DataFrame(rows, schema=schema)


def payment(ref, amount_minor, **more):
    """Return a provider's row."""
    row = {"id": "", "ref": ref, "client_id": "c1", "kind": "deposit", "status": "done"}
    money = {"amount_minor": amount_minor, "currency": "USD", "at_us": LONG_AGO, "fee_minor": None}
    return row | money | {"provider": "psp"} | more


def entry(ref, amount_minor, **more):
    """Return a row of the ledger; its credit is the amount where nothing else is said."""
    row = payment(ref, amount_minor, login="l1", platform_ref="", rate=None) | more
    row.setdefault("credit_minor", row["amount_minor"])
    row.setdefault("credit_currency", row["currency"])
    return row


def deal(ref, amount_minor, **more):
    """Return a row of the platform."""
    row = {"id": "", "ref": ref, "login": "l1", "kind": "balance", "amount_minor": amount_minor}
    return row | {"currency": "USD", "at_us": LONG_AGO} | more


def reconciled(provider=(), ledger=(), platform=(), terms=TERMS):
    """Return what three lists of rows come to."""
    lists = zip(Side, (provider, ledger, platform), strict=True)
    return reconcile(*(frame(side, list(rows)) for side, rows in lists), terms)


def found(*sides, **more):
    """Return class, side, reference and amount of every break."""
    breaks = reconciled(*sides, **more).breaks
    return sorted(breaks.select("class", "side", "ref", "amount_minor").rows())


def cases_of(reconciliation):
    """Return what is in which case: a set of (class, members), a member being leg, side, row."""
    members = {}
    for leg, side, row, case, word in reconciliation.places.select(
        "leg", "side", "row", "case", "class"
    ).iter_rows():
        members.setdefault((case, word), set()).add((leg, side, row))
    return {(word, frozenset(rows)) for (_, word), rows in members.items()}


_MANY_TIMES = [
    0, 5 * MINUTE_US, 10 * MINUTE_US, 10 * MINUTE_US + 1,
    3 * DAY_US, 3 * DAY_US + 1, 7 * DAY_US, 7 * DAY_US + 6 * MINUTE_US, 10 * DAY_US,
]  # fmt: skip
"""Ages on both sides of every limit."""


class Words(NamedTuple):
    """What rows of a book may say: the fewer words, the more often rows meet."""

    refs: list[str]
    platform_refs: list[str]
    amounts: list[int]
    ages_us: list[int]
    rates: list[float | None]
    currencies: list[str]
    clients: list[str]
    logins: list[str]
    kinds: list[str]
    statuses: list[str]


ORDINARY = Words(
    refs=["a", "a", "b", "c", ""],
    platform_refs=["a", "a", "b", "t", ""],
    amounts=[100, 100, 200, 300, 105, -100],
    ages_us=_MANY_TIMES,
    rates=[1.1, 0.9, None],
    currencies=["USD", "USD", "USD", "EUR"],
    clients=["c1", "c1", "c2", ""],
    logins=["l1", "l1", "l2", ""],
    kinds=["deposit", "deposit", "deposit", "withdrawal", "refund", "transfer", "bonus"],
    statuses=["done"] * 5 + ["pending", "failed", "refunded"],
)
UNNAMED = ORDINARY._replace(
    refs=[""],
    platform_refs=[""],
    amounts=[100, 100, 200, 300],
    ages_us=[10 * DAY_US + n * step for n in range(4) for step in (2 * DAY_US, 6 * MINUTE_US)],
    currencies=["USD"],
    clients=["c1"],
    logins=["l1"],
    kinds=["deposit"],
    statuses=["done", "done", "done", "pending"],
    rates=[],
)
"""Nothing but amounts and times: what is near what, and what adds up."""

REPEATED = ORDINARY._replace(
    refs=["a"],
    platform_refs=["a", "a", "t"],
    amounts=[100, 100, 100, 99],
    ages_us=[10 * DAY_US, 9 * DAY_US],
    currencies=["EUR"],
    clients=["c1"],
    logins=["l1"],
    kinds=["deposit"],
    rates=[1.1],
)
"""One reference, many conversions: which of equal rows belongs to which."""


def _payments(words):
    return st.builds(
        payment,
        st.sampled_from(words.refs),
        st.sampled_from(words.amounts),
        id=st.sampled_from(["", "1", "2"]),
        client_id=st.sampled_from(words.clients),
        kind=st.sampled_from([kind for kind in words.kinds if kind not in {"transfer", "bonus"}]),
        status=st.sampled_from(words.statuses),
        currency=st.sampled_from(words.currencies),
        at_us=st.sampled_from(words.ages_us).map(lambda age: AS_OF_US - age),
        fee_minor=st.sampled_from([None, None, 0, 5]),
    )


def _entries(words):
    return st.builds(
        lambda row, **more: row | more,
        _payments(words),
        kind=st.sampled_from(words.kinds),
        login=st.sampled_from(words.logins),
        platform_ref=st.sampled_from(["", "", *words.platform_refs[1:]]),
        rate=st.none(),
    ).map(lambda row: row | {
        "credit_minor": row["amount_minor"], "credit_currency": row["currency"],
    })  # fmt: skip


def _conversions(words):
    return st.builds(
        lambda row, rate, off: row | {
            "rate": rate,
            "credit_minor": round(row["amount_minor"] * (rate or 1.0)) + off,
            "credit_currency": "USD" if row["currency"] == "EUR" else "EUR",
        },
        _entries(words), st.sampled_from(words.rates), st.sampled_from([0, 0, 1, -2]),
    )  # fmt: skip


def _deals(words):
    converted = [round(amount * 1.1) + off for amount in words.amounts for off in (0, 1, 2)]
    amounts = words.amounts * 3 + (converted if words.rates else [])
    currencies = [*words.currencies, "USD", "USD"]
    return st.builds(
        deal,
        st.sampled_from(words.platform_refs),
        st.sampled_from(amounts),
        id=st.sampled_from(["", "1", "2"]),
        login=st.sampled_from([login for login in words.logins if login]),
        currency=st.sampled_from(currencies),
        at_us=st.sampled_from(words.ages_us).map(lambda age: AS_OF_US - age),
        kind=st.sampled_from(["balance", "balance", "balance", "bonus"]),
    )


def _books(words):
    entries = _entries(words)
    if words.rates:
        entries = st.one_of(entries, _conversions(words))
    return st.fixed_dictionaries({
        "provider": st.lists(_payments(words), max_size=6),
        "ledger": st.lists(entries, max_size=6),
        "platform": st.lists(_deals(words), max_size=6),
    })  # fmt: skip


BOOKS = st.sampled_from([ORDINARY, UNNAMED, REPEATED]).flatmap(_books)
