"""What is held at providers is netted by sides, however little it is."""

from __future__ import annotations

import pytest

from exposure.coverage import FLAT, LpPosition, netted
from exposure.model.deals import Side


def test_lots_whose_product_is_nothing_still_net():
    assert netted(LpPosition(1e-300, 1.0), Side.SELL, 1e-300, 2.0) == (FLAT, 1e-300, 1e-300)


@pytest.mark.parametrize(("side", "held"), [(Side.BUY, 1e-300), (Side.SELL, -1e-300)])
def test_lots_of_one_side_average(side, held):
    after = netted(LpPosition(held, 1.0), side, 1e-300, 2.0).position
    assert after.lots == 2 * held
    assert after.price == pytest.approx(1.5)
