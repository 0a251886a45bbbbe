"""A stressed day ends where the same day ends whose quotes went on with the shocked prices."""

from __future__ import annotations

import json
import random

import pytest

from dealing.replay import replay_directory, to_json
from dealing.stress.asked import StressAsked
from dealing.stress.command import run_stress
from exposure.settings import EngineSettings
from tests.oracle.days import write_day


def stressed(directory, out, shocks):
    asked = StressAsked(directory=directory, shocks=shocks, json_out=str(out))
    assert run_stress(asked, EngineSettings()) == 0
    return json.loads(out.read_bytes())


def go_on(directory, answer):
    """Append the shocked prices to the day's quotes, a minute after everything else."""
    quotes = directory / "quotes.csv"
    columns = quotes.read_text().splitlines()[0].split(",")
    later = answer["as_of_ms"] + 60_000
    with quotes.open("a") as file:
        for row in answer["symbols"]:
            if row["bid"] is not None:
                known = {"ts_ms": later, **{name: row[name] for name in ("symbol", "bid", "ask")}}
                file.write(",".join(str(known.get(name, "")) for name in columns) + "\n")


@pytest.mark.parametrize("seed", [1, 2, 3, 5, 8, 10])  # days whose quotes are plain text
def test_a_shock_is_what_the_day_would_be_with_these_quotes(tmp_path, seed):
    day = tmp_path / "day"
    write_day(day, 2_000 + seed, size=1_000, eventful=True)
    before = json.loads(to_json(replay_directory(day)))
    held = [row["symbol"] for row in before["exposure"] if row["positions"]]
    rng = random.Random(seed)  # noqa: S311 # repeatable shocks
    named = (f"{rng.choice(held)}={rng.uniform(-8, 8):.3f}", f"USD={rng.uniform(-8, 8):.3f}")
    answer = stressed(day, tmp_path / "stress.json", named)
    go_on(day, answer)
    after = json.loads(to_json(replay_directory(day)))
    for row, now, then in zip(
        answer["accounts"], before["accounts"], after["accounts"], strict=True
    ):
        assert row["login"] == now["login"] == then["login"]
        assert row["equity_before"] == pytest.approx(now["equity"], rel=1e-12, abs=1e-6)
        assert row["equity_after"] == pytest.approx(then["equity"], rel=1e-12, abs=1e-6)
        assert row["deficit"] == pytest.approx(max(-then["equity"], 0.0), rel=1e-12, abs=1e-6)
    house = answer["house"]
    moved = {name: after["house"][name] - before["house"][name] for name in before["house"]}
    assert house["hedge_usd"] == pytest.approx(moved["lp_floating_usd"], rel=1e-6, abs=1e-3)
    assert house["a_usd"] + house["deficit_a_usd"] + house["hedge_usd"] == pytest.approx(
        moved["floating_a_usd"], rel=1e-6, abs=1e-3
    )
    assert house["b_usd"] + house["deficit_b_usd"] == pytest.approx(
        moved["floating_b_usd"], rel=1e-6, abs=1e-3
    )
