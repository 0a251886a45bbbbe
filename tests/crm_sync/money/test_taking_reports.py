"""Reports of payments and settlements: what they move, golden to the cent, in whatever order."""

import itertools
import random

import msgspec
import pytest

from crm_sync.events import Outcome
from crm_sync.money import freezes
from crm_sync.money.errors import MoneyConflictError, TransferRefusedError
from crm_sync.money.ledger import AccountKind, clearing, of_house
from tests.crm_sync.money.fakes import House, reported, settlement
from tests.thorough import LONG

CAPTURED = reported("captured", 100_000, fee_minor=2_930)


def clearing_of(house):
    return house.balance(clearing("acme", "USD")).posted_minor


def fees_of(house):
    return -house.balance(of_house(AccountKind.PSP_FEES, "USD")).posted_minor


def test_a_deposit_of_1000_with_a_fee_of_29_30_settles_to_nothing(house):
    """Golden: backoffice 1.4; what clears to zero is the proof of the reconciliation."""
    assert house.pay(CAPTURED) is Outcome.APPLIED
    assert house.wallet() == 100_000
    assert clearing_of(house) == -97_070
    assert fees_of(house) == 2_930
    house.settle(settlement(97_070))
    assert clearing_of(house) == 0
    assert house.balance(of_house(AccountKind.BANK, "USD")).posted_minor == -97_070
    assert house.broken() == []


def test_fees_that_only_the_settlement_names_clear_as_well(house):
    house.pay(reported("captured", 100_000))
    house.settle(settlement(97_070, 2_930))
    assert clearing_of(house) == 0
    assert fees_of(house) == 2_930


def test_an_event_that_comes_again_is_a_duplicate(house):
    house.pay(CAPTURED)
    assert house.pay(CAPTURED) is Outcome.DUPLICATE
    house.settle(settlement(5))
    assert house.settle(settlement(5)) is Outcome.DUPLICATE
    assert house.wallet() == 100_000


def test_the_same_step_under_another_event_id_moves_nothing(house):
    house.pay(CAPTURED)
    again = msgspec.structs.replace(CAPTURED, event_id="other")
    assert house.pay(again) is Outcome.STALE
    assert house.wallet() == 100_000


def test_a_settlement_with_another_amount_under_the_same_reference_is_a_conflict(house):
    house.settle(settlement(5))
    with pytest.raises(MoneyConflictError, match="with other content"):
        house.settle(settlement(6))
    house.settle(settlement(6, provider_ref="s2"))
    assert house.broken() == []


def test_a_late_step_of_lower_rank_is_kept_and_changes_nothing(house):
    house.pay(CAPTURED)
    assert house.pay(reported("pending", 100_000)) is Outcome.STALE
    assert house.pay(reported("failed", 100_000)) is Outcome.STALE
    assert house.wallet() == 100_000


STORY = [
    reported("pending", 100_000),
    reported("failed", 100_000),
    CAPTURED,
    reported("refunded", 10_000, step_ref="r1"),
    reported("refunded", 15_000, step_ref="r2", fee_minor=100),
    reported("disputed", 40_000, step_ref="d1", fee_minor=1_500),
    reported("dispute_won", 40_000, step_ref="d1"),
    reported("disputed", 20_000, step_ref="d2"),
    reported("dispute_lost", 20_000, step_ref="d2"),
]


def test_every_order_of_the_same_events_ends_at_the_same_balances(sqlite_database):
    orders = list(itertools.permutations(STORY))
    chosen = random.Random(5).sample(orders, 400 if LONG else 10)  # noqa: S311 - the same orders every time
    house = House(sqlite_database)
    for number, events in enumerate([STORY, STORY[::-1], *chosen]):
        client = f"client{number}"
        for event in [*events, *events[::2]]:
            renamed = {"provider_ref": client, "client_id": client}
            renamed["event_id"] = f"{client} {event.event_id}"
            house.pay(msgspec.structs.replace(event, **renamed))
        assert house.wallet(client) - house.owes(client) == 55_000, events
        assert house.owes(client) == 0
    assert fees_of(house) == (number + 1) * 4_530
    assert house.broken() == []


