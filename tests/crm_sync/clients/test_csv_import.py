"""A broker's files: what is read, what is set aside and why, and that twice is once."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.clients.accounts import accounts_of
from crm_sync.clients.csv_import import (
    Source,
    client_rows,
    import_accounts,
    import_clients,
    load_of,
)
from crm_sync.clients.csv_lines import SHOWN, SetAside, read_mapping
from crm_sync.clients.fields import Field
from crm_sync.clients.loading import FileRow, Loaded
from crm_sync.events import KycState
from exposure.errors import DataError
from tests.crm_sync.clients.samples import NOW_US
from tests.thorough import examples

GOOD = """\
Client ID,Full Name,E-Mail,Mobile,Date of Birth,Country,KYC Status,Favourite Colour
C1,Anna Ruiz,a@b.c,+34 600 111,1990-01-02,es,verified,red
C2,"Kovač, Bel",,,,,,
"""


def file_of(tmp_path, content, name="clients.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path, content, mapping=None):
    aside = SetAside()
    rows = list(client_rows(Source(file_of(tmp_path, content), mapping), aside))
    return rows, aside


def test_obvious_names_of_columns_need_no_mapping(tmp_path):
    rows, aside = read(tmp_path, GOOD)
    assert rows == [
        FileRow(
            "C1",
            {
                Field.NAME: "Anna Ruiz", Field.EMAIL: "a@b.c", Field.PHONE: "+34 600 111",
                Field.BIRTH_DATE: "1990-01-02", Field.COUNTRY: "ES",
            },
            KycState.APPROVED,
        ),
        FileRow("C2", {Field.NAME: "Kovač, Bel"}),
    ]  # fmt: skip
    assert aside.count == 0


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark_are_read(tmp_path, delimiter):
    text = f"\ufeffid{delimiter}name\r\n\r\nC1{delimiter}Anna, Ruiz\r\n"
    assert read(tmp_path, text)[0] == [FileRow("C1", {Field.NAME: "Anna, Ruiz"})]


def test_a_mapping_file_names_unusual_columns(tmp_path):
    mapping = read_mapping(file_of(tmp_path, '{"Kundennr.": "external_id", "x": "name"}', "m.json"))
    assert read(tmp_path, "kundennr,X\nC1,Anna\n", mapping)[0] == [
        FileRow("C1", {Field.NAME: "Anna"})
    ]


BAD = [
    ("C1,A,a@b.c,extra\n", "", "the line has 4 fields, the header 3"),
    ('C1,"A,a@b.c\n', "", "quotes of this line are not closed"),
    (b"C1,\xff\xfe,a@b.c\n", "", "not UTF-8"),
    (",A,a@b.c\n", "Client", "Client is empty"),
    ("C9,A,a@b.c\n", "Client", "Client stands in an earlier line already"),
    ("C1,A,secret-mail\n", "Mail", "Mail is no e-mail address"),
    ("C1,sec\0ret,a@b.c\n", "Name", "Name holds control characters"),
]


@pytest.mark.parametrize(("line", "column", "reason"), BAD)
def test_a_bad_row_is_told_with_line_column_and_reason_and_costs_itself_only(
    tmp_path, line, column, reason
):
    raw = line if isinstance(line, bytes) else line.encode()
    rows, aside = read(tmp_path, b"Client,Name,Mail\nC9,First,\n" + raw + b"C3,Last,\n")
    assert [row.external_id for row in rows] == ["C9", "C3"]
    bad = aside.told[0]
    assert (bad.file, bad.line, bad.column) == ("clients.csv", 3, column)
    assert reason in bad.reason
    assert "secret" not in bad.reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "lacks the columns external_id"),
        ("name,mail\n", "lacks the columns external_id"),
        ("id,crm id\n", "more than one column for external_id"),
    ],
)
def test_a_file_without_its_columns_is_refused_whole(tmp_path, content, words):
    with pytest.raises(DataError, match=words):
        read(tmp_path, content)


def test_a_mapping_that_cannot_be_is_told(tmp_path):
    with pytest.raises(DataError, match="mapped to columns that there are not: colour"):
        read(tmp_path, "id\n", {"x": "colour"})
    for content in ("[1]", "{", '{"a": 1}'):
        with pytest.raises(DataError, match="no JSON object of column names"):
            read_mapping(file_of(tmp_path, content, "m.json"))
    for use in (read_mapping, lambda path: load_of(path, "crm", 1)):
        with pytest.raises(DataError, match=r"none\.csv cannot be read"):
            use(tmp_path / "none.csv")
    with pytest.raises(DataError, match=r"none\.csv cannot be read"):
        list(client_rows(Source(tmp_path / "none.csv"), SetAside()))


def test_what_is_set_aside_can_be_kept_and_all_of_it_is_counted(tmp_path):
    kept = io.StringIO()
    aside = SetAside(kept)
    content = "id,name\n" + ",x\n" * (SHOWN + 5)
    assert list(client_rows(Source(file_of(tmp_path, content)), aside)) == []
    assert (aside.count, len(aside.told)) == (SHOWN + 5, SHOWN)
    assert kept.getvalue() == ",x\n" * (SHOWN + 5)


@given(st.binary(max_size=200))
@examples(60)
def test_any_bytes_after_the_header_are_read_or_set_aside(tmp_path_factory, content):
    path = file_of(tmp_path_factory.mktemp("csv"), b"id,name,mail\n" + content)
    aside = SetAside()
    rows = list(client_rows(Source(path), aside))
    lines = sum(bool(line.strip()) for line in content.split(b"\n"))
    assert len(rows) + aside.count == lines


def load(room, path, *, dry_run=False):
    aside = SetAside()
    done = import_clients(
        room.loader, Source(path), load_of(path, "crm", NOW_US), aside, dry_run=dry_run
    )
    return done, aside


def test_a_file_is_imported_twice_and_changes_nothing_the_second_time(room, tmp_path):
    path = file_of(tmp_path, GOOD + "C3,X,nomail,,,,,\n")
    assert load(room, path, dry_run=True)[0] == Loaded(rows=2, new=2)
    done, aside = load(room, path)
    assert (done, aside.count) == (Loaded(rows=2, new=2), 1)
    assert load(room, path)[0] == Loaded(rows=2, unchanged=2)
    assert (room.row().kyc_state, room.row().kyc_level) == ("approved", "standard")
    assert room.personal()[Field.NAME] == "Anna Ruiz"


ACCOUNTS = """\
Login,Customer ID,CCY,Leverage,Opened,Status,Group
900,C1,eur,1:30,2026-01-31T12:00:00Z,Open,real\\EUR
901,C1,USD,100,,closed,
902,C404,USD,1,,,
903,C1,USD,0,,,
904,C1,USD,1,31.1.2026,,
905,C1,USD,1,,frozen,
900,C1,USD,1,,,
906,C1,,1,,,
"""


def test_accounts_are_loaded_for_clients_that_are_known(room, tmp_path):
    load(room, file_of(tmp_path, GOOD))
    source = Source(file_of(tmp_path, ACCOUNTS, "accounts.csv"))
    aside, told = SetAside(), []
    foreseen = import_accounts(room.database, source, SetAside(), dry_run=True)
    done = import_accounts(room.database, source, aside, progress=told.append)
    assert foreseen == done == Loaded(rows=3, changed=2)
    assert told == [3]
    assert [(bad.line, bad.column) for bad in sorted(aside.told, key=lambda bad: bad.line)] == [
        (4, "Customer ID"), (5, "Leverage"), (6, "Opened"), (7, "Status"), (8, "Login"), (9, "CCY"),
    ]  # fmt: skip
    assert import_accounts(room.database, source, SetAside()) == Loaded(rows=3, unchanged=2)
    with room.database.reading() as connection:
        first, second = accounts_of(connection, ["C1"])["C1"]
    assert (first.currency, first.leverage, first.account_group) == ("EUR", 30, "real\\EUR")
    assert first.opened_at_us == 1_769_860_800_000_000
    assert (second.status, second.leverage, second.opened_at_us) == ("closed", 100, 0)
