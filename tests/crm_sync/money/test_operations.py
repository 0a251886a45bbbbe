"""What people move by hand: holds, moves between accounts, credit, conversions and debts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from crm_sync.money import conversions, freezes, lending, operations
from crm_sync.money.conversions import Rate, converted_minor
from crm_sync.money.errors import MoneyConflictError, OverdraftError, TransferRefusedError
from crm_sync.money.ledger import Account, AccountKind, of_house
from crm_sync.money.lending import CreditRule
from crm_sync.money.operations import Sum
from crm_sync.money.platform_order_store import Booking
from crm_sync.money.ports import Side, What
from crm_sync.money.tables import LEDGER_CONVERSIONS, PLATFORM_ORDERS
from exposure.model.money import Money
from tests.crm_sync.money.fakes import House, by, no, reported, yes

RULE = CreditRule(alone_up_to_minor={"USD": 10_000})


def deposit(house, amount=100_000, **more):
    house.pay(reported("captured", amount, **more))


def usd(amount):
    return Sum(client_id="anna", amount_minor=amount, currency="USD")


def account(house, login):
    return house.accounts.account(None, login)


def lent(house, login):
    key = Account(kind=AccountKind.PLATFORM_CREDIT, owner=login, currency="USD")
    return house.balance(key).posted_minor


def test_a_hold_keeps_money_out_of_reach_until_it_is_released_once(house):
    deposit(house)
    held = house.do(operations.hold, usd(70_000), by())
    assert house.wallet() == 30_000
    with pytest.raises(OverdraftError):
        house.do(operations.hold, usd(30_001), by(key="op-2"))
    house.do(operations.hold, usd(70_000), by())
    assert house.wallet() == 30_000
    house.do(operations.release, held.id, by(key="op-3"))
    assert house.wallet() == 100_000
    for nothing in (held.id, "other"):
        with pytest.raises(MoneyConflictError, match="is not there any more"):
            house.do(operations.release, nothing, by(key="op-4"))
    assert house.broken() == []


def test_a_hold_until_a_time_ends_by_itself_and_is_missed_when_it_does_not(house):
    deposit(house)
    house.do(operations.hold, usd(70_000), by(), until_us=house.clock() + 5)
    assert house.do(operations.release_late) == 0
    house.clock.now_us += 5
    assert [sentence for sentence in house.broken() if "has timed out" in sentence]
    assert house.do(operations.release_late) == 1
    assert (house.wallet(), house.broken()) == (100_000, [])


def test_money_moves_between_accounts_of_one_client_through_his_wallet(house):
    deposit(house, login="anna-1")
    house.work_off()
    one, two = account(house, "anna-1"), account(house, "anna-2")
    for _ in range(2):
        house.do(operations.move_between_accounts, one, two, 40_000, by())
    house.work_off()
    assert (house.mirror("anna-1"), house.mirror("anna-2"), house.wallet()) == (60_000, 40_000, 0)
    assert [house.platform.balance(login) for login in ("anna-1", "anna-2")] == [60_000, 40_000]
    assert house.broken() == []


def test_a_move_that_the_second_account_refuses_stays_in_the_wallet(house):
    house.platform.will("ok", "no")
    one, two = account(house, "anna-1"), account(house, "anna-2")
    house.do(operations.move_between_accounts, one, two, 40_000, by())
    house.work_off()
    assert (house.mirror("anna-1"), house.mirror("anna-2")) == (-40_000, 0)
    assert (house.wallet(), house.broken()) == (40_000, [])


def test_a_move_of_a_client_who_is_frozen_meanwhile_ends_in_his_wallet(house):
    one, two = account(house, "anna-1"), account(house, "anna-2")
    house.do(operations.move_between_accounts, one, two, 40_000, by())
    house.do(freezes.freeze, "anna", "alert 7")
    house.work_off()
    assert (house.wallet(), house.mirror("anna-2")) == (40_000, 0)
    with pytest.raises(MoneyConflictError, match="is frozen: nothing is moved"):
        house.do(operations.move_between_accounts, one, two, 1, by(key="op-2"))


@pytest.mark.parametrize("taker", ["otto-1", "anna-1-EUR", "anna-1"])
def test_money_moves_between_two_accounts_of_one_client_and_currency_only(house, taker):
    one, other = account(house, "anna-1"), account(house, taker)
    with pytest.raises(MoneyConflictError, match=r"of one client and one currency|cannot pay itse"):
        house.do(operations.move_between_accounts, one, other, 5, by())


@pytest.mark.parametrize("amount", [0, -1, 2**63])
def test_what_is_no_amount_is_not_moved_given_or_converted(sqlite_database, amount):
    house = House(sqlite_database)
    one, two = account(house, "anna-1"), account(house, "anna-2")
    booking = Booking(side=Side.IN, amount_minor=amount, what=What.BONUS)
    calls = [
        (operations.move_between_accounts, one, two, amount, by()),
        (lending.give_credit, one, booking, RULE, by()),
        (conversions.convert, usd(amount), "EUR", Rate(rate=Decimal(1), source="desk"), by()),
        (operations.hold, usd(amount), by()),
        (operations.repay, usd(amount), by()),
    ]
    for call in calls:
        with pytest.raises(TransferRefusedError, match="must be 1 to"):
            house.do(*call)


@pytest.mark.parametrize("what", [What.CREDIT, What.BONUS])
def test_credit_is_given_taken_back_and_costs_the_house(house, what):
    one = account(house, "anna-1")
    giving = Booking(side=Side.IN, amount_minor=9_000, what=what)
    house.do(lending.give_credit, one, giving, RULE, by())
    house.work_off()
    assert lent(house, "anna-1") == 9_000
    assert house.balance(of_house(AccountKind.BONUS_COST, "USD")).posted_minor == -9_000
    taking = Booking(side=Side.OUT, amount_minor=4_000, what=what)
    house.do(lending.give_credit, one, taking, RULE, by(key="op-2"))
    house.work_off()
    assert (lent(house, "anna-1"), house.wallet(), house.broken()) == (5_000, 0, [])
    assert {deal.what for deal in house.platform.all_deals()} == {what}


def test_much_credit_waits_for_a_second_person(house):
    giving = Booking(side=Side.IN, amount_minor=10_001, what=What.CREDIT)
    order = house.do(lending.give_credit, account(house, "anna-1"), giving, RULE, by())
    house.work_off()
    assert house.platform.all_deals() == []
    with pytest.raises(MoneyConflictError, match="by the same person"):
        house.do(lending.decide_credit, order.token, yes("Carla"))
    house.do(lending.decide_credit, order.token, yes())
    house.work_off()
    with pytest.raises(MoneyConflictError, match="does not wait"):
        house.do(lending.decide_credit, order.token, yes("dora"))
    assert (lent(house, "anna-1"), house.broken()) == (10_001, [])


def test_credit_that_is_rejected_or_lapses_is_never_given(house):
    giving = Booking(side=Side.IN, amount_minor=10_001, what=What.CREDIT)
    one = account(house, "anna-1")
    first = house.do(lending.give_credit, one, giving, RULE, by())
    house.do(lending.decide_credit, first.token, no())
    house.do(lending.give_credit, one, giving, RULE, by(key="op-2"))
    house.clock.pass_by(30 * 60)
    assert house.do(lending.lapse_credit) == 1
    house.work_off()
    assert (house.platform.all_deals(), house.broken()) == ([], [])


@pytest.mark.parametrize(
    "change", [{"currency": "JPY"}, {"amount_minor": 9_999_999}, {"login": "otto-1"}]
)
def test_credit_that_was_changed_since_it_was_asked_for_is_not_approved(house, change):
    giving = Booking(side=Side.IN, amount_minor=10_001, what=What.CREDIT)
    order = house.do(lending.give_credit, account(house, "anna-1"), giving, RULE, by())
    with house.database.writing() as connection:
        connection.execute(update(PLATFORM_ORDERS).values(**change))
    with pytest.raises(MoneyConflictError, match="not what was asked for"):
        house.do(lending.decide_credit, order.token, yes())


def test_balance_is_not_given_as_credit(house):
    booking = Booking(side=Side.IN, amount_minor=5)
    with pytest.raises(MoneyConflictError, match="balance is not"):
        house.do(lending.give_credit, account(house, "anna-1"), booking, RULE, by())


@pytest.mark.parametrize(
    ("amount", "sold", "bought", "rate", "expected"),
    [
        (10_000, "USD", "JPY", "150.25", 15_025),
        (15_025, "JPY", "USD", "0.0066555740", 10_000),
        (10_000, "USD", "KWD", "0.30715", 30_715),
        (30_715, "KWD", "USD", "3.25573", 10_000),
        (10_000, "USD", "EUR", "0.92005", 9_200),
        (1, "USD", "EUR", "0.5", 0),
        (3, "USD", "EUR", "0.5", 2),
        (1_000, "BHD", "JPY", "398.3", 398),
    ],
)
def test_conversions_are_exact_in_the_coins_of_each_currency(amount, sold, bought, rate, expected):
    assert converted_minor(amount, sold, bought, Decimal(rate)) == expected


@given(
    st.integers(1, 10**12),
    st.sampled_from(["USD", "JPY", "KWD"]),
    st.sampled_from(["EUR", "KRW", "TND"]),
    st.decimals("0.0001", "10000", places=6),
)
def test_a_conversion_is_what_money_itself_computes(amount, sold, bought, rate):
    exact = Money.of(Money(amount, sold).amount * rate, bought)
    assert converted_minor(amount, sold, bought, rate) == exact.minor


def test_a_conversion_is_two_linked_transfers_with_their_rate(house):
    deposit(house)
    rate = Rate(rate=Decimal("0.92"), source="ecb 2026-11-26")
    for _ in range(2):
        assert house.do(conversions.convert, usd(50_000), "EUR", rate, by()) == 46_000
    assert (house.wallet(), house.wallet(currency="EUR")) == (50_000, 46_000)
    assert house.balance(of_house(AccountKind.CONVERSION, "USD")).posted_minor == 50_000
    assert house.balance(of_house(AccountKind.CONVERSION, "EUR")).posted_minor == -46_000
    with house.database.reading() as connection:
        (kept,) = connection.execute(select(LEDGER_CONVERSIONS))
    assert (kept.rate, kept.rate_source) == ("0.92", "ecb 2026-11-26")
    better = Rate(rate=Decimal("0.93"), source="ecb 2026-11-26")
    with pytest.raises(MoneyConflictError, match="with other content"):
        house.do(conversions.convert, usd(50_000), "EUR", better, by())
    assert house.broken() == []


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity"])
def test_what_is_no_rate_converts_nothing(house, rate):
    deposit(house)
    odd = Rate(rate=Decimal(rate), source="x")
    with pytest.raises(TransferRefusedError, match="is no exchange rate"):
        house.do(conversions.convert, usd(50_000), "EUR", odd, by())


def test_what_buys_nothing_or_is_not_there_is_not_converted(house):
    deposit(house)
    tiny = Rate(rate=Decimal("0.001"), source="x")
    with pytest.raises(TransferRefusedError, match="must be 1 to"):
        house.do(conversions.convert, usd(1), "EUR", tiny, by())
    with pytest.raises(OverdraftError):
        house.do(conversions.convert, usd(100_001), "EUR", tiny, by())
    with pytest.raises(TransferRefusedError, match="capital letters"):
        house.do(conversions.convert, usd(5), "usd", tiny, by())


def test_a_debt_is_repaid_from_the_wallet_or_borne_by_the_house_and_never_over(house):
    deposit(house, 10_000, login="anna-1")
    house.work_off()
    house.pay(reported("disputed", 10_000))
    deposit(house, 4_000, provider_ref="p2")
    with pytest.raises(TransferRefusedError, match="owes 10000, not 10001"):
        house.do(operations.write_off, usd(10_001), by())
    for _ in range(2):
        house.do(operations.repay, usd(4_000), by())
    assert (house.owes(), house.wallet()) == (6_000, 0)
    house.do(operations.write_off, usd(6_000), by(key="op-2"))
    assert (house.owes(), house.broken()) == (0, [])
