"""Delays grow to a limit, are never in step and start again after a success."""

from __future__ import annotations

from dealing.backoff import Backoff


def test_delays_double_up_to_the_limit_and_start_again():
    backoff = Backoff(lambda: 0.0, first_s=0.1, limit_s=0.5)
    assert [backoff.next_delay_s() for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    backoff.reset()
    assert backoff.next_delay_s() == 0.1


def test_chance_shortens_a_delay_by_up_to_half():
    backoff = Backoff(iter([0.0, 0.5, 0.999]).__next__, first_s=1.0, limit_s=1.0)
    first, second, third = (backoff.next_delay_s() for _ in range(3))
    assert (first, second) == (1.0, 0.75)
    assert 0.5 <= third < 0.51
