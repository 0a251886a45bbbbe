"""One line is one row, whatever shape it has, and both ways of parsing agree."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.errors import DataError
from feeds.book_files.csv_rows import CsvRows
from feeds.book_files.rows import Wanted

WANTED = Wanted(("a", "b", "c"), ("d",), ("e",))


def read(path, content, wanted=WANTED, block_bytes=1 << 20):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    notes = []
    chunks = list(CsvRows(path, wanted, notes, block_bytes).chunks())
    rows = [
        (int(line), chunk.broken.get(index), chunk.frame.row(index, named=True))
        for chunk in chunks
        for index, line in enumerate(chunk.lines)
    ]
    return rows, notes


def plain(rows):
    return [
        (line, tuple(value or None for value in row.values()))
        for line, broken, row in rows
        if broken is None
    ]


def test_columns_are_read_by_name_in_any_order_with_the_lines_they_stand_in(tmp_path):
    rows, notes = read(tmp_path / "t.csv", "c,a,e,b\n3,1,9,2\n6,4,9,5\n")
    assert rows == [
        (2, None, {"c": "3", "a": "1", "b": "2"}),
        (3, None, {"c": "6", "a": "4", "b": "5"}),
    ]
    assert notes == []


def test_unknown_columns_are_noted_once(tmp_path):
    rows, notes = read(tmp_path / "t.csv", "a,b,c,x,Why\n1,2,3,4,5\n")
    assert plain(rows) == [(2, ("1", "2", "3"))]
    assert notes == ["t.csv: columns that are not in the table are ignored: x, why"]


def test_a_missing_column_is_named_beside_what_is_there(tmp_path):
    with pytest.raises(DataError, match=r"t\.csv has no column b and no column c: .*names a, d$"):
        read(tmp_path / "t.csv", "a,d\n1,2\n")


def test_a_column_named_twice_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"t\.csv names the column b twice"):
        read(tmp_path / "t.csv", "a,b,c,B\n")


@pytest.mark.parametrize("content", ["", "\n\r\n"])
def test_a_file_without_a_header_is_empty(tmp_path, content):
    with pytest.raises(DataError, match=r"t\.csv is empty: its first line must name the columns"):
        read(tmp_path / "t.csv", content)


def test_a_header_alone_is_a_file_without_rows(tmp_path):
    assert read(tmp_path / "t.csv", "a,b,c") == ([], [])


def test_what_is_no_gzip_is_said_to_be_damaged(tmp_path):
    with pytest.raises(DataError, match=r"t\.csv\.gz cannot be read, its compressed data are dam"):
        read(tmp_path / "t.csv.gz", "a,b,c\n1,2,3\n")


def test_byte_order_mark_capitals_spaces_quotes_and_dos_line_ends_are_tolerated(tmp_path):
    content = b'\xef\xbb\xbf" A ",B ,c\r\n1,2,3\r\n4,5,6\r\n'
    rows, _ = read(tmp_path / "t.csv", content)
    assert plain(rows) == [(2, ("1", "2", "3")), (3, ("4", "5", "6"))]


def test_quoted_fields_may_hold_commas_and_quotes(tmp_path):
    rows, _ = read(tmp_path / "t.csv", 'a,b,c\n"1","x,y","say ""hi"""\r\n4,5,6\n')
    assert plain(rows) == [(2, ("1", "x,y", 'say "hi"')), (3, ("4", "5", "6"))]


def test_blank_lines_are_no_rows_and_count_as_lines(tmp_path):
    rows, _ = read(tmp_path / "t.csv", "\na,b,c\n\n1,2,3\n \r\n4,5,6\n\n")
    assert plain(rows) == [(4, ("1", "2", "3")), (6, ("4", "5", "6"))]


def test_lines_of_another_shape_are_broken_and_keep_what_they_have(tmp_path):
    rows, _ = read(tmp_path / "t.csv", 'a,b,c\n1,2\n1,2,3,4\n"1,2,3\n1,2,3\n')
    assert rows[0] == (
        2,
        "the line has 2 fields, the header has 3",
        {"a": "1", "b": "2", "c": ""},
    )
    assert rows[1][:2] == (3, "the line has 4 fields, the header has 3")
    assert rows[2][:2] == (4, "the quotes of this line are not closed")
    assert plain(rows) == [(5, ("1", "2", "3"))]


def test_too_short_and_too_long_lines_do_not_make_up_for_each_other(tmp_path):
    rows, _ = read(tmp_path / "t.csv", "a,b,c\n1,2,3,4\n5,6\n7,8,9\n")
    assert plain(rows) == [(4, ("7", "8", "9"))]


def test_bytes_that_are_no_text_cost_only_their_own_line(tmp_path):
    rows, _ = read(tmp_path / "t.csv", b"a,b,c\n1,2,3\n\xff\xfe,2,3\n4,5,6\n")
    assert [line for line, _ in plain(rows)] == [2, 3, 4]
    assert plain(rows)[1][1][0] == "\ufffd\ufffd"


FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=6)


@given(
    rows=st.lists(st.tuples(FIELD, FIELD, FIELD), max_size=12),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    block_bytes=st.integers(1, 60),
)
def test_whatever_a_csv_writer_writes_is_read_back(tmp_path_factory, rows, quoting, block_bytes):
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting)
    writer.writerows([("a", "b", "c"), *rows])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    found, _ = read(path, text.getvalue(), block_bytes=block_bytes)
    assert [tuple(value or "" for value in row.values()) for _, _, row in found] == rows
    assert [line for line, _, _ in found] == list(range(2, len(rows) + 2))


@pytest.mark.parametrize(
    "line", ['"1,2",3', '"1","2,3"', '1,"2",3,', '"1"2,3', '1,"2"x,3', '"1,2,"3"', '"a""b",2,3,4']
)
def test_quotes_never_make_up_for_a_wrong_shape(tmp_path, line):
    """One odd line among good ones is judged as the csv module judges it alone."""
    rows, _ = read(tmp_path / "t.csv", f'a,b,c\n"7","8","9"\n{line}\n4,5,6\n')
    try:
        fields = next(csv.reader([line], strict=True))
    except csv.Error:
        fields = []
    expected = [(3, tuple(fields))] if len(fields) == 3 else []
    assert plain(rows) == [(2, ("7", "8", "9")), *expected, (4, ("4", "5", "6"))]
    assert [row_line for row_line, _, _ in rows] == [2, 3, 4]


def test_broken_lines_keep_their_places_among_many_good_ones(tmp_path):
    lines = ["1,2" if k % 97 == 0 else f"{k},2,3" for k in range(1_000)]
    rows, _ = read(tmp_path / "t.csv", "a,b,c\n" + "\n".join(lines))
    assert [line for line, broken, _ in rows if broken] == list(range(2, 1_002, 97))
    assert [row["a"] for _, broken, row in rows if broken is None] == [
        str(k) for k in range(1_000) if k % 97
    ]
