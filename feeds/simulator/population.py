"""Who trades at the simulated broker: accounts, their groups, habits and the books they are in.

Everything is drawn from shares that a retail broker would recognise. Only pseudonymous ids exist:
there is no personal data to protect.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exposure.model.accounts import Account, HedgedMarginMode
from exposure.model.books import Book
from exposure.model.ids import ClientId, Currency, Login
from exposure.model.instruments import Instrument
from feeds.catalogue.regimes import Regime, RegimeRule, is_offered
from feeds.simulator.kinds import KINDS, ClientKind, habit_column
from feeds.simulator.rings import Rings, draw_rings

Generator = np.random.Generator


class Group(NamedTuple):
    """The trading conditions that a set of accounts shares.

    ``regime`` is whose caps its retail clients have, ``leverage_profile`` a dynamic one. Units:
    levels in percent; ``commission`` in account currency per lot and round turn, charged on
    currency pairs and metals.
    """

    name: str
    region: str
    leverages: tuple[int, ...]
    margin_call_level: float
    stop_out_level: float
    hedged_margin_mode: HedgedMarginMode
    commission: float
    countries: tuple[str, ...]
    regime: Regime | None = None
    leverage_profile: str = ""


GROUPS: Final = (
    Group("eu-retail", "EU", (30,), 100.0, 50.0, HedgedMarginMode.NET_PLUS_HEDGED, 0.0,
          ("DE", "FR", "ES", "IT", "PL", "CY", "CH"), Regime.ESMA),
    Group("eu-pro", "EU", (100, 200), 100.0, 50.0, HedgedMarginMode.SUM, 6.0,
          ("DE", "FR", "NL", "CH")),
    Group("uk-retail", "UK", (30,), 100.0, 50.0, HedgedMarginMode.LARGER_LEG, 0.0, ("GB",),
          Regime.FCA),
    Group("au-retail", "AU", (30,), 100.0, 50.0, HedgedMarginMode.NET_PLUS_HEDGED, 0.0, ("AU",),
          Regime.ASIC),
    Group("apac-standard", "APAC", (100, 200, 400, 500), 100.0, 30.0,
          HedgedMarginMode.NET_PLUS_HEDGED, 0.0, ("SG", "MY", "TH", "VN", "ID")),
    Group("mena-standard", "MENA", (100, 200, 400), 80.0, 30.0, HedgedMarginMode.MT4_AVERAGE, 0.0,
          ("AE", "SA", "EG", "JO", "KW")),
    Group("latam-standard", "LATAM", (100, 200, 500), 100.0, 20.0, HedgedMarginMode.NET, 0.0,
          ("MX", "CO", "CL", "PE", "BR")),
    Group("global-raw", "GLOBAL", (100, 200, 300, 500), 100.0, 30.0,
          HedgedMarginMode.NET_PLUS_HEDGED, 6.0, ("ZA", "KE", "NG", "IN", "PH"),
          leverage_profile="raw"),
)  # fmt: skip

CURRENCIES: Final = ("USD", "EUR", "GBP", "AUD", "CHF")
_CURRENCY_SHARES: Final = (0.85, 0.08, 0.04, 0.02, 0.01)
_GROUP_SHARES: Final = {
    "USD": (0.12, 0.03, 0.02, 0.01, 0.28, 0.19, 0.18, 0.17),
    "EUR": (0.75, 0.15, 0.0, 0.0, 0.0, 0.0, 0.0, 0.10),
    "GBP": (0.0, 0.05, 0.90, 0.0, 0.0, 0.0, 0.0, 0.05),
    "AUD": (0.0, 0.0, 0.0, 0.80, 0.10, 0.0, 0.0, 0.10),
    "CHF": (0.80, 0.15, 0.0, 0.0, 0.0, 0.0, 0.0, 0.05),
}

POPULAR: Final = (
    "EURUSD", "XAUUSD", "USDJPY", "GBPUSD", "NAS100", "US500", "GER40", "GBPJPY", "BTCUSD",
    "AUDUSD", "USDCAD", "EURJPY", "USDCHF", "US30", "EURGBP", "XAGUSD", "WTI",
)  # fmt: skip
"""The symbols most traded, first the most popular; others follow in the market's order."""

