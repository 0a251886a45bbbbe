"""The rules of the ledger: the one in memory and those in SQL obey the same ones."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.money.errors import MoneyConflictError, OverdraftError, TransferRefusedError
from crm_sync.money.ledger import (
    MOST_MINOR,
    Account,
    AccountKind,
    Flow,
    Transfer,
    clearing,
    post_of,
    receivable,
    stable_id,
    void_of,
    wallet,
)
from crm_sync.money.ledger_store import balance_of, statement
from crm_sync.money.memory_ledger import MemoryLedger
from tests.crm_sync.money.fakes import post_alone

ACME, ANNA = clearing("acme", "USD"), wallet("anna", "USD")


class SqlLedger:
    """The SQL ledger with the interface of the one in memory."""

    def __init__(self, database):
        self._database = database

    def post(self, transfers):
        with self._database.writing() as connection:
            post_alone(connection, transfers)

    def balance(self, account):
        with self._database.reading() as connection:
            return balance_of(connection, account)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def ledger(request):
    if request.param == "memory":
        return MemoryLedger()
    return SqlLedger(request.getfixturevalue(f"{request.param}_database"))


def moves(amount, ref="1", debit=ACME, credit=ANNA, **more):
    values = {"source": "test", "ext_ref": ref, "code": "move", "at_us": 1}
    return Transfer(debit=debit, credit=credit, amount_minor=amount, **{**values, **more})


def reserves(amount, ref="hold", **more):
    return moves(amount, ref, ANNA, ACME, flow=Flow.PENDING, **more)


def test_a_deposit_stands_on_both_sides(ledger):
    ledger.post([moves(1_000)])
    assert ledger.balance(ANNA).posted_minor == 1_000
    assert ledger.balance(ACME).posted_minor == -1_000


def test_the_same_transfer_twice_is_one(ledger):
    ledger.post([moves(1_000)])
    ledger.post([moves(1_000, at_us=99), moves(1_000)])
    assert ledger.balance(ANNA).posted_minor == 1_000


def test_the_same_cause_with_another_amount_is_a_conflict(ledger):
    ledger.post([moves(1_000)])
    with pytest.raises(MoneyConflictError, match="was posted before with other content"):
        ledger.post([moves(1_001)])


def test_a_wallet_gives_to_the_last_cent_and_not_one_more(ledger):
    ledger.post([moves(1_000)])
    with pytest.raises(OverdraftError, match="cannot give 1001: 1000 minor units are free"):
        ledger.post([moves(1_001, "2", ANNA, ACME)])
    ledger.post([moves(1_000, "2", ANNA, ACME)])
    assert ledger.balance(ANNA).posted_minor == 0


def test_the_house_may_go_below_zero(ledger):
    ledger.post([moves(5, "2", receivable("anna", "USD"), ACME)])
    assert ledger.balance(receivable("anna", "USD")).posted_minor == -5


def test_what_is_reserved_is_not_free_and_what_is_coming_is_not_either(ledger):
    ledger.post([moves(1_000), reserves(700)])
    assert ledger.balance(ANNA).available_minor == 300
    with pytest.raises(OverdraftError):
        ledger.post([reserves(301, "more")])
    ledger.post([moves(500, "coming", flow=Flow.PENDING)])
    assert ledger.balance(ANNA).available_minor == 300
    assert ledger.balance(ACME).credits_pending == 700
    assert ledger.balance(ACME).debits_pending == 500


@pytest.mark.parametrize("part", [1, 699, 700])
def test_a_reservation_is_posted_in_part_and_the_rest_is_free_again(ledger, part):
    ledger.post([moves(1_000), reserves(700), post_of(reserves(700), 2, part)])
    balance = ledger.balance(ANNA)
    assert (balance.posted_minor, balance.available_minor) == (1_000 - part, 1_000 - part)
    assert ledger.balance(ACME).credits_pending == 0


def test_a_voided_reservation_leaves_no_trace_in_balances(ledger):
    ledger.post([moves(1_000), reserves(700), void_of(reserves(700), 2)])
    assert ledger.balance(ANNA).available_minor == 1_000
    assert ledger.balance(ANNA).debits_pending == 0


@pytest.mark.parametrize("first", [post_of, void_of])
@pytest.mark.parametrize("second", [post_of, void_of])
def test_a_reservation_ends_once(ledger, first, second):
    ledger.post([moves(1_000), reserves(700), first(reserves(700), 2)])
    again = second(reserves(700), 3)
    if first is second:
        ledger.post([again])
    else:
        with pytest.raises(TransferRefusedError, match="was posted or voided before"):
            ledger.post([again])


def test_more_than_was_reserved_cannot_be_posted(ledger):
    ledger.post([moves(1_000), reserves(700)])
    with pytest.raises(TransferRefusedError, match="is of 700: 701 cannot be posted"):
        ledger.post([post_of(reserves(700), 2, 701)])


def test_a_reservation_beyond_its_time_can_only_be_voided(ledger):
    late = reserves(700, timeout_us=50)
    ledger.post([moves(1_000), late])
    with pytest.raises(TransferRefusedError, match="has timed out: it can only be voided"):
        ledger.post([post_of(late, 50)])
    ledger.post([void_of(late, 50)])
    assert ledger.balance(ANNA).available_minor == 1_000


def test_what_never_was_reserved_cannot_end(ledger):
    with pytest.raises(TransferRefusedError, match="there is no reservation"):
        ledger.post([post_of(reserves(700), 2)])
    ledger.post([moves(700)])
    with pytest.raises(TransferRefusedError, match="there is no reservation"):
        ledger.post([post_of(moves(700), 2)])


def test_a_reservation_is_not_ended_between_other_accounts(ledger):
    ledger.post([moves(1_000), reserves(700)])
    elsewhere = msgspec.structs.replace(post_of(reserves(700), 2), credit=clearing("other", "USD"))
    with pytest.raises(TransferRefusedError, match="is between other accounts"):
        ledger.post([elsewhere])


@pytest.mark.parametrize("amount", [0, -1, -(2**63), MOST_MINOR + 1, 2**63 - 1, 2**63, 10**308])
def test_what_is_no_amount_is_refused(ledger, amount):
    with pytest.raises(TransferRefusedError, match=r"it must be 1 to 1000000000000000"):
        ledger.post([moves(amount)])


@pytest.mark.parametrize("currency", ["", "usd", "US", "USD:EUR", "U SD", "TOOLONGNAME"])
def test_what_is_no_currency_is_refused(ledger, currency):
    with pytest.raises(TransferRefusedError, match="a currency is three to eight"):
        ledger.post([moves(1, debit=clearing("a", currency), credit=wallet("a", currency))])


def test_a_transfer_stays_in_one_currency_and_pays_somebody_else(ledger):
    with pytest.raises(TransferRefusedError, match="USD is not EUR"):
        ledger.post([moves(1, credit=wallet("anna", "EUR"))])
    with pytest.raises(TransferRefusedError, match="cannot pay itself"):
        ledger.post([moves(1, credit=ACME)])
    with pytest.raises(TransferRefusedError, match="only a post or a void"):
        ledger.post([moves(1, pending_id="x")])


def test_transfers_that_belong_together_are_posted_together_or_not_at_all(ledger):
    with pytest.raises(OverdraftError):
        ledger.post([moves(1_000), moves(1_001, "2", ANNA, ACME)])
    assert ledger.balance(ANNA).posted_minor == ledger.balance(ACME).posted_minor == 0


def test_a_statement_shows_both_directions_newest_first(sqlite_database):
    ledger = SqlLedger(sqlite_database)
    first, second = moves(1_000), moves(400, "2", ANNA, ACME, at_us=2)
    ledger.post([first, second, moves(7, "3", ACME, wallet("otto", "USD"))])
    with sqlite_database.reading() as connection:
        assert statement(connection, ANNA, 10) == [second, first]
        assert statement(connection, ANNA, 1) == [second]


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_ids_are_the_same_for_the_same_texts_only(one, other):
    assert (stable_id(*one) == stable_id(*other)) == (one == other)


@given(st.text(), st.sampled_from(AccountKind))
def test_an_account_is_found_by_its_key_whatever_its_owner_is_called(owner, kind):
    account = Account(kind=kind, owner=owner, currency="USD")
    assert Account.of_key(account.key) == account
