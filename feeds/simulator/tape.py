"""The market's quotes, read a little ahead of the platform's time.

Clients who know something must know it from somewhere. Reading any market, simulated or recorded,
one minute ahead gives them a true future price to know, and nobody else sees it. The clients' own
quotes arrive a moment later than the provider's, as on a real platform: that is what a latency
picker lives on.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from exposure.model.quotes import QuoteColumns
from feeds.ports import Market, MarketStep

_LONGEST_STEP_NS: Final = 1_000_000_000


class QuoteTape:
    """Hands out a market's quotes up to a moment, and the prices beyond it on request.

    ``ahead`` holds the provider's newest mid per symbol, NaN before the first; it lies
    ``foresight_ns`` after the quotes that were handed out. ``lag_ns`` delays client quotes.
    """

    def __init__(self, market: Market, foresight_ns: int, lag_ns: int) -> None:
        self.market = market
        self.now = market.now
        self.ahead: NDArray[np.float64] = np.full(len(market.instruments), np.nan)
        self._foresight_ns, self._lag_ns = foresight_ns, lag_ns
        self._client: deque[QuoteColumns] = deque()
        self._provider: deque[QuoteColumns] = deque()

    @property
    def exhausted(self) -> bool:
        """Whether a recording has been handed out to its end."""
        return self.market.exhausted and not self._client and not self._provider

    def advance(self, end: int) -> MarketStep:
        """Return the quotes after ``now`` up to and including ``end`` (ns UTC)."""
        self._read_ahead(end + self._foresight_ns)
        self.now = end
        return MarketStep(end, _take(self._client, end), _take(self._provider, end))

    def save(self) -> dict[str, Any]:
        """Return the state, the market's included."""
        return {
            "market": self.market.save(),
            "now": self.now,
            "ahead": self.ahead,
            "client": list(joined(list(self._client))),
            "provider": list(joined(list(self._provider))),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``save`` was called."""
        self.market.load(state["market"])
        self.now, self.ahead = state["now"], state["ahead"]
        self._client = deque([QuoteColumns(*state["client"])])
        self._provider = deque([QuoteColumns(*state["provider"])])

    def _read_ahead(self, until: int) -> None:
        market = self.market
        while market.now < until and not market.exhausted:
            step = market.step(min(until - market.now, _LONGEST_STEP_NS))
            client = step.client
            self._client.append(client._replace(ts_event=client.ts_event + self._lag_ns))
            self._provider.append(step.provider)
            quotes = usable(step.provider)
            self.ahead[quotes.symbol] = (quotes.bid + quotes.ask) / 2


def usable(quotes: QuoteColumns) -> QuoteColumns:
    """Return the quotes of known symbols whose sides are finite and positive."""
    keep = np.isfinite(quotes.bid) & np.isfinite(quotes.ask) & (quotes.symbol >= 0)
    keep &= (quotes.bid > 0.0) & (quotes.ask > 0.0)
    return rows(quotes, keep)


def rows(quotes: QuoteColumns, chosen: slice | NDArray[np.bool_]) -> QuoteColumns:
    """Return some of the quotes."""
    symbol, bid, ask, ts_event = quotes
    return QuoteColumns(symbol[chosen], bid[chosen], ask[chosen], ts_event[chosen])


def joined(parts: list[QuoteColumns]) -> QuoteColumns:
    """Return the quotes of all parts, one after another."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return QuoteColumns(np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
    return QuoteColumns(
        np.concatenate([part.symbol for part in parts]),
        np.concatenate([part.bid for part in parts]),
        np.concatenate([part.ask for part in parts]),
        np.concatenate([part.ts_event for part in parts]),
    )


def _take(queue: deque[QuoteColumns], end: int) -> QuoteColumns:
    parts: list[QuoteColumns] = []
    while queue:
        head = queue.popleft()
        cut = int(np.searchsorted(head.ts_event, end, side="right"))
        parts.append(rows(head, slice(cut)))
        if cut < len(head.symbol):
            queue.appendleft(rows(head, slice(cut, None)))
            break
    return joined(parts)