RAW_SUFFIX: Final = ".pro"
"""Symbols without markup; accounts that pay commission trade them where they exist."""

FAVOURITES: Final = 4
"""How many symbols a client follows; the first is traded most."""

_SECOND_LOGIN_SHARE: Final = 0.08
_PARTIAL_SHARE: Final = 0.04
_PARTIAL_RATIOS: Final = (0.25, 0.5, 0.75)
_IB_SHARE: Final = 0.4
_IBS: Final = 30
_MEDIAN_STAKE_USD: Final = 12_000.0
_SELDOM: Final = 1e-3


class Population(NamedTuple):
    """All logins, in the order in which the platform's accounts are numbered.

    Shapes: (logins,), ``favourites`` (logins, FAVOURITES) of symbol indexes, ``banned`` (logins,
    symbols) what a regulator keeps from a login. Units: ``stake_usd`` notional per order, ``pace``
    a multiple of the kind's usual activity, ``commission`` per lot and round turn. ``kind``, a
    place in KINDS, and ``rings``, who follows whom, are the simulator's secret.
    """

    accounts: list[Account]
    kind: NDArray[np.int8]
    stake_usd: NDArray[np.float64]
    pace: NDArray[np.float64]
    commission: NDArray[np.float64]
    favourites: NDArray[np.int32]
    banned: NDArray[np.bool_]
    rings: Rings


def populate(clients: int, instruments: list[Instrument], rng: Generator) -> Population:
    """Draw the clients and their logins; accounts have no money yet.

    Args:
        clients: Number of clients; some own two logins.
        instruments: What the market quotes.
        rng: The only source of chance.
    """
    second = rng.random(clients) < _SECOND_LOGIN_SHARE
    owner = np.repeat(np.arange(clients), 1 + second)
    shares = habit_column("share")
    kind = rng.choice(len(KINDS), clients, p=shares / shares.sum()).astype(np.int8)[owner]
    stake = _MEDIAN_STAKE_USD * np.exp(rng.normal(0.0, 1.1, len(owner)))
    groups, accounts = _draw_accounts(owner, kind, stake, rng)
    commission = np.array([group.commission for group in GROUPS])[groups]
    banned = np.array([_banned(group, instruments) for group in GROUPS])[groups]
    pace = np.exp(rng.normal(-0.32, 0.8, len(owner)))
    favourites = _draw_favourites(instruments, commission > 0.0, banned, rng)
    favourites = _with_swap_earners(favourites, kind, instruments, banned, rng)
    rings = draw_rings(kind, owner, rng)
    hedges = rings.sign < 0
    # one person's two accounts carry the same size, and the second only answers the first
    stake[hedges], pace[hedges] = stake[rings.leader[hedges]], _SELDOM
    return Population(
        accounts=accounts,
        kind=kind,
        stake_usd=stake,
        pace=pace,
        commission=commission,
        favourites=favourites,
        banned=banned,
        rings=rings,
    )


def regime_rules(accounts: Iterable[Account]) -> list[RegimeRule]:
    """Return under whose caps the accounts are, in alphabetical order."""
    of_group = {group.name: group.regime for group in GROUPS}
    rules = {
        RegimeRule(account.region, account.category, regime)
        for account in accounts
        if (regime := of_group[account.group]) is not None
    }
    return sorted(rules)


def _banned(group: Group, instruments: list[Instrument]) -> list[bool]:
    regime = group.regime
    return [regime is not None and not is_offered(one, regime) for one in instruments]


