"""The desk as it is put together: its page, its callbacks and what it must never do."""

import inspect
import json
import re

import pytest
from dash import Dash
from fastapi import FastAPI

from dealing.desk import DeskOptions, ids, theme
from dealing.desk.application import create_dash, revenue_sources
from dealing.desk.columns import Draw
from dealing.desk.options import assets_dir
from dealing.desk.panels.help import KEYS
from dealing.desk.panels.margin import BAND_NAMES, BANDS
from dealing.desk.shell import layout
from dealing.revenue.memory_store import MemoryRevenueStore
from tests.desk.scripted_book import EngineQueries, FakeSource

SCRIPTS = sorted((assets_dir() / "js").glob("*.js"))
STYLES = sorted((assets_dir() / "css").glob("*.css"))


@pytest.fixture(scope="module")
def dash(broker):
    return made(broker, DeskOptions())


def made(broker, options):
    source = FakeSource()
    sources = revenue_sources(source, MemoryRevenueStore(), options, lambda: 0)
    return create_dash(FastAPI(), source, EngineQueries(broker), sources, options)


def ids_in(component):
    return {str(getattr(part, "id", "")) for part in component._traverse() if hasattr(part, "id")}


def test_every_id_is_on_the_page():
    wanted = {str(i) for family in vars(ids).values() if inspect.isclass(family)
              and issubclass(family, ids.StrEnum) for i in family}  # fmt: skip
    assert wanted - {ids.ShellIds.PROVIDER} <= ids_in(layout(DeskOptions()))


def test_every_callback_is_async(dash):
    served = [c["callback"] for c in dash.callback_map.values() if "callback" in c]
    assert len(served) == 10
    assert all(inspect.iscoroutinefunction(inspect.unwrap(callback)) for callback in served)


def test_callbacks_never_touch_what_the_stream_owns(dash):
    outputs = " ".join(dash.callback_map)
    assert ids.ExposureIds.GRID not in outputs
    assert ids.PnlIds.CHART not in outputs


def test_dash_checks_its_callbacks_against_the_page(dash):
    assert isinstance(dash, Dash)
    assert dash.config.suppress_callback_exceptions is False


def test_the_page_is_painted_in_its_theme_before_any_script():
    light = made(None, DeskOptions(theme="light")).index_string
    assert 'data-theme="light"' in light
    assert theme.TOKENS["light"]["--bg"] in light


def test_a_desk_open_to_a_network_says_so():
    texts = json.dumps(layout(DeskOptions(hosts=("desk.example",))).to_plotly_json(), default=str)
    assert "open to your network" in texts
    assert "loopback only" not in texts


@pytest.mark.parametrize("name", ["dark", "light"])
def test_python_knows_the_colours_of_the_stylesheet(name):
    css = (assets_dir() / "css/01-tokens.css").read_text("utf-8")
    block = css.split(":root {")[1] if name == "dark" else css.split('[data-theme="light"] {')[1]
    declared = dict(re.findall(r"(--[\w-]+): ([^;]+);", block.split("}")[0]))
    assert {key: declared[key] for key in theme.TOKENS[name]} == theme.TOKENS[name]


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES], ids=lambda path: path.name)
def test_nothing_comes_from_the_internet(path):
    addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text("utf-8"))
    assert set(addresses) <= {"http://www.w3.org"}


def test_every_icon_has_a_file_and_every_set_its_licence():
    css = "".join(path.read_text("utf-8") for path in STYLES)
    for name in re.findall(r'url\("\.\./([^"]+)"\)', css):
        assert (assets_dir() / name).is_file(), name
    assert {path.name for path in assets_dir().rglob("*LICENSE*")} == {
        "INTER-LICENSE.txt",
        "LUCIDE-LICENSE.txt",
    }


def test_every_key_is_bound_to_an_action_the_scripts_know():
    script = (assets_dir() / "js/actions.js").read_text("utf-8")
    table = script.split("const actions = {")[1].split("\n  };")[0]
    known = set(re.findall(r"^    (\w+):", table, re.MULTILINE))
    assert {key.action.split(":")[0] for key in KEYS if key.action} <= known
    assert len({key.key for key in KEYS}) == len(KEYS)


def test_every_drawing_type_of_a_column_exists_in_the_script():
    script = (assets_dir() / "js/columns.js").read_text("utf-8")
    table = script.split("grid.deskColumnTypes = {")[1]
    known = set(re.findall(r"^    (\w+): ", table, re.MULTILINE))
    assert {draw.value for draw in Draw} == known


def test_bands_have_a_name_each():
    assert len(BAND_NAMES) == len(BANDS) + 1
