"""The oracle: what somebody could say who knows the generator.

It owns a big labelled draw of the same generator (other seeds, never the clients it judges) and
treats each of those clients as one possible kind of person: the first two moments of his trades'
features are known, and so is his true edge. A new client's trades then have a likelihood under
every known person, and the posterior over persons is one over true edges: Bayes' rule with the
generator itself as the prior. Features are everything a broker sees of a trade (markouts, result,
holding time, swap, relative size, staleness), so it may recognise a person by habits that say
nothing about skill; no honest score should be expected to reach it. Two things keep it below the
exact likelihood: features are taken as jointly normal, and trades as independent.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from dealing.lab.columns import Flags, Floats, Ints
from dealing.lab.observed import Observed

_LEAST_TRADES: Final = 20
_RIDGE: Final = 0.05
_SHRINK: Final = 40.0
_NOTHING: Final = -1e9
_TINY: Final = 1e-300


class Known(NamedTuple):
    """Persons met in the training draw. Shapes: (persons, features[, features])."""

    mean: Floats
    precision: Floats
    log_det: Floats
    toxic: Flags
    edge: Floats


def features(seen: Observed) -> Floats:
    """Return what a trade looks like. Shapes: (clients, trades, features)."""
    usual = np.nanmedian(np.where(seen.known, seen.notional_usd, np.nan), axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = [
            *np.moveaxis(np.arcsinh(seen.markout / np.sqrt(seen.variance)), -1, 0),
            np.arcsinh(seen.markout[..., 0] * 3.0),
            np.arcsinh(seen.pnl),
            np.sign(seen.pnl),
            np.log(np.maximum(seen.hold_s, 0.05)),
            np.arcsinh(seen.swap),
            np.log(seen.notional_usd / usual),
            np.sign(seen.pnl) * np.log(seen.notional_usd / usual),
            np.arcsinh(seen.stale),
        ]
    stacked = np.nan_to_num(np.stack(columns, axis=-1))
    return np.where(seen.known[..., None], stacked, 0.0)


def learned(training: Observed, toxic: Flags, edge: Floats, kind: Ints) -> Known:
    """Get to know everybody of the training draw who traded enough.

    A person's own spread of features is mixed with his kind's, as if 40 trades more were known.
    """
    enough = training.many >= _LEAST_TRADES
    seen, kind = training.of(enough), kind[enough]
    mean, spread, many = _moments(seen)
    for code in np.unique(kind):
        mine = kind == code
        shared = spread[mine].mean(axis=0)
        weight = (many[mine] / (many[mine] + _SHRINK))[:, None, None]
        spread[mine] = weight * spread[mine] + (1.0 - weight) * shared
    # what a mean of so many trades still hides is added to the spread it is compared with
    spread = spread * (1.0 + 1.0 / many)[:, None, None] + _RIDGE**2 * np.eye(spread.shape[-1])
    precision: Floats = np.asarray(np.linalg.inv(spread), np.float64)
    log_det: Floats = np.asarray(np.linalg.slogdet(spread).logabsdet, np.float64)
    return Known(mean, precision, log_det, toxic[enough], edge[enough])


def oracle(known: Known, seen: Observed) -> tuple[Floats, Floats]:
    """Return each client's posterior log odds of an edge, and his posterior mean edge.

    Shapes: (clients,) twice.
    """
    mean, spread, many = _moments(seen)
    log_likelihood = np.empty((len(mean), len(known.mean)))
    for j in range(len(known.mean)):
        away = mean - known.mean[j]
        around = np.einsum("kl,ikl->i", known.precision[j], spread)
        off = np.einsum("ik,kl,il->i", away, known.precision[j], away)
        log_likelihood[:, j] = -0.5 * many * (known.log_det[j] + around + off)
    log_odds = _log_sum(log_likelihood[:, known.toxic]) - _log_sum(log_likelihood[:, ~known.toxic])
    posterior = np.exp(log_likelihood - _log_sum(log_likelihood)[:, None])
    return log_odds, posterior @ known.edge


def _log_sum(logs: Floats) -> Floats:
    """Return the log of the sum of exponentials along rows, very low for an empty row."""
    top = logs.max(axis=1, initial=_NOTHING)
    total: Floats = top + np.log(np.exp(logs - top[:, None]).sum(axis=1) + _TINY)
    return total


def _moments(seen: Observed) -> tuple[Floats, Floats, Floats]:
    """Return means, covariances and counts of a client's features."""
    values = features(seen)
    many = np.maximum(seen.many, 1).astype(float)
    mean = values.sum(axis=1) / many[:, None]
    square = np.einsum("itk,itl->ikl", values, values) / many[:, None, None]
    return mean, square - np.einsum("ik,il->ikl", mean, mean), many
