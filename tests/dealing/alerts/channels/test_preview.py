"""Messages drawn for documents: a page that holds everything, and every text only as text."""

from html.parser import HTMLParser

import pytest
from hypothesis import given

from dealing.alerts.channels.block_kit import SlackMessage, case_message, news_message
from dealing.alerts.channels.preview import Shown, preview_page
from dealing.alerts.model import EntryKind
from exposure.errors import InvariantError
from tests.dealing.alerts.channels.parts import (
    ANY_CASE,
    acknowledged,
    entry,
    group,
    message,
    messages,
)

TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "div", "span", "b", "br", "ul", "li",
}  # fmt: skip
ATTRIBUTES = {"class", "lang", "charset", "style"}


class Page(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags = set()
        self.attributes = set()
        self.text = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text.append(data)


@ANY_CASE
@given(messages())
def test_any_message_is_drawn_as_text(drawn):
    made = case_message(drawn, {}, is_first=True)
    page = Page(preview_page("alerts <b>", [Shown(message=made, at="22:13")]))
    assert page.tags <= TAGS
    assert page.attributes <= ATTRIBUTES


def test_a_message_is_drawn_with_its_buttons_and_its_thread():
    told = message(group(), mentions=("anna",))
    later = message(
        acknowledged(), new_entries=(entry(EntryKind.ACKNOWLEDGED, "on it", actor="anna"),)
    )
    reply = Shown(message=news_message(later, {}), at="22:14")
    first = case_message(told, {"anna": "U0ANNA"}, is_first=True)
    shown = Shown(message=first, at="22:13", edited=True, replies=(reply,))
    page = Page(preview_page("alerts", [shown]))
    text = "".join(page.text)
    for words in (
        "CRITICAL A-17 Margin calls XAUUSD", "At stake", "1.23 M USD", "100020", "and 208 more",
        "@U0ANNA", "Hedge XAUUSD", "Open on the desk", "on it (anna)", "(edited)",
    ):  # fmt: skip
        assert words in text
    assert "*" not in text


def test_the_page_asks_nobody_for_anything():
    made = case_message(message(), {}, is_first=True)
    page = preview_page("alerts", [Shown(message=made, at="")])
    assert "url(" not in page
    assert "src=" not in page
    assert "href" not in page


def test_a_block_that_it_does_not_know_is_said():
    with pytest.raises(InvariantError, match="video"):
        preview_page("alerts", [Shown(message=SlackMessage("x", [{"type": "video"}]), at="")])
