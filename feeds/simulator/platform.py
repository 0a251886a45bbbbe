"""The simulated broker: a market, clients who trade on it, a trade server and a provider.

It is the outside world of a run that has no real one, and a deterministic function of its seed and
of the steps it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import polars as pl

from exposure.errors import InvariantError, StorageError
from exposure.model.accounts import Account
from exposure.model.events import ClockTicked, InputEvent
from feeds.platform_commands import BalanceDeal, PlatformCommand
from feeds.ports import Market
from feeds.simulator.floor import TradingFloor
from feeds.simulator.kinds import KINDS
from feeds.simulator.opening import open_book
from feeds.simulator.packing import pack, unpack
from feeds.simulator.population import populate
from feeds.simulator.rings import NOBODY
from feeds.simulator.tape import QuoteTape
from feeds.simulator.trade_server import TradeServer

_NS: Final = 1_000_000_000
_MS: Final = 1_000_000
_STATE_VERSION: Final = 3


class PlatformSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How big the broker is and how it behaves.

    Units: ``quote_lag_ms`` by which client quotes trail the provider's; ``foresight_s`` what
    informed clients know ahead; ``max_quote_age_ms`` after which a symbol does not trade;
    ``longest_step_ms`` into which longer steps are cut; ``looks_per_step`` how often at most
    stop-outs are looked for in one of them; ``orders_per_s_cap`` what all clients who do not wait
    for an occasion may send in a usual hour.
    """

    seed: int = 1
    clients: int = 2_000
    lp: str = "LP1"
    quote_lag_ms: int = 250
    foresight_s: int = 60
    max_quote_age_ms: int = 5_000
    longest_step_ms: int = 1_000
    looks_per_step: int = 16
    orders_per_s_cap: float = 75.0


class SimulatedPlatform:
    """A broker whose every act is an event; times are market time, ns UTC."""

    def __init__(self, market: Market, settings: PlatformSettings) -> None:
        """Take a market that has not been stepped yet; ``load`` brings back a later one."""
        self.settings = settings
        instruments = market.instruments
        crowd = np.random.default_rng([settings.seed, 1])
        self._rng = np.random.default_rng([settings.seed, 2])
        self._population = populate(settings.clients, instruments, crowd)
        self._server = TradeServer(
            instruments,
            self._population,
            max_quote_age_ns=settings.max_quote_age_ms * _MS,
            lp=settings.lp,
        )
        self._floor = TradingFloor(
            QuoteTape(
                market,
                foresight_ns=settings.foresight_s * _NS,
                lag_ns=settings.quote_lag_ms * _MS,
                step_ns=settings.longest_step_ms * _MS,
            ),
            self._server,
            self._population,
            rng=self._rng,
            foresight_s=settings.foresight_s,
            looks_per_step=settings.looks_per_step,
            orders_per_s_cap=settings.orders_per_s_cap,
        )

    @property
    def label(self) -> str:
        """What a dealer reads on screen about where the prices come from."""
        return self._floor.tape.market.label

    @property
    def now(self) -> int:
        """The end of the last step, ns UTC."""
        return self._floor.tape.now

    @property
    def exhausted(self) -> bool:
        """Whether a recording has no quotes left."""
        return self._floor.tape.exhausted

    @property
    def notes(self) -> list[str]:
        """What a person should know about this run; complete once it is open."""
        return [
            f"accounts in {currency} do not trade: this market has no conversion rate for them"
            for currency in sorted({account.currency for account in self._population.accounts})
            if not self._server.board.convertible(currency).any()
        ]

    @property
    def accounts(self) -> list[Account]:
        """Everybody's terms as they are at the start."""
        return list(self._population.accounts)

    def truth(self) -> pl.DataFrame:
        """Return what only the simulator knows: the kind of client behind each login.

        Columns: login, client_id, kind, ring (clients who act as one share its number, 0 for
        none), follows (the login that is followed, null for nobody).
        """
        accounts, rings = self._population.accounts, self._population.rings
        leaders = [accounts[k].login if k != NOBODY else None for k in rings.leader.tolist()]
        return pl.DataFrame(
            {
                "login": [account.login for account in accounts],
                "client_id": [account.client_id for account in accounts],
                "kind": [KINDS[code].value for code in self._population.kind.tolist()],
                "ring": rings.ring,
                "follows": pl.Series(leaders, dtype=pl.String),
            }
        )

    def opening_events(self) -> list[InputEvent]:
        """Return the state before the first step: terms, accounts, prices and the open book.

        Time passes for at most a minute until every symbol has been quoted.
        """
        if self._server.board.opened_at > 0:
            raise InvariantError("this platform is open already: its opening events were taken")
        return open_book(self._floor, self._population, self._rng)

    def refusal(self, command: PlatformCommand, pending: Sequence[PlatformCommand] = ()) -> str:
        """Return why a command cannot be obeyed now, "" if it can; nothing happens yet."""
        return self._floor.commands.refusal(command, pending)

    def balance_deals(self, login: str) -> list[BalanceDeal]:
        """Return what was booked for desks in an account, or in all for "", oldest first."""
        return self._server.balance_deals(login)

    def advance(
        self, duration_ns: int, commands: Sequence[PlatformCommand] = ()
    ) -> list[InputEvent]:
        """Let market time pass and return what happened, in order of time; commands come first."""
        if self._server.board.opened_at == 0:
            raise InvariantError("the platform is not open: take its opening events first")
        end = self.now + duration_ns
        while self.now < end:
            self._floor.step(min(end, self.now + self.settings.longest_step_ms * _MS), commands)
            commands = ()
        self._server.publish([ClockTicked(end)])
        return self._server.take_events()

    def save(self) -> bytes:
        """Return the state, the market's included, from which ``load`` goes on."""
        return pack(
            {
                "version": _STATE_VERSION,
                "settings": self.settings,
                "floor": self._floor.save(),
            }
        )

    def load(self, state: bytes) -> None:
        """Go on exactly where ``save`` was called.

        Raises:
            StorageError: The state is of another version or of a platform with other settings.
        """
        saved = unpack(state)
        if saved["version"] != _STATE_VERSION:
            raise StorageError(
                "the saved platform is of another version: start with a new data directory"
            )
        if saved["settings"] != msgspec.to_builtins(self.settings):
            raise StorageError(
                "the saved platform was started with other settings (seed, clients, ...): use the "
                "same ones, or start with a new data directory"
            )
        self._floor.load(saved["floor"])
