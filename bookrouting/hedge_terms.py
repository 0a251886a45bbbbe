"""The words of hedging: rules, situations, orders and decisions (hedging.py is what decides)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

import msgspec

from exposure.model.deals import Side

_NS: Final = 1_000_000_000


class HedgeMode(StrEnum):
    """Who orders: nobody, a dealer who is told what to, or the hedger."""

    OFF = "off"
    MANUAL = "manual"
    AUTOMATIC = "automatic"


class HedgeRules(msgspec.Struct, frozen=True, kw_only=True):
    """How one symbol is hedged.

    The house may hold ``centre_lots`` give or take ``band_lots``. Beyond it trades back to
    ``target_ratio`` of the band: 1 is its edge (the cheapest), 0 its centre.

    Units: lots, USD, ns. ``depth_share`` of what the provider shows is the most of one order.
    """

    mode: HedgeMode = HedgeMode.OFF
    band_lots: float
    centre_lots: float = 0.0
    target_ratio: float = 1.0
    min_clip_lots: float = 0.01
    max_clip_lots: float = 50.0
    lot_step: float = 0.01
    most_usd_per_hour: float = 100_000_000.0
    depth_share: float = 0.5
    cool_down_ns: int = 2 * _NS
    stale_after_ns: int = 2 * _NS
    answer_within_ns: int = 5 * _NS
    back_off_ns: int = _NS
    longest_back_off_ns: int = 60 * _NS
    rejects_to_pause: int = 5

    def problem(self) -> str | None:
        """Return why the rules cannot be used, None if they can."""
        return next(self._problems(), None)

    def _problems(self) -> Iterator[str]:
        for name in ("min_clip_lots", "lot_step", "most_usd_per_hour", "depth_share"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                yield f"{name} must be a number above 0, was {value:g}"
        if not (math.isfinite(self.band_lots) and self.band_lots >= 0.0):
            yield f"band_lots must be 0 or more, was {self.band_lots:g}"
        if not math.isfinite(self.centre_lots):
            yield f"centre_lots must be a number, was {self.centre_lots:g}"
        if not 0.0 <= self.target_ratio <= 1.0:
            yield f"target_ratio must be in [0, 1], was {self.target_ratio:g}"
        if not self.max_clip_lots >= self.min_clip_lots:
            yield f"max_clip_lots must be at least min_clip_lots ({self.min_clip_lots:g})"
        waits = (self.cool_down_ns, self.stale_after_ns, self.answer_within_ns, self.back_off_ns)
        if min(waits) < 0 or self.rejects_to_pause < 1:
            yield "times must be 0 or more, and rejects_to_pause at least 1"


class Situation(NamedTuple):
    """What is known of a symbol at one moment.

    ``house_net_lots`` holds exactly the fills that the hedger was told of. ``lp`` is where an order
    would go, ``depth_lots`` what it shows on the side in question (None: it does not say).

    Units: ``*_ns`` UTC, ``usd_per_lot`` what one lot is worth, NaN without a price.
    """

    now_ns: int
    house_net_lots: float
    usd_per_lot: float
    price_ts_ns: int
    lp: str
    feed_is_live: bool = True
    news_until_ns: int = 0
    depth_lots: float | None = None


class HedgeOrder(NamedTuple):
    """A market order to a provider; one key is executed at most once. Lots are positive."""

    key: str
    lp: str
    symbol: str
    side: Side
    lots: float


class OrderGateway(Protocol):
    """Where orders go. Answers come back as events, in the stream that tells the exposure."""

    def send(self, order: HedgeOrder) -> None:
        """Send an order; the same key a second time changes nothing."""
        ...

    def enquire(self, order: HedgeOrder) -> None:
        """Ask what became of an order, with the order itself under its key.

        Either it is answered for good (what never arrived never will), or it is executed now for
        the first time: the hedger waits for the answer in both cases.
        """
        ...


class Verdict(StrEnum):
    """What the hedger decided, or what holds it back."""

    OFF = "off"
    INSIDE = "inside"
    ORDER = "order"
    SUGGESTION = "suggestion"
    WAITING = "waiting"
    ENQUIRY = "enquiry"
    COOLING = "cooling"
    PAUSED = "paused"
    STALE = "stale"
    NEWS = "news"
    LIMITED = "limited"
    TOO_SMALL = "too_small"


class Decision(NamedTuple):
    """What to do now: send ``order`` (ORDER), ask about it (ENQUIRY) or show it (SUGGESTION)."""

    verdict: Verdict
    sentence: str
    order: HedgeOrder | None = None
