"""What the desk asks about clients' flow, and what it is told."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol

import msgspec


class Sort(StrEnum):
    """What clients are ranked by, most of it first."""

    SCORE = "score"
    EDGE = "edge"
    EVIDENCE = "evidence"
    MONEY = "money"
    DRIFT = "drift"
    TRADES = "trades"


class Only(StrEnum):
    """Which clients are listed."""

    ALL = "all"
    SCORED = "scored"
    ALARMED = "alarmed"
    TO_MOVE = "to_move"


class ClientsAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A list of clients, please; ``search`` is a part of a client's or login's name."""

    sort: Sort = Sort.SCORE
    only: Only = Only.SCORED
    book: str = ""
    search: str = ""
    limit: int = 200


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """All clients by what is known of them; ``toxic`` score 60 and more.

    ``to_move`` are those for whom the policy proposes another book, or better prices.
    """

    clients: int
    scored: int
    watched: int
    toxic: int
    alarmed: int
    to_move: int
    drifting: int


class ClientsFound(msgspec.Struct, frozen=True, kw_only=True):
    """The clients that were asked for, in their order; ``matching`` is how many there are.

    ``rows`` are as ``plimsoll score`` has them. Units: ``as_of`` and ``scored_at`` ns UTC of the
    events; ``ready`` is False while the first scores are being computed.
    """

    as_of: int
    scored_at: int
    counted: Counted
    matching: int
    rows: list[dict[str, Any]]


class ShadowClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client who is or was elsewhere in the shadow's books.

    Units: USD of the house, + the shadow's books brought more.
    """

    client_id: str
    book: str
    hedge_ratio: float
    shadow_book: str
    shadow_hedge_ratio: float
    difference_usd: float


class ShadowTold(msgspec.Struct, frozen=True, kw_only=True):
    """The real books beside those of a second policy, since ``begun_at``.

    ``difference_usd`` is what the shadow's books would have brought more, between ``_low`` and
    ``_high`` (95 %; None with too few ``hours``); ``is_proven`` if that leaves zero out. Of
    ``clients`` so many are ``elsewhere``. ``rows`` are those whom it changes most, ``decisions``
    the last ones of all ``moves``.

    Units: times ns UTC of the events, USD of the house; ``*_hourly_sd_usd`` is the standard
    deviation of whole hours' results, None with fewer than two.
    """

    policy: str
    begun_at: int
    as_of: int
    actual_usd: float
    shadow_usd: float
    difference_usd: float
    difference_low_usd: float | None
    difference_high_usd: float | None
    is_proven: bool
    hours: int
    actual_hourly_sd_usd: float | None
    shadow_hourly_sd_usd: float | None
    clients: int
    elsewhere: int
    moves: int
    rows: list[ShadowClient]
    decisions: list[dict[str, Any]]


class FlowQueries(Protocol):
    """Questions about clients' flow.

    All raise DisconnectedError while the engine is away and DomainError for an unknown name.
    """

    async def clients(self, asked: ClientsAsked) -> ClientsFound:
        """Return clients, most dangerous first or as asked."""
        ...

    async def client_card(self, client_id: str) -> dict[str, Any]:
        """Return why a client has his score, with the trades behind it."""
        ...

    async def clusters(self) -> list[dict[str, Any]]:
        """Return clients who act as one, the largest cluster first, as ``plimsoll score`` does."""
        ...

    async def shadow(self) -> ShadowTold | None:
        """Return how a second policy's books would have done, None without one."""
        ...
