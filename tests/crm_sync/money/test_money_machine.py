"""A machine that does anything to money in any order, against a model of a few dictionaries."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from crm_sync.events import Outcome
from crm_sync.money import operations
from crm_sync.money.errors import MoneyConflictError, OverdraftError
from crm_sync.money.invariants import books_of
from crm_sync.money.ledger import Balance, clearing
from crm_sync.money.operations import Sum
from crm_sync.money.tables import PAYOUTS
from crm_sync.money.withdrawal_store import payouts_of_withdrawal, withdrawal_of
from crm_sync.money.withdrawing import WithdrawalRule
from tests.crm_sync.money.conftest import empty
from tests.crm_sync.money.fakes import (
    LEASE,
    House,
    RandomPlatform,
    asks,
    by,
    no,
    paid_out,
    reported,
    yes,
)
from tests.thorough import examples

CLIENTS = st.sampled_from(["anna", "otto"])
AMOUNTS = st.sampled_from([1, 999, 5_000, 400_000])
LIMIT = 300_000
ACME = clearing("acme", "USD")


class MoneyMachine(RuleBasedStateMachine):
    """Deposits, disputes, withdrawals, approvals, holds and deaths, checked after every step."""

    payments, asked, holds = Bundle("payments"), Bundle("asked"), Bundle("holds")
    database = None

    def __init__(self):
        super().__init__()
        self.house = House(self.database(), rule=WithdrawalRule(alone_up_to_minor={"USD": LIMIT}))
        self.house.platform = RandomPlatform(self.house.clock, 7, ("ok", "lost", "dropped", "no"))
        self.house.worker = self.house.new_worker()
        self.number = 0
        self.events = []
        self.captured, self.gone = {}, Counter()
        self.out = Counter()

    def next(self, name):
        self.number += 1
        return f"{name}{self.number}"

    def report(self, step, amount, payment, **more):
        client, ref = payment
        event = reported(
            step, amount, client_id=client, provider_ref=ref, event_id=self.next("e"), **more
        )
        self.events.append(event)
        return self.house.pay(event)

    @rule(target=payments, client=CLIENTS, amount=AMOUNTS, to_login=st.booleans())
    def capture(self, client, amount, to_login):
        payment = (client, self.next("p"))
        login = f"{client}-1" if to_login else ""
        assert self.report("captured", amount, payment, login=login) is Outcome.APPLIED
        self.captured[payment] = amount
        return payment

    @rule(payment=payments, share=st.sampled_from([1, 2, 4]))
    def refund(self, payment, share):
        amount = max(self.captured[payment] // share, 1)
        try:
            self.report("refunded", amount, payment)
        except MoneyConflictError:
            assert self.gone[payment, "refund"] + amount > self.captured[payment]
        else:
            self.gone[payment, "refund"] += amount

    @rule(payment=payments, step=st.sampled_from(["disputed", "dispute_won", "dispute_lost"]))
    def dispute(self, payment, step):
        self.report(step, self.captured[payment], payment, step_ref="d")
        won = step == "dispute_won" or self.gone[payment, "won"]
        self.gone[payment, "won"] = int(won)
        self.gone[payment, "dispute"] = 0 if won else self.captured[payment]

    @rule(payment=payments, step=st.sampled_from(["pending", "failed", "captured"]))
    def late(self, payment, step):
        assert self.report(step, self.captured[payment], payment) is Outcome.STALE

    @rule(data=st.data())
    def again(self, data):
        if self.events:
            event = data.draw(st.sampled_from(self.events))
            try:
                assert self.house.pay(event) is Outcome.DUPLICATE
            except MoneyConflictError:
                assert event.step == "refunded"  # it was refused before as well

    @rule(target=asked, client=CLIENTS, amount=AMOUNTS)
    def withdraw(self, client, amount):
        key, free = self.next("w"), self.house.wallet(client)
        try:
            held = self.house.ask_out(asks(key, amount, client_id=client, requested_by=client))
        except OverdraftError:
            assert amount > free
            return multiple()
        except MoneyConflictError:
            return multiple()
        assert amount <= free
        assert held.state == ("waiting" if amount > LIMIT else "paying")
        return key

    @rule(key=asked, approve=st.booleans(), actor=st.sampled_from(["anna", "boris"]))
    def decide(self, key, approve, actor):
        before = self.state_of(key)
        try:
            self.house.decide(key, (yes if approve else no)(actor))
        except MoneyConflictError:
            assert before.state != "waiting" or actor == before.requested_by or approve
        else:
            assert before.state == "waiting"
            assert actor != before.requested_by

    @rule(key=asked, step=st.sampled_from(["pending", "paid_out", "payout_failed"]))
    def answer(self, key, step):
        with self.house.database.reading() as connection:
            payouts = payouts_of_withdrawal(connection, key)
        for payout in payouts:
            told = self.house.outbox.told.get(payout.id)
            if told is not None:
                self.house.pay(paid_out(step, told, event_id=self.next("e")))

    @rule(target=holds, client=CLIENTS, amount=AMOUNTS)
    def hold(self, client, amount):
        some = Sum(client_id=client, amount_minor=amount, currency="USD")
        free = self.house.wallet(client)
        try:
            return self.house.do(operations.hold, some, by(key=self.next("h"))).id
        except OverdraftError:
            assert amount > free
            return multiple()

    @rule(hold=holds)
    def release(self, hold):
        try:
            self.house.do(operations.release, hold, by(key=self.next("r")))
        except MoneyConflictError:
            assert hold in self.gone
        self.gone[hold] = 1

    @rule(seconds=st.sampled_from([1, 61, 90_000]))
    def work(self, seconds):
        self.house.clock.pass_by(seconds)
        self.house.do(self.house.withdrawals.lapse)
        self.house.worker.step()

    @rule()
    def restart(self):
        self.house.clock.pass_by(16)
        self.house.worker = self.house.new_worker(LEASE._replace(holder=self.next("life")))

    @invariant()
    def everything_that_must_be_true_is(self):
        assert self.house.broken() == []

    @invariant()
    def clients_have_what_the_model_says_and_the_provider_holds_it(self):
        kept = sum(self.captured.values())
        kept -= sum(amount for key, amount in self.gone.items() if key[-1] in {"refund", "dispute"})
        with self.house.database.reading() as connection:
            books = books_of(connection, 0)
        clients = books.sums(of_clients=True).get("USD", 0)
        assert clients + self.paid() == kept
        assert books.rebuilt.get(ACME.key, Balance()).posted_minor == -clients

    def paid(self):
        with self.house.database.reading() as connection:
            paid = select(func.sum(PAYOUTS.c.amount_minor)).where(PAYOUTS.c.state == "paid")
            return int(connection.scalar(paid) or 0)

    def state_of(self, key):
        with self.house.database.reading() as connection:
            return withdrawal_of(connection, key)

    def teardown(self):
        self.house.clock.pass_by(61)
        self.house.platform._words = ("ok",)
        self.restart()
        self.house.work_off()
        for login in ("anna-1", "otto-1"):
            assert self.house.platform.balance(login) == self.house.mirror(login)
        comments = [deal.comment for deal in self.house.platform.all_deals()]
        assert len(set(comments)) == len(comments)
        self.everything_that_must_be_true_is()


def test_money_is_exact_whatever_happens_on_sqlite(empty_database):
    class OnSqlite(MoneyMachine):
        database = staticmethod(empty_database)

    run_state_machine_as_test(OnSqlite, settings=examples(6, times=150, stateful_step_count=25))


def test_money_is_exact_whatever_happens_on_postgres(postgres_database, postgres_url):
    class OnPostgres(MoneyMachine):
        @staticmethod
        def database():
            empty(postgres_url)
            return postgres_database

    run_state_machine_as_test(OnPostgres, settings=examples(3, times=100, stateful_step_count=20))
