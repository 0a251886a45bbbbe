"""What stands still is taken out of Dash's layout, and comes back as exactly the same elements."""

import json
import re
from html.parser import HTMLParser

import dash_mantine_components as dmc
import pytest
from dash import html
from fastapi import FastAPI

from dealing.desk import DeskOptions
from dealing.desk.application import create_dash, revenue_sources
from dealing.desk.options import assets_dir
from dealing.desk.shell import layout
from dealing.desk.still import block, living_ids, split
from dealing.revenue.memory_store import MemoryRevenueStore
from tests.desk.scripted_book import EngineQueries, FakeSource

HOSTILE = "</script><b title='\"'>&amp;{%app_entry%} %(parts)s"


@pytest.fixture(scope="module")
def dash(broker):
    source, options = FakeSource(), DeskOptions()
    sources = revenue_sources(source, MemoryRevenueStore(), options, lambda: 0)
    return create_dash(FastAPI(), source, EngineQueries(broker), sources, options)


def parts_of(page):
    (content,) = re.findall(r'id="still-parts">(.*?)</script>', page, re.DOTALL)
    return json.loads(content)


class Seen(HTMLParser):
    """Elements and texts of markup, one after the other."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data):
        self.found.append(data)


def seen(markup):
    parser = Seen()
    parser.feed(markup)
    parser.close()
    return parser.found


def shown(component, parts):
    """Elements and texts of a component, with its parts in their places."""
    if not hasattr(component, "to_plotly_json"):
        return [str(component)] if str(component) else []
    told = component.to_plotly_json()
    props = dict(told["props"])
    children, still = props.pop("children", None), props.pop("data-still", None)
    names = {"className": "class", "htmlFor": "for", "tabIndex": "tabindex"}
    plain = {
        names.get(name, name): "" if value is True else str(value)
        for name, value in props.items()
        if value is not None and value is not False
    }
    within = children if isinstance(children, (list, tuple)) else [children]
    found = [(told["type"].lower(), plain)]
    found += [one for child in within if child is not None for one in shown(child, parts)]
    return found + (seen(parts[int(still)]) if still is not None else [])


def test_the_page_has_the_same_elements_as_before_in_the_same_order(dash):
    assert shown(dash.layout, parts_of(dash.index_string)) == shown(layout(DeskOptions()), [])


def test_most_of_the_page_is_nothing_that_dash_knows(dash):
    count = sum(1 for _ in dash.layout._traverse())
    assert count < sum(1 for _ in layout(DeskOptions())._traverse()) / 2


def test_what_callbacks_and_scripts_set_stays_with_dash(dash):
    parts = [dash.layout, *dash.layout._traverse()]
    with_dash = {getattr(part, "id", None) for part in parts}
    living = living_ids(dash)
    assert "drill-summary" in living
    assert living <= with_dash
    scripts = "".join(path.read_text("utf-8") for path in (assets_dir() / "js").glob("*.js"))
    set_by_name = set(re.findall(r'(?:props|set_props)\("([\w-]+)"', scripts))
    assert len(set_by_name) > 10
    assert set_by_name <= with_dash


def test_texts_and_attributes_stay_what_they_are_and_cannot_end_the_block():
    (part,) = split(html.Div(html.B(HOSTILE, title=HOSTILE)), ()).markup
    assert seen(part) == [("b", {"title": HOSTILE}), HOSTILE]
    text = block([part])
    assert text.count("<") == 2
    assert "%" not in text
    assert parts_of(text) == [part]


def test_an_element_that_is_touched_keeps_everything_around_it():
    page = html.Div([html.P([html.B("a"), html.I(id="touched")]), html.P(html.B("b"))])
    layout, markup = split(page, {"touched"})
    assert markup == ["<b>b</b>"]
    assert layout.children[0].children[1].id == "touched"


@pytest.mark.parametrize(
    "moving",
    [
        dmc.TextInput(id="x"),
        html.B("b", style={"color": "red"}),
        html.B("b", n_clicks=0),
        html.Button("b", disabled=True),
    ],
)
def test_what_is_not_plain_markup_stays(moving):
    assert split(html.Div([moving, html.B("b")]), ()).markup == []


def test_what_is_on_the_page_only_while_it_is_open_keeps_its_children():
    assert split(html.Div(dmc.Modal(html.Div(html.B("b")))), ()).markup == []
