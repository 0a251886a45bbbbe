"""What an earlier version left is read by this one, with the same book.

``fixtures/version-1.tar.gz`` is what the first version (commit f47ed90) left behind: its platform
ran with 300 clients at speed 5, its engine was killed some seconds after it had saved its state,
and ``as-computed.json`` is what that version itself then made of journal and snapshot. Version 2
(commit aab8d46) left its own the same way, with 40 clients at speed 3.
"""

from __future__ import annotations

import copy
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from dealing.runtime import recovered
from dealing.storage.journal import Journal
from dealing.storage.snapshots import SnapshotStore
from dealing.storage.upgrades import STEPS, upgraded
from exposure.engine import ExposureEngine
from exposure.errors import StorageError
from exposure.export import STATE_VERSION, export_state, restore
from exposure.state import AccountArrays, PairArrays, PositionArrays, PriceArrays
from tests.dealing.processes import KEPT
from tests.dealing.revenue_keepers import revenue_writer

FIXTURES = Path(__file__).parent / "fixtures"
CENT = 0.005

UNKNOWN_BEFORE = {1: {"revenue", "factor_clock"}, 2: {"factor_clock"}}
"""What began with the upgrade: facts and samples of the time before it are in no journal's end."""

SAMPLED = {"factors", "factor_pairs"}


@pytest.fixture(params=sorted(UNKNOWN_BEFORE))
def version(request):
    return request.param


@pytest.fixture
def directory(tmp_path, version):
    with tarfile.open(FIXTURES / f"version-{version}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


@pytest.fixture
def saved(directory):
    return SnapshotStore(directory / "snapshots").load_latest()


@pytest.fixture
def as_computed(directory):
    return json.loads((directory / "as-computed.json").read_text())


@pytest.fixture
def engine(directory):
    with Journal.open(directory / "journal") as journal:
        return recovered(SnapshotStore(directory / "snapshots"), journal, KEPT, revenue_writer())


def test_the_fixture_is_of_its_version_with_deals_on_either_side_of_its_snapshot(
    saved, as_computed, version
):
    assert saved.meta["version"] == version
    assert saved.meta["position"] < as_computed["position"]
    assert 0 < saved.meta["counters"]["deals"] < as_computed["counters"]["deals"]


def test_an_earlier_versions_run_goes_on_with_its_positions_and_counters(engine, as_computed):
    assert engine.position == as_computed["position"]
    assert engine.as_of == as_computed["as_of"]
    counters = as_computed["counters"]
    assert {name: engine.counters[name] for name in counters} == counters
    state = export_state(engine)
    assert set(engine.trades.deal_ids) == {("", key) for key in as_computed["deal_ids"]}
    assert state.meta["lp_positions"] == as_computed["lp_positions"]
    assert positions_in(state) == as_computed["positions"]


def positions_in(state):
    columns = state.tables["positions"]
    symbols = [instrument["symbol"] for instrument in state.meta["instruments"]]
    logins = state.tables["terms"]["login"]
    return {
        f"{logins[account]}/{position_id}": [
            symbols[columns["symbol"][slot]],
            *(float(columns[name][slot]) for name in ("side", "lots", "open_price", "swap")),
        ]
        for slot, position_id in enumerate(state.tables["position_ids"]["position_id"])
        if (account := int(columns["account"][slot])) >= 0
    }


def test_an_earlier_versions_run_goes_on_with_its_money(engine, as_computed):
    accounts = export_state(engine).tables["accounts"]
    for row, figures in enumerate(as_computed["accounts"].values()):
        for name, was in figures.items():
            assert accounts[name][row] == pytest.approx(was, abs=CENT), (row, name)
    for name, was in as_computed["house"].items():
        assert getattr(engine.house, name) == pytest.approx(was, abs=CENT)


LEFT_IN_CLOSED_SLOTS = {"positions.margin_before_leverage"}


def test_an_upgraded_state_is_what_the_whole_journal_gives(directory, engine, version):
    whole = ExposureEngine(KEPT)
    with Journal.open(directory / "journal") as journal:
        for batch in journal.replay(0):
            whole.apply(batch)
    kept, expected = export_state(engine), export_state(whole)
    is_open = expected.tables["positions"]["account"] >= 0
    for name in expected.tables.keys() - SAMPLED:
        for key, column in expected.tables[name].items():
            where = f"{name}.{key}"
            # what a closed position left in its slot means nothing
            rows = is_open if where in LEFT_IN_CLOSED_SLOTS else slice(None)
            held, wanted = kept.tables[name][key][rows], column[rows]
            if isinstance(wanted, np.ndarray) and wanted.dtype == np.float64:
                # versions may add in another order
                np.testing.assert_allclose(held, wanted, rtol=1e-12, err_msg=where)
            else:
                np.testing.assert_array_equal(held, wanted, where)
    for state in (kept, expected):
        del state.meta["house"]["lp_own_usd"]  # each provider's own is counted since the upgrade
    unlike = {name for name, value in expected.meta.items() if kept.meta[name] != value}
    assert unlike <= UNKNOWN_BEFORE[version]
    assert kept.tables["factors"]["name"] == expected.tables["factors"]["name"]
    assert kept.meta["factor_clock"]["samples"] > 0


def test_an_upgrade_leaves_what_it_read_alone_and_has_every_column(saved):
    before = copy.deepcopy(saved)
    state = upgraded(saved)
    assert saved.meta == before.meta
    assert saved.tables.keys() == before.tables.keys()
    assert all(
        saved.tables[name].keys() == columns.keys() for name, columns in before.tables.items()
    )
    assert state.meta["version"] == STATE_VERSION
    for name, kind in {
        "prices": PriceArrays,
        "pairs": PairArrays,
        "accounts": AccountArrays,
        "positions": PositionArrays,
    }.items():
        rows = {len(column) for column in state.tables[name].values()}
        assert set(kind._fields) <= state.tables[name].keys()
        assert len(rows) == 1
    fresh = export_state(restore(state, KEPT))
    assert fresh.tables["accounts"]["leverage"].tolist() == saved.tables["terms"]["leverage"]
    assert fresh.tables["accounts"]["credit_counts"].all()


def test_every_version_has_a_step_to_the_next():
    assert sorted(STEPS) == list(range(1, STATE_VERSION))


def test_a_state_of_this_version_is_taken_as_it_is():
    state = export_state(ExposureEngine(KEPT))
    assert upgraded(state) is state


@pytest.mark.parametrize("version", [0, STATE_VERSION + 1])
def test_a_state_that_is_too_new_or_too_old_is_refused_with_the_way_out(version):
    state = export_state(ExposureEngine(KEPT))
    state.meta["version"] = version
    with pytest.raises(StorageError) as e:
        upgraded(state)
    assert str(e.value) == (
        f"the saved state has version {version}, this Plimsoll reads 1 to {STATE_VERSION}: use the "
        "version that wrote it, or start anew with --fresh"
    )
