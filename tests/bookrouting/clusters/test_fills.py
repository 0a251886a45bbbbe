"""Tickets become decisions, whatever order they come in."""

import pkgutil

import numpy as np
import pytest

from bookrouting.clusters.fills import decisions
from exposure.kernels import compiling
from tests.bookrouting.clusters.made_fills import fills, shuffled, strangers


def rows_of(found):
    return sorted(
        zip(*(column.tolist() for column in found[:6]), strict=True), key=lambda row: row[4]
    )


def test_tickets_of_a_minute_in_one_symbol_and_side_are_one_decision_of_their_lots():
    found = decisions(
        fills(
            (0, 0, 1, 0.0), (0, 0, 1, 59.0, 2.0), (0, 0, 1, 61.0), (0, 0, -1, 1.0), (1, 0, 1, 2.0)
        )
    )
    assert [(row[0], row[2], row[3], row[4] / 1e9) for row in rows_of(found)] == [
        (0, 1, 3.0, 0.0), (0, -1, 1.0, 1.0), (1, 1, 1.0, 2.0), (0, 1, 1.0, 61.0),
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_tickets_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    base = strangers(rng)
    first, second = decisions(base), decisions(shuffled(base, rng))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_every_row_is_found_through_its_symbol_and_through_its_account():
    found = decisions(strangers(np.random.default_rng(1)))
    for symbol in range(len(found.symbol_start) - 1):
        rows = slice(found.symbol_start[symbol], found.symbol_start[symbol + 1])
        assert (found.symbol[rows] == symbol).all()
        assert (np.diff(found.ts[rows]) >= 0).all()
    for account in range(found.accounts):
        rows = found.rows[found.account_start[account] : found.account_start[account + 1]]
        assert set(rows.tolist()) == set(np.flatnonzero(found.account == account).tolist())
        traded = slice(found.traded_start[account], found.traded_start[account + 1])
        counts = dict(zip(*np.unique(found.symbol[rows], return_counts=True), strict=True))
        assert counts == dict(
            zip(found.traded_symbol[traded], found.traded_count[traded], strict=True)
        )
    assert found.buys[-1] == (found.side > 0).sum()


def test_no_deals_are_no_decisions():
    found = decisions(strangers(np.random.default_rng(1), accounts=0))
    assert found.accounts == 0
    assert len(found.ts) == 0


def test_those_who_decide_at_whole_minutes_are_marked():
    on_time = [(0, 0, 1, 300.0 * k + 0.5) for k in range(10)]
    at_any_time = [(1, 0, 1, 300.0 * k + 17.0 * (k % 3)) for k in range(1, 11)]
    found = decisions(fills(*on_time, *at_any_time))
    assert found.clocked.tolist() == [True, False]


def test_kernels_are_renewed_when_a_module_of_any_package_of_the_room_changes(monkeypatch):
    read, before = pkgutil.get_data, compiling.source_stamp.__wrapped__("bookrouting")
    for changed in ("clusters/scan.py", "markouts.py"):

        def edited(package, name, changed=changed):
            return read(package, name) + b"#" * (name == changed)

        monkeypatch.setattr(pkgutil, "get_data", edited)
        assert compiling.source_stamp.__wrapped__("bookrouting") != before
