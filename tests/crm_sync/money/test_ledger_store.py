"""The SQL ledger: what the database itself refuses, full disks, lost servers, invariants."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal

import pytest
from sqlalchemy import insert, text, update

from crm_sync.database import database_at
from crm_sync.money import conversions, operations
from crm_sync.money.errors import OverdraftError
from crm_sync.money.invariants import books_of, broken
from crm_sync.money.ledger import Flow, Transfer, clearing, void_of, wallet
from crm_sync.money.ledger_store import balance_of
from crm_sync.money.operations import Sum
from crm_sync.money.tables import (
    LEDGER_ACCOUNTS,
    LEDGER_TRANSFERS,
    PAYMENTS,
    PAYOUTS,
    PLATFORM_ORDERS,
)
from crm_sync.schema import AUDIT_LOG
from dealing.storage.migrate import upgrade
from exposure.errors import StorageError
from tests.crm_sync.money.fakes import House, asks, by, post_alone, reported, settlement
from tests.crm_sync.postgres_server import PostgresServer

ACME, ANNA = clearing("acme", "USD"), wallet("anna", "USD")
T, A = LEDGER_TRANSFERS.c, LEDGER_ACCOUNTS.c


def moves(amount, ref="1", debit=ACME, credit=ANNA, **more):
    return Transfer(
        debit=debit, credit=credit, amount_minor=amount, source="test", ext_ref=ref, code="move",
        at_us=1, **more,
    )  # fmt: skip


def post(database, *transfers):
    with database.writing() as connection:
        post_alone(connection, transfers)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger_transfers SET amount_minor = 1", "DELETE FROM ledger_transfers"],
)
def test_the_database_refuses_to_change_or_delete_a_transfer(database, statement):
    post(database, moves(1_000))
    with (
        pytest.raises(StorageError, match="transfers are never changed or deleted"),
        database.writing() as connection,
    ):
        connection.execute(text(statement))
    with database.reading() as connection:
        assert balance_of(connection, ANNA).posted_minor == 1_000


def test_postgres_refuses_to_empty_the_transfers(postgres_database):
    with (
        pytest.raises(StorageError, match="never changed"),
        postgres_database.writing() as connection,
    ):
        connection.execute(text("TRUNCATE ledger_transfers"))


ROW = {
    "id": "x", "debit": ACME.key, "credit": ANNA.key, "amount_minor": 1, "currency": "USD",
    "flow": "posted", "pending_id": None, "source": "a", "ext_ref": "b", "code": "c", "at_us": 1,
    "audit_seq": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"amount_minor": 0}, "amount"),
        ({"amount_minor": -1}, "amount"),
        ({"credit": ACME.key}, "two_accounts"),
        ({"flow": "odd"}, "flow"),
        ({"flow": "post"}, "resolution"),
        ({"pending_id": "y"}, "resolution"),
        ({"source": "test", "ext_ref": "1", "code": "move"}, "uq_ledger_transfers_source|source"),
    ],
)
def test_the_database_refuses_a_transfer_that_is_none(database, change, name):
    post(database, moves(1_000))
    with pytest.raises(StorageError, match=name), database.writing() as connection:
        connection.execute(insert(LEDGER_TRANSFERS).values(**{**ROW, **change}))


def test_the_database_refuses_two_ends_of_one_reservation(database):
    held = moves(700, "hold", ANNA, ACME, flow=Flow.PENDING)
    post(database, moves(1_000), held, void_of(held, 2))
    again = {**ROW, "flow": "void", "pending_id": held.id}
    with pytest.raises(StorageError, match="pending_id"), database.writing() as connection:
        connection.execute(insert(LEDGER_TRANSFERS).values(**again))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"debits_posted": 1_001}, "no_overdraft"),
        ({"debits_pending": 1_001}, "no_overdraft"),
        ({"credits_posted": 2**62}, "sums"),
        ({"debits_pending": -1}, "sums"),
    ],
)
def test_the_database_refuses_an_overdrawn_wallet_and_impossible_sums(database, change, name):
    post(database, moves(1_000))
    with pytest.raises(StorageError, match=name), database.writing() as connection:
        connection.execute(update(LEDGER_ACCOUNTS).where(A.key == ANNA.key).values(**change))


def test_no_row_of_the_house_changes_when_money_moves(database):
    post(database, moves(1_000), moves(400, "2", ANNA, ACME))
    with database.reading() as connection:
        row = connection.execute(
            LEDGER_ACCOUNTS.select().where(LEDGER_ACCOUNTS.c.key == ACME.key)
        ).one()
        assert (row.debits_posted, row.credits_posted) == (0, 0)
        assert balance_of(connection, ACME).posted_minor == -600
    with (
        pytest.raises(StorageError, match="only_needed_balances"),
        database.writing() as connection,
    ):
        connection.execute(
            update(LEDGER_ACCOUNTS).where(A.key == ACME.key).values(credits_posted=1)
        )


def test_of_fifty_threads_that_take_everything_one_does(database):
    post(database, moves(1_000))

    def take(number):
        try:
            post(database, moves(1_000, f"take {number}", ANNA, ACME))
        except OverdraftError:
            return False
        return True

    with ThreadPoolExecutor(12) as threads:
        assert sum(threads.map(take, range(50))) == 1
    with database.reading() as connection:
        assert balance_of(connection, ANNA).posted_minor == 0


def test_a_full_disk_leaves_the_ledger_whole_and_it_goes_on_afterwards(sqlite_database):
    house = House(sqlite_database)
    house.pay(reported("captured", 1_000, provider_ref="p0"))
    with sqlite_database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    kept = pay_until_full(house)
    assert (house.wallet(), house.broken()) == (kept * 1_000, [])
    with sqlite_database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    house.pay(reported("captured", 1_000, provider_ref=f"p{kept}"))
    assert (house.wallet(), house.broken()) == ((kept + 1) * 1_000, [])


def pay_until_full(house):
    """Take captures until the disk is full, and return how many there are."""
    for number in range(1, 500):
        try:
            house.pay(reported("captured", 1_000, provider_ref=f"p{number}"))
        except StorageError:
            return number
    raise AssertionError("the disk never became full")


def test_a_postgres_that_dies_in_the_middle_loses_nothing_and_doubles_nothing(tmp_path):
    server = PostgresServer()
    server.start()
    try:
        url = migrated(server, tmp_path)
        database = database_at(url, tmp_path / "none", lambda: "run-1")
        house = House(database)
        house.pay(reported("captured", 1_000, login="anna-1"))
        open_transaction = database.writing()
        connection = open_transaction.__enter__()
        house.reports.apply_payment(
            connection, reported("captured", 5_000, provider_ref="p2", login="anna-1"), 1
        )
        server.kill()
        with pytest.raises(StorageError, match="cannot be used"):
            open_transaction.__exit__(None, None, None)
        for use in (house.worker.step, lambda: house.settle(settlement(5))):
            with pytest.raises(StorageError):
                use()
        server.start()
        house.pay(reported("captured", 5_000, provider_ref="p2", login="anna-1"))
        house.work_off()
        assert (house.platform.balance("anna-1"), house.mirror("anna-1")) == (6_000, 6_000)
        assert house.broken() == []
        database.close()
    finally:
        server.remove()


def migrated(server, tmp_path):
    url = server.new_database()
    database = database_at(url, tmp_path / "none")
    upgrade(database)
    database.close()
    return url


def full_house(database):
    """Return a house with something of everything in it, and nothing wrong."""
    house = House(database)
    house.pay(reported("captured", 100_000, fee_minor=50))
    house.pay(reported("captured", 50_000, provider_ref="p2", login="anna-1"))
    house.work_off()
    house.pay(reported("captured", 20_000, provider_ref="p3", login="anna-1"))
    house.ask_out(asks("w1", 30_000))
    some = Sum(client_id="anna", amount_minor=10_000, currency="USD")
    rate = conversions.Rate(rate=Decimal("0.9"), source="desk")
    house.do(conversions.convert, some, "EUR", rate, by())
    house.do(operations.hold, some, by(key="op-2"), until_us=house.clock() + 10)
    assert house.broken() == []
    return house


def without_triggers(connection):
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP TRIGGER ledger_transfers_stay ON ledger_transfers"))
        connection.execute(text("DROP TRIGGER audit_log_append_only ON audit_log"))
    else:
        for table in ("ledger_transfers", "audit_log"):
            for what in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER {table}_no_{what}"))


TAMPERINGS = [
    (update(LEDGER_ACCOUNTS).where(A.kind == "wallet").values(
        credits_posted=A.credits_posted + 1), "has another balance than its transfers make"),
    (update(LEDGER_ACCOUNTS).where(A.kind == "wallet").values(
        credits_posted=A.credits_posted + 1), "clients and house differ by 1 minor units"),
    (LEDGER_TRANSFERS.delete().where(T.credit == ANNA.key, T.code == "capture"),
     "is overdrawn by"),
    (update(LEDGER_TRANSFERS).where(T.code == "captured_fee").values(currency="EUR"),
     "has an account of another currency"),
    (AUDIT_LOG.delete().where(AUDIT_LOG.c.action == "hold.placed"),
     "has no row in the audit log"),
    (update(LEDGER_TRANSFERS).where(T.flow == "post").values(amount_minor=999_999),
     "ends a reservation that it does not fit"),
    (update(LEDGER_TRANSFERS).where(T.code == "hold").values(timeout_us=1),
     "has timed out and is still open"),
    (update(PAYMENTS).values(amount_minor=7), "and its transfer differ"),
    (PAYMENTS.delete(), "is of no payment"),
    (update(PLATFORM_ORDERS).where(PLATFORM_ORDERS.c.state == "confirmed").values(
        state="intent"), "order"),
    (update(PLATFORM_ORDERS).where(PLATFORM_ORDERS.c.state == "intent").values(
        state="rejected"), "order"),
    (update(PAYOUTS).values(state="paid"), "payout"),
    (update(PAYOUTS).values(state="void"), "payout"),
    (text("DELETE FROM ledger_conversions"), "lacks its conversion"),
    (LEDGER_TRANSFERS.delete().where(T.code == "conversion_bought"), "lacks a leg"),
]  # fmt: skip


def test_every_invariant_finds_what_was_done_behind_the_ledgers_back(database):
    house = full_house(database)
    for tampering, sentence in TAMPERINGS:
        with suppress(ZeroDivisionError), database.writing() as connection:
            without_triggers(connection)
            connection.execute(tampering)
            found = broken(connection, house.clock())
            assert [one for one in found if sentence in one], (str(tampering), sentence, found)
            raise ZeroDivisionError  # nothing of it stays
    assert house.broken() == []


def test_what_clients_are_owed_is_told_by_currency(house):
    full_house(house.database)
    with house.database.reading() as connection:
        books = books_of(connection, 0)
    assert books.sums(of_clients=True) == {"USD": 160_000, "EUR": 9_000}
    assert books.rebuilt[ANNA.key].posted_minor == 110_000
