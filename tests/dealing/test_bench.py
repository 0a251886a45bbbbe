"""The bench measures equal work, judges it by its goals, and says what it measured."""

import msgspec
import numpy as np
import orjson
import pytest
from rich.console import Console

from dealing.bench import Request, compiled, run_bench, steps
from dealing.bench.goals import GOALS, Row, over_rounds, row, unmeasured
from dealing.bench.machine import Machine
from dealing.bench.market import DAILY_VOLATILITY, market
from dealing.bench.peer_rows import require_equal
from dealing.bench.peers import Columns, NumpyPeer, ObjectsPeer, PandasPeer, run
from dealing.bench.refreshers import REFRESHERS, Book
from dealing.bench.session import Session
from dealing.bench.table import show
from dealing.bench.ticks import require_identical
from dealing.bench.workload import Levels, Size, build, margin_levels, open_book, settings
from exposure import kernels
from exposure.errors import InvariantError
from exposure.export import export_state, restore
from exposure.model.instruments import AssetClass

MACHINE = Machine("a CPU", 2, "3.12", "0.68", "2.4", 0.3)


@pytest.fixture(scope="module")
def opening():
    """A small book at its opening prices, as a state to begin with."""
    return export_state(open_book(Size.SMALL, Levels.STRESS))


def test_quick_bench_answers_with_rows_that_say_what_was_reached(tmp_path):
    out = tmp_path / "bench.json"
    assert run_bench(size=None, quick=True, peers=False, long=False, json_out=str(out)) == 0
    answer = orjson.loads(out.read_bytes())
    assert answer["machine"]["cores"] >= 1
    rows = {one["name"]: msgspec.convert(one, Row) for one in answer["rows"]}
    for levels in Levels:
        assert rows[f"eager / hybrid, {levels}"].reached is not None
        assert rows[f"gap, hybrid / eager, {levels}"].goal == "<= 2"
    assert {"eager / C", "eager / memory bound", "markouts, ours", "state exported"} <= set(rows)
    assert {"tick sent to crossing known, p50", "tick sent to crossing read, p99"} <= set(rows)
    assert rows["memory in all"].value > rows["memory of the tick path"].value


def test_everything_is_measured_one_after_another():
    request = Request((Size.SMALL, Size.SEED), quick=True, peers=True, long=True)
    assert len(list(steps(request))) == 2 * 3 + 3


def test_the_workload_follows_from_its_seed():
    one, same, other = (build(Size.SMALL, 50, seed=seed).ticks for seed in (1, 1, 2))
    assert one.bid.tolist() == same.bid.tolist()
    assert one.bid.tolist() != other.bid.tolist()


def test_the_workload_is_the_one_that_was_fixed():
    traded = market(300)
    classes = {instrument.asset_class for instrument in traded.instruments}
    assert classes == set(DAILY_VOLATILITY) == set(AssetClass) - {AssetClass.OTHER}
    assert {i.quote for i in traded.instruments if i.asset_class == "share"} == {
        "USD", "EUR", "GBP", "JPY",
    }  # fmt: skip
    assert traded.popularity[0] / traded.popularity[9] == pytest.approx(10.0)  # Zipf, exponent 1


def test_calm_books_keep_their_distance_and_stressed_ones_do_not():
    calm = margin_levels(10_000, Levels.CALM, np.random.default_rng(1))
    stress = margin_levels(10_000, Levels.STRESS, np.random.default_rng(1))
    assert calm.min() >= 1.1
    assert np.median(calm) == pytest.approx(8.0, rel=0.05)
    close = sum(((stress >= t) & (stress <= 1.05 * t)).sum() for t in (1.0, 0.5))
    assert close == 400


def test_a_book_opens_at_its_levels_with_hedged_positions(opening):
    book = restore(opening, settings(lazy=True)).book
    levels = (book.accounts.balance + book.accounts.floating)[:5_000]
    levels /= book.accounts.margin[:5_000]
    assert ((levels < 1.06) & (levels > 0.5)).sum() == 200
    held = {}
    for slot in range(20_000):
        key = int(book.positions.account[slot]), int(book.positions.symbol[slot])
        held.setdefault(key, set()).add(float(book.positions.side[slot]))
    assert sum(sides == {1.0, -1.0} for sides in held.values()) >= 1_000


def test_hybrid_and_eager_say_the_same_and_stopped_out_accounts_are_closed(opening):
    ticks = build(Size.SMALL, 0).ticks
    assert len(ticks.symbol) == 0
    hybrid, eager = (Session(restore(opening, settings(lazy=lazy))) for lazy in (True, False))
    ticks = build(Size.SMALL, 3_000).ticks
    for session in (hybrid, eager):
        assert session.run(ticks) > 0.0
    require_identical(hybrid, eager)
    stopped = [event.login for event in hybrid.crossings if event.kind == "stop_out"]
    assert len(stopped) == hybrid.stopped_out > 0
    book = hybrid.engine.book
    assert not any(len(book.of_account.row(book.account_of[login])) for login in stopped[:-1])


