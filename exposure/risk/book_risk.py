"""The risk of the book as it stands: VaR and ES of a day, and each symbol's part of it.

What five-minute moves have shown is mixed with a prior by asset class, which weighs as much as a
day of observations: it is everything before the first one and fades as they come.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.client_book import ClientBook
from exposure.model.instruments import AssetClass
from exposure.risk.covariance import INTERVALS_PER_DAY, repaired, shrunk
from exposure.risk.factors import FactorMap, FactorSampler
from exposure.risk.var import HOUR_DAYS, Tail
from exposure.snapshot import CovarianceSource, RiskFigures

Floats = NDArray[np.float64]

PRIOR_DAILY_SD_RATIO: Final = MappingProxyType({
    AssetClass.FX: 0.006,
    AssetClass.METAL: 0.01,
    AssetClass.INDEX: 0.012,
    AssetClass.ENERGY: 0.012,
    AssetClass.SHARE: 0.02,
    AssetClass.CRYPTO: 0.035,
    AssetClass.OTHER: 0.02,
})  # fmt: skip
"""Standard deviation of a day's return in USD, as a share of the price."""

PRIOR_CORRELATION_WITHIN: Final = 0.5
PRIOR_CORRELATION_ACROSS: Final = 0.2
"""Between two factors of one asset class, and of two."""

PRIOR_OBSERVATIONS: Final = INTERVALS_PER_DAY
"""How many five-minute moves the prior weighs."""

MOSTLY_PRIOR: Final = 0.5
HARDLY_PRIOR: Final = 0.1
"""Weights of the prior above which a covariance is called prior, and below which measured."""


class FactorModel(NamedTuple):
    """What is known of all factors at one sample.

    Shapes: prior_ratio, measured_sd, prior_weight, counts, absolute (f,), correlation (f, f).
    Units: per day; ``measured_sd`` as the factor's moves, ``prior_ratio`` a share of the price.
    """

    factors: FactorMap
    prior_ratio: Floats
    measured_sd: Floats
    prior_weight: Floats
    counts: NDArray[np.int64]
    absolute: NDArray[np.bool_]
    correlation: Floats


class BookRisk:
    """Reads the risk of a book; the factor model is computed once per sample."""

    def __init__(self, sampler: FactorSampler) -> None:
        self._sampler = sampler
        self._model: FactorModel | None = None
        self._known_at: tuple[int, ...] = ()

    def figures(self, book: ClientBook, exposure: dict[str, Any]) -> tuple[Floats, RiskFigures]:
        """Return each symbol's part of the daily VaR at 99 %, and the whole book's figures.

        Symbols without a price have no part (NaN) and are counted.

        Args:
            book: Prices, rates and instruments.
            exposure: Columns ``house_net_units``, ``house_net_usd`` and ``positions``.

        Shapes: columns (symbols,) -> (symbols,). Units: USD.
        """
        model = self._current(book)
        priced = np.isfinite(exposure["house_net_usd"])
        quote_usd = np.where(priced, exposure["house_net_usd"], 0.0)
        units = np.where(priced, exposure["house_net_units"], 0.0)
        asset = _of_asset(model, units, quote_usd)
        with np.errstate(all="ignore"):  # absurd amounts have no figure
            sd_of = _daily_sd(model, self._sampler)
            held = _per_factor(model.factors, asset, quote_usd)
            scaled = sd_of * held
            pull = sd_of * (model.correlation * scaled).sum(axis=1)
            sd = math.sqrt(max(float((held * pull).sum()), 0.0))
            parts = _parts(model.factors, asset, quote_usd, pull, sd)
            shares = np.abs(held * pull)
        parts[~priced] = np.nan
        lost = int(((exposure["positions"] > 0) & ~priced).sum())
        return parts, self._totals(model, sd, shares, lost)

    def holdings(self, book: ClientBook, net_units: Floats, net_usd: Floats) -> Floats:
        """Return what net positions by symbol are in each factor, as ``covariance`` measures it.

        Symbols without a price (NaN) hold nothing. Shapes: (symbols,) -> (f,).
        """
        model = self._current(book)
        quote_usd = np.nan_to_num(net_usd)
        units = np.where(np.isfinite(net_usd), net_units, 0.0)
        return _per_factor(model.factors, _of_asset(model, units, quote_usd), quote_usd)

    def covariance(self, book: ClientBook) -> Floats:
        """Return the covariance of all factors per day. Shapes: (f, f)."""
        model = self._current(book)
        sd = _daily_sd(model, self._sampler)
        product: Floats = np.outer(sd, sd) * model.correlation
        return product

    def _current(self, book: ClientBook) -> FactorModel:
        now = (self._sampler.samples, len(book.instruments), book.names_version)
        if self._model is None or now != self._known_at:
            self._model, self._known_at = factor_model(book, self._sampler), now
        return self._model

    def _totals(self, model: FactorModel, sd: float, shares: Floats, lost: int) -> RiskFigures:
        # an empty book says how well all factors are known
        known = math.isfinite(sd) and sd > 0.0
        shares = shares / shares.sum() if known else np.full(len(shares), 1.0 / max(len(shares), 1))
        prior = float((shares * model.prior_weight).sum()) if len(shares) else 1.0
        counts = model.counts[shares > 0.0]
        return RiskFigures(
            sd_usd=sd,
            var_usd=Tail.NORMAL.var_99 * sd,
            es_usd=Tail.NORMAL.es_975 * sd,
            fat_tailed_var_usd=Tail.STUDENT_4.var_99 * sd,
            fat_tailed_es_usd=Tail.STUDENT_4.es_975 * sd,
            hour_var_usd=Tail.NORMAL.var_99 * sd * math.sqrt(HOUR_DAYS),
            source=_source(prior),
            prior_weight_ratio=prior,
            observations=int(counts.min()) if len(counts) else 0,
            sampled_at=self._sampler.sampled_at,
            unpriced_symbols=lost,
        )


