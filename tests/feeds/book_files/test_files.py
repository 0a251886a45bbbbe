"""Which files a book directory has, and what is said when it has the wrong ones."""

from __future__ import annotations

import pytest

from exposure.errors import DataError
from feeds.book_files.files import find_files
from tests.feeds.book_files.day_files import write_book


def found(directory):
    notes = []
    return {name: path.name for name, path in find_files(directory, notes).items()}, notes


def test_every_form_of_a_file_is_found(tmp_path):
    write_book(tmp_path, quotes=None)
    (tmp_path / "quotes.csv.gz").touch()
    (tmp_path / "deals.parquet").touch()
    assert found(tmp_path) == (
        {
            "accounts": "accounts.csv",
            "deals": "deals.parquet",
            "instruments": "instruments.csv",
            "quotes": "quotes.csv.gz",
        },
        [],
    )


def test_two_forms_of_one_file_are_refused_by_both_names(tmp_path):
    write_book(tmp_path)
    (tmp_path / "quotes.parquet").touch()
    with pytest.raises(DataError, match=r"both quotes\.csv and quotes\.parquet: keep one"):
        found(tmp_path)


def test_a_missing_file_is_named_with_the_forms_it_may_have(tmp_path):
    write_book(tmp_path, accounts=None)
    with pytest.raises(
        DataError,
        match=r"has no accounts file: add accounts\.csv, accounts\.csv\.gz or accounts\.parquet$",
    ):
        found(tmp_path)


def test_all_missing_files_are_named_at_once(tmp_path):
    write_book(tmp_path, accounts=None, quotes=None)
    with pytest.raises(DataError, match=r"no accounts and no quotes file.*the same for quotes$"):
        found(tmp_path)


def test_an_empty_directory_is_said_to_be_empty(tmp_path):
    with pytest.raises(DataError, match=r"is empty: add instruments\.csv"):
        found(tmp_path)


def test_a_directory_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist"):
        found(tmp_path / "nowhere")


def test_a_file_in_place_of_a_directory_is_named(tmp_path):
    write_book(tmp_path)
    with pytest.raises(DataError, match=r"quotes\.csv is a file: name the directory"):
        found(tmp_path / "quotes.csv")


def test_a_misspelt_data_file_is_noted_and_other_files_are_not(tmp_path):
    write_book(tmp_path, deal="ts_ms")
    (tmp_path / "README.txt").touch()
    (tmp_path / ".quotes.csv.swp").touch()
    _, notes = found(tmp_path)
    assert notes == ["deal.csv is ignored: a book directory has no file of that name"]
