"""Random books on a market without contradictions, for tests that compare two ways to compute."""

from __future__ import annotations

import random

from exposure.engine import ExposureEngine
from exposure.model.events import (
    AccountChanged,
    EventBatch,
    InstrumentDefined,
    LpPositionRestored,
    PositionRestored,
    QuoteReceived,
)
from tests.exposure.world import ACCOUNTS, INSTRUMENTS, LEVERAGE, PROVIDERS, World


def random_book(seed: int, positions: int = 30) -> ExposureEngine:
    """An engine with every calculation mode, hedged legs, tiers, providers and five accounts."""
    rng, world = random.Random(seed), World()  # noqa: S311 # a repeatable book
    events = [InstrumentDefined(0, one) for one in INSTRUMENTS]
    events += [AccountChanged(0, one) for one in ACCOUNTS]
    events += LEVERAGE
    events += [world.quote(1, name) for name in world.symbols]
    for k in range(positions):
        login, name = rng.choice(ACCOUNTS).login, rng.choice(world.symbols)
        price = world.mid(name) * rng.uniform(0.995, 1.005)
        side, lots = rng.choice(["buy", "sell"]), rng.randint(1, 30) / 100
        swap, ratio = rng.uniform(-9.0, 3.0), rng.choice([0.0, 0.4, 1.0])
        events.append(PositionRestored(1, login, f"P{k}", name, side, lots, price, swap, ratio))
    for lp in PROVIDERS:
        name = rng.choice(world.symbols)
        side = rng.choice(["buy", "sell"])
        events.append(
            LpPositionRestored(1, lp, name, side, rng.randint(1, 9) / 10, world.mid(name))
        )
    engine = ExposureEngine()
    engine.apply(EventBatch(len(events), 0, events))
    return engine


def given_quotes(engine: ExposureEngine, prices) -> ExposureEngine:
    """Let an engine receive prices as quotes."""
    count = len(engine.book.instruments)
    quotes = [
        QuoteReceived(
            engine.as_of + 1,
            engine.book.instruments[k].symbol,
            float(prices.bid[k]),
            float(prices.ask[k]),
        )
        for k in range(count)
        if prices.quoted[k]
    ]
    engine.apply(EventBatch(engine.position + len(quotes), 0, quotes))
    return engine
