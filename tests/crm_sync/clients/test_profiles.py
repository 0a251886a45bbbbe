"""Reports of profiles on both databases: each field has one owner, and order does not matter."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from crm_sync.clients.fields import Field, RiskClass
from crm_sync.clients.loading import FileRow
from crm_sync.clients.marks import Load
from crm_sync.clients.profiles import OURSELVES
from crm_sync.clients.tables import CLIENT_SEARCH
from crm_sync.events import KycReported, KycState, Outcome
from crm_sync.schema import METADATA
from exposure.errors import DomainError, InvariantError
from tests.crm_sync.clients.samples import CANARY, reported
from tests.thorough import examples


def test_a_first_report_makes_the_client_and_seals_what_is_personal(room):
    assert room.report(reported(name="Anna Ruiz", email="a@b.c", country="ES")) == [Outcome.APPLIED]
    assert room.personal() == {Field.NAME: "Anna Ruiz", Field.EMAIL: "a@b.c"}
    assert (room.row().country, room.row().risk_class) == ("ES", RiskClass.MEDIUM)
    assert room.state()[3] == ["a***@b.c", "anna", "ruiz"]


def test_the_same_report_again_is_a_duplicate_and_an_older_one_is_stale(room):
    newer, older = reported(at=5, name="New"), reported(at=4, event="e0", name="Old")
    assert room.report(newer, newer, older) == [
        Outcome.APPLIED, Outcome.DUPLICATE, Outcome.STALE,
    ]  # fmt: skip
    assert room.personal() == {Field.NAME: "New"}
    assert room.row().version == 2


def test_an_echo_of_what_we_told_changes_nothing(room):
    room.report(reported(name="Anna"))
    echo = reported(at=9, event="e9", origin=OURSELVES, name="Echo")
    assert room.report(echo) == [Outcome.IGNORED]
    assert room.personal()[Field.NAME] == "Anna"


def test_the_platform_cannot_write_what_the_crm_owns_nor_the_other_way(room):
    room.report(reported(name="Anna", language="de"))
    told = reported(source="platform", at=9, event="p1", name="Platform", language="fr")
    assert room.report(told) == [Outcome.APPLIED]
    assert room.personal()[Field.NAME] == "Anna"
    assert room.row().language == "fr"
    assert room.report(reported(at=10, event="e2", language="it")) == [Outcome.IGNORED]
    assert room.row().language == "fr"


def test_a_source_that_owns_nothing_makes_no_client(room):
    assert room.report(reported(source="stranger", name="X")) == [Outcome.IGNORED]
    assert room.personal() is None


def test_an_empty_value_clears_a_field_and_its_indexes(room):
    room.add()
    room.report(reported(at=9, event="e9", name="", email="", phone=""))
    assert room.personal().keys() == CANARY.keys() - {Field.NAME, Field.EMAIL, Field.PHONE}
    assert room.state()[3] == []


def test_a_changed_e_mail_keeps_the_words_of_the_name(room):
    room.report(reported(name="Anna Ruiz", email="a@b.c"))
    room.report(reported(at=2, event="e2", email="z@b.c"))
    assert room.state()[3] == ["anna", "ruiz", "z***@b.c"]


def test_a_value_that_cannot_be_refuses_the_report_and_is_not_repeated(room):
    with pytest.raises(DomainError, match="birth_date is no date") as refusal:
        room.report(reported(birth_date="secret-value", country="DE"))
    assert "secret-value" not in str(refusal.value)
    with pytest.raises(DomainError, match="external id is empty"):
        room.report(reported("", name="X"))
    assert room.personal() is None


def test_another_kind_of_report_is_a_bug(room):
    other = KycReported(
        provider="p", applicant_id="a", event_id="e", client_id="C1", level="l",
        state=KycState.DRAFT, occurred_at_us=1,
    )  # fmt: skip
    with pytest.raises(InvariantError, match="KycReported"):
        room.report(other)


def test_the_audit_log_names_fields_and_no_values(room):
    room.add()
    told = room.audit()[-1]
    assert told.action == "profile.changed"
    assert '"national_id"' in told.detail
    assert not any(value in told.detail for value in CANARY.values())


REPORTS = st.lists(
    st.builds(
        reported,
        source=st.sampled_from(["crm", "kyc", "platform"]),
        event=st.uuids(version=4).map(str),
        at=st.integers(1, 3),
        name=st.sampled_from(["", "Anna Ruiz", "Boris"]),
        email=st.sampled_from(["a@b.c", "z@y.x"]),
        country=st.sampled_from(["DE", "CY"]),
        language=st.sampled_from(["de", "fr"]),
    ),
    min_size=1,
    max_size=4,
)


def test_any_order_and_repetition_of_reports_leaves_the_same_client(room):
    numbers = itertools.count()

    @given(REPORTS, st.randoms(use_true_random=False))
    @examples(10)
    def property_holds(reports, random):
        names = [f"{kind}{next(numbers)}" for kind in "AB"]
        other = [*reports, *random.choices(reports, k=2)]
        random.shuffle(other)
        for name, order in zip(names, (reports, other), strict=True):
            room.report(*(replaced(report, name) for report in order))
        assert room.state(names[0]) == room.state(names[1])

    property_holds()


def replaced(report, external_id):
    return reported(
        external_id, source=report.source, event=report.event_id, at=report.occurred_at_us,
        **report.fields,
    )  # fmt: skip


def test_files_and_reports_of_one_client_merge_in_any_order(room):
    first, second = Load("crm", 2, "f1"), Load("crm", 4, "f2")
    said = {Field.NAME: "File One", Field.EMAIL: "one@f.f"}

    def file_one(name):
        room.loader.load([FileRow(name, said)], first)

    def file_two(name):
        room.loader.load([FileRow(name, {Field.NAME: "File Two", Field.PHONE: "12345678"})], second)

    def old(name):
        room.report(reported(name, event="r1", at=1, name="Report 1", email="r1@r.r"))

    def between(name):
        room.report(reported(name, event="r3", at=3, name="Report 3", email="r3@r.r"))

    states = []
    for number, order in enumerate(itertools.permutations([file_one, file_two, old, between])):
        for act in order:
            act(f"C{number}")
        states.append(room.state(f"C{number}"))
    assert all(state == states[0] for state in states)
    assert states[0][1] == {
        Field.NAME: "File Two", Field.EMAIL: "r3@r.r", Field.PHONE: "12345678",
    }  # fmt: skip


def test_no_table_but_the_search_holds_a_personal_value(room):
    room.add()
    with room.database.reading() as connection:
        tables = [table for table in METADATA.sorted_tables if table is not CLIENT_SEARCH]
        rows = [row for table in tables for row in connection.execute(select(table))]
    held = b"".join(v if isinstance(v, bytes) else str(v).encode() for row in rows for v in row)
    assert b"profile.changed" in held
    assert not [value for value in CANARY.values() if value.encode() in held]
