"""Every figure can be read on every ground it can stand on, in both themes and both palettes."""

import doctest
import itertools

import pytest

from tests.desk import contrast
from tests.desk.contrast import LOOKS, READABLE, mixed, rgb, share, tokens

GROUNDS = ("--panel", "--hover", "--selected", "--raised")
PRICES = ("--text", "--muted")
STEPS = range(0, 102, 2)
"""Shares of the largest figure, in percent, that a bar or a heat is drawn in."""


@pytest.fixture(params=LOOKS)
def look(request):
    return tokens(request.param)


def unreadable(pairs):
    """Return the pairs (name, text, ground) that cannot be read, with their contrast."""
    ratios = {name: contrast.contrast(text, ground) for name, text, ground in pairs}
    return {name: round(ratio, 2) for name, ratio in ratios.items() if ratio < READABLE}


def test_the_ratio_is_that_of_the_standard():
    assert doctest.testmod(contrast).failed == 0
    assert contrast.contrast(rgb("#000000"), rgb("#ffffff")) == pytest.approx(21.0)
    assert contrast.contrast(rgb("#767676"), rgb("#ffffff")) == pytest.approx(4.54, abs=0.005)


def test_profit_reads_on_every_heat_that_a_cell_can_take(look):
    heat, ink = share(look["--heat"]), share(look["--ink"])
    assert heat >= 0.2, "a heat nobody sees is no heat"
    pairs = []
    for ground, sign, step in itertools.product(GROUNDS, ("--profit", "--loss"), STEPS):
        text = mixed(rgb(look["--text"]), ink, rgb(look[sign]))
        below = mixed(rgb(look[sign]), heat * step / 100, rgb(look[ground]))
        pairs.append((f"{sign} heat {step} on {ground}", text, below))
    assert unreadable(pairs) == {}


def test_a_net_position_reads_on_its_bar(look):
    pairs = [
        (f"{sign} on {ground}", rgb(look["--text"]),
         mixed(rgb(look[sign]), share(look["--tint"]), rgb(look[ground])))
        for ground, sign in itertools.product((*GROUNDS, "--flash"), ("--profit", "--loss"))
    ]  # fmt: skip
    assert unreadable(pairs) == {}


def test_limits_levels_coverage_and_bands_read_on_their_bars(look):
    bars = {name: rgb(look[name]) for name in ("--cover", "--limit-calm", "--limit-near",
                                               "--limit-over")}  # fmt: skip
    bars["band 1"] = mixed(bars["--limit-over"], 0.62, bars["--limit-near"])
    bars["band 3"] = mixed(bars["--limit-near"], 0.45, bars["--limit-calm"])
    assert unreadable((name, rgb(look["--text"]), bar) for name, bar in bars.items()) == {}


def test_every_colour_of_text_reads_on_every_ground(look):
    colors = (*PRICES, "--profit", "--loss", "--buy", "--sell", "--stale", "--ok", "--warning",
              "--critical", "--fatal", "--accent")  # fmt: skip
    pairs = [
        (f"{color} on {ground}", rgb(look[color]), rgb(look[ground]))
        for color, ground in itertools.product(colors, (*GROUNDS, "--bg"))
    ]
    assert unreadable(pairs) == {}


def test_what_flashes_or_arrives_reads_while_it_does(look):
    colors = (*PRICES, "--stale", "--warning", "--critical", "--fatal")
    pairs = [(color, rgb(look[color]), rgb(look["--flash"])) for color in colors]
    assert unreadable(pairs) == {}
