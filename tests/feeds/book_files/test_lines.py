"""Lines come in whole blocks, and damaged data end a file without losing what came before."""

from __future__ import annotations

import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exposure.errors import DataError
from feeds.book_files.lines import LineBlocks
from tests.feeds.book_files.day_files import packed

TEXT = "".join(f"{number},{number * 7919 % 10007}\n" for number in range(5_000))


def read(path, content, block_bytes=1 << 20):
    path.write_bytes(content)
    blocks = LineBlocks(path, block_bytes)
    return b"".join(blocks), blocks.damage


@given(
    lines=st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b""))),
    block_bytes=st.integers(1, 40),
)
def test_blocks_of_any_size_are_whole_lines_and_lose_nothing(tmp_path_factory, lines, block_bytes):
    path = tmp_path_factory.mktemp("lines") / "quotes.csv"
    content = b"".join(line + b"\n" for line in lines)
    path.write_bytes(content)
    blocks = list(LineBlocks(path, block_bytes))
    assert b"".join(blocks) == content
    assert all(block.endswith(b"\n") for block in blocks)


def test_a_last_line_without_its_end_is_a_line(tmp_path):
    assert read(tmp_path / "a.csv", b"1\n2") == (b"1\n2\n", None)


def test_gzip_is_unpacked(tmp_path):
    assert read(tmp_path / "a.csv.gz", packed(TEXT)) == (TEXT.encode(), None)


def test_several_gzip_members_and_zero_padding_are_one_file(tmp_path):
    content = packed("1\n") + packed("2\n") + bytes(1_000)
    assert read(tmp_path / "a.csv.gz", content) == (b"1\n2\n", None)


def test_a_truncated_gzip_gives_its_whole_lines_and_says_so(tmp_path):
    whole = packed(TEXT)
    lines, damage = read(tmp_path / "a.csv.gz", whole[: len(whole) // 2])
    assert TEXT.encode().startswith(lines)
    assert lines.endswith(b"\n")
    assert len(lines) > len(TEXT) // 4
    assert damage == "its compressed data end too early"


def test_a_gzip_that_lacks_only_its_check_sum_gives_everything_and_says_so(tmp_path):
    lines, damage = read(tmp_path / "a.csv.gz", packed(TEXT)[:-5])
    assert lines == TEXT.encode()
    assert damage == "its compressed data end too early"


def test_a_corrupt_gzip_gives_the_lines_before_the_damage(tmp_path):
    noise = random.Random(5).randbytes(200_000).hex().encode()  # noqa: S311
    whole = bytearray(gzip.compress(TEXT.encode() + noise, mtime=0))
    whole[-60_000:-59_000] = bytes(1_000)
    lines, damage = read(tmp_path / "a.csv.gz", bytes(whole))
    assert lines == TEXT.encode()
    assert damage == "its compressed data are damaged"


def test_something_that_is_no_gzip_has_no_lines(tmp_path):
    assert read(tmp_path / "a.csv.gz", TEXT.encode()) == (b"", "its compressed data are damaged")


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.csv cannot be read: No such file"):
        list(LineBlocks(tmp_path / "gone.csv"))
