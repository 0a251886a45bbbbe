"""Exact tail probabilities of counts, in logarithms where they may be too small for a float.

Source: Hoeffding, On the distribution of the number of successes in independent trials, 1956 (a
sum of unequal coins has a lighter tail than the Poisson law of the same mean).
"""

from __future__ import annotations

import math
from typing import Final

from exposure.kernels import kernel

LOG_10: Final = math.log(10.0)

_TERMS: Final = 400
_ENOUGH: Final = 1e-12
_LEAST_EACH, _MOST_EACH = 0.5, 5.0


@kernel
def log_poisson_tail(count: int, mean: float) -> float:
    """Return ln P(X >= count) of a Poisson variable; 0 where the count is no surprise.

    The series starts at its largest term, so it is used above the mean only.
    """
    if count <= 0 or count <= mean:
        return 0.0
    if mean <= 0.0:
        return -math.inf
    term, total = 1.0, 1.0
    for k in range(count + 1, count + _TERMS):
        term *= mean / k
        total += term
        if term < _ENOUGH * total:
            break
    return min(0.0, count * math.log(mean) - mean - math.lgamma(count + 1.0) + math.log(total))


@kernel
def log_surprise_tail(count: int, trials: int, surprise: float, mean: float) -> float:
    """Return ln of the chance that events are as many and as surprising as these, together.

    By chance the number of events is a Poisson variable and each brings a surprise that is
    exponential with mean one. An event counts as much as it is rare among the trials, plus its
    surprise; the sum is a compound Poisson variable.
    """
    if count <= 0 or mean <= 0.0 or count <= mean:
        return 0.0
    each = min(max(-math.log(mean / trials), _LEAST_EACH), _MOST_EACH)
    total = count * each + surprise
    worst, terms = -math.inf, 0.0
    for k in range(1, int(total / each) + 2):
        rest = total - k * each
        if rest <= k:  # so many events need no surprise
            log_term = log_poisson_tail(k, mean)
        else:
            log_term = k * math.log(mean) - mean - math.lgamma(k + 1.0) + _log_gamma_tail(k, rest)
        if log_term > worst:
            terms = terms * math.exp(worst - log_term) + 1.0
            worst = log_term
        else:
            terms += math.exp(log_term - worst)
        if rest <= k:
            break
    return min(0.0, worst + math.log(terms))


@kernel
def _log_gamma_tail(count: int, value: float) -> float:
    """Return ln P(the sum of ``count`` exponential variables >= value), for values above count."""
    term, total = 1.0, 1.0
    for j in range(count - 1, 0, -1):
        term *= j / value
        total += term
        if term < _ENOUGH * total:
            break
    largest = (count - 1) * math.log(value) - math.lgamma(float(count)) - value
    return largest + math.log(total)


def log_binomial_tail(count: int, trials: int, share: float) -> float:
    """Return ln P(X >= count) of ``trials`` coins that each show heads with chance ``share``.

    >>> round(math.exp(log_binomial_tail(8, 10, 0.5)), 7)
    0.0546875
    """
    if count <= 0 or share >= 1.0:
        return 0.0
    if count > trials or share <= 0.0:
        return -math.inf
    logs = [_log_binomial(k, trials, share) for k in range(count, trials + 1)]
    largest = max(logs)
    return min(0.0, largest + math.log(math.fsum(math.exp(one - largest) for one in logs)))


def log_normal_bayes_factor(
    mean: float, error: float, *, expected: float, spread: float, null_spread: float
) -> float:
    """Return ln of how much better a mean fits "there is an effect" than "there is none".

    Both say how the true mean is spread: around ``expected`` by ``spread``, or around zero by
    ``null_spread``. A mean further below zero than half its error counts as half its error, so
    that the factor never falls when the mean rises.
    Source: science.md section 2 (LBF and its monotone form).
    """
    seen = max(mean, -0.5 * error)
    with_effect, without = spread**2 + error**2, null_spread**2 + error**2
    return 0.5 * (
        math.log(without / with_effect) - (seen - expected) ** 2 / with_effect + seen**2 / without
    )


def chance_in_words(log_p: float) -> str:
    """Return a probability as a dealer would say it.

    >>> [chance_in_words(math.log(p)) for p in (0.3, 0.02, 1e-4)] + [chance_in_words(-200.0)]
    ['1 in 3', '1 in 50', '1 in 10,000', 'less than 1 in a billion']
    """
    if log_p < -9.0 * LOG_10:
        return "less than 1 in a billion"
    return f"1 in {max(1, round(math.exp(-log_p))):,}"


def _log_binomial(k: int, n: int, share: float) -> float:
    return (
        math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
        + k * math.log(share) + (n - k) * math.log1p(-share)
    )  # fmt: skip
