"""The use cases behind the screen of the back office, on both databases."""

import csv
import io
import json

import pytest

from crm_sync.clients.roles import Reader, Role
from crm_sync.events import PaymentStep
from crm_sync.messages.dead_letters import Box
from crm_sync.money.errors import MoneyConflictError, OverdraftError
from crm_sync.money.freezes import freeze
from crm_sync.money.ledger import wallet
from crm_sync.money.ledger_store import balance_of
from crm_sync.money.tables import LEDGER_ACCOUNTS
from crm_sync.money.withdrawals import Destination
from crm_sync.reconcile.ports import Posting
from dealing.back_office.client_desk import ClientDesk
from dealing.back_office.desk import PROVED_EVERY_US
from dealing.back_office.payment_desk import Asked, Who, minor_of
from dealing.back_office.posting import transfer_of
from exposure.errors import DomainError
from tests.dealing.back_office.offices import CANARIES

ANNA = Who("key-1", "Anna", "asked by phone")
BEN = Who("key-2", "Ben", "checked the documents")
LARGE, SMALL = Asked("C1", "2000.00", "USD"), Asked("C1", "12.50", "USD")


def reader(role, actor="Anna", reason="a request of the client"):
    return Reader(actor=actor, role=role, reason=reason)


def search(office, text, role):
    return office.do(office.desk.clients.search(text, reader(role)))["clients"]


def look(office, client_id, role, **more):
    return office.do(office.desk.clients.client(client_id, reader(role, **more)))


def queue(office):
    return office.do(office.desk.payments.queue())


def wallet_minor(office, client_id="C1"):
    with office.database.reading() as connection:
        return balance_of(connection, wallet(client_id, "USD")).available_minor


def ask_for(office, asked=LARGE, who=ANNA, **more):
    return office.do(office.desk.payments.request(who, asked, **more))


def test_only_who_may_see_persons_finds_them_by_name(office):
    found = {role: [one["client_id"] for one in search(office, "quokka", role)]
             for role in (Role.DEALER, Role.RISK, Role.PAYMENTS, Role.COMPLIANCE)}  # fmt: skip
    assert found == {
        Role.DEALER: [], Role.RISK: [], Role.PAYMENTS: ["C1", "C2"], Role.COMPLIANCE: ["C1", "C2"],
    }  # fmt: skip
    (hit,) = search(office, "10002", Role.DEALER)
    assert (hit["client_id"], hit["initials"]) == ("C2", "Y.Q.")
    assert office.live.asked == [[]] * 5


def test_risk_sees_what_a_client_holds_and_nothing_while_the_engine_is_away(office):
    (hit,) = search(office, "C1", Role.RISK)
    assert hit["exposure_usd"] == pytest.approx(60_000.0)
    del office.live.known["10000"]
    assert search(office, "C1", Role.RISK)[0]["exposure_usd"] is None
    office.live.away = True
    assert search(office, "C1", Role.RISK)[0]["exposure_usd"] is None


def test_a_role_that_is_not_allowed_here_is_answered_nothing(office):
    clients = ClientDesk(office.rooms, office.live, [Role.DEALER])
    with pytest.raises(DomainError, match="shows no single client to compliance"):
        office.do(clients.search("C1", reader(Role.COMPLIANCE)))
    with pytest.raises(DomainError, match="shows no single client to management"):
        office.do(office.desk.clients.client("C1", reader(Role.MANAGEMENT)))


def test_a_client_is_shown_with_his_money_and_his_accounts_as_they_stand(office):
    ask_for(office)
    seen = look(office, "C1", Role.PAYMENTS)
    assert seen["live"]["10001"]["level_percent"] == pytest.approx(499.0)
    sections = seen["sections"]
    (balance,) = [one for one in sections["balances"] if one["what"] == "wallet"]
    assert (balance["balance"], balance["free"]) == ("5,000.00", "3,000.00")
    assert [one["amount"] for one in sections["deposits"]] == ["5,000.00"]
    assert [one["state"] for one in sections["withdrawals"]] == ["waiting"]
    assert {(one["amount"], one["flow"]) for one in sections["ledger"]} == {
        ("-2,000.00", "pending"), ("5,000.00", "posted"),
    }  # fmt: skip


