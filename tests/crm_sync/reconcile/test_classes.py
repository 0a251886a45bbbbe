"""Every class of break by hand: what makes it one, at whose side, and what is at risk."""

import msgspec
import polars as pl
import pytest

from crm_sync.reconcile.breaks import breaks_of
from crm_sync.reconcile.fixes import FixAction, proposed_fix
from crm_sync.reconcile.reconciling import reconcile
from crm_sync.reconcile.schema import DAY_US, MINUTE_US, BreakClass
from exposure.errors import DataError
from tests.crm_sync.reconcile.books import (
    AS_OF_US,
    LONG_AGO,
    TERMS,
    deal,
    entry,
    found,
    payment,
    reconciled,
)

RECENT = AS_OF_US - DAY_US


def euro(ref, amount_minor, credit_minor, **more):
    """Return a deposit in EUR to an account in USD at 1.1."""
    more = {"currency": "EUR", "credit_currency": "USD", "rate": 1.1} | more
    return entry(ref, amount_minor, credit_minor=credit_minor, **more)


def test_what_agrees_is_no_break():
    assert found([payment("a", 100)], [entry("a", 100)], [deal("a", 100)]) == []
    assert found() == []


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        (([], [entry("a", 7)], [deal("a", 7)]), ("MISSING_PSP", "provider", "a", 7)),
        (([payment("a", 7)], [], [deal("a", 7)]), ("MISSING_LEDGER", "ledger", "a", 7)),
        (([payment("a", 7)], [], []), ("MISSING_LEDGER", "ledger", "a", 7)),
        (([], [], [deal("a", 7)]), ("MISSING_LEDGER", "ledger", "a", 7)),
        (([payment("a", 7)], [entry("a", 7)], []), ("MISSING_PLATFORM", "platform", "a", 7)),
        (
            ([payment("a", 7)] * 2, [entry("a", 7)], [deal("a", 7)]),
            ("DUPLICATE_PSP", "provider", "a", 7),
        ),
        (
            ([payment("a", 7)], [entry("a", 7)] * 2, [deal("a", 7)]),
            ("DUPLICATE_LEDGER", "ledger", "a", 7),
        ),
        (
            ([payment("a", 7)], [entry("a", 7, platform_ref=ref) for ref in "st"], [deal("s", 7)]),
            ("DUPLICATE_LEDGER", "ledger", "a", 7),
        ),
        (
            ([payment("a", 7)], [entry("a", 7)], [deal("a", 7)] * 2),
            ("DUPLICATE_PLATFORM", "platform", "a", 7),
        ),
        (([payment("a", 9)], [entry("a", 7)], [deal("a", 7)]), ("AMOUNT", "provider", "a", 2)),
        (([payment("a", 7)], [entry("a", 7)], [deal("a", 6)]), ("AMOUNT", "platform", "a", 1)),
        (([payment("a", 9)], [entry("a", 7)], [deal("a", 9)]), ("AMOUNT", "ledger", "a", 2)),
        (
            ([payment("a", 7, currency="EUR")], [entry("a", 7)], [deal("a", 7)]),
            ("CURRENCY", "provider", "a", 7),
        ),
        (
            ([payment("a", 7)], [entry("a", 7)], [deal("a", 7, login="l2")]),
            ("WRONG_ACCOUNT", "platform", "a", 7),
        ),
        (
            ([payment("a", 7, client_id="c2")], [entry("a", 7)], [deal("a", 7)]),
            ("WRONG_ACCOUNT", "provider", "a", 7),
        ),
        (
            ([payment("a", 7)], [entry("a", 7)], [deal("a", 7, kind="bonus")]),
            ("WRONG_TYPE", "platform", "a", 7),
        ),
        (
            ([payment("a", 7)], [entry("a", 7)], [deal("a", -7)]),
            ("WRONG_TYPE", "platform", "a", 14),
        ),
        (
            ([payment("a", 97, fee_minor=3)], [entry("a", 100, fee_minor=3)], [deal("a", 100)]),
            ("FEE", "provider", "a", 3),
        ),
        (
            ([payment("a", 100, fee_minor=4)], [entry("a", 100, fee_minor=3)], [deal("a", 100)]),
            ("FEE", "provider", "a", 1),
        ),
        (
            ([payment("a", 1000, currency="EUR")], [euro("a", 1000, 1100)], [deal("a", 1098)]),
            ("FX_RATE", "platform", "a", 2),
        ),
        (
            ([payment("a", 1000, currency="EUR")], [euro("a", 1000, 1098)], [deal("a", 1098)]),
            ("FX_RATE", "platform", "a", 2),
        ),
        (
            ([payment("a", 1000, currency="EUR")], [euro("a", 1000, 1100)], [deal("a", 1000)]),
            ("AMOUNT", "platform", "a", 100),
        ),
        (
            ([payment("a", 7, status="charged_back")], [entry("a", 7)], [deal("a", 7)]),
            ("STATUS", "provider", "a", 7),
        ),
        (
            ([payment("a", 7), payment("a", -7, kind="refund")], [entry("a", 7)], [deal("a", 7)]),
            ("STATUS", "provider", "a", 7),
        ),
        (
            ([payment("a", 7)], [entry("a", 7)], [deal("a", 7), deal("", 5, login="l2")]),
            ("ORPHAN_MANUAL", "platform", "", 5),
        ),
        (
            ([payment("a", 7, status="pending")], [entry("a", 7, status="pending")], []),
            ("STALE_PENDING", "ledger", "a", 7),
        ),
        (
            ([payment("a", 7, status="pending")], [entry("a", 7)], [deal("a", 7)]),
            ("STALE_PENDING", "provider", "a", 7),
        ),
        (
            ([], [entry("a", 7, at_us=RECENT)], [deal("a", 7, at_us=RECENT)]),
            ("TIMING", "provider", "a", 7),
        ),
        (([payment("a", 7, at_us=RECENT)], [], []), ("TIMING", "provider", "a", 7)),
    ],
)
def test_one_fault_is_one_break(sides, expected):
    assert found(*sides) == [expected]


