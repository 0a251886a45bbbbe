"""A market that happened: recorded quotes in place of simulated ones.

Of the providers of a symbol the first quotes the clients and the second is the liquidity provider's
price. Quotes come in the order of their files, at the running maximum of their times; a late one
keeps its own time, so that it is noticed as late. The market starts when every symbol has a price.
Conversion rates that nobody recorded come from the ECB's file of the day and do not move.
Source: semantics.md section 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from exposure.errors import UNDECODABLE, DataError, StorageError
from exposure.model.ids import Currency
from exposure.model.instruments import Instrument
from feeds.catalogue import load_catalogue, load_venue_instruments
from feeds.fixed_rates import fixed_rates
from feeds.merged_quotes import MergedQuotes
from feeds.ports import MarketStep
from feeds.recordings import Recording, read_recordings
from feeds.reference_rates import find_rates

ACCOUNT_CURRENCIES: Final = tuple(Currency(code) for code in ("USD", "EUR", "GBP", "AUD", "CHF"))
DEFAULT_PROVIDERS: Final = ("oanda", "fxcm")


class _SavedRecording(msgspec.Struct, frozen=True):
    recording: str
    now: int
    client: int
    provider: int


class RecordedMarket:
    """Recorded quotes as a market; implements ``Market`` of feeds/ports.py.

    Attributes:
        label: The name of the recording, with its date.
        instruments: The recorded symbols and those that only convert.
        conversion_only: Symbols that have one price for the whole run and cannot be traded.
        cannot_trade: Account currencies without a conversion rate.
        notes: Everything that a reader of the numbers should know about the recording.
    """

    def __init__(
        self,
        directory: Path,
        instruments: Iterable[Instrument] | None = None,
        *,
        providers: Sequence[str] = DEFAULT_PROVIDERS,
        account_currencies: Sequence[Currency] = ACCOUNT_CURRENCIES,
        start_at: int | None = None,
    ) -> None:
        """Read a directory of recordings.

        Args:
            directory: Where the files are.
            instruments: Contract terms, by default those of the catalogue.
            providers: Whose quotes come first; others follow in alphabetical order.
            account_currencies: Which currencies must convert.
            start_at: Begin later than the first moment at which every symbol has a price, ns UTC.

        Raises:
            DataError: There is nothing to trade on in the directory.
        """
        self.notes: list[str] = []
        known = _known_terms(instruments)
        quoted = _by_symbol(read_recordings(directory, self.notes), providers)
        recorded = _with_terms(directory, known, quoted, self.notes)
        start = max(int(sources[0].ts[0]) for sources in recorded.values())
        day = datetime.fromtimestamp(start // 1_000_000_000, UTC).date()
        self.label = _label(directory, day)
        self.now = (start if start_at is None else max(start, start_at)) - 1
        rates = find_rates(directory, day)
        fixed = fixed_rates(list(recorded), known.values(), account_currencies, rates)
        self.notes += fixed.notes(day, None if rates is None else rates.day)
        self.instruments = [*recorded, *fixed.prices]
        self.conversion_only = frozenset(one.symbol for one in fixed.prices)
        self.cannot_trade = [one for one in fixed.missing if one in account_currencies]
        client = [sources[0] for sources in recorded.values()]
        provider = [_provider_of(sources, one) for one, sources in recorded.items()]
        constant = [_constant(one, price, self.now) for one, price in fixed.prices.items()]
        self._client = MergedQuotes([*client, *constant], self.now)
        self._provider = MergedQuotes([*provider, *constant], self.now)
        if self._client.last <= self.now:
            raise DataError(f"{directory} has no quotes after its start: start earlier")

    @property
    def exhausted(self) -> bool:
        """Whether every recorded quote has been given."""
        return self._client.exhausted and self._provider.exhausted

    def step(self, duration_ns: int) -> MarketStep:
        """Advance market time and return what was quoted meanwhile.

        The first step also gives the standing quote of every symbol that quoted before the start.
        """
        self.now += duration_ns
        return MarketStep(
            self.now, self._client.take_until(self.now), self._provider.take_until(self.now)
        )

    def save(self) -> bytes:
        """Return where the recording stands."""
        saved = _SavedRecording(
            self._identity(), self.now, self._client.given, self._provider.given
        )
        return msgspec.msgpack.encode(saved)

    def load(self, state: bytes) -> None:
        """Go on exactly where ``save`` was called; another recording is a StorageError."""
        try:
            saved = msgspec.msgpack.decode(state, type=_SavedRecording)
        except UNDECODABLE as error:
            raise StorageError(
                "the saved state of the recording cannot be read: start with a new data directory"
            ) from error
        if saved.recording != self._identity():
            raise StorageError(
                f"the saved run was on other quotes than {self.label}: use the same recording, or "
                "a new data directory"
            )
        self.now = saved.now
        self._client.given, self._provider.given = saved.client, saved.provider

    def _identity(self) -> str:
        symbols = " ".join(one.symbol for one in self.instruments)
        return f"{symbols} {len(self._client)} {len(self._provider)} {self._client.last}"


def _provider_of(sources: list[Recording], terms: Instrument) -> Recording:
    if len(sources) > 1:
        return sources[1]
    # Nobody else quoted the symbol: the provider is inside by the markup, but never crossed.
    only = sources[0]
    half_markup = np.ceil(terms.markup_points / 2) * terms.point
    with np.errstate(over="ignore", invalid="ignore"):  # absurd prices stay absurd
        inside = np.minimum(half_markup, np.maximum((only.ask - only.bid) / 2, 0.0))
        sides = only.bid + inside, only.ask - inside
        bid, ask = (np.round(price, terms.digits) for price in sides)
    return only._replace(bid=bid, ask=ask)


def _constant(terms: Instrument, price: float, ts: int) -> Recording:
    prices = np.array([price])
    return Recording("", terms.symbol, np.array([ts]), prices, prices)


def _known_terms(instruments: Iterable[Instrument] | None) -> dict[str, Instrument]:
    if instruments is None:
        instruments = [*load_catalogue(), *load_venue_instruments()]
    return {one.symbol.upper(): one for one in instruments}


def _by_symbol(recordings: list[Recording], providers: Sequence[str]) -> dict[str, list[Recording]]:
    rank = {name.lower(): place for place, name in enumerate(providers)}
    ranked = sorted(recordings, key=lambda one: (rank.get(one.provider, len(rank)), one.provider))
    symbols = sorted({one.symbol for one in recordings})
    return {symbol: [one for one in ranked if one.symbol == symbol] for symbol in symbols}


def _with_terms(
    directory: Path,
    known: dict[str, Instrument],
    quoted: dict[str, list[Recording]],
    notes: list[str],
) -> dict[Instrument, list[Recording]]:
    unknown = [symbol for symbol in quoted if symbol not in known]
    if len(unknown) == len(quoted):
        raise DataError(
            f"{directory}: no contract terms are known for {', '.join(unknown)}: "
            "record symbols of the catalogue"
        )
    notes += [f"{symbol} is left out: no contract terms are known for it" for symbol in unknown]
    for symbol, sources in quoted.items():
        notes += [
            f"{symbol} of {unused.provider} is left out: {sources[0].provider} quotes the clients "
            f"and {sources[1].provider} is the liquidity provider"
            for unused in sources[2:]
        ]
    return {terms: quoted[symbol] for symbol, terms in known.items() if symbol in quoted}


def _label(directory: Path, day: date) -> str:
    name = directory.resolve().name
    return f"recorded {name}" if str(day) in name else f"recorded {name} {day}"