def test_a_dealer_is_not_told_that_somebody_looks_into_a_client(office):
    with office.database.writing() as connection:
        freeze(connection, "C1", "dispute p-1", office.now_us)
    office.do(office.desk.payments.hold(ANNA, SMALL))
    shown = {role: set(look(office, "C1", role)["sections"]) for role in (Role.DEALER, Role.RISK)}
    sums = {"balances", "deposits", "withdrawals", "positions", "revenue"}
    assert shown == {Role.DEALER: sums, Role.RISK: sums}
    seen = look(office, "C1", Role.COMPLIANCE)["sections"]
    assert seen["freezes"][0]["cause"] == "dispute p-1"
    assert [one["amount"] for one in seen["holds"]] == ["12.50"]


def test_compliance_says_why_and_that_is_written_down(office):
    with pytest.raises(DomainError, match="say who reads it and why"):
        look(office, "C1", Role.COMPLIANCE, reason=" ")
    before = len(office.audit())
    assert look(office, "C1", Role.COMPLIANCE)["profile"]["name"] == "Zanzibarra Quokkamann"
    assert office.audit()[before:] == [
        ("personal_data.read", "Anna", "a request of the client"),
    ]  # fmt: skip


def test_a_large_withdrawal_waits_with_the_risk_beside_it(office):
    asked = ask_for(office)
    assert (asked["state"], asked["amount_minor"], asked["digits"]) == ("waiting", 200_000, 2)
    (waiting,) = queue(office)["waiting"]
    assert [one["login"] for one in waiting["accounts"]] == ["10001", "10000"]  # riskiest first
    assert waiting["accounts"][0]["floating"] == pytest.approx(-120.5)
    (part,) = waiting["payouts"]
    assert (part["provider"], part["returns"], part["amount_minor"]) == ("stripe", True, 200_000)
    assert wallet_minor(office) == 300_000


def test_nothing_is_asked_of_the_engine_while_nothing_waits(office):
    assert queue(office)["engine"] == ""
    assert office.live.asked == [[]]


def test_while_the_engine_is_away_the_queue_says_so(office):
    ask_for(office)
    office.live.away = True
    told = queue(office)
    assert told["engine"].startswith("the engine is away")
    assert [one["accounts"] for one in told["waiting"]] == [[]]


def test_another_person_approves_once_and_the_provider_is_told(office):
    withdrawal = ask_for(office)["id"]
    decide = office.desk.payments.decide
    with pytest.raises(MoneyConflictError, match="another one has to decide"):
        office.do(decide(withdrawal, ANNA._replace(actor=" anna "), approve=True))
    done = office.do(decide(withdrawal, BEN, approve=True))
    assert done["state"] == "paying"
    again = office.do(decide(withdrawal, BEN, approve=True))  # his first answer was lost
    assert again["state"] == "paying"
    with pytest.raises(MoneyConflictError, match="does not wait"):
        office.do(decide(withdrawal, BEN, approve=False))
    assert queue(office)["waiting"] == []
    assert office.do(office.desk.messages.queue())["outbox"]["waiting"] >= 1


def test_what_is_rejected_goes_back_to_the_wallet(office):
    withdrawal = ask_for(office)["id"]
    done = office.do(office.desk.payments.decide(withdrawal, BEN, approve=False))
    assert (done["state"], done["reason"]) == ("refused", "checked the documents")
    assert wallet_minor(office) == 500_000
    assert ("withdrawal.rejected", "Ben", "checked the documents") in office.audit()


def test_a_small_withdrawal_needs_nobody_and_the_same_key_asks_once(office):
    assert ask_for(office, SMALL)["state"] == "paying"
    assert ask_for(office, SMALL)["state"] == "paying"
    assert wallet_minor(office) == 498_750
    with pytest.raises(MoneyConflictError, match="was used for another"):
        ask_for(office, Asked("C1", "13.00", "USD"))


