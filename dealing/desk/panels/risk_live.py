"""The live part of the risk screen: VaR and ES as every frame brings them, and whose they are."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from exposure.snapshot import Snapshot

NAMED: Final = 4
"""Symbols that a sentence names before it only counts."""


def view(snapshot: Snapshot) -> dict[str, Any]:
    """Return the live part of the screen: figures in USD, and each symbol's part of the VaR.

    Symbols are sorted by their part, largest first; the parts add up to ``var_usd``. Symbols that
    nobody holds are left out.
    """
    risk, exposure = snapshot.risk, snapshot.exposure
    part = exposure["var_contribution_usd"].to_numpy().astype(np.float64)
    net = exposure["house_net_usd"].to_numpy().astype(np.float64)
    held = exposure["positions"].to_numpy() > 0
    listed = np.flatnonzero((np.nan_to_num(part) != 0.0) | (np.nan_to_num(net) != 0.0))
    listed = listed[np.argsort(-np.nan_to_num(part[listed]), kind="stable")]
    names = exposure["symbol"].to_list()
    stale = exposure["stale"].to_numpy().astype(bool)
    unpriced = [names[k] for k in np.flatnonzero(held & np.isnan(net)).tolist()]
    whole = risk.var_usd
    return {
        "figures": {
            "var_usd": whole,
            "es_usd": risk.es_usd,
            "fat_tailed_var_usd": risk.fat_tailed_var_usd,
            "fat_tailed_es_usd": risk.fat_tailed_es_usd,
            "hour_var_usd": risk.hour_var_usd,
            "measured_ratio": 1.0 - risk.prior_weight_ratio,
            "prior_ratio": risk.prior_weight_ratio,
            "observations": risk.observations,
            "unpriced_symbols": risk.unpriced_symbols,
        },
        "source": risk.source.value,
        "sample_age_ms": (snapshot.as_of - risk.sampled_at) / 1e6 if risk.sampled_at else None,
        "columns": {
            "name": [names[k] for k in listed.tolist()],
            "part": np.round(part[listed], 2),
            "share": np.round(part[listed] / whole, 4) if whole > 0.0 else [None] * len(listed),
            "net": np.round(net[listed], 2),
        },
        "notes": [*_unpriced(unpriced), *_stale(names, held & stale & ~np.isnan(net), held)],
    }


def _unpriced(names: list[str]) -> list[str]:
    if not names:
        return []
    what = "symbol has" if len(names) == 1 else "symbols have"
    return [
        f"{len(names)} {what} positions and no price or rate, and are in no figure: {_some(names)}."
    ]


def _stale(names: list[str], stale: Any, held: Any) -> list[str]:
    late = [names[k] for k in np.flatnonzero(stale).tolist()]
    if not late:
        return []
    sentence = (
        f"{len(late)} of {int(held.sum())} symbols with positions have no current quote and count "
        f"at their last one: {_some(late)}."
    )
    return [sentence]


def _some(names: list[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
