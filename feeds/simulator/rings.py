"""Clients who are not alone: followers who copy a leader, and pairs that stand against each other.

Whoever is followed decides as his own kind does; his followers' orders are on their way from the
moment his own is executed. Only this module and the truth know who belongs together.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feeds.simulator.kinds import KINDS, ClientKind

Floats = NDArray[np.float64]
Generator = np.random.Generator

NOBODY: Final = -1

_FEWEST_FOLLOWERS, _MOST_FOLLOWERS = 2, 5
_LEADERS: Final = (ClientKind.NOISE, ClientKind.TREND, ClientKind.INFORMED)
_SHARE: Final = (0.3, 0.9)
_MEDIAN_DELAY_S, _DELAY_SIGMA = 2.0, 1.0
_SIZE_SIGMA: Final = 0.3
_HEDGE_SHARE: Final = 0.95
_HEDGE_DELAY_S: Final = 3.0
_HEDGE_SIZE: Final = 0.08
_NS: Final = 1_000_000_000


class Rings(NamedTuple):
    """Whom each login follows, and how.

    Shapes: (logins,). ``leader`` is a login's index or NOBODY, ``sign`` +1 copies, -1 takes the
    other side; ``share`` of the leader's trades; ``delay_s`` median; ``ring`` numbers the rings
    from 1, 0 for none.
    """

    leader: NDArray[np.int64]
    sign: NDArray[np.int8]
    share: Floats
    delay_s: Floats
    ring: NDArray[np.int64]


class Echo(NamedTuple):
    """An order that follows somebody's trade.

    Units: ``due`` and ``exit_at`` ns UTC, ``size`` a multiple of the leader's lots, ``take_profit``
    and ``stop_loss`` price distances from the fill.
    """

    due: int
    account: int
    symbol: int
    sign: int
    lots: float
    exit_at: int
    take_profit: float
    stop_loss: float


class Followers:
    """The followers' orders on their way."""

    def __init__(self, rings: Rings, stake_usd: Floats) -> None:
        self._rings, self._stake_usd = rings, stake_usd
        followed = np.unique(rings.leader[rings.leader != NOBODY])
        self._of = {
            leader: np.flatnonzero(rings.leader == leader).tolist() for leader in followed.tolist()
        }
        self._echoes: list[Echo] = []

    def hear(self, executed: Echo, rng: Generator) -> None:
        """Let those who follow an account take notice of what it has just done."""
        for follower in self._of.get(executed.account, ()):
            takes, delay, size = rng.random(), rng.standard_normal(), rng.standard_normal()
            if takes < self._rings.share[follower]:
                self._echoes.append(self._echo(executed, follower, delay, size))

    def due(self, until: int) -> list[Echo]:
        """Take out the orders that are due by then, in order of time."""
        due = sorted(echo for echo in self._echoes if echo.due <= until)
        self._echoes = [echo for echo in self._echoes if echo.due > until]
        return due

    def split(self, symbol: int, ratio: float) -> None:
        """Multiply the lots and divide the targets of orders in a symbol that was split."""
        self._echoes = [
            echo._replace(
                lots=echo.lots * ratio,
                take_profit=echo.take_profit / ratio,
                stop_loss=echo.stop_loss / ratio,
            )
            if echo.symbol == symbol
            else echo
            for echo in self._echoes
        ]

    def save(self) -> list[Any]:
        """Return the orders on their way."""
        return [list(echo) for echo in self._echoes]

    def load(self, state: list[Any]) -> None:
        """Take back what ``save`` returned."""
        self._echoes = [Echo(*row) for row in state]

    def _echo(self, executed: Echo, follower: int, delay: float, size: float) -> Echo:
        rings, hedges = self._rings, self._rings.sign[follower] < 0
        wait_s = float(rings.delay_s[follower]) * float(np.exp(_DELAY_SIGMA * delay))
        own = 1.0 if hedges else self._stake_usd[follower] / self._stake_usd[executed.account]
        noise = float(np.exp((_HEDGE_SIZE if hedges else _SIZE_SIGMA) * size))
        wait = 1 + int(wait_s * _NS)
        return executed._replace(
            due=executed.due + wait,
            account=follower,
            sign=executed.sign * int(rings.sign[follower]),
            lots=executed.lots * float(own) * noise,
            exit_at=executed.exit_at + (0 if hedges else wait),
        )


def draw_rings(kind: NDArray[np.int8], owner: NDArray[np.int64], rng: Generator) -> Rings:
    """Draw who follows whom: copiers get a leader, hedged clients a partner.

    Only the first login of a client follows or is followed.

    Args:
        kind: The kind's code of each login.
        owner: The client behind each login, in rising order.
        rng: The only source of chance.

    Shapes: kind (logins,), owner (logins,).
    """
    n = len(kind)
    rings = Rings(
        np.full(n, NOBODY), np.zeros(n, np.int8), np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
    )
    first = np.diff(owner, prepend=-1) != 0
    leaders = np.flatnonzero(first & np.isin(kind, [KINDS.index(one) for one in _LEADERS]))
    copiers = np.flatnonzero(first & (kind == KINDS.index(ClientKind.COPY))).tolist()
    number = 0
    for leader in rng.permutation(leaders).tolist():
        if not copiers:
            break
        number += 1
        count = int(rng.integers(_FEWEST_FOLLOWERS, _MOST_FOLLOWERS + 1))
        followers, copiers = copiers[:count], copiers[count:]
        _copy(rings, leader, followers, number, rng)
    pairs = np.flatnonzero(first & (kind == KINDS.index(ClientKind.HEDGED_PAIR))).tolist()
    for one, other in zip(pairs[::2], pairs[1::2], strict=False):
        number += 1
        _hedge(rings, one, other, number)
    return rings


def _copy(rings: Rings, leader: int, followers: list[int], number: int, rng: Generator) -> None:
    n = len(followers)
    rings.leader[followers], rings.sign[followers] = leader, 1
    rings.share[followers] = rng.uniform(*_SHARE, n)
    rings.delay_s[followers] = _MEDIAN_DELAY_S * np.exp(rng.standard_normal(n))
    rings.ring[[leader, *followers]] = number


def _hedge(rings: Rings, one: int, other: int, number: int) -> None:
    rings.leader[other], rings.sign[other] = one, -1
    rings.share[other], rings.delay_s[other] = _HEDGE_SHARE, _HEDGE_DELAY_S
    rings.ring[[one, other]] = number