def test_where_nobody_can_say_the_destination_it_is_asked_for(office):
    with pytest.raises(DomainError, match="has deposited no EUR"):
        ask_for(office, Asked("C1", "5.00", "EUR"))
    with pytest.raises(OverdraftError):
        ask_for(office, Asked("C1", "9000", "USD"), destination=Destination("stripe", "iban", "x"))


@pytest.mark.parametrize("amount", ["", "0x10", "1e3", "-5", "12.345", "1,5", "NaN", "9" * 16])
def test_what_is_no_amount_is_refused(amount):
    with pytest.raises(DomainError, match="amount"):
        minor_of(amount, "USD")


def test_amounts_have_the_decimals_of_their_currency():
    assert (minor_of(" 12.5 ", "USD"), minor_of("12", "JPY"), minor_of("1.234", "KWD")) == (
        1_250, 12, 1_234,
    )  # fmt: skip


def test_a_hold_is_placed_once_listed_and_released(office):
    held = office.do(office.desk.payments.hold(ANNA, SMALL))
    assert office.do(office.desk.payments.hold(ANNA, SMALL)) == held
    assert [one["id"] for one in queue(office)["holds"]] == [held["id"]]
    assert wallet_minor(office) == 498_750
    office.do(office.desk.payments.release(BEN, held["id"]))
    assert (queue(office)["holds"], wallet_minor(office)) == ([], 500_000)
    with pytest.raises(MoneyConflictError, match="not there any more"):
        office.do(office.desk.payments.release(BEN, held["id"]))


@pytest.mark.parametrize(
    "who", [ANNA._replace(actor=" "), ANNA._replace(reason=""), ANNA._replace(key="")]
)
def test_nothing_happens_without_a_name_a_reason_and_a_key(office, who):
    with pytest.raises(DomainError, match=r"name|reason|key"):
        ask_for(office, who=who)
    assert wallet_minor(office) == 500_000


def test_new_deposits_and_open_orders_are_listed(office):
    office.deposit("C2", 700, number=2, step=PaymentStep.PENDING)
    told = queue(office)
    assert {(one["client_id"], one["state"]) for one in told["deposits"]} == {
        ("C1", "captured"), ("C2", "captured"), ("C3", "captured"), ("C2", "pending"),
    }  # fmt: skip
    ask_for(office, SMALL, login="10000")
    (order,) = queue(office)["orders"]
    assert (order["login"], order["side"], order["state"]) == ("10000", "out", "intent")


def breaks(office):
    return office.do(office.desk.breaks.queue())["breaks"]


def test_breaks_are_taken_proposed_and_approved_by_a_second_person(office):
    office.break_things()
    small, large = sorted(breaks(office), key=lambda one: one["usd_at_risk"])
    assert (large["age"], large["state"], large["fix"]["action"]) == ("0-1", "open", "post")
    desk = office.desk.breaks
    assert office.do(desk.assign(large["id"], "Cara", ANNA))["owner"] == "Cara"
    assert office.do(desk.note(large["id"], ANNA))["note"] == ANNA.reason
    made = office.do(desk.propose(large["id"], ANNA))
    assert (made["decision"], made["proposed_by"]) == ("", "Anna")
    (shown,) = [one for one in breaks(office) if one["id"] == large["id"]]
    assert (shown["state"], shown["proposal"]["payload_hash"]) == (
        "proposed", made["payload_hash"],
    )  # fmt: skip
    with pytest.raises(DomainError, match="a second person has to approve"):
        office.do(desk.decide(made["key"], made["payload_hash"], ANNA, approve=True))
    with pytest.raises(DomainError, match="is not what was seen"):
        office.do(desk.decide(made["key"], "0" * 64, BEN, approve=True))
    done = office.do(desk.decide(made["key"], made["payload_hash"], BEN, approve=True))
    assert (done["decision"], done["decided_by"]) == ("approved", "Ben")
    assert [one["id"] for one in breaks(office)] == [small["id"]]
    assert office.do(office.desk.health())["broken"] == []


