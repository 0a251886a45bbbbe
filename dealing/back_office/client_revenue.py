"""What the house earned with one client, by component, as far as it is kept."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, func, select

from dealing.revenue.facts import Dimension
from dealing.storage.tables import REVENUE_TOTALS

_MICRO: Final = 1_000_000
TOTAL: Final = "all"


def revenue_of(connection: Connection, client_id: str) -> dict[str, float]:
    """Return USD by component and TOTAL, empty where there is none; costs are negative.

    Totals are ordered by day first, so the days are named: one client is looked up in each.
    """
    totals = REVENUE_TOTALS.c
    days = select(totals.day).where(totals.dimension == Dimension.DAY.value).distinct()
    mine = (
        select(totals.component, func.sum(totals.amount_micro_usd))
        .where(
            totals.dimension == Dimension.CLIENT.value,
            totals.day.in_(days),
            totals.name == client_id,
        )
        .group_by(totals.component)
    )
    found = {component: int(micro) for component, micro in connection.execute(mine)}
    if not found:
        return {}
    by_size = sorted(found.items(), key=lambda item: (-abs(item[1]), item[0]))
    told = {TOTAL: sum(found.values()), **dict(by_size)}
    return {name: micro / _MICRO for name, micro in told.items()}
