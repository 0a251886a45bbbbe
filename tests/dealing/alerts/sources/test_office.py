"""The back office as the rules see it, over real databases."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import event, select

from crm_sync.clients.tables import CLIENT
from crm_sync.events import PaymentStep
from crm_sync.messages.tables import INBOX
from crm_sync.money.tables import LEDGER_ACCOUNTS
from crm_sync.money.withdrawals import Destination, WithdrawalRequest
from crm_sync.schema import AUDIT_LOG
from dealing.alerts.sources import office as office_source
from dealing.alerts.sources import office_read as reading_office
from dealing.alerts.sources.frame import FrameSettings, FrameSource
from dealing.alerts.sources.office import CURSOR, OfficeSettings, OfficeSource, read_office
from dealing.alerts.sources.payments import DAY_US
from dealing.alerts.sources.payments_read import payments_after, seq_at
from dealing.alerts.sources.polling import OfficePoll
from exposure.errors import DisconnectedError, DomainError
from tests.dealing.alerts.sources.made_frames import account, frame
from tests.dealing.back_office.offices import CANARIES, START_US, SmallOffice

MINUTE_US = 60_000_000
RATES = {"USD": 1.0}


@pytest.fixture
def office(sqlite_database):
    # nobody pulls the plug here
    hurry = "PRAGMA synchronous = OFF"
    event.listen(sqlite_database._engine, "connect", lambda held, _: held.execute(hurry))
    return SmallOffice(sqlite_database)


def withdraw(office, client_id, amount_minor, key="w-1"):
    with office.database.writing() as connection:
        office.rooms.withdrawals.request(
            connection,
            WithdrawalRequest(
                key=key, client_id=client_id, amount_minor=amount_minor, currency="USD",
                destination=Destination("stripe", "card", f"card-{client_id}"),
                requested_by=client_id, via="portal",
            ),
            office.now_us,
        )  # fmt: skip


def looked(office, source, rates=RATES, equity=None, traded=None):
    wish = source.wish(office.now_us)
    with office.database.reading() as connection:
        source.take(read_office(connection, wish), office.now_us)
    return source.look(office.now_us, rates, equity or {}, traded or {})


def told(office, rule, source=None, **more):
    source = source or OfficeSource(OfficeSettings(), {CURSOR: "0"})
    return [one for one in looked(office, source, **more).readings if one.rule == rule]


# Payments -----------------------------------------------------------------------------------------


def test_large_payments_are_told_once_over_a_restart(database):
    office = SmallOffice(database)
    source = OfficeSource(OfficeSettings(), {})
    first = looked(office, source)
    office.deposit("C1", 2_500_000, number=2)
    withdraw(office, "C2", 400_000)
    second = looked(office, source)
    again = OfficeSource(OfficeSettings(), second.cursors)
    office.deposit("C3", 900_000, number=3)
    third = looked(office, again)

    def large(look):
        return [(one.rule, one.subject, one.value) for one in look.readings if "large" in one.rule]

    assert not large(first)  # what was before anybody looked is no news
    assert large(second) == [("large_deposit", "C1", 25_000.0), ("large_withdrawal", "C2", 4_000.0)]
    assert large(third) == [("large_deposit", "C3", 9_000.0)]
    assert not large(looked(office, again))


def test_no_text_of_a_person_is_in_any_reading(office):
    office.break_things()
    office.dead_letter()
    withdraw(office, "C1", 500_000)
    office.now_us += 3 * MINUTE_US

    look = looked(office, OfficeSource(OfficeSettings(), {CURSOR: "0"}))

    assert len({one.rule for one in look.readings}) >= 4
    assert not [name for name in CANARIES if name in str(look)]


def test_a_pattern_is_remembered_over_a_restart(office):
    office.now_us += MINUTE_US
    withdraw(office, "C1", 500_000)
    cursors = looked(office, OfficeSource(OfficeSettings(), {})).cursors
    restarted = OfficeSource(OfficeSettings(), cursors)

    look = looked(office, restarted)

    assert [(one.rule, one.subject) for one in look.readings] == [("payment_pattern", "C1")]
    office.now_us += DAY_US
    assert not told(office, "payment_pattern", restarted)


def test_usual_payments_are_no_pattern(office):
    assert not told(office, "payment_pattern")


def test_a_long_log_is_read_in_parts_and_judged_at_its_end(office):
    office.now_us += MINUTE_US
    withdraw(office, "C1", 500_000)
    source = OfficeSource(OfficeSettings(rows=2), {CURSOR: "0"})
    looks = [looked(office, source)]
    while source.is_behind:
        looks.append(looked(office, source))

    assert len(looks) > 2
    assert "payment_pattern" not in looks[0].measured
    assert "payment_pattern" in looks[-1].measured
    rules = [one.rule for look in looks for one in look.readings]
    assert (rules.count("large_deposit"), rules.count("large_withdrawal")) == (3, 1)
    assert rules.count("payment_pattern") == 1


def test_failed_payments_are_read_from_the_log(office):
    for number in range(10, 14):
        office.deposit("C2", 10_000, number=number, step=PaymentStep.FAILED)

    (reading,) = told(office, "payment_pattern")

    assert (reading.subject, reading.value) == ("C2", 1.0)


def test_the_log_is_searched_by_time(database):
    office = SmallOffice(database)
    with database.reading() as connection:
        rows = connection.execute(select(AUDIT_LOG.c.seq, AUDIT_LOG.c.at_ns)).all()
        moments = {row.at_ns for row in rows} | {0, 2**62}
        for at_ns in moments:
            before = [row.seq for row in rows if row.at_ns < at_ns]
            assert seq_at(connection, at_ns) == max(before, default=0)
        assert payments_after(connection, 10**6, 5) == ((), 10**6)
    assert office


# Breaks -------------------------------------------------------------------------------------------


def test_breaks_without_an_end_are_told_by_what_they_put_at_risk(office):
    office.break_things(90_000, 250_000, 500)
    office.now_us += 2 * DAY_US

    found = told(office, "recon_break")

    assert sorted(one.value for one in found) == [900.0, 2_500.0]  # 5 USD are not worth a word
    assert found[0].headline.startswith("Break (missing ledger, ")
    assert "at risk for 2 days, nobody looks after it" in found[0].headline


def test_without_breaks_nothing_is_told(office):
    source = OfficeSource(OfficeSettings(), {})

    assert not told(office, "recon_break", source)
    assert "recon_break" in looked(office, source).measured


def test_breaks_are_read_every_half_minute_and_told_every_time(office):
    source = OfficeSource(OfficeSettings(), {})
    looked(office, source)
    office.break_things(250_000)

    assert not told(office, "recon_break", source)
    office.now_us += OfficeSettings().breaks_every_us
    assert told(office, "recon_break", source)
    assert told(office, "recon_break", source)


def test_more_breaks_than_are_listed_end_no_case(office, monkeypatch):
    monkeypatch.setattr(reading_office, "MOST_BREAKS", 2)
    monkeypatch.setattr(office_source, "MOST_BREAKS", 2)
    office.break_things(90_000, 250_000, 300_000)

    look = looked(office, OfficeSource(OfficeSettings(), {}))

    assert sorted(one.value for one in look.readings if one.rule == "recon_break") == [
        2_500.0,
        3_000.0,
    ]
    assert "recon_break" not in look.measured


# Messages and the ledger --------------------------------------------------------------------------


def overdue(office, table=INBOX):
    """Let a message wait that was due a minute ago."""
    office.dead_letter()
    with office.database.writing() as connection:
        due = {"state": "waiting", "finished_at_us": None, "due_at_us": office.now_us - MINUTE_US}
        connection.execute(table.update().values(due))


def test_a_message_that_is_overdue_is_lag(office):
    overdue(office)

    (reading,) = told(office, "sync_lag")

    assert (reading.subject, reading.value) == ("inbox", 60.0)
    assert reading.headline == "The inbox is 60 s late: 1 message overdue"


def test_a_message_that_waits_for_its_next_try_is_none(office):
    overdue(office)
    with office.database.writing() as connection:
        connection.execute(INBOX.update().values(due_at_us=office.now_us + 1))

    assert not told(office, "sync_lag")


def test_a_dead_letter_is_told_with_its_age(office):
    office.dead_letter()
    office.now_us += 10 * MINUTE_US

    (reading,) = told(office, "sync_lag")

    assert (reading.subject, reading.value) == ("dead letters of the inbox", 600.0)


def test_an_office_that_keeps_up_has_no_lag(office):
    assert not told(office, "sync_lag")


def test_a_ledger_that_does_not_add_up_puts_all_of_it_at_stake(office):
    with office.database.writing() as connection:
        mine = LEDGER_ACCOUNTS.c.key == "wallet:C1:USD"
        connection.execute(LEDGER_ACCOUNTS.update().where(mine).values(credits_posted=600_000))
    source = OfficeSource(OfficeSettings(), {})

    (reading,) = told(office, "sync_lag", source)

    assert (reading.subject, reading.value, reading.at_stake_usd) == ("ledger", 86_400.0, 16_000.0)
    assert "wallet:C1:USD has another balance" in reading.headline
    assert told(office, "sync_lag", source)  # told as it was read last, until it is read again
    with office.database.writing() as connection:
        connection.execute(LEDGER_ACCOUNTS.update().where(mine).values(credits_posted=500_000))
    office.now_us += OfficeSettings().proof_every_us
    assert not told(office, "sync_lag", source)


# Identification -----------------------------------------------------------------------------------


def near_the_end(office, days):
    """Move to so many days before the approvals end."""
    with office.database.reading() as connection:
        due = connection.scalar(select(CLIENT.c.kyc_due_at_us).limit(1))
    office.now_us = due - days * DAY_US


def test_clients_with_money_whose_identification_ends_soon_are_told(office):
    near_the_end(office, 10)

    first, *others = told(office, "kyc_expiry", equity={"C1": 20_000.0})

    assert (first.subject, first.value) == ("C1", 25_000.0)
    assert first.headline == "Client C1 has 25 k USD here and his identification ends in 10 days"
    assert [one.value for one in others] == [5_000.0, 5_000.0]


def test_it_is_told_when_it_has_ended(office):
    near_the_end(office, -1)

    assert "ended 24 h ago" in told(office, "kyc_expiry")[0].headline


def test_it_is_not_told_long_before_or_of_who_has_nothing(office):
    near_the_end(office, 15)
    assert not told(office, "kyc_expiry")

    near_the_end(office, 10)
    with office.database.writing() as connection:
        connection.execute(LEDGER_ACCOUNTS.delete())
    assert not told(office, "kyc_expiry")


def test_it_is_read_seldom_and_told_every_time(office):
    near_the_end(office, 10)
    source = OfficeSource(OfficeSettings(), {})

    assert source.wish(office.now_us).kyc_before_us is not None
    assert len(told(office, "kyc_expiry", source)) == 3
    assert source.wish(office.now_us).kyc_before_us is None
    assert len(told(office, "kyc_expiry", source)) == 3


# Asking -------------------------------------------------------------------------------------------


class Flow:
    """A FlowQueries that knows one client's card."""

    def __init__(self, volume_usd, error=None):
        self.volume_usd = volume_usd
        self.error = error
        self.asked = []

    async def client_card(self, client_id):
        self.asked.append(client_id)
        if self.error is not None:
            raise self.error
        return {"client": {"money": {"volume_usd": self.volume_usd}}}


@pytest.mark.parametrize(
    ("flow", "value"),
    [
        (Flow(60_000.0), 0.625),
        (Flow(0.0, DomainError("there is no client C1")), 1.25),
        (Flow(0.0, DisconnectedError("the engine is away")), 1.25),
    ],
)
def test_what_a_client_traded_is_asked_once(office, flow, value):
    office.now_us += MINUTE_US
    withdraw(office, "C1", 500_000)
    frames = FrameSource(FrameSettings(kept_events=10), {})
    frames.look(frame(accounts=[account(client_id="C1", equity=50.0)]), START_US)
    source = OfficeSource(OfficeSettings(rows=3), {})
    poll = OfficePoll(office.database, source, frames, flow, lambda: office.now_us)

    first = asyncio.run(poll.ask())
    asyncio.run(poll.ask())

    found = {one.rule: one.value for one in first.readings}
    assert found["payment_pattern"] == value
    away = isinstance(flow.error, DisconnectedError)
    assert flow.asked == ["C1"] * (2 if away else 1)
