"""Withdrawals: back to the source, held, approved by a second person, paid or given back."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import select, update

from crm_sync.events import Direction, Outcome
from crm_sync.money import freezes
from crm_sync.money.errors import MoneyConflictError, OverdraftError, TransferRefusedError
from crm_sync.money.ledger import Transfer, clearing, on_platform, wallet
from crm_sync.money.recording import Deed
from crm_sync.money.tables import MONEY_APPROVALS, PAYOUTS, WITHDRAWALS
from crm_sync.money.withdrawal_store import payouts_of_withdrawal, withdrawal_of
from tests.crm_sync.money.fakes import BANK_ACCOUNT, asks, no, paid_out, post_alone, reported, yes

BIG = 600_000
"""Above what one person may pay out."""


def told(house):
    return list(house.outbox.told.values())


def state_of(house, key):
    with house.database.reading() as connection:
        return withdrawal_of(connection, key).state


def deposit(house, amount, ref="p1", **more):
    house.pay(reported("captured", amount, provider_ref=ref, **more))


def test_a_withdrawal_is_held_told_and_paid(house):
    deposit(house, 100_000)
    assert house.ask_out(asks("w1", 40_000)).state == "paying"
    assert house.wallet() == 60_000
    (payout,) = told(house)
    assert (payout.amount_minor, payout.payment_ref, payout.instrument) == (40_000, "p1", "card-1")
    assert house.pay(paid_out("paid_out", payout, fee_minor=50)) is Outcome.APPLIED
    assert state_of(house, "w1") == "paid"
    assert house.wallet() == 60_000
    assert house.balance(clearing("acme", "USD")).posted_minor == -60_000 + 50
    assert house.broken() == []


def test_a_request_that_comes_again_is_the_same_one(house):
    deposit(house, 100_000)
    first = house.ask_out(asks("w1", 40_000))
    assert house.ask_out(asks("w1", 40_000)) == first
    with pytest.raises(MoneyConflictError, match="key w1 was used for another withdrawal"):
        house.ask_out(asks("w1", 40_001))
    assert house.wallet() == 60_000
    assert len(told(house)) == 1


def test_money_goes_back_to_where_it_came_from_first(house):
    deposit(house, 30_000, "p1", instrument="card-1")
    deposit(house, 20_000, "p2", instrument="card-2", occurred_at_us=2)
    house.pay(reported("refunded", 5_000, provider_ref="p1"))
    house.do(give, "anna", 100_000)
    house.ask_out(asks("w1", 35_000))
    house.ask_out(asks("w2", 30_000))
    shares = [(one.instrument, one.payment_ref, one.amount_minor) for one in told(house)]
    assert shares == [
        ("card-1", "p1", 25_000),
        ("card-2", "p2", 10_000),
        ("card-2", "p2", 10_000),
        (BANK_ACCOUNT.instrument, "", 20_000),
    ]
    assert house.broken() == []


def give(connection, client, amount, now_us):
    """Let a client have money that no payment brought: his gains, taken off a platform."""
    gains = Transfer(
        debit=on_platform("x", "USD"), credit=wallet(client, "USD"), amount_minor=amount,
        source="test", ext_ref=client, code="gains", at_us=now_us,
    )  # fmt: skip
    post_alone(connection, [gains])


def test_a_payout_that_failed_gives_the_money_back_and_its_card_is_served_again(house):
    deposit(house, 100_000)
    house.ask_out(asks("w1", 40_000))
    (payout,) = told(house)
    house.pay(paid_out("pending", payout))
    house.pay(paid_out("payout_failed", payout))
    assert (house.wallet(), state_of(house, "w1")) == (100_000, "failed")
    assert house.pay(paid_out("paid_out", payout)) is Outcome.STALE
    house.ask_out(asks("w2", 100_000))
    assert told(house)[-1].payment_ref == "p1"
    assert house.broken() == []


def test_a_payout_that_comes_back_after_it_was_paid_returns_to_the_wallet(house):
    deposit(house, 100_000)
    house.ask_out(asks("w1", 40_000))
    (payout,) = told(house)
    house.pay(paid_out("paid_out", payout))
    house.pay(paid_out("payout_failed", payout))
    assert (house.wallet(), state_of(house, "w1")) == (100_000, "failed")
    assert house.balance(clearing("acme", "USD")).posted_minor == -100_000
    assert house.broken() == []


def test_a_refund_that_carries_our_reference_is_the_payout_that_we_asked_for(house):
    deposit(house, 100_000)
    house.ask_out(asks("w1", 40_000))
    (payout,) = told(house)
    house.pay(reported("refunded", 40_000, reference=payout.reference))
    assert (house.wallet(), state_of(house, "w1")) == (60_000, "paid")
    assert house.broken() == []


def test_a_withdrawal_whose_parts_end_differently_is_partly_paid(house):
    deposit(house, 10_000)
    house.do(give, "anna", 10_000)
    house.ask_out(asks("w1", 20_000))
    one, other = told(house)
    house.pay(paid_out("paid_out", one))
    assert state_of(house, "w1") == "paying"
    house.pay(paid_out("failed", other))
    assert (state_of(house, "w1"), house.wallet()) == ("partly", 10_000)


@pytest.mark.parametrize("amount", [0, -1, 2**63, 100_001])
def test_what_is_not_there_or_no_amount_is_not_paid_out(house, amount):
    deposit(house, 100_000)
    with pytest.raises(TransferRefusedError):
        house.ask_out(asks("w1", amount))
    with pytest.raises(TransferRefusedError, match="capital letters"):
        house.ask_out(asks("w1", 5, currency="usd"))
    with pytest.raises(OverdraftError):
        house.ask_out(asks("w1", 5, currency="EUR"))
    assert (house.wallet(), told(house)) == (100_000, [])


def test_who_is_not_identified_or_frozen_gets_nothing(house):
    deposit(house, 100_000)
    house.gate.reasons["anna"] = "not identified yet"
    with pytest.raises(MoneyConflictError, match="may take nothing out: not identified yet"):
        house.ask_out(asks("w1", 5))
    house.gate.reasons.clear()
    house.pay(reported("disputed", 5))
    with pytest.raises(MoneyConflictError, match="frozen by dispute"):
        house.ask_out(asks("w1", 5))
    lift = Deed(actor="boris", via="desk", action="freeze.lifted", entity="anna", at_us=1)
    with house.database.writing() as connection:
        (cause,) = freezes.causes(connection, "anna")
        freezes.lift(connection, "anna", cause, lift)
    with (
        pytest.raises(MoneyConflictError, match="not frozen because of"),
        house.database.writing() as connection,
    ):
        freezes.lift(connection, "anna", cause, lift)
    assert house.ask_out(asks("w1", 5)).state == "paying"


def test_a_large_withdrawal_waits_for_a_second_person(house):
    deposit(house, BIG)
    assert house.ask_out(asks("w1", BIG)).state == "waiting"
    assert (house.wallet(), told(house)) == (0, [])
    for same in ("anna", " ANNA ", "\uff41nna"):
        with pytest.raises(MoneyConflictError, match="by the same person"):
            house.decide("w1", yes(same))
    for nobody in ("", " "):
        with pytest.raises(MoneyConflictError, match="with a name and a reason"):
            house.decide("w1", yes(nobody))
    assert house.decide("w1", yes()).state == "paying"
    assert len(told(house)) == 1
    with pytest.raises(MoneyConflictError, match="does not wait"):
        house.decide("w1", yes("dora"))
    assert len(told(house)) == 1


def test_a_rejected_withdrawal_gives_the_money_back(house):
    deposit(house, BIG)
    house.ask_out(asks("w1", BIG))
    assert house.decide("w1", no()).state == "refused"
    assert (house.wallet(), told(house), house.broken()) == (BIG, [], [])


def test_a_withdrawal_that_nobody_decides_about_lapses(house):
    deposit(house, BIG)
    house.ask_out(asks("w1", BIG))
    house.clock.pass_by(24 * 3_600 - 1)
    assert house.do(house.withdrawals.lapse) == 0
    house.clock.pass_by(1)
    with pytest.raises(MoneyConflictError, match="has waited too long"):
        house.decide("w1", yes())
    assert house.do(house.withdrawals.lapse) == 1
    assert (house.wallet(), state_of(house, "w1"), house.broken()) == (BIG, "refused", [])


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (WITHDRAWALS, {"currency": "EUR"}),
        (WITHDRAWALS, {"amount_minor": 1}),
        (WITHDRAWALS, {"client_id": "otto"}),
        (PAYOUTS, {"currency": "EUR"}),
        (PAYOUTS, {"instrument": "card-of-otto"}),
        (PAYOUTS, {"amount_minor": BIG + 1}),
    ],
)
def test_what_was_changed_since_it_was_asked_for_is_not_approved(house, table, change):
    deposit(house, BIG)
    house.ask_out(asks("w1", BIG))
    with house.database.writing() as connection:
        connection.execute(update(table).values(**change))
    with pytest.raises(MoneyConflictError, match="is not what was asked for any more"):
        house.decide("w1", yes())
    assert told(house) == []


def test_identification_and_freeze_are_looked_at_again_when_it_is_approved(house):
    deposit(house, BIG)
    house.ask_out(asks("w1", BIG))
    house.gate.reasons["anna"] = "expired"
    with pytest.raises(MoneyConflictError, match="expired"):
        house.decide("w1", yes())
    house.gate.reasons.clear()
    house.decide("w1", yes())
    assert len(told(house)) == 1


def test_a_report_about_a_payout_has_to_be_what_was_asked_for(house):
    deposit(house, BIG)
    house.ask_out(asks("w1", 40_000))
    (payout,) = told(house)
    good = paid_out("paid_out", payout)
    for change in ({"amount_minor": 40_001}, {"currency": "EUR"}):
        with pytest.raises(MoneyConflictError, match="is of 40000 USD"):
            house.pay(msgspec.structs.replace(good, **change))
    with pytest.raises(MoneyConflictError, match="cannot be captured"):
        house.pay(paid_out("captured", payout))
    with pytest.raises(MoneyConflictError, match="is no payout that was asked for"):
        house.pay(reported("paid_out", 5, direction=Direction.WITHDRAWAL, reference="x"))
    house.ask_out(asks("w2", 510_000))
    with house.database.reading() as connection:
        (waiting,) = payouts_of_withdrawal(connection, "w2")
    held = msgspec.structs.replace(good, reference=waiting.id, amount_minor=510_000)
    with pytest.raises(MoneyConflictError, match="was never asked for"):
        house.pay(held)


def test_of_fifty_withdrawals_of_everything_at_once_one_is_taken(house):
    deposit(house, 100_000)

    def ask(number):
        try:
            house.ask_out(asks(f"w{number}", 100_000))
        except OverdraftError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        taken = list(threads.map(ask, range(50)))
    assert sum(taken) == len(told(house)) == 1
    assert (house.wallet(), house.broken()) == (0, [])


def test_of_many_people_who_decide_at_once_one_is_heard(house):
    deposit(house, BIG)
    house.ask_out(asks("w1", BIG))

    def decide(number):
        try:
            house.decide("w1", yes(f"boris{number}"))
        except MoneyConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        heard = list(threads.map(decide, range(16)))
    assert sum(heard) == len(told(house)) == 1
    with house.database.reading() as connection:
        assert connection.scalars(select(MONEY_APPROVALS.c.decision)).all() == ["approved"]


def test_money_on_a_trading_account_comes_out_of_it_first(house):
    deposit(house, 100_000, login="anna-1")
    house.work_off()
    assert house.ask_out(asks("w1", 40_000, login="anna-1")).state == "taking"
    house.work_off()
    assert (house.wallet(), house.mirror("anna-1")) == (0, 60_000)
    assert house.platform.balance("anna-1") == 60_000
    (payout,) = told(house)
    house.pay(paid_out("paid_out", payout))
    assert (state_of(house, "w1"), house.broken()) == ("paid", [])


def test_gains_come_out_too_and_their_mirror_goes_below_what_was_paid_in(house):
    house.ask_out(asks("w1", 40_000, login="anna-1"))
    house.work_off()
    assert house.mirror("anna-1") == -40_000
    assert house.broken() == []


def test_what_the_platform_refuses_to_give_is_not_paid(house):
    house.platform.will("no")
    house.ask_out(asks("w1", 40_000, login="anna-1"))
    house.work_off()
    with house.database.reading() as connection:
        failed = withdrawal_of(connection, "w1")
    assert (failed.state, failed.reason) == ("failed", "not enough free margin")
    assert (house.wallet(), told(house), house.broken()) == (0, [], [])


def test_who_is_frozen_while_it_comes_out_keeps_it_in_his_wallet(house):
    house.ask_out(asks("w1", 40_000, login="anna-1"))
    house.gate.reasons["anna"] = "under review"
    house.work_off()
    assert (state_of(house, "w1"), house.wallet(), told(house)) == ("refused", 40_000, [])


@pytest.mark.parametrize(
    ("login", "words"), [("otto-1", "no account of this client"), ("anna-1-EUR", "ask for EUR")]
)
def test_money_comes_out_of_the_clients_own_account_in_its_currency(house, login, words):
    with pytest.raises(MoneyConflictError, match=words):
        house.ask_out(asks("w1", 5, login=login))
