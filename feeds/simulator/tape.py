"""The market's quotes, read a little ahead of the platform's time.

Clients who know something must know it from somewhere. Reading any market, simulated or recorded,
one minute ahead gives them a true future price to know, and nobody else sees it. The clients' own
quotes are published a moment after the provider's, as on a real platform: that is what a latency
picker lives on.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from exposure.model.quotes import QuoteColumns
from feeds.ports import Market, MarketAction

_USUAL_STEP_NS: Final = 1_000_000_000


class Arrivals(NamedTuple):
    """Quotes in the order in which they arrive, and when each of them does.

    A recorded quote may be late: it arrives after younger ones and keeps its own time.

    Shapes: (n,). Units: ``due`` ns UTC, never decreasing.
    """

    due: NDArray[np.int64]
    quotes: QuoteColumns

    def rows(self, chosen: slice | NDArray[np.bool_]) -> Arrivals:
        """Return some of the quotes."""
        symbol, bid, ask, ts_event = self.quotes
        quotes = QuoteColumns(symbol[chosen], bid[chosen], ask[chosen], ts_event[chosen])
        return Arrivals(self.due[chosen], quotes)

    def usable(self) -> Arrivals:
        """Return the quotes whose sides are finite and positive."""
        _, bid, ask, _ = self.quotes
        return self.rows(np.isfinite(bid) & np.isfinite(ask) & (bid > 0.0) & (ask > 0.0))


class QuoteTape:
    """Hands out a market's quotes up to a moment, and the prices beyond it on request.

    ``ahead`` holds the provider's newest mid per symbol, NaN before the first; it lies
    ``foresight_ns`` after the quotes that were handed out. Client quotes are published ``lag_ns``
    late and carry that time. The market is read in steps of at most ``step_ns``.
    """

    def __init__(
        self, market: Market, foresight_ns: int, lag_ns: int, step_ns: int = _USUAL_STEP_NS
    ) -> None:
        self.market = market
        self.now = market.now
        self.ahead: NDArray[np.float64] = np.full(len(market.instruments), np.nan)
        self._foresight_ns, self._lag_ns, self._step_ns = foresight_ns, lag_ns, step_ns
        self._client: deque[Arrivals] = deque()
        self._provider: deque[Arrivals] = deque()
        self._actions: deque[MarketAction] = deque()

    @property
    def exhausted(self) -> bool:
        """Whether a recording has been handed out to its end."""
        return self.market.exhausted and not self._client and not self._provider

    def advance(self, end: int) -> tuple[Arrivals, Arrivals]:
        """Return what arrives after ``now`` up to ``end`` (ns UTC): client quotes, provider's.

        The provider's are the usable ones.
        """
        self._read_ahead(end + self._foresight_ns)
        self.now = end
        return _take(self._client, end), _take(self._provider, end)

    def take_actions(self) -> list[MarketAction]:
        """Return what happened to symbols up to ``now`` and was not handed out yet."""
        taken = []
        while self._actions and self._actions[0].ts <= self.now:
            taken.append(self._actions.popleft())
        return taken

    def save(self) -> dict[str, Any]:
        """Return the state, the market's included."""
        return {
            "market": self.market.save(),
            "now": self.now,
            "ahead": self.ahead,
            "client": _joined(list(self._client)),
            "provider": _joined(list(self._provider)),
            "actions": list(self._actions),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``save`` was called."""
        self.market.load(state["market"])
        self.now, self.ahead = state["now"], state["ahead"]
        self._client, self._provider = deque(), deque()
        for queue, name in ((self._client, "client"), (self._provider, "provider")):
            due, quotes = state[name]
            if len(due) > 0:
                queue.append(Arrivals(due, QuoteColumns(*quotes)))
        self._actions = deque(msgspec.convert(state["actions"], list[MarketAction]))

    def _read_ahead(self, until: int) -> None:
        market = self.market
        while market.now < until and not market.exhausted:
            before = market.now
            step = market.step(min(until - before, self._step_ns))
            client = step.client._replace(ts_event=step.client.ts_event + self._lag_ns)
            due = _arrival(step.client.ts_event, before, step.now) + self._lag_ns
            if len(due) > 0:
                self._client.append(Arrivals(due, client))
            due = _arrival(step.provider.ts_event, before, step.now)
            provider = Arrivals(due, step.provider).usable()
            if len(provider.due) > 0:
                self._provider.append(provider)
            for action in step.actions:
                self.ahead[action.symbol] /= action.ratio
            self._actions += step.actions
            symbol, bid, ask, _ = provider.quotes
            self.ahead[symbol] = (bid + ask) / 2


def _arrival(ts_event: NDArray[np.int64], after: int, until: int) -> NDArray[np.int64]:
    due: NDArray[np.int64] = np.maximum.accumulate(ts_event).clip(after + 1, until)
    return due


def _take(queue: deque[Arrivals], end: int) -> Arrivals:
    parts: list[Arrivals] = []
    while queue and queue[0].due[0] <= end:
        head = queue.popleft()
        cut = int(np.searchsorted(head.due, end, side="right"))
        parts.append(head.rows(slice(cut)))
        if cut < len(head.due):
            queue.appendleft(head.rows(slice(cut, None)))
    return _joined(parts)


def _joined(parts: list[Arrivals]) -> Arrivals:
    if len(parts) == 1:
        return parts[0]
    parts = [_NOTHING, *parts]
    quotes = QuoteColumns(
        np.concatenate([part.quotes.symbol for part in parts]),
        np.concatenate([part.quotes.bid for part in parts]),
        np.concatenate([part.quotes.ask for part in parts]),
        np.concatenate([part.quotes.ts_event for part in parts]),
    )
    return Arrivals(np.concatenate([part.due for part in parts]), quotes)


_NOTHING: Final = Arrivals(
    np.zeros(0, np.int64),
    QuoteColumns(np.zeros(0, np.int32), np.zeros(0), np.zeros(0), np.zeros(0, np.int64)),
)
