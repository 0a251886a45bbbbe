"""Search as you type on both databases: what is found, by whom, and that nothing is a query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.clients.accounts import Account, keep_accounts
from crm_sync.clients.fields import Field
from crm_sync.clients.loading import FileRow
from crm_sync.clients.marks import Load
from crm_sync.clients.roles import Reader, Role
from crm_sync.clients.sample_clients import sample_row, sample_rows
from crm_sync.clients.search import LIMIT
from tests.crm_sync.clients.samples import NOW_US, Room, reported
from tests.thorough import examples

PEOPLE = {
    "C1": ("Anna-María Ruiz", "anna.ruiz@example.com", "+34 600 111 222"),
    "C2": ("Annabel Kovač", "bel@example.net", "+44 20 7946 0000"),
    "C3": ("Петр Иванов", "petr@example.com", "+7 495 1234567"),
    "C4": ("李 小龙", "li@example.cn", "+86 10 12345678"),
    "D5": ("Ruiz Annett", "ra@example.com", "+34 600 333 444"),
}


@pytest.fixture
def filled(room):
    for client_id, (name, email, phone) in PEOPLE.items():
        room.report(reported(client_id, name=name, email=email, phone=phone))
    with room.writing() as connection:
        keep_accounts(
            connection,
            [
                Account(login="80001", client_id="C1", currency="EUR"),
                Account(login="80002", client_id="C1", currency="USD"),
                Account(login="81001", client_id="D5", currency="EUR"),
            ],
        )
    return room


def found(room, text, role=Role.COMPLIANCE):
    with room.database.reading() as connection:
        hits = room.search.search(connection, text, Reader(actor="a", role=role))
    return [hit.client_id for hit in hits]


FINDS = {
    "ann": ["C1", "C2", "D5"],
    "ANNA": ["C1", "C2"],
    "maria": ["C1"],
    "María": ["C1"],
    "rui ann": ["C1", "D5"],
    "ann rui": ["C1", "D5"],
    "kovac": ["C2"],
    "ПЕТР": ["C3"],
    "иван петр": ["C3"],
    "小龙": ["C4"],
    "nobody": [],
    "ann nobody": [],
    "anna.ruiz@example.com": ["C1"],
    " Anna.Ruiz@EXAMPLE.com ": ["C1"],
    "anna.ruiz@example": [],
    "b***@example": ["C2"],
    "p***@": ["C3"],
    "+34 600 111 222": ["C1"],
    "0034600111222": ["C1"],
    "8000": ["C1"],
    "80002": ["C1"],
    "8": [],
    "81": ["D5"],
    "D5": ["D5"],
    "": [],
    "  ": [],
}

QUERIES = ("%", "%%", "__", "' OR 1=1 --", "ann OR rui", "NEAR(ann rui)", "a%", "\0\0")
"""They would find much if they were taken for a query."""

SIGNS = {
    "ann*": ["C1", "C2", "D5"],
    '"ann': ["C1", "C2", "D5"],
    "\\ann": ["C1", "C2", "D5"],
    "ann:*": ["C1", "C2", "D5"],
    "ann & !rui": ["C1", "D5"],
}


def test_what_is_typed_finds_whom_it_means(filled):
    assert {typed: found(filled, typed) for typed in FINDS} == FINDS


def test_no_sign_is_a_query_language(filled):
    assert {typed: found(filled, typed) for typed in SIGNS} == SIGNS
    assert not [typed for typed in QUERIES if found(filled, typed)]


def test_any_text_is_searched_without_an_error(filled):
    @given(st.text(max_size=12))
    @examples(40)
    def property_holds(typed):
        assert set(found(filled, typed)) <= PEOPLE.keys()

    property_holds()


def test_dealers_find_by_login_and_id_and_not_by_person_and_management_nobody(filled):
    for role in (Role.DEALER, Role.RISK):
        assert found(filled, "8000", role) == ["C1"]
        assert found(filled, "D5", role) == ["D5"]
        for typed in ("ann", "anna.ruiz@example.com", "+34600111222", "b***@example"):
            assert found(filled, typed, role) == []
    assert found(filled, "8000", Role.MANAGEMENT) == []


def test_a_hit_is_as_the_role_may_see_it(filled):
    with filled.database.reading() as connection:
        seen = {
            role: filled.search.search(connection, "8000", Reader(actor="a", role=role))[0]
            for role in (Role.DEALER, Role.PAYMENTS, Role.COMPLIANCE)
        }
    assert seen[Role.DEALER].initials == "A.M.R."
    assert not hasattr(seen[Role.DEALER], "name")
    assert seen[Role.PAYMENTS].masked_email == "a***@example.com"
    assert seen[Role.COMPLIANCE].name == "Anna-María Ruiz"


def test_at_most_twenty_are_found(room):
    room.loader.load(
        [FileRow(f"N{number:03d}", {Field.NAME: f"Same {number}"}) for number in range(50)],
        Load("crm", NOW_US, "f"),
    )
    assert len(found(room, "same")) == LIMIT
    assert len(found(room, "N0")) == LIMIT


def test_a_name_that_changed_is_found_by_the_new_one_only(filled):
    filled.report(reported("C1", at=9, event="e9", name="Berta Ruiz"))
    assert found(filled, "berta") == ["C1"]
    assert "C1" not in found(filled, "anna")


def test_both_engines_find_the_same(sqlite_database, postgres_database):
    rooms = [Room(sqlite_database), Room(postgres_database)]
    for room in rooms:
        room.loader.load(sample_rows(600), Load("crm", NOW_US, "f"))
    typed = [sample_row(number).values[Field.NAME][:4] for number in range(0, 600, 20)]
    for text in [*typed, "мар", "c0000001", "m***@", "anna b"]:
        assert found(rooms[0], text) == found(rooms[1], text)


def test_two_common_words_that_hardly_meet_say_that_there_may_be_more(filled, monkeypatch):
    def find(text):
        with filled.database.reading() as connection:
            return filled.search.find(connection, text, Role.COMPLIANCE)

    assert find("ann rui") == (["C1", "D5"], False)
    monkeypatch.setattr("crm_sync.clients.search.EXAMINED", 1)
    looked_at, is_cut = find("ann rui")
    assert (len(looked_at) < 2, is_cut) == (True, True)
    assert find("ann") == (["C1", "C2", "D5"], False), "one word is walked, none is looked up"
    assert find("80001").is_cut is False
    monkeypatch.setattr("crm_sync.clients.search.EXAMINED", 3)
    assert find("annabel rui") == ([], False), "one of them is rare enough"
