"""Normal and masked forms of personal values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.clients.wording import (
    initials,
    masked_email,
    plain_code,
    plain_email,
    plain_phone,
    words_of,
)
from tests.thorough import examples


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Anna-María  O'Neill", ("anna", "maria", "o", "neill")),
        ("SÖHNKE söhnke", ("sohnke",)),
        ("Жуков", ("жуков",)),
        ("李 小龙", ("李", "小龙")),
        ("x_y", ("x", "y")),
        ('"; DROP TABLE client --', ("drop", "table", "client")),
        (" \t ", ()),
    ],
)
def test_a_name_is_searched_by_its_words_without_accents(name, words):
    assert words_of(name) == words


@given(st.text(max_size=30))
@examples(50)
def test_words_are_found_by_what_made_them(name):
    words = words_of(name)
    assert words_of(" ".join(words)) == words
    assert all(word and "\0" not in word for word in words)


def test_the_same_address_in_other_clothes_is_the_same():
    assert plain_email("  Jo.Doe@Example.COM ") == plain_email("jo.doe@example.com")
    assert plain_phone("+49 (151) 123-45") == plain_phone("0049 151 12345") == "4915112345"
    assert plain_code("de89 3704-0044") == "DE8937040044"


@pytest.mark.parametrize(
    ("email", "masked"),
    [("john.smith@example.com", "j***@example.com"), ("a@b.c", "a***@b.c"), ("", ""), ("no", "")],
)
def test_a_masked_address_shows_its_first_character_and_domain(email, masked):
    assert masked_email(email) == masked


def test_initials_are_at_most_three():
    assert initials("Anna Maria del Mar Ruiz") == "A.M.D."
    assert initials("") == ""