def test_a_full_refresh_comes_to_the_same_bits_as_one_account_by_account(opening):
    session = Session(restore(opening, settings(lazy=False)), deals=2_000)
    session.run(build(Size.SMALL, 3_000).ticks)
    book = session.engine.book
    assert book.free  # slots that nobody holds keep what they have
    book.prices.quoted[5] = False
    count, slots = len(book.terms), len(book.position_ids)
    for account in range(count):
        kernels.refresh_account(account, book.arrays())
    expected = book.accounts.floating[:count].copy(), book.positions.value[:slots].copy()
    book.accounts.floating[:] = 0.0
    kernels.refresh_everybody(book.arrays(), count, slots)
    np.testing.assert_array_equal(book.accounts.floating[:count], expected[0])
    np.testing.assert_array_equal(book.positions.value[:slots], expected[1])


def test_a_difference_between_hybrid_and_eager_stops_the_bench(opening):
    one, other = (Session(restore(opening, settings(lazy=False))) for _ in range(2))
    other.engine.book.accounts.floating[7] += 1e-9
    with pytest.raises(InvariantError, match="disagree about equity"):
        require_identical(one, other)
    other.crossings = [None]
    with pytest.raises(InvariantError, match="different crossings"):
        require_identical(one, other)


@pytest.mark.parametrize("kind", [NumpyPeer, PandasPeer, ObjectsPeer])
def test_peers_agree_with_the_engine(kind, opening):
    engine = restore(opening, settings(lazy=False))
    peer, ticks = kind(engine), build(Size.SMALL, 60).ticks
    run(peer, ticks)
    engine.apply_quotes(ticks, engine.position + 1)
    require_equal("peer", peer.floating, engine)
    with pytest.raises(InvariantError, match="peer and the engine disagree"):
        require_equal("peer", peer.floating + 1.0, engine)


@pytest.mark.parametrize("name", ["numpy", "pandas", "polars", "polars pre-netted"])
def test_refreshes_agree_with_the_engine(name, opening):
    engine = restore(opening, settings(lazy=False))
    _, prepare = REFRESHERS[name]
    require_equal(name, prepare(Book(Columns(engine)))(), engine)


def test_c_finds_what_the_engine_finds(opening):
    library = compiled.library()
    assert library is not None or compiled.shutil.which("gcc") is None
    if library is not None:
        engine = restore(opening, settings(lazy=False))
        in_c, ticks = compiled.CompiledBook(engine, library), build(Size.SMALL, 3_000).ticks
        found = engine.apply_quotes(ticks, engine.position + 1)
        assert in_c.run(ticks) == len(found) > 0
        require_equal("C", in_c.floating, engine)
        require_equal("C", in_c.refresh(), engine)


def test_without_a_compiler_there_is_no_c(monkeypatch):
    monkeypatch.setattr(compiled.shutil, "which", lambda _: None)
    assert compiled.library.__wrapped__() is None


def test_a_row_is_held_to_the_goal_of_its_size():
    name = "eager / hybrid, stress"
    assert row(name, "seed", 15.0, "x").reached is True
    assert row(name, "seed", 14.9, "x").reached is False
    assert row(name, "big", 49.0, "x").goal == ">= 50"
    assert row("numpy tick", "seed", 1.0, "us").reached is None
    missing = unmeasured("refresh, duckdb / ours", "seed", "x")
    assert (missing.value, missing.reached, missing.note) == (None, None, "not installed")


def test_rounds_become_a_median_with_its_spread():
    told = over_rounds("gap, hybrid / eager, calm", "small", [1.0, 9.0, 1.5], "x")
    assert (told.value, told.low, told.high, told.reached) == (1.5, 1.0, 9.0, True)


def test_the_table_says_plainly_what_was_not_reached():
    rows = [
        row("eager / C", "small", 1.0, "x"),
        row("eager / C", "seed", 1.5, "x"),
        unmeasured("Deephaven / eager", "seed", "x"),
    ]
    console = Console(record=True, width=160)
    show(rows, MACHINE, console)
    text = console.export_text()
    assert "a CPU, 2 cores, quiet" in text
    assert "1 of 2 goals reached" in text
    assert "not reached: eager / C (seed): 1.50" in text
    assert "not installed" in text


def test_every_goal_says_one_thing_per_size():
    for goals in GOALS.values():
        assert len({goal.size for goal in goals}) == len(goals)
