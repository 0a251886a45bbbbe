"""The alerts screen without a browser: keys, names and buttons agree between page and scripts."""

import json
import re

import pytest

from dealing.desk import DeskOptions
from dealing.desk.ids import AlertIds, ShellIds
from dealing.desk.options import assets_dir
from dealing.desk.panels.help import KEYS, SCREEN_KEYS
from dealing.desk.shell import layout

SCRIPTS = sorted((assets_dir() / "js").glob("alerts*.js"))


def known_steps():
    script = (assets_dir() / "js/alerts.js").read_text("utf-8")
    table = script.split("const does = {")[1].split("};")[0]
    return set(re.findall(r"(\w+): ", table))


def parts(options=None):
    return list(layout(options or DeskOptions())._traverse())


def test_every_key_of_the_screen_does_something_the_scripts_know():
    for screen, own in SCREEN_KEYS.items():
        assert {key.action.split(":")[0] for key in own} == {"alert"}, screen
        assert {key.action.split(":")[1] for key in own} <= known_steps()
        assert len({key.key for key in own}) == len(own)


def test_the_page_binds_them_on_that_screen_only():
    choices = next(part for part in parts() if getattr(part, "id", "") == ShellIds.CHOICES)
    keys = dict(json.loads(getattr(choices, "data-keys")))
    assert keys["A"] == "screen:alerts"
    assert keys["alerts:A"] == "alert:acknowledge"
    assert keys["alerts:K"] == "alert:previous"
    assert keys["K"] == "screen:clients"
    assert len(keys) == len([key for key in KEYS if key.action]) + len(SCREEN_KEYS["alerts"])


def test_every_button_of_the_screen_does_something_the_scripts_know():
    actions = {getattr(part, "data-action", None) or "" for part in parts()}
    asked = {action.split(":")[1] for action in actions if action.startswith("alert:")}
    assert {"send", "leave", "undo", "mute", "post", "copy"} <= asked <= known_steps()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_name_only_elements_that_are_there(script):
    named = re.findall(r'"(alerts-[\w-]+)"', script.read_text("utf-8"))
    assert set(named) <= {str(one) for one in AlertIds}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_put_text_in_as_text(script):
    text = script.read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)


@pytest.mark.parametrize("alerts", [False, True])
def test_pages_ask_for_alerts_only_where_a_process_watches(alerts):
    page = parts(DeskOptions(alerts=alerts))
    choices = next(part for part in page if getattr(part, "id", "") == ShellIds.CHOICES)
    assert getattr(choices, "data-alerts", None) == ("true" if alerts else None)