def test_what_a_dispute_takes_and_the_wallet_lacks_the_client_owes(house):
    house.pay(reported("captured", 100_000, login="anna-1"))
    house.work_off()
    assert (house.wallet(), house.mirror("anna-1")) == (0, 100_000)
    house.pay(reported("disputed", 100_000, fee_minor=1_500))
    assert (house.wallet(), house.owes()) == (0, 100_000)
    assert clearing_of(house) == 1_500
    house.pay(reported("dispute_won", 100_000))
    assert (house.wallet(), house.owes()) == (0, 0)
    assert house.broken() == []


def test_a_dispute_takes_the_wallet_first_and_gives_back_as_it_took(house):
    house.pay(reported("captured", 100_000))
    house.pay(reported("captured", 7_000, provider_ref="p2"))
    house.pay(reported("disputed", 100_000))
    assert (house.wallet(), house.owes()) == (7_000, 0)
    house.pay(reported("disputed", 7_000, provider_ref="p2", step_ref="x"))
    house.pay(reported("dispute_won", 100_000))
    assert (house.wallet(), house.owes()) == (100_000, 0)


def test_a_dispute_freezes_the_client_also_before_the_capture(house):
    house.pay(reported("disputed", 5_000, client_id=""))
    house.pay(reported("captured", 5_000))
    with house.database.reading() as connection:
        assert len(freezes.causes(connection, "anna")) == 1


def test_a_capture_whose_refund_came_first_credits_the_platform_with_the_rest(house):
    house.pay(reported("refunded", 30_000, login="anna-1"))
    house.pay(reported("captured", 100_000))
    house.work_off()
    assert (house.wallet(), house.mirror("anna-1")) == (0, 70_000)
    assert house.platform.balance("anna-1") == 70_000


@pytest.mark.parametrize("login", ["otto-1", "anna-1-EUR"])
def test_the_wallet_keeps_what_names_an_account_of_somebody_else_or_another_currency(house, login):
    house.pay(reported("captured", 5_000, login=login))
    house.work_off()
    assert (house.wallet(), house.platform.all_deals()) == (5_000, [])


@pytest.mark.parametrize(
    ("report", "error", "words"),
    [
        (reported("captured", 0), TransferRefusedError, "must be 1 to"),
        (reported("captured", -5), TransferRefusedError, "must be 1 to"),
        (reported("captured", 2**63), TransferRefusedError, "must be 1 to"),
        (reported("captured", 5, fee_minor=-1), TransferRefusedError, "the fee"),
        (reported("captured", 5, currency="usd"), TransferRefusedError, "capital letters"),
        (reported("captured", 5, client_id=""), MoneyConflictError, "names no client"),
        (reported("paid_out", 5), TransferRefusedError, "no step of a deposit"),
        (reported("captured", 99_999, provider_ref="p0"), MoneyConflictError, "was captured with"),
        (reported("refunded", 5, provider_ref="p0", currency="EUR"), MoneyConflictError, "is in U"),
        (reported("refunded", 5, provider_ref="p0", client_id="x"), MoneyConflictError, "another"),
        (reported("refunded", 100_001, provider_ref="p0"), MoneyConflictError, "taken back"),
        (reported("disputed", 100_001, provider_ref="p0"), MoneyConflictError, "taken back"),
        (
            reported("refunded", 6, provider_ref="p0", step_ref="r1"),
            MoneyConflictError,
            "refunded 5 under the same id",
        ),
    ],
)
def test_a_report_that_cannot_be_true_is_refused_and_leaves_nothing(house, report, error, words):
    house.pay(reported("captured", 100_000, provider_ref="p0"))
    house.pay(reported("refunded", 5, provider_ref="p0", step_ref="r1"))
    with pytest.raises(error, match=words):
        house.pay(report)
    assert (house.wallet(), house.owes(), house.broken()) == (99_995, 0, [])


@pytest.mark.parametrize(("amount", "fee"), [(0, 0), (-1, 0), (2**63, 0), (5, -1)])
def test_a_settlement_that_cannot_be_meant_is_refused(sqlite_database, amount, fee):
    with pytest.raises(TransferRefusedError, match="must be 1 to"):
        House(sqlite_database).settle(settlement(amount, fee))


def test_payments_of_two_providers_with_the_same_reference_are_two(house):
    house.pay(reported("captured", 1_000))
    house.pay(reported("captured", 2_000, provider="other"))
    assert house.wallet() == 3_000
