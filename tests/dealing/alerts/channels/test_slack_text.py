"""Texts for Slack: whatever they hold is shown and does nothing."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealing.alerts.channels.slack_text import escaped, is_link, is_user_id
from tests.dealing.alerts.channels.parts import TEXTS
from tests.dealing.alerts.slack_rules import calls, units


@given(TEXTS, st.integers(10, 500))
def test_no_text_is_markup_or_longer_than_allowed(text, limit):
    shown = escaped(text, limit)
    assert calls({"text": shown}) == []
    assert units(shown) <= limit
    assert "\n" not in shown


def test_letters_stay_what_they_are():
    text = 'Client "A & B" <100023>, 5 > 3'
    assert html.unescape(escaped(text, 100)) == text


def test_a_text_is_never_cut_inside_an_entity():
    assert escaped("&" * 50, 12) == "&amp;&amp;\u2026"


@pytest.mark.parametrize("text", ["@channel down", "ask @here", "@everyone"])
def test_nobody_is_called_by_a_text(text):
    assert calls({"text": text}) != []
    assert calls({"text": escaped(text, 100)}) == []


@pytest.mark.parametrize(
    "url",
    ["https://desk.example/alerts?case=17&x=1", "http://127.0.0.1:8050/alerts#17"],
)
def test_an_address_of_the_desk_is_a_link(url):
    assert is_link(url)


@pytest.mark.parametrize(
    "url",
    ["", "javascript:alert(1)", "https://a|b", "https://a<b>", "https://a b", 'https://a"b',
     "ftp://a", "https://" + "a" * 3_000, "https://a\n"],
)  # fmt: skip
def test_what_could_break_out_of_a_link_is_none(url):
    assert not is_link(url)


def test_a_person_has_an_id_of_slack():
    assert is_user_id("U0ANNA")
    assert is_user_id("W012A3CDE")
    assert not any(map(is_user_id, ("", "anna", "U", "u0anna", "<!channel>", "U0ANNA\n")))