def _draw_accounts(
    owner: NDArray[np.int64],
    kind: NDArray[np.int8],
    stake_usd: NDArray[np.float64],
    rng: Generator,
) -> tuple[NDArray[np.int64], list[Account]]:
    n = len(owner)
    currency = rng.choice(len(CURRENCIES), n, p=_CURRENCY_SHARES)
    shares = np.cumsum([_GROUP_SHARES[name] for name in CURRENCIES], axis=1)
    groups = (rng.random((n, 1)) > shares[currency]).sum(axis=1).clip(max=len(GROUPS) - 1)
    leverage, country, ib = rng.random(n), rng.random(n), _draw_ibs(n, rng)
    hedged = habit_column("hedged_share")[kind]
    draw = rng.random(n)
    in_a, in_c = draw < hedged, draw > 1.0 - _PARTIAL_SHARE
    ratio = rng.choice(_PARTIAL_RATIOS, n)
    accounts = []
    for i in range(n):
        group = GROUPS[groups[i]]
        book = Book.A if in_a[i] else Book.C if in_c[i] else Book.B
        accounts.append(
            Account(
                login=Login(str(500_001 + i)),
                client_id=ClientId(f"C{100_001 + owner[i]}"),
                currency=Currency(CURRENCIES[currency[i]]),
                balance=0.0,
                leverage=float(group.leverages[int(leverage[i] * len(group.leverages))]),
                book=book,
                hedge_ratio=float(ratio[i]) if book is Book.C else None,
                group=group.name,
                margin_call_level=group.margin_call_level,
                stop_out_level=group.stop_out_level,
                hedged_margin_mode=group.hedged_margin_mode,
                leverage_profile=group.leverage_profile,
                region=group.region,
                category=_category(group, float(stake_usd[i])),
                ib_code=ib[i],
                country=group.countries[int(country[i] * len(group.countries))],
            )
        )
    return groups, accounts


def _category(group: Group, stake_usd: float) -> str:
    if group.name == "eu-pro":
        return "professional"
    return "vip" if stake_usd > 8.0 * _MEDIAN_STAKE_USD else "retail"


def _draw_ibs(n: int, rng: Generator) -> list[str]:
    weights = 1.0 / np.arange(1, _IBS + 1)
    number = rng.choice(_IBS, n, p=weights / weights.sum())
    introduced = rng.random(n) < _IB_SHARE
    return [
        f"IB{100 + k}" if has else ""
        for k, has in zip(number.tolist(), introduced.tolist(), strict=True)
    ]


def _draw_favourites(
    instruments: list[Instrument],
    pays_commission: NDArray[np.bool_],
    banned: NDArray[np.bool_],
    rng: Generator,
) -> NDArray[np.int32]:
    """Draw by Zipf's law; accounts on commission get the symbol without markup instead.

    Who must not trade a symbol takes the most popular one.
    """
    symbols = [str(instrument.symbol) for instrument in instruments]
    place = {symbol: i for i, symbol in enumerate(symbols)}
    plain = [s for s in symbols if not s.endswith(RAW_SUFFIX)] or symbols
    ranked = [s for s in POPULAR if s in plain] + [s for s in plain if s not in POPULAR]
    weights = 1.0 / np.arange(1, len(ranked) + 1)
    draws = rng.choice(len(ranked), (len(pays_commission), FAVOURITES), p=weights / weights.sum())
    standard = np.array([place[s] for s in ranked], np.int32)
    raw = np.array([place.get(s + RAW_SUFFIX, place[s]) for s in ranked], np.int32)
    wished = np.where(pays_commission[:, None], raw[draws], standard[draws])
    return np.where(np.take_along_axis(banned, wished, axis=1), standard[0], wished)


def _with_swap_earners(
    favourites: NDArray[np.int32],
    kind: NDArray[np.int8],
    instruments: list[Instrument],
    banned: NDArray[np.bool_],
    rng: Generator,
) -> NDArray[np.int32]:
    """Let swap hunters follow symbols of which one side earns swap, where there are any."""
    earning = [
        place
        for place, one in enumerate(instruments)
        if max(one.swap_long, one.swap_short) > 0.0 and not one.symbol.endswith(RAW_SUFFIX)
    ]
    if not earning:
        return favourites
    draws = rng.choice(np.array(earning, np.int32), favourites.shape)
    hunts = (kind == KINDS.index(ClientKind.SWAP_HUNTER))[:, None]
    return np.where(hunts & ~np.take_along_axis(banned, draws, axis=1), draws, favourites)