def test_grace_ends_on_the_microsecond():
    provider_us, platform_us = 3 * DAY_US, 10 * MINUTE_US
    for within_us, late_us, word in (
        (provider_us, 0, "TIMING"),
        (provider_us, 1, "MISSING_PSP"),
    ):
        late = entry("a", 7, login="", at_us=AS_OF_US - within_us - late_us)
        assert [row[0] for row in found([], [late], [])] == [word]
    for late_us, word in ((0, "TIMING"), (1, "MISSING_PLATFORM")):
        late = entry("a", 7, kind="transfer", at_us=AS_OF_US - platform_us - late_us)
        assert [row[0] for row in found([], [late], [])] == [word]


def test_a_conversion_may_be_off_by_one_minor_unit_and_an_amount_by_none():
    provider = [payment("a", 1000, currency="EUR")]
    assert found(provider, [euro("a", 1000, 1100)], [deal("a", 1101)]) == []
    assert found(provider, [euro("a", 1000, 1099)], [deal("a", 1100)]) == []
    off = found([payment("a", 1000)], [entry("a", 1000)], [deal("a", 1001)])
    assert off == [("AMOUNT", "platform", "a", 1)]


def test_a_rate_is_for_whole_units_whatever_their_digits():
    yen = {"currency": "JPY", "credit_currency": "KWD", "rate": 0.00205}
    ledger = entry("a", 100_000, credit_minor=205_000, **yen)
    provider = [payment("a", 100_000, currency="JPY")]
    assert found(provider, [ledger], [deal("a", 205_000, currency="KWD")]) == []


def test_rows_without_a_common_reference_are_found_by_what_and_when_they_are():
    late = {"at_us": AS_OF_US - 13 * DAY_US}
    assert found([payment("bank 1", 100, **late)], [entry("a", 100)], [deal("a", 100)]) == []
    late = {"at_us": AS_OF_US - 13 * DAY_US - 1}
    told = found([payment("bank 1", 100, **late)], [entry("a", 100)], [deal("a", 100)])
    assert [row[0] for row in told] == ["MISSING_LEDGER", "MISSING_PSP"]


def test_among_equals_nothing_is_chosen():
    twice = [payment("x", 100), payment("y", 100)]
    told = found(twice, [entry("a", 100)], [deal("a", 100)])
    assert [row[0] for row in told] == ["MISSING_LEDGER", "MISSING_LEDGER", "MISSING_PSP"]


def test_neither_of_two_entries_takes_the_one_row_that_both_are_near():
    ledger = [entry("a", 100, login=""), entry("b", 100, login="")]
    told = found([payment("x", 100)], ledger, [])
    assert [row[0] for row in told] == ["MISSING_LEDGER", "MISSING_PSP", "MISSING_PSP"]


