"""The rooms of the back office, connected with one another inside one database.

The sync process and the desk use the same rooms: what a person decides on the desk is written in
the same transactions as what providers report.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from crm_sync.clients.fields import default_policy
from crm_sync.clients.gates import Action, Circumstances, gate
from crm_sync.clients.kyc import KycPolicy
from crm_sync.clients.kyc_reports import KycReports
from crm_sync.clients.pii import Keyring
from crm_sync.clients.profiles import OURSELVES, ProfileReports
from crm_sync.clients.tables import CLIENT, TRADING_ACCOUNT
from crm_sync.database import Database
from crm_sync.events import (
    KycReported,
    KycState,
    Outcome,
    PaymentReported,
    ProfileReported,
    Reported,
    ReportHandler,
    SettlementReported,
)
from crm_sync.messages.inbox import Inbox
from crm_sync.messages.model import OutMessage, key_of
from crm_sync.messages.outbox import Outbox
from crm_sync.messages.sealing import Seal
from crm_sync.money.after_orders import AfterOrders
from crm_sync.money.ports import PayoutInstruction, Tell, TradingAccount
from crm_sync.money.taking_reports import MoneyReports
from crm_sync.money.unclear_orders import UnclearOrders, UnclearRule
from crm_sync.money.withdrawing import WithdrawalRule, Withdrawals
from dealing.back_office.corrections import WhenOrdersEnd
from dealing.back_office.platform import TARGET, TradingMode
from dealing.back_office.secrets import BackOfficeSecrets
from dealing.settings import SyncSection
from exposure.errors import InvariantError
from exposure.model.ids import Currency
from exposure.model.money import minor_digits

PLATFORM: Final = "main"
"""The one trading platform of a run."""

PAYOUTS: Final = "payouts"
"""What the provider that pays clients out is called, in the outbox and in its webhooks."""


class Rooms(NamedTuple):
    """Everything that takes reports, and what the desk asks for."""

    database: Database
    inbox: Inbox
    outbox: Outbox
    keyring: Keyring
    kyc_policy: KycPolicy
    kyc: KycReports
    withdrawals: Withdrawals
    accounts: SqlTradingAccounts
    after_orders: WhenOrdersEnd
    unclear: UnclearOrders
    handlers: dict[type[Reported], ReportHandler]
    now_us: Callable[[], int]


class SqlTradingAccounts:
    """TradingAccounts in the clients' tables."""

    def account(self, connection: Connection, login: str) -> TradingAccount | None:
        """Return the account of a login, None where nobody knows it."""
        columns = TRADING_ACCOUNT.c
        asked = select(columns.client_id, columns.currency).where(columns.login == login)
        row = connection.execute(asked).first()
        if row is None:
            return None
        return TradingAccount(
            login=login, platform=PLATFORM, client_id=row.client_id, currency=row.currency
        )


class KycGate:
    """WithdrawalGate: only who is identified takes money out by himself."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        """Take the wall clock."""
        self._now_us = now_us

    def refusal(self, connection: Connection, client_id: str) -> str:
        """Return why a client may not take money out, "" if he may."""
        asked = select(CLIENT.c.kyc_state, CLIENT.c.kyc_since_us)
        row = connection.execute(asked.where(CLIENT.c.client_id == client_id)).first()
        if row is None:
            return f"nobody knows client {client_id}"
        about = Circumstances(now_us=self._now_us(), since_us=row.kyc_since_us)
        answer = gate(Action.WITHDRAW, KycState(row.kyc_state), about)
        return "" if answer.allowed else answer.reason


def open_rooms(
    database: Database,
    section: SyncSection,
    secrets: BackOfficeSecrets,
    now_us: Callable[[], int],
) -> Rooms:
    """Connect the rooms.

    Raises:
        ConfigError: A key cannot be used.
    """
    seal = Seal(secrets.key, secrets.old_keys, os.urandom)
    keks = {_name_of(key): key for key in (secrets.key, *secrets.old_keys)}
    keyring = Keyring(keks, _name_of(secrets.key), secrets.index_key, os.urandom)
    outbox = Outbox(seal, now_us)
    accounts = SqlTradingAccounts()
    policy = KycPolicy(levels=section.kyc_levels, required=section.kyc_required)
    kyc = KycReports(policy, _PlatformTeller(outbox, now_us))
    alone_up_to = _in_minor(section.approval_above)
    rule = WithdrawalRule(alone_up_to_minor=alone_up_to)
    withdrawals = Withdrawals(accounts, KycGate(now_us), _tell_payout(outbox), rule)
    money = MoneyReports(accounts, withdrawals)
    after_orders = WhenOrdersEnd(AfterOrders(accounts, withdrawals))
    profiles = ProfileReports(keyring, default_policy(), OURSELVES)
    return Rooms(
        database=database,
        inbox=Inbox(database, seal, now_us),
        outbox=outbox,
        keyring=keyring,
        kyc_policy=policy,
        kyc=kyc,
        withdrawals=withdrawals,
        accounts=accounts,
        after_orders=after_orders,
        unclear=UnclearOrders(after_orders, UnclearRule(alone_up_to_minor=alone_up_to)),
        handlers={
            PaymentReported: _payment(money),
            SettlementReported: _settlement(money),
            KycReported: kyc.apply_kyc,
            ProfileReported: profiles.apply_profile,
        },
        now_us=now_us,
    )


def _payment(money: MoneyReports) -> ReportHandler:
    def take(connection: Connection, report: Reported, now_us: int) -> Outcome:
        if not isinstance(report, PaymentReported):
            raise InvariantError(f"{type(report).__name__} is no report of a payment")
        return money.apply_payment(connection, report, now_us)

    return take


def _settlement(money: MoneyReports) -> ReportHandler:
    def take(connection: Connection, report: Reported, now_us: int) -> Outcome:
        if not isinstance(report, SettlementReported):
            raise InvariantError(f"{type(report).__name__} is no report of a settlement")
        return money.apply_settlement(connection, report, now_us)

    return take


def _tell_payout(outbox: Outbox) -> Tell:
    def tell(connection: Connection, message: PayoutInstruction) -> None:
        outbox.tell(
            connection,
            OutMessage(
                key=key_of("payout", message.reference),
                aggregate=key_of("payout", message.reference),
                target=PAYOUTS,
                path="/payouts",
                body=msgspec.json.encode(message),
            ),
        )

    return tell


class _PlatformTeller:
    """TellPlatform through the outbox: every change of a mode is a message of its own."""

    def __init__(self, outbox: Outbox, now_us: Callable[[], int]) -> None:
        self._outbox, self._now_us = outbox, now_us

    def __call__(self, connection: Connection, logins: Sequence[str], *, close_only: bool) -> None:
        for login in logins:
            mode = TradingMode(logins=(login,), close_only=close_only)
            self._outbox.tell(
                connection,
                OutMessage(
                    key=key_of("mode", login, self._now_us(), int(close_only)),
                    aggregate=key_of("mode", login),
                    target=TARGET,
                    body=msgspec.json.encode(mode),
                ),
            )


def _in_minor(amounts: dict[str, int]) -> dict[str, int]:
    return {
        currency: amount * 10 ** minor_digits(Currency(currency))
        for currency, amount in amounts.items()
    }


def _name_of(key: bytes) -> str:
    """Return what a key is called: nothing that tells of it."""
    return hashlib.sha256(b"plimsoll kek" + key).hexdigest()[:12]
