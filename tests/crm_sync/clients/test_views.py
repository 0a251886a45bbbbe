"""What each role sees, and that planted values show nowhere else."""

import io
import logging
import traceback

import msgspec
import pytest

from crm_sync.clients.accounts import Account, AccountStatus, keep_accounts
from crm_sync.clients.csv_export import export_clients, neutral
from crm_sync.clients.fields import Field
from crm_sync.clients.kyc_reports import KycReports
from crm_sync.clients.ports import NoOtherRooms
from crm_sync.clients.roles import ComplianceView, Reader, Role
from crm_sync.clients.views import OTHERS, ClientViews, Group, groups, kyc_groups
from crm_sync.events import KycReported, KycState
from exposure.errors import DeskError, DomainError
from tests.crm_sync.clients.samples import CANARY, KYC, NOW_US, reported

SEES = {
    Role.DEALER: set(),
    Role.RISK: set(),
    Role.PAYMENTS: {Field.NAME, Field.IBAN},
    Role.COMPLIANCE: set(CANARY),
}
"""Which personal fields a role sees in clear."""


def reader(role):
    return Reader(actor="ann", role=role, reason="a request")


@pytest.fixture
def full(room):
    room.add()
    with room.writing() as connection:
        keep_accounts(connection, [Account(login="900", client_id="C1", currency="EUR")])
        KycReports(KYC, lambda *_, **__: None).apply_kyc(
            connection,
            KycReported(
                provider="sumsub", applicant_id="A1", event_id="e1", client_id="C1",
                level="standard", state=KycState.ON_HOLD, occurred_at_us=NOW_US,
                labels=("SANCTIONS",),
            ),
            NOW_US,
        )  # fmt: skip
    return room


def look(room, role, client_id="C1", views=None):
    with room.writing() as connection:
        return (views or room.views).client_360(connection, client_id, reader(role), NOW_US)


def told(seen):
    return msgspec.json.encode(seen).decode()


def test_a_role_sees_its_fields_and_no_other(full):
    for role, fields in SEES.items():
        text = told(look(full, role))
        assert {field for field, value in CANARY.items() if value in text} == fields


def test_a_dealer_sees_login_initials_and_country(full):
    seen = look(full, Role.DEALER).profile
    assert (seen.logins, seen.initials, seen.country) == (("900",), "Z.Q.", "DE")
    assert seen.verified is False


def test_payments_see_the_masked_address(full):
    assert look(full, Role.PAYMENTS).profile.masked_email == "z***@example.com"


def test_risk_sees_what_the_client_holds(full):
    class Rooms(NoOtherRooms):
        def exposure_usd(self, client_id, /):
            return {"C1": 1_500.0}[client_id]

        def sections(self, connection, client_id, role, /):
            return {"payments": [{"role": role}]}

    seen = look(full, Role.RISK, views=ClientViews(full.keys, Rooms()))
    assert seen.profile.exposure_usd == 1_500.0
    assert seen.sections == {"payments": [{"role": "risk"}]}


def test_a_hit_on_a_sanctions_list_is_told_to_compliance_only(full):
    for role in SEES:
        text = told(look(full, role).kyc)
        assert ("SANCTIONS" in text) is (role is Role.COMPLIANCE)
        assert ("on_hold" in text) is (role is Role.COMPLIANCE)


def test_management_sees_no_single_client(full):
    for role_look in (
        lambda: look(full, Role.MANAGEMENT),
        lambda: export(full, Role.MANAGEMENT),
    ):
        with pytest.raises(DomainError, match="management sees numbers of clients"):
            role_look()


def test_each_full_read_is_in_the_audit_log_with_who_and_why(full):
    before = len(full.audit())
    look(full, Role.PAYMENTS)
    assert len(full.audit()) == before
    look(full, Role.COMPLIANCE)
    look(full, Role.COMPLIANCE)
    rows = full.audit()[before:]
    assert [(row.action, row.actor, row.reason, row.entity) for row in rows] == [
        ("personal_data.read", "ann", "a request", "client C1")
    ] * 2


def test_compliance_says_who_and_why_before_it_reads(full):
    for who in (Reader(actor="ann", role=Role.COMPLIANCE, reason=" "),
                Reader(actor="", role=Role.COMPLIANCE, reason="x")):  # fmt: skip
        with full.writing() as connection, pytest.raises(DomainError, match="who reads it and why"):
            full.views.client_360(connection, "C1", who, NOW_US)