def factor_model(book: ClientBook, sampler: FactorSampler) -> FactorModel:
    """Mix what was observed with the prior.

    A prior counts as much as ``PRIOR_OBSERVATIONS`` moves, in each variance and each correlation.
    Measured correlations are shrunk by a fifth to their mean first, and the mixture is repaired
    if no book could have it.
    """
    factors = sampler.factors(book)
    f, known = len(factors.names), len(sampler.names)
    more = f - known
    moments = sampler.moments
    counts = np.pad(moments.counts, (0, more))
    variance = np.pad(np.nan_to_num(moments.daily_variance()), (0, more))
    return FactorModel(
        factors,
        np.array([_prior_ratio(name) for name in factors.classes], np.float64),
        np.sqrt(variance),
        PRIOR_OBSERVATIONS / (PRIOR_OBSERVATIONS + counts),
        counts,
        np.pad(sampler.absolute(book), (0, more)),
        _mixed_correlation(factors.classes, sampler),
    )


def prior_correlation(classes: list[str]) -> Floats:
    """Return the correlations that are assumed before anything is known.

    Shapes: (f,) -> (f, f).
    """
    codes = np.unique(np.array(classes, np.str_), return_inverse=True)[1]
    same = codes[:, None] == codes[None, :]
    correlation = np.where(same, PRIOR_CORRELATION_WITHIN, PRIOR_CORRELATION_ACROSS)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _mixed_correlation(classes: list[str], sampler: FactorSampler) -> Floats:
    mixed = prior_correlation(classes)
    known = len(sampler.names)
    measured = sampler.moments.correlation()
    seen = np.isfinite(measured)
    if not seen.any():
        return mixed
    assumed = mixed[:known, :known]
    shrunken = shrunk(np.where(seen, measured, 0.0), known=seen)
    weight = PRIOR_OBSERVATIONS / (PRIOR_OBSERVATIONS + sampler.moments.weights)
    mixed[:known, :known] = np.where(seen, weight * assumed + (1.0 - weight) * shrunken, assumed)
    np.fill_diagonal(mixed, 1.0)
    return repaired(mixed)


def _daily_sd(model: FactorModel, sampler: FactorSampler) -> Floats:
    """Return what multiplies a factor's holding: USD, or units where it moves by differences."""
    prices = np.pad(sampler.prices, (0, len(model.counts) - len(sampler.prices)))
    size = np.where(model.absolute, np.abs(np.nan_to_num(prices)), 1.0)
    prior = model.prior_ratio * size
    weight = model.prior_weight
    sd: Floats = np.sqrt(weight * prior**2 + (1.0 - weight) * model.measured_sd**2)
    return sd


def _of_asset(model: FactorModel, units: Floats, quote_usd: Floats) -> Floats:
    by_difference = np.append(model.absolute, False)[model.factors.asset]
    # of what costs less than nothing, a long still gains when the price rises
    return np.where(by_difference, units, np.copysign(quote_usd, units))


def _per_factor(factors: FactorMap, asset: Floats, quote_usd: Floats) -> Floats:
    f = len(factors.names)
    long = np.bincount(factors.asset, asset, f + 1)
    owed = np.bincount(factors.quote, quote_usd, f + 1)
    return np.asarray(long - owed, np.float64)[:f]


def _parts(factors: FactorMap, asset: Floats, quote_usd: Floats, pull: Floats, sd: float) -> Floats:
    if sd == 0.0:
        return np.zeros_like(asset)
    of = np.append(pull, 0.0)
    parts: Floats = asset * of[factors.asset] - quote_usd * of[factors.quote]
    return Tail.NORMAL.var_99 * parts / sd + 0.0  # no minus before a zero


def _prior_ratio(asset_class: str) -> float:
    try:
        return PRIOR_DAILY_SD_RATIO[AssetClass(asset_class)]
    except ValueError:
        return PRIOR_DAILY_SD_RATIO[AssetClass.OTHER]


def _source(prior_weight: float) -> CovarianceSource:
    if prior_weight > MOSTLY_PRIOR:
        return CovarianceSource.PRIOR
    return CovarianceSource.MIXED if prior_weight > HARDLY_PRIOR else CovarianceSource.MEASURED