def test_parts_that_two_wholes_are_near_are_nobodys():
    ledger = [entry("a", 100, login=""), entry("b", 70, login="")]
    told = found([payment("", 30), payment("", 70, kind="refund"), payment("", 70)], ledger, [])
    assert [row[0] for row in told] == ["MISSING_LEDGER", "MISSING_LEDGER", "MISSING_PSP"]
    told = found([payment("", 30), payment("", 70)], [ledger[0], entry("b", 99, login="")], [])
    assert {row[0] for row in told} == {"MISSING_LEDGER", "MISSING_PSP"}


def test_a_second_entry_that_waits_on_the_platform_is_there_twice_and_no_more():
    twice = [entry("a", 7, platform_ref="s"), entry("a", 7, platform_ref="t", status="pending")]
    told = found([payment("a", 7)], twice, [deal("s", 7)])
    assert told == [("DUPLICATE_LEDGER", "ledger", "a", 7)]


def test_of_equal_rows_the_first_in_time_is_the_one_that_counts():
    early, late = payment("a", 7, id="2"), payment("a", 7, id="1", at_us=LONG_AGO + 1)
    (told,) = breaks_of(reconciled([late, early], [entry("a", 7)], [deal("a", 7)]).breaks)
    assert (told.break_class, told.provider.id) == (BreakClass.DUPLICATE_PSP, "1")


def test_what_is_pending_at_one_side_may_wait_and_at_both_agrees():
    waiting = {"status": "pending", "at_us": RECENT}
    told = found([payment("a", 7, **waiting)], [entry("a", 7, login="")], [])
    assert told == [("TIMING", "provider", "a", 7)]
    assert found([payment("a", 7, **waiting)], [entry("a", 7, login="", **waiting)], []) == []


def test_rows_of_nobody_are_near_nothing():
    nobody = {"client_id": ""}
    told = found([payment("x", 100, **nobody)], [entry("a", 100, login="", **nobody)], [])
    assert [row[0] for row in told] == ["MISSING_LEDGER", "MISSING_PSP"]


def test_a_second_row_is_not_taken_for_another_payment_that_is_missing():
    twice = [payment("a", 100), payment("a", 100)]
    told = found(twice, [entry("a", 100, login=""), entry("b", 100, login="")], [])
    assert [row[:3] for row in told] == [
        ("DUPLICATE_PSP", "provider", "a"), ("MISSING_PSP", "provider", "b"),
    ]  # fmt: skip


def test_several_entries_that_both_others_contradict_are_a_break_on_each_leg():
    told = found([payment("a", 90)], [entry("a", 30), entry("a", 70)], [deal("a", 90)])
    assert told == [("AMOUNT", "platform", "a", 10), ("AMOUNT", "provider", "a", 10)]


def test_parts_are_one_payment_with_a_reference_and_without():
    ledger, platform = [entry("a", 100)], [deal("a", 60), deal("a", 40)]
    assert found([payment("a", 30), payment("a", 70)], ledger, platform) == []
    assert found([payment("", 30), payment("", 70)], ledger, platform) == []
    short = found([payment("a", 30), payment("a", 60)], ledger, platform)
    assert short == [("AMOUNT", "provider", "a", 10)]


def test_what_failed_needs_nobody_and_hides_nothing():
    failed = payment("a", 7, status="failed")
    assert found([failed], [], []) == []
    assert found([failed, payment("a", 7)], [entry("a", 7)], [deal("a", 7)]) == []
    assert found([failed], [entry("a", 7)], [deal("a", 7)]) == [("STATUS", "provider", "a", 7)]


def test_what_has_no_leg_is_not_missed_there():
    bonus = entry("a", 7, kind="bonus")
    assert found([], [bonus], [deal("a", 7, kind="bonus")]) == []
    assert found([payment("a", 7)], [entry("a", 7, login="")], []) == []


def test_a_missing_column_is_named():
    with pytest.raises(DataError, match="the rows of the provider have no column ref and no col"):
        reconcile(pl.DataFrame({"kind": []}), pl.DataFrame(), pl.DataFrame(), TERMS)


