"""The page about book directories: its example is replayed, its tables are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from dealing.replay import replay_directory, to_json
from feeds.book_files.schema import (
    COUNTED_FILES,
    EVENT_FILES,
    QUOTES,
    REFERENCE_QUOTES,
    STATIC_FILES,
)

PAGE = (Path(__file__).parents[2] / "docs" / "book-directory.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^`(\w+\.csv)`\n\n```csv\n(.*?)```", re.MULTILINE | re.DOTALL)


def test_the_example_of_the_page_is_a_day_with_the_figures_it_tells(tmp_path):
    for name, text in EXAMPLE.findall(PAGE):
        (tmp_path / name).write_text(text)
    said = orjson.loads(to_json(replay_directory(tmp_path)))
    (account,) = said["accounts"]
    (crossing,) = said["crossings"]
    assert said["breaks"] == []
    assert crossing["kind"] == "margin_call"
    figures = {**account, "level": crossing["level"]}
    for name, words in {
        "balance": "balance is 1,994.00",
        "margin": "margin 1,393.50",
        "level": "margin level of 92.86 %",
        "equity": "equity of 1,144.00",
    }.items():
        assert words in PAGE
        assert f"{figures[name]:,.2f}" in words


@pytest.mark.parametrize(
    "file", [*STATIC_FILES, QUOTES, REFERENCE_QUOTES, *EVENT_FILES], ids=lambda file: file.name
)
def test_the_row_of_a_file_names_its_columns(file):
    line, *_ = re.findall(rf"^\| `{file.name}` \|.*$", PAGE, re.MULTILINE)
    required, optional = (set(re.findall(r"`(\w+)`", cell)) for cell in line.split("|")[2:4])
    assert required == {column.name for column in file.columns if column.required}
    named = {column.name for column in file.columns if not column.required} | set(file.unused)
    words = {choice for column in file.columns for choice in column.choices}
    assert optional - words == named


@pytest.mark.parametrize("file", COUNTED_FILES, ids=lambda file: file.name)
def test_a_counted_file_is_named_with_its_columns(file):
    (columns,) = re.findall(rf"`{file.name}` \((.*?)\)", PAGE, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", columns)) == {*file.required, *file.optional}
