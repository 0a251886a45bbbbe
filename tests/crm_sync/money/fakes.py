"""Stand-ins for what surrounds money: a platform that books as often as it is told, and so on."""

import random
from contextlib import contextmanager

from crm_sync.audit_log import alone
from crm_sync.events import Direction, PaymentReported, PaymentStep, SettlementReported
from crm_sync.money.after_orders import AfterOrders
from crm_sync.money.approvals import Decision
from crm_sync.money.errors import PlatformUnknownError
from crm_sync.money.invariants import broken
from crm_sync.money.ledger import on_platform, receivable, wallet
from crm_sync.money.ledger_store import balance_of
from crm_sync.money.operations import Operation
from crm_sync.money.platform_order_store import next_due_us
from crm_sync.money.platform_worker import PlatformWorker, Timing
from crm_sync.money.ports import BalanceDeal, BalanceTicket, NotBooked, TradingAccount
from crm_sync.money.recording import Deed, record
from crm_sync.money.sole_sender import Lease
from crm_sync.money.taking_reports import MoneyReports
from crm_sync.money.withdrawals import Destination, WithdrawalRequest
from crm_sync.money.withdrawing import WithdrawalRule, Withdrawals

SECOND = 1_000_000
CARD = Destination("acme", "card", "card-1")
BANK_ACCOUNT = Destination("acme", "bank", "iban-1")
TIMING = Timing(quarantine_us=60 * SECOND, lease_us=15 * SECOND, orders_per_step=50)
LEASE = Lease("mt", "worker-1", TIMING.lease_us)


class Clock:
    """Time that passes when a test says so."""

    def __init__(self, now_us=1_000 * SECOND):
        self.now_us = now_us

    def __call__(self):
        return self.now_us

    def pass_by(self, seconds):
        self.now_us += int(seconds * SECOND)


class Accounts:
    """Trading accounts by login: the client's name, a number, and a currency where not USD."""

    def account(self, connection, login):
        client, _, rest = login.partition("-")
        _, _, currency = rest.partition("-")
        return TradingAccount(
            login=login, platform="mt", client_id=client, currency=currency or "USD"
        )


class Gate:
    """Lets clients take money out, but for those it was told of."""

    def __init__(self):
        self.reasons = {}

    def refusal(self, connection, client_id):
        return self.reasons.get(client_id, "")


class Outbox:
    """What providers were told, each reference once."""

    def __init__(self):
        self.told = {}

    def __call__(self, connection, message):
        assert self.told.setdefault(message.reference, message) == message


class Platform:
    """Books as often as it is told, loses answers, obeys late; ``script`` says which in turn.

    ``ok``: it books and answers. ``lost``: it books, nobody hears. ``late``: it books after a
    while, nobody hears. ``dropped``: it never heard. ``no``: it refuses.
    """

    def __init__(self, now_us, script=(), late_us=50 * SECOND):
        self._now_us = now_us
        self._script = list(script)
        self._late_us = late_us
        self._deals = []
        self.asked = []
        self.away = False

    def will(self, *words):
        self._script += words

    def change_balances(self, orders):
        return [self.change_balance(order) for order in orders]

    def change_balance(self, order):
        self.asked.append(order)
        word = self._script.pop(0) if self._script else "ok"
        if word == "no":
            return NotBooked(reason="not enough free margin", is_certain=True)
        if word != "dropped":
            self._book(order, self._late_us if word == "late" else 0)
        if word != "ok":
            return NotBooked(reason="no answer", is_certain=False)
        return BalanceTicket(ticket=self._deals[-1].ticket)

    def balance_deals(self, login, since_us, until_us):
        if self.away:
            raise PlatformUnknownError("away")
        now = self._now_us()
        return [
            deal for deal in self._deals
            if deal.login == login and since_us <= deal.at_us <= min(until_us, now)
        ]  # fmt: skip

    def all_deals(self):
        return list(self._deals)

    def balance(self, login):
        mine = [deal for deal in self._deals if deal.login == login]
        return sum(deal.amount_minor if deal.side == "in" else -deal.amount_minor for deal in mine)

    def _book(self, order, after_us):
        deal = BalanceDeal(
            ticket=f"t{len(self._deals) + 1}", login=order.login, side=order.side,
            what=order.what, amount_minor=order.amount_minor, currency=order.currency,
            comment=order.comment, at_us=self._now_us() + after_us,
        )  # fmt: skip
        self._deals.append(deal)


class RandomPlatform(Platform):
    """Does any of it, as a seed says."""

    def __init__(self, now_us, seed, words=("ok", "ok", "lost", "late", "dropped")):
        super().__init__(now_us)
        self._random = random.Random(seed)  # noqa: S311 - a seed makes the test the same again
        self._words = words

    def change_balance(self, order):
        self._script[:] = [self._random.choice(self._words)]
        return super().change_balance(order)


