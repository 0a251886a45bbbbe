"""The compiled evidence is that of a slow computation with sets and loops."""

import numpy as np
import pytest

from bookrouting.clusters.evidence import REFERENCE_WINDOWS, SAFETY, matches, weigh
from bookrouting.clusters.fills import decisions
from bookrouting.clusters.scan import WINDOWS_NS, Candidates
from tests.bookrouting.clusters.made_fills import copying, strangers


def asked(leader, follower, opposite, either, window):
    return Candidates(
        np.array([leader], np.int32), np.array([follower], np.int32), np.array([opposite]),
        np.array([either]), np.array([window], np.int8),
    )  # fmt: skip


def covering(found, row, leader, opposite, either, window):
    """The moments at which a decision like this one would have coincided, as intervals."""
    for k in np.flatnonzero(found.account == leader):
        if found.symbol[k] == found.symbol[row] and (found.side[k] != found.side[row]) == opposite:
            yield found.ts[k] - (window if either else 0), found.ts[k] + window


def slow_expected(found, leader, follower, opposite, either, window):
    reach, by_market, by_time = REFERENCE_WINDOWS * window, 0.0, 0.0
    for row in np.flatnonzero(found.account == follower):
        begin, end = found.ts[row] - reach, found.ts[row] + reach
        intervals = sorted(covering(found, row, leader, opposite, either, window))
        others = [
            k for k in range(len(found.ts))
            if found.symbol[k] == found.symbol[row] and found.side[k] == found.side[row]
            and begin <= found.ts[k] < end and k != row and found.account[k] != leader
        ]  # fmt: skip
        hits = sum(any(a <= found.ts[k] < b for a, b in intervals) for k in others)
        length, reached = 0, begin
        for a, b in intervals:
            low, high = max(a, reached), min(b, end)
            if high > low:
                length, reached = length + high - low, high
        by_market += (hits + 4.0 * length / (end - begin)) / (len(others) + 4.0)
        by_time += length / (end - begin)
    return SAFETY * max(by_market, by_time)


@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("either", [False, True])
@pytest.mark.parametrize("opposite", [False, True])
def test_the_expected_count_is_that_of_everybodys_moments(opposite, either, window):
    rng = np.random.default_rng(5)
    base = strangers(rng, accounts=8, trades=60, symbols=2, days=1)
    found = decisions(copying(base, rng, 0, 8, share=0.6, sign=-1 if opposite else 1))
    weighed = weigh(found, asked(0, 8, opposite, either, window))
    slow = slow_expected(found, 0, 8, opposite, either, WINDOWS_NS[window])
    assert weighed.expected[0] == pytest.approx(slow, rel=0.05)


def test_coincidences_are_one_to_one_and_within_the_window():
    rng = np.random.default_rng(6)
    base = strangers(rng, accounts=5, trades=80, symbols=1, days=1)
    found = decisions(copying(base, rng, 0, 5, share=0.7, delay_s=8.0))
    led, followed = matches(found, asked(0, 5, opposite=False, either=False, window=1), 0)
    assert len(led) > 20
    assert len(set(led.tolist())) == len(set(followed.tolist())) == len(led)
    lag = found.ts[followed] - found.ts[led]
    assert (lag >= 0).all()
    assert (lag <= WINDOWS_NS[1]).all()
    assert (found.side[led] == found.side[followed]).all()


def test_short_delays_are_better_evidence_than_long_ones():
    rng = np.random.default_rng(7)
    base = strangers(rng, accounts=40, trades=60)
    found = decisions(copying(copying(base, rng, 0, 40, delay_s=2.0), rng, 1, 41, delay_s=149.0))
    quick = weigh(found, asked(0, 40, opposite=False, either=False, window=3))
    slow = weigh(found, asked(1, 41, opposite=False, either=False, window=3))
    per_match = quick.log_p_delays[0] / quick.coincidences[0]
    assert per_match < 1.3 * slow.log_p_delays[0] / slow.coincidences[0] < 0.0
