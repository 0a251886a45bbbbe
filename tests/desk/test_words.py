"""What people type into fields is understood, or refused in one sentence that names the cure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.desk.words import RefusedError, amount_of, percent_of, target_of


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("-5", -5.0),
        (" 2.5 % ", 2.5),
        ("+3", 3.0),
        ("\u22125", -5.0),
        ("-0,5", -0.5),
        ("-99.9", -99.9),
    ],
)
def test_percentages_as_people_write_them(typed, meant):
    assert percent_of(typed) == meant


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Say how far it moves, in percent, such as -5."),
        ("abc", "'abc' is no percentage: write a number such as -5."),
        ("nan", "'nan' is no percentage: write a number such as -5."),
        ("-100", "Nothing falls by 100 % or more: write more than -100."),
        ("1e4", "Moves of more than 1,000 % are not looked at."),
        (None, "Say how far it moves, in percent, such as -5."),
    ],
)
def test_what_is_no_percentage_is_refused(typed, says):
    with pytest.raises(RefusedError) as refused:
        percent_of(typed)
    assert (refused.value.field, str(refused.value)) == ("percent", says)


@pytest.mark.parametrize(
    ("typed", "usd"),
    [("2,000,000", 2e6), ("2M", 2e6), ("50k", 5e4), ("$1.5 m", 1.5e6), ("1_000", 1e3), ("7", 7.0)],
)
def test_amounts_as_people_write_them(typed, usd):
    assert amount_of(typed) == usd


@pytest.mark.parametrize("typed", ["", "x", "-5", "0", "1e6", "2MM", "9" * 30, None, 5])
def test_what_is_no_amount_is_refused(typed):
    with pytest.raises(RefusedError, match=r"\.$") as refused:
        amount_of(typed)
    assert refused.value.field == "capital"


@pytest.mark.parametrize("typed", ["", "   ", None, 5, "X" * 41])
def test_a_move_needs_a_name(typed):
    with pytest.raises(RefusedError):
        target_of(typed)
    assert target_of(" EURUSD ") == "EURUSD"


@given(st.text(max_size=40))
def test_anything_else_is_a_number_or_a_sentence(typed):
    for understand in (percent_of, amount_of):
        try:
            said = f"{understand(typed)}."
        except RefusedError as refused:
            said = str(refused)
        assert said.endswith(".")
