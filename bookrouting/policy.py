"""A routing policy: who is hedged, who is kept, and how fast anybody may be moved; plain data.

Money is per million USD of notional and round trip, from the house's side unless a name says
``client_``. Whoever reads a policy from a file checks it there (docs/routing.md); what is here can
be computed with.
Source: science.md section 3.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bookrouting.economics import SWITCH_ABOVE, SWITCH_BACK_BELOW
from bookrouting.segments import Segment
from exposure.model.books import Book

HOUR_NS: Final = 3_600 * 10**9


class Place(NamedTuple):
    """A book, and the share of new deals that is hedged in it."""

    book: Book
    hedge_ratio: float


class Evidence(NamedTuple):
    """How sure one has to be before a client is moved.

    He is hedged more when that is better with probability above ``hedge_above``, and less when the
    probability is below ``keep_below``; in between he stays. Nothing is decided before ``least_n``
    effective trades, or ``urgent_n`` for a client with an urgent flag whose e-value has reached
    ``urgent_e_value``.
    """

    hedge_above: float = SWITCH_ABOVE
    keep_below: float = SWITCH_BACK_BELOW
    least_n: float = 10.0
    urgent_n: float = 5.0
    urgent_e_value: float = 20.0
    urgent_flags: tuple[str, ...] = ("latency", "off_market")


class CoolDown(NamedTuple):
    """How long a client stays after a change: so many trades and so much time, both."""

    trades: int = 20
    duration_ns: int = 24 * HOUR_NS


class Caps(NamedTuple):
    """What is limited whatever the evidence says.

    ``daily_ratio`` of all clients may be moved in a day, and always ``daily_least``. What is kept
    of one client may be ``client_ratio`` of everything the house keeps, and ``new_client_usd``
    while he has fewer than ``new_client_n`` trades. A cluster is one client.
    """

    daily_ratio: float = 0.05
    daily_least: int = 1
    client_ratio: float = 0.10
    new_client_n: float = 5.0
    new_client_usd: float = 500_000.0


class Risk(NamedTuple):
    """What keeping risk costs, and how finely book C is set.

    ``risk_aversion`` is gamma per USD per million; 0 knows books A and B only. A ratio is a
    multiple of ``ratio_step``, and is changed by ``least_change`` at least.
    """

    risk_aversion: float = 0.0
    ratio_step: float = 0.1
    least_change: float = 0.2


class Pricing(NamedTuple):
    """When better prices are the answer and no book is: for whom picks stale quotes.

    He carries one of ``flags``, has ``least_n`` effective trades, and loses the house money in
    both books.
    """

    flags: tuple[str, ...] = ("latency", "off_market")
    least_n: float = 5.0


class Override(NamedTuple):
    """Somebody's decision, which counts until it expires (wall clock, ns UTC)."""

    client_id: str
    place: Place
    expires_ns: int
    reason: str


class Policy(NamedTuple):
    """Everything that decides where a client's risk goes."""

    name: str
    version: int
    evidence: Evidence = Evidence()
    cool_down: CoolDown = CoolDown()
    caps: Caps = Caps()
    risk: Risk = Risk()
    pricing: Pricing = Pricing()
    segments: tuple[Segment, ...] = ()
    overrides: tuple[Override, ...] = ()

    @property
    def label(self) -> str:
        """What a proposal names as its origin."""
        return f"{self.name} v{self.version}"


def place_of(hedge_ratio: float) -> Place:
    """Return the book of a ratio: 1 is A, 0 is B, in between is C.

    >>> place_of(0.0).book, place_of(0.4).book, place_of(1.0).book
    (<Book.B: 'B'>, <Book.C: 'C'>, <Book.A: 'A'>)
    """
    if hedge_ratio >= 1.0:
        return Place(Book.A, 1.0)
    return Place(Book.B, 0.0) if hedge_ratio <= 0.0 else Place(Book.C, hedge_ratio)