def test_a_break_says_what_each_side_says_and_what_it_is_worth():
    sides = [payment("a", 9, id="line 3")], [entry("a", 7)], [deal("a", 7)]
    (told,) = breaks_of(reconciled(*sides).breaks)
    assert told.break_class is BreakClass.AMOUNT
    assert (told.client_id, told.login, told.at_us) == ("c1", "l1", AS_OF_US - 10 * DAY_US)
    assert told.usd_at_risk == pytest.approx(0.02)
    assert told.platform is None
    assert (told.provider.id, told.provider.amount_minor, told.ledger.amount_minor) == (
        "line 3", 9, 7,
    )  # fmt: skip


def test_what_has_no_price_has_no_worth():
    sides = [payment("a", 9, currency="NOK")], [], []
    (told,) = breaks_of(reconciled(*sides).breaks)
    assert told.usd_at_risk is None


FIXES = {
    "MISSING_PSP": (([], [entry("a", 7)], [deal("a", 7)]),
        FixAction.ASK_PROVIDER, [("suspense", "psp_clearing:psp:USD", 7)]),
    "MISSING_LEDGER": (([payment("a", 7)], [], []),
        FixAction.POST, [("psp_clearing:psp:USD", "client_wallet:c1:USD", 7)]),
    "withdrawal": (([payment("a", -7, kind="withdrawal")], [], []),
        FixAction.POST, [("client_wallet:c1:USD", "psp_clearing:psp:USD", 7)]),
    "DUPLICATE_PSP": (([payment("a", 7)] * 2, [entry("a", 7)], [deal("a", 7)]),
        FixAction.RETURN_AT_PROVIDER, [("psp_clearing:psp:USD", "suspense", 7)]),
    "DUPLICATE_LEDGER": (([payment("a", 7)], [entry("a", 7)] * 2, [deal("a", 7)]),
        FixAction.POST, [("client_wallet:c1:USD", "psp_clearing:psp:USD", 7)]),
    "FEE": (([payment("a", 9, fee_minor=4)], [entry("a", 9, fee_minor=3)], [deal("a", 9)]),
        FixAction.POST, [("fees_psp", "psp_clearing:psp:USD", 1)]),
    "net": (([payment("a", 6)], [entry("a", 9, fee_minor=3)], [deal("a", 9)]),
        FixAction.POST, []),
    "STATUS": (([payment("a", 7, status="charged_back")], [entry("a", 7)], [deal("a", 7)]),
        FixAction.POST, [("client_wallet:c1:USD", "psp_clearing:psp:USD", 7)]),
    "AMOUNT": (([payment("a", 9)], [entry("a", 7)], [deal("a", 7)]),
        FixAction.POST, [("client_wallet:c1:USD", "psp_clearing:psp:USD", 7),
                         ("psp_clearing:psp:USD", "client_wallet:c1:USD", 9)]),
    "ORPHAN_MANUAL": (([], [], [deal("", 7)]),
        FixAction.EXPLAIN, [("suspense", "trading_account_mirror:l1", 7)]),
    "TIMING": (([payment("a", 7, at_us=RECENT)], [], []), FixAction.WAIT, []),
    "STALE_PENDING": (([payment("a", 7, status="pending")], [entry("a", 7, login="")], []),
        FixAction.ASK_PROVIDER, []),
}  # fmt: skip


@pytest.mark.parametrize(("sides", "action", "postings"), FIXES.values(), ids=FIXES)
def test_a_fix_says_what_to_post(sides, action, postings):
    (told,) = breaks_of(reconciled(*sides).breaks)
    fix = proposed_fix(told)
    assert fix.action is action
    assert [(p.debit, p.credit, p.amount_minor) for p in fix.postings] == postings


@pytest.mark.parametrize(
    ("deals", "orders"),
    [
        ([], [("l1", 7)]),
        ([deal("a", 7)] * 2, [("l1", -7)]),
        ([deal("a", 7, login="l2")], [("l2", -7), ("l1", 7)]),
        ([deal("a", 9)], [("l1", -9), ("l1", 7)]),
    ],
)
def test_a_fault_of_the_platform_is_put_right_there(deals, orders):
    (told,) = breaks_of(reconciled([payment("a", 7)], [entry("a", 7)], deals).breaks)
    fix = proposed_fix(told)
    assert fix.action is FixAction.ORDER_PLATFORM
    assert [(order.login, order.amount_minor) for order in fix.orders] == orders


def test_there_is_a_fix_for_every_class():
    (told,) = breaks_of(reconciled([payment("a", 7)], [], []).breaks)
    for word in BreakClass:
        assert proposed_fix(msgspec.structs.replace(told, break_class=word)).action