def test_what_was_proposed_can_be_rejected_and_the_break_is_free_again(office):
    office.break_things()
    large = max(breaks(office), key=lambda one: one["usd_at_risk"])
    made = office.do(office.desk.breaks.propose(large["id"], ANNA))
    office.do(office.desk.breaks.decide(made["key"], made["payload_hash"], BEN, approve=False))
    (again,) = [one for one in breaks(office) if one["id"] == large["id"]]
    assert (again["state"], again["proposal"]) == ("open", None)


def test_the_breaks_are_a_file_in_which_nothing_is_computed(office):
    office.break_things()
    first = breaks(office)[0]["id"]
    office.do(office.desk.breaks.note(first, Who("", "Anna", "=1+1")))
    text = office.do(office.desk.breaks.exported())
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))}
    assert rows[first]["note"] == "'=1+1"
    assert {float(row["amount"]) for row in rows.values()} == {900.0, 2_500.0}


def test_a_correction_for_an_account_that_the_ledger_lacks_is_refused():
    odd = Posting(debit="petty_cash", credit="suspense", amount_minor=5, currency="USD", code="x")
    with pytest.raises(DomainError, match="has no account petty_cash"):
        transfer_of(odd, 1)


def test_dead_letters_are_masked_read_with_a_reason_replayed_and_dropped(office):
    numbers = [office.dead_letter(key=f"k-{n}") for n in (1, 2)]
    told = office.do(office.desk.messages.queue())
    assert [one["number"] for one in told["dead"]] == numbers[::-1]
    assert "Zanzibarra" not in json.dumps(told)
    desk = office.desk.messages
    with pytest.raises(DomainError, match="reason must say why"):
        office.do(desk.read(Box.INBOX, numbers[0], Who("", "Anna", "")))
    read = office.do(desk.read(Box.INBOX, numbers[0], ANNA))
    assert json.loads(read["text"])["name"] == "Zanzibarra"
    office.do(desk.replay(Box.INBOX, numbers[0], ANNA))
    office.do(desk.drop(Box.INBOX, numbers[1], BEN))
    told = office.do(desk.queue())
    assert (told["dead"], told["inbox"]["waiting"]) == ([], 1)
    office.now_us += 5_000_000
    assert office.do(desk.queue())["inbox"]["lag_ms"] == 5_000
    assert [action for action, *_ in office.audit()][-3:] == [
        "dead_letter.read", "dead_letter.replayed", "dead_letter.dropped",
    ]  # fmt: skip


def test_the_health_counts_and_proves_the_money_once_a_minute(office):
    ask_for(office)
    office.break_things()
    told = office.do(office.desk.health())
    assert (told["waiting"], told["breaks"], told["broken_count"]) == (1, 2, 0)
    with office.database.writing() as connection:
        connection.execute(
            LEDGER_ACCOUNTS.update()
            .where(LEDGER_ACCOUNTS.c.key == "wallet:C2:USD")
            .values(credits_posted=7_000_000)
        )
    assert office.do(office.desk.health())["broken"] == []  # it is not added up at every look
    office.now_us += PROVED_EVERY_US
    told = office.do(office.desk.health())
    first, second = told["broken"]
    assert first == "account wallet:C2:USD has another balance than its transfers make"
    assert (second.startswith("clients and house differ"), told["broken_count"]) == (True, 2)


def test_no_person_stands_in_what_others_are_told(office, caplog):
    office.break_things()
    ask_for(office)
    told = [
        queue(office), office.do(office.desk.breaks.queue()), office.do(office.desk.health()),
        office.do(office.desk.messages.queue()), look(office, "C1", Role.RISK),
    ]  # fmt: skip
    text = json.dumps(told, default=str) + caplog.text
    assert [word for word in CANARIES if word in text] == []
