"""Lists of money for people, on both databases."""

from crm_sync.money import operations, overview
from crm_sync.money.freezes import freeze, lift
from crm_sync.money.ledger import AccountKind
from crm_sync.money.operations import Sum
from crm_sync.money.recording import Deed
from crm_sync.money.withdrawals import WithdrawalState
from tests.crm_sync.money.fakes import asks, by, reported, yes

LARGE = 600_000


def read(house, function, *arguments):
    with house.database.reading() as connection:
        return function(connection, *arguments)


def test_what_waits_is_listed_until_it_is_decided_and_counted(house):
    house.pay(reported("captured", 2 * LARGE))
    house.ask_out(asks("w-1", LARGE))
    (waiting,) = read(house, overview.waiting_withdrawals, 10)
    assert (waiting.withdrawal.id, waiting.withdrawal.state) == ("w-1", WithdrawalState.WAITING)
    assert waiting.expires_at_us > house.clock()
    assert read(house, overview.last_decision, "w-1") == ("", "")
    house.decide("w-1", yes())
    assert read(house, overview.waiting_withdrawals, 10) == []
    assert read(house, overview.last_decision, "w-1") == ("boris", "approved")
    counted = read(house, overview.counted)
    assert (counted.waiting, counted.paying, counted.open_orders) == (0, 1, 0)
    assert [one.id for one in read(house, overview.withdrawals_of, "anna", 10)] == ["w-1"]


def test_a_client_s_lists_hold_nothing_of_another(house):
    house.pay(reported("captured", LARGE))
    house.pay(reported("captured", LARGE, client_id="boris", provider_ref="p2"))
    held = house.do(operations.hold, Sum(client_id="anna", amount_minor=5, currency="USD"), by())
    assert [one.id for one in read(house, overview.holds, 10)] == [held.id]
    assert read(house, overview.holds, 10, "boris") == []
    assert [one.client_id for one in read(house, overview.deposits, 10, "anna")] == ["anna"]
    assert {one.client_id for one in read(house, overview.deposits, 10)} == {"anna", "boris"}
    ((account, balance),) = read(house, overview.balances, "boris", [])
    assert (account.kind, balance.posted_minor) == (AccountKind.WALLET, LARGE)
    house.do(operations.release, held.id, by(key="op-2"))
    assert read(house, overview.holds, 10) == []


def test_who_is_frozen_is_listed_until_somebody_lifts_it(house):
    house.do(freeze, "anna", "dispute p1")
    house.do(freeze, "anna", "dispute p2")
    assert read(house, overview.counted).frozen == 1
    assert {one.cause for one in read(house, overview.freezes, 10)} == {"dispute p1", "dispute p2"}
    deed = Deed(actor="carla", via="desk", action="freeze.lifted", entity="client anna", at_us=1)
    with house.database.writing() as connection:
        lift(connection, "anna", "dispute p1", deed)
    assert [one.cause for one in read(house, overview.freezes, 10, "anna")] == ["dispute p2"]
