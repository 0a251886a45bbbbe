"""The answer of ``plimsoll whatif`` as JSON: every figure, its sign and whose it is in its name."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import orjson

from bookrouting.paired import PairedDifference
from dealing.flow.decisions import decision_json
from dealing.snapshot_json import milliseconds
from dealing.whatif.compare import CONFIDENCE, HOUR_NS, Comparison, Result, block_results
from dealing.whatif.run import Outcome

CAVEATS: Final = (
    "Clients are held to what they did: nobody trades more, less or elsewhere under another book.",
    "Modelled hedges are always filled: no rejects, no partial fills, no impact on the market.",
    "A stop-out, a margin call or a limit changes nothing here: the deals are those of the files.",
)


def answer_json(found: Comparison) -> bytes:
    """Return the object that docs/whatif.md describes."""
    answer = {
        "as_of_ms": milliseconds(found.actual.snapshot.as_of),
        "blocks": {
            "unit": "hour" if found.block_ns == HOUR_NS else "day",
            "count": len(found.actual.samples),
        },
        "confidence_ratio": CONFIDENCE,
        "seed": found.seed,
        "actual": figures(found.actual),
        "policies": [_policy(result, found) for result in found.results],
        "caveats": list(CAVEATS),
        "notes": found.notes,
    }
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def figures(outcome: Outcome) -> dict[str, Any]:
    """Return what one day came to."""
    house, ledger = outcome.snapshot.house, outcome.ledger
    var = [sample.var_usd for sample in outcome.samples]
    exposure = outcome.snapshot.exposure
    floating_clients = float(np.nansum(exposure["client_floating_usd"].to_numpy()))
    return {
        "pnl_usd": _finite(outcome.pnl_usd),
        "realised_usd": _finite(house.realised_usd),
        "floating_usd": _finite(house.floating_usd),
        "a_usd": _finite(outcome.a_usd),
        "b_usd": _finite(outcome.b_usd),
        "other_usd": _finite(outcome.pnl_usd - outcome.a_usd - outcome.b_usd),
        "client_usd": _finite(outcome.client_realised_usd + floating_clients),
        "lp_usd": _finite(outcome.lp_usd),
        "hedges": ledger.costs.count,
        "hedged_usd": _finite(ledger.costs.notional_usd),
        "cost_usd": _finite(ledger.costs.total_usd),
        "cost": {
            "spread_usd": _finite(ledger.costs.spread_usd),
            "commission_usd": _finite(ledger.costs.commission_usd),
            "swap_usd": _finite(ledger.costs.swap_usd),
        },
        "var_usd": _finite(outcome.snapshot.risk.var_usd),
        "mean_var_usd": _finite(sum(var) / len(var)) if var else None,
        "most_var_usd": _finite(max(var)) if var else None,
        "block_sd_usd": _spread(outcome),
        "worst_block_usd": _worst(outcome),
        "exposure": [
            {
                "symbol": row["symbol"],
                "client_net_lots": row["client_net_lots"],
                "lp_net_lots": row["lp_net_lots"],
                "house_net_lots": row["house_net_lots"],
                "house_net_usd": row["house_net_usd"],
            }
            for row in exposure.iter_rows(named=True)
        ],
    }


def _policy(result: Result, found: Comparison) -> dict[str, Any]:
    policy, routing = result.policy, result.routing
    total = {"name": policy.title, "policy": policy.policy.value}
    differences: dict[str, Any] = {
        "difference": _difference(result.difference),
        "routing": None if routing is None else _difference(routing),
        "execution_usd": None
        if routing is None
        else _finite(result.difference.total - routing.total),
    }
    rows = {"moves": moves(result), "clients": client_rows(result, found)}
    return total | figures(result.outcome) | differences | rows


def moves(result: Result) -> list[dict[str, Any]]:
    """Return whom a routing policy moved, when and why, in the order of time."""
    return [decision_json(decision) for decision in result.outcome.decisions]


def client_rows(result: Result, found: Comparison) -> list[dict[str, Any]]:
    """Return what each client brought, those whom the policy changes most first."""
    rows: dict[str, dict[str, Any]] = {}
    outcome = result.outcome
    for login, line in outcome.ledger.lines.items():
        client = found.client_of.get(login, login)
        row = rows.setdefault(client, _empty_row(client))
        row["deals"] += line.deals
        row["opened_lots"] += line.opened_lots
        row["meant_lots"] += line.meant_lots
    for login, amount in outcome.client_usd.items():
        rows.setdefault(
            found.client_of.get(login, login), _empty_row(found.client_of.get(login, login))
        )["client_usd"] += amount
    for name, amounts in (("hedge_usd", outcome.hedge_usd), ("routing_usd", result.by_login)):
        for login, amount in amounts.items():
            client = found.client_of.get(login, login)
            rows.setdefault(client, _empty_row(client))[name] += amount
    return sorted(
        (_finished_row(row) for row in rows.values()),
        key=lambda row: (-abs(row["routing_usd"] or 0.0), row["client_id"]),
    )


def _empty_row(client: str) -> dict[str, Any]:
    numbers = ("opened_lots", "meant_lots", "client_usd", "hedge_usd", "routing_usd")
    return {"client_id": client, "deals": 0} | dict.fromkeys(numbers, 0.0)


def _finished_row(row: dict[str, Any]) -> dict[str, Any]:
    opened = row["opened_lots"]
    ratio = row["meant_lots"] / opened if opened else None
    return {
        "client_id": row["client_id"],
        "deals": row["deals"],
        "hedge_ratio": ratio,
        "client_usd": _finite(row["client_usd"]),
        "hedge_usd": _finite(row["hedge_usd"]),
        "house_usd": _finite(row["hedge_usd"] - row["client_usd"]),
        "routing_usd": _finite(row["routing_usd"]),
    }


def _difference(paired: PairedDifference) -> dict[str, Any]:
    band = paired.band
    return {
        "usd": _finite(paired.total),
        "low_usd": None if band is None else _finite(band.low),
        "high_usd": None if band is None else _finite(band.high),
        "band_confidence_ratio": paired.confidence,
        "policies_compared": paired.policies,
        "is_proven": paired.is_proven,
    }


def _spread(outcome: Outcome) -> float | None:
    results = block_results(outcome)[1:]
    return _finite(float(results.std(ddof=1))) if len(results) > 1 else None


def _worst(outcome: Outcome) -> float | None:
    results = block_results(outcome)[1:]
    return _finite(float(results.min())) if len(results) else None


def _finite(value: float) -> float | None:
    return value + 0.0 if math.isfinite(value) else None
