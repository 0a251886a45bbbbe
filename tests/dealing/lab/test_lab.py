"""``plimsoll lab`` from what is typed to what is answered."""

import json

import numpy as np
import polars as pl
import pytest

from dealing.lab.asked import LabAsked
from dealing.lab.columns import Size
from dealing.lab.command import Answer, Plan, measured, run_lab, to_json, understood
from dealing.lab.evaluation import Row
from dealing.lab.export import export
from dealing.lab.observed import observed
from dealing.lab.placebos import mirrored, placebos, rescaled, shuffled, split
from dealing.lab.populations import POPULATIONS
from dealing.lab.product import product
from dealing.lab.scorers import closed_form
from dealing.lab.table import show
from dealing.lab.targets import targets
from exposure.errors import ConfigError

TINY = Size(clients=60, trades=25, truth_trades=100, days=2.0)


@pytest.fixture(scope="module")
def population():
    return POPULATIONS["archetypes"](2, TINY)


@pytest.fixture(scope="module")
def answer():
    plan = Plan(("archetypes",), (1, 2), {"archetypes": TINY}, (10, 20))
    return measured(plan, closed_form, lambda _: None)


def test_every_seed_and_number_of_trades_has_a_row(answer):
    assert [(row.seed, row.n) for row in answer.rows] == [(1, 10), (1, 20), (2, 10), (2, 20)]
    for row in answer.rows:
        assert 0 < row.toxic < row.clients == 60
        assert 0.5 < row.auc <= 1.0
        assert set(row.auc_rules) == {
            "win rate", "total profit", "sharpe t", "short holding", "quick winner"
        }  # fmt: skip


def test_the_json_has_numbers_or_null_and_nothing_else(answer):
    plain = json.loads(to_json(answer))

    assert set(plain) == {"rows", "courses", "placebos", "targets"}
    assert {"population", "seed", "n", "auc", "auc_oracle", "auc_rules"} <= set(plain["rows"][0])
    assert b"NaN" not in to_json(answer)
    assert b"Infinity" not in to_json(answer)


def test_people_get_a_table_and_the_promises(answer, capsys):
    from rich.console import Console  # noqa: PLC0415

    console = Console(width=200)
    show(answer.rows, answer.courses, answer.placebos, answer.targets, console)

    printed = capsys.readouterr().out
    assert "archetypes" in printed
    assert f"of {len(answer.targets)} promises kept" in printed


def test_a_promise_is_judged_by_the_median_and_by_the_worst_seed():
    judged = {
        (one.name, one.reached, round(one.worst, 3))
        for one in targets([row(1, 0.95), row(2, 0.95), row(3, 0.85)], [])
        if one.name == "AUC, 20 trades"
    }

    assert judged == {("AUC, 20 trades", False, 0.85)}


def row(seed, auc):
    return Row(
        population="p", seed=seed, n=20, clients=9, toxic=3, benign=5, auc=auc, auc_oracle=1.0,
        auc_closed_form=auc, auc_rules={"win rate": 0.5}, auc_with_grey=auc, auc_by_kind={},
        precision_at_k=1.0, ece=0.0, brier_skill=1.0, edge_correlation=1.0, martingale_sure=None,
    )  # fmt: skip


def test_placebos_change_nothing_and_shuffled_sides_everything(population):
    found = {one.name: one for one in placebos(population, product, 20)}

    # ten toxic clients say little about chance; of the others nothing may move
    assert found.pop("shuffled sides: AUC").value < 0.8
    assert found.pop("shuffled sides: mean p").value < 0.25
    assert len(found) == 4
    assert all(one.passed for one in found.values()), found


def test_a_mirror_turned_twice_and_a_scale_undone_show_the_same_world(population):
    twice = mirrored(mirrored(population))

    shift = twice.trades.entry_price - population.trades.entry_price
    assert shift == pytest.approx(shift[0])
    assert np.array_equal(twice.trades.side, population.trades.side)
    assert observed(rescaled(population)).pnl_usd == pytest.approx(
        observed(population).pnl_usd, nan_ok=True
    )


def test_shuffled_trades_are_filled_at_the_quote_of_their_side(population):
    changed = shuffled(population, np.random.default_rng(1))
    seen, plain = observed(changed), observed(population)

    turned = np.sign(seen.markout[..., 1]) != np.sign(plain.markout[..., 1])
    assert 0.2 < turned[plain.known].mean() < 0.8
    assert np.nanmean(np.abs(seen.markout)) == pytest.approx(np.nanmean(np.abs(plain.markout)))


def test_three_tickets_are_as_many_lots(population):
    tickets = split(population).trades

    assert len(tickets.lots) == 3 * len(population.trades.lots)
    assert tickets.lots.sum() == pytest.approx(population.trades.lots.sum())


def test_what_cannot_be_meant_is_said_at_once(tmp_path):
    asked = LabAsked(populations=("nowhere",), seeds="1,x", export=tmp_path)

    with pytest.raises(ConfigError) as refused:
        understood(asked)

    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        "--population nowhere",
        "--seeds 1,x",
    ]


def test_an_export_is_a_book_directory_with_its_truth(population, tmp_path):
    export(population, tmp_path / "day")

    names = {path.name for path in (tmp_path / "day").iterdir()}
    assert names == {
        "instruments.parquet", "accounts.parquet", "quotes.parquet", "deals.parquet",
        "reference_quotes.parquet", "truth.csv",
    }  # fmt: skip
    deals = pl.read_parquet(tmp_path / "day" / "deals.parquet")
    assert deals["ts_ms"].is_sorted()
    assert deals.height == 2 * len(population.trades.client)
    assert deals["deal_id"].n_unique() == deals.height


def test_the_command_answers_with_json(tmp_path, monkeypatch):
    monkeypatch.setitem(
        __import__("dealing.lab.command", fromlist=["QUICK"]).QUICK, "archetypes", TINY
    )
    out = tmp_path / "lab.json"
    asked = LabAsked(populations=("archetypes",), seeds="3", quick=True, json_out=str(out))

    assert run_lab(asked, closed_form) == 0
    assert {one["seed"] for one in json.loads(out.read_text())["rows"]} == {3}


def test_an_answer_without_rows_is_an_answer():
    empty = Answer(rows=[], courses=[], placebos=[], targets=[])

    assert json.loads(to_json(empty))["rows"] == []