def test_an_unknown_client_is_said(room):
    with pytest.raises(DomainError, match="there is no client C9"):
        look(room, Role.DEALER, "C9")


def test_accounts_are_kept_once_and_written_where_they_changed(full):
    account = Account(login="900", client_id="C1", currency="EUR", leverage=30)
    closed = msgspec.structs.replace(account, status=AccountStatus.CLOSED)
    with full.writing() as connection:
        assert keep_accounts(connection, [account]) == 1
        assert keep_accounts(connection, [account]) == 0
        assert keep_accounts(connection, [closed]) == 1
    assert look(full, Role.DEALER).accounts == (closed,)


def test_small_groups_are_added_together(room):
    for number in range(9):
        country = "DE" if number < 5 else "CY" if number < 7 else "MT"
        room.report(reported(f"C{number}", name="A", country=country))
    with room.database.reading() as connection:
        assert groups(connection, Field.COUNTRY) == [
            Group(value="DE", clients=5), Group(value=OTHERS, clients=4),
        ]  # fmt: skip
        assert kyc_groups(connection) == [Group(value="none", clients=9)]
        with pytest.raises(DomainError, match="not counted by name"):
            groups(connection, Field.NAME)


def export(room, role, reason="a request"):
    out = io.StringIO()
    with room.writing() as connection:
        who = Reader(actor="ann", role=role, reason=reason)
        export_clients(connection, room.views, ["C1"], who, NOW_US, out)
    return out.getvalue()


def test_an_export_holds_what_the_role_sees_in_lists_and_is_audited(full):
    for role, fields in (SEES | {Role.COMPLIANCE: {Field.NAME}}).items():
        text = export(full, role)
        assert {field for field, value in CANARY.items() if value in text} == fields
        told_of = full.audit()[-1]
        assert (told_of.action, told_of.reason) == ("clients.exported", "a request")
    with pytest.raises(DomainError, match="who takes them and why"):
        export(full, role, reason="")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\uff1d1"])
def test_an_exported_formula_is_text(text):
    assert neutral(text) == f"'{text}"


def test_ordinary_text_is_exported_as_it_is():
    assert [neutral(text) for text in ("", "Anna", "a=b", " =1")] == ["", "Anna", "a=b", " =1"]


def test_a_formula_in_a_name_does_not_reach_a_spreadsheet(room):
    room.report(reported(name='=HYPERLINK("http://evil","x")', email="a@b.c"))
    assert ",\"'=HYPERLINK" in export(room, Role.PAYMENTS)


def test_planted_values_show_in_no_print_log_or_error(full, caplog):
    caplog.set_level(logging.DEBUG)
    shown = []
    for role in SEES:
        seen = look(full, role)
        shown += [repr(seen), str(seen), f"{seen.profile}", repr([seen.profile])]
    shown += [repr(full.keys), str(reader(Role.DEALER))]
    for failing in failures(full):
        with pytest.raises(DeskError) as refusal:
            failing()
        shown += [str(refusal.value), "".join(traceback.format_exception(refusal.value))]
    shown += [record.getMessage() for record in caplog.records]
    for value in (*CANARY.values(), *CANARY[Field.NAME].lower().split()):
        assert not [text for text in shown if value in text], value


def failures(room):
    """Return uses that fail while they hold planted values."""
    fields = {field.value: value for field, value in CANARY.items()}
    swapped = {**fields, "birth_date": CANARY[Field.NAME], "country": CANARY[Field.ADDRESS]}
    yield lambda: room.report(reported("C7", event="e7", **swapped))
    yield lambda: look(room, Role.COMPLIANCE, "C9")
    with room.writing() as connection:
        connection.exec_driver_sql("UPDATE client_pii SET name_ct = email_ct")
    yield lambda: look(room, Role.COMPLIANCE)
    yield lambda: room.report(reported(at=9, event="e9", email=CANARY[Field.EMAIL]))


def test_a_compliance_view_is_not_a_hit(full):
    with full.database.reading() as connection:
        hits = full.views.hits(connection, ["C1", "C404"], Role.COMPLIANCE)
    assert len(hits) == 1
    assert not isinstance(hits[0], ComplianceView)