class House:
    """Everything of this room together over one database, as a process wires it."""

    def __init__(self, database, clock=None, platform=None, rule=None, timing=TIMING, lease=LEASE):
        self.database = database
        self.clock = clock or Clock()
        self.platform = platform or Platform(self.clock)
        self.gate, self.outbox, self.accounts = Gate(), Outbox(), Accounts()
        rule = rule or WithdrawalRule(alone_up_to_minor={"USD": 500_000})
        self.withdrawals = Withdrawals(self.accounts, self.gate, self.outbox, rule)
        self.reports = MoneyReports(self.accounts, self.withdrawals)
        self.after = AfterOrders(self.accounts, self.withdrawals)
        self.timing, self.lease = timing, lease
        self.worker = self.new_worker()

    def new_worker(self, lease=None, timing=None):
        return PlatformWorker(
            self.database, self.platform, lease or self.lease, self.after, self.clock,
            timing or self.timing,
        )  # fmt: skip

    def do(self, function, *arguments, **more):
        """Call a function of the room in a transaction of its own, at this time."""
        with self.database.writing() as connection:
            return function(connection, *arguments, self.clock(), **more)

    def pay(self, report):
        return self.do(self.reports.apply_payment, report)

    def settle(self, report):
        return self.do(self.reports.apply_settlement, report)

    def ask_out(self, request):
        return self.do(self.withdrawals.request, request)

    def decide(self, withdrawal_id, decision):
        return self.do(self.withdrawals.decide, withdrawal_id, decision)

    def balance(self, account):
        with self.database.reading() as connection:
            return balance_of(connection, account)

    def wallet(self, client="anna", currency="USD"):
        return self.balance(wallet(client, currency)).available_minor

    def owes(self, client="anna", currency="USD"):
        return -self.balance(receivable(client, currency)).posted_minor

    def mirror(self, login, currency="USD"):
        return self.balance(on_platform(login, currency)).posted_minor

    def broken(self):
        with self.database.reading() as connection:
            return broken(connection, self.clock())

    def work_off(self, steps=30):
        """Let the worker do all that is due, now and later."""
        for _ in range(steps):
            next_us = self.worker.step()
            if next_us >= self.clock() + self.timing.idle_us:
                with self.database.reading() as connection:
                    due_us = next_due_us(connection, self.lease.platform)
                if due_us is None:
                    return
                next_us = due_us
            self.clock.now_us = max(self.clock.now_us, next_us)


class Crash(BaseException):
    """The process dies here; nothing of ours may catch it."""


class CrashingDatabase:
    """Dies at the n-th boundary of a transaction: before its commit, or right after it."""

    def __init__(self, database, tick):
        self._database = database
        self._tick = tick

    @contextmanager
    def writing(self):
        with self._database.writing() as connection:
            yield connection
            self._tick()
        self._tick()

    @contextmanager
    def reading(self):
        with self._database.reading() as connection:
            yield connection


class CrashingPlatform:
    """Dies before a platform is told something, between two orders, or after."""

    def __init__(self, platform, tick):
        self._platform = platform
        self._tick = tick

    def change_balances(self, orders):
        answers = []
        for order in orders:
            self._tick()
            answers += self._platform.change_balances([order])
        self._tick()
        return answers

    def balance_deals(self, login, since_us, until_us):
        self._tick()
        return self._platform.balance_deals(login, since_us, until_us)


def post_alone(connection, transfers, now_us=1):
    """Post transfers with an audit row, in a transaction that waited for its turn."""
    alone(connection)
    deed = Deed(actor="tester", via="test", action="test", entity="test", at_us=now_us)
    return record(connection, deed, transfers)


def reported(step, amount, **more):
    """Return a report of a deposit of client anna."""
    values = {
        "provider": "acme",
        "provider_ref": "p1",
        "event_id": f"e-{step}-{amount}-{sorted(more.items())}",
        "direction": Direction.DEPOSIT,
        "step": PaymentStep(step),
        "amount_minor": amount,
        "currency": "USD",
        "occurred_at_us": 1,
        "client_id": "anna",
        "method": "card",
        "instrument": "card-1",
    }
    return PaymentReported(**{**values, **more})


def paid_out(step, payout, **more):
    """Return a report about a payout."""
    return reported(
        step, payout.amount_minor, direction=Direction.WITHDRAWAL, reference=payout.reference,
        provider_ref=f"o-{payout.reference}", currency=payout.currency, **more,
    )  # fmt: skip


def settlement(amount, fee=0, **more):
    values = {"provider": "acme", "provider_ref": "s1", "event_id": f"s-{amount}-{more}",
              "currency": "USD", "occurred_at_us": 1}  # fmt: skip
    return SettlementReported(**{**values, **more}, amount_minor=amount, fee_minor=fee)


def asks(key, amount, **more):
    """Return a withdrawal request of client anna."""
    values = {"key": key, "client_id": "anna", "amount_minor": amount, "currency": "USD",
              "destination": BANK_ACCOUNT, "requested_by": "anna", "via": "ui"}  # fmt: skip
    return WithdrawalRequest(**{**values, **more})


def yes(actor="boris", reason="checked"):
    return Decision(actor=actor, via="desk", approve=True, reason=reason)


def no(actor="boris", reason="not this one"):
    return Decision(actor=actor, via="desk", approve=False, reason=reason)


def by(actor="carla", key="op-1", reason="asked by phone"):
    return Operation(key=key, actor=actor, via="desk", reason=reason)
