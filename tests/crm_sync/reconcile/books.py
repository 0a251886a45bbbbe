"""Small books of the three sides, made by hand or drawn at random."""

from __future__ import annotations

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


_REFS = st.sampled_from(["a", "a", "b", "c", ""])
_AMOUNTS = st.sampled_from([100, 100, 200, 300, 105, -100])
_CURRENCIES = st.sampled_from(["USD", "USD", "USD", "EUR"])
_STATUSES = st.sampled_from(["done"] * 5 + ["pending", "failed", "refunded"])
_TIMES = st.sampled_from([
    0, 5 * MINUTE_US, 10 * MINUTE_US, 10 * MINUTE_US + 1,
    3 * DAY_US, 3 * DAY_US + 1, 7 * DAY_US, 7 * DAY_US + 6 * MINUTE_US, 10 * DAY_US,
]).map(lambda age: AS_OF_US - age)  # fmt: skip
_KINDS = st.sampled_from(["deposit", "deposit", "deposit", "withdrawal", "refund"])
_FEES = st.sampled_from([None, None, 0, 5])
_IDS = st.sampled_from(["", "1", "2"])

PAYMENTS = st.builds(
    payment, _REFS, _AMOUNTS, id=_IDS, client_id=st.sampled_from(["c1", "c1", "c2", ""]),
    kind=_KINDS, status=_STATUSES, currency=_CURRENCIES, at_us=_TIMES, fee_minor=_FEES,
)  # fmt: skip
ENTRIES = st.builds(
    entry, _REFS, _AMOUNTS, id=_IDS, client_id=st.sampled_from(["c1", "c1", "c2", ""]),
    login=st.sampled_from(["l1", "l1", "l2", ""]), status=_STATUSES, currency=_CURRENCIES,
    kind=st.one_of(_KINDS, st.sampled_from(["transfer", "bonus"])), at_us=_TIMES, fee_minor=_FEES,
    platform_ref=st.sampled_from(["", "", "a", "t"]),
)  # fmt: skip
CONVERSIONS = st.builds(
    lambda row, rate, off: row | {
        "rate": rate,
        "credit_minor": round(row["amount_minor"] * (rate or 1.0)) + off,
        "credit_currency": "USD" if row["currency"] == "EUR" else "EUR",
    },
    ENTRIES, st.sampled_from([1.1, 1.1, 0.9, None]), st.sampled_from([0, 0, 1, -2]),
)  # fmt: skip
DEALS = st.builds(
    deal, st.sampled_from(["a", "a", "b", "t", ""]),
    st.sampled_from([100, 100, 200, 110, 111, 115, 330, -100]), id=_IDS,
    login=st.sampled_from(["l1", "l1", "l2"]), currency=_CURRENCIES, at_us=_TIMES,
    kind=st.sampled_from(["balance", "balance", "balance", "bonus"]),
)  # fmt: skip


def _some(rows):
    return st.lists(rows, max_size=6)


BOOKS = st.fixed_dictionaries({
    "provider": _some(PAYMENTS),
    "ledger": _some(st.one_of(ENTRIES, ENTRIES, CONVERSIONS)),
    "platform": _some(DEALS),
})  # fmt: skip
