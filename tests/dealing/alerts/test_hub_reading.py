"""What a slash command is answered with: figures of the newest frame, and no personal data."""

from __future__ import annotations

import polars as pl
import pytest

from dealing.alerts.hub_reading import HubReading
from exposure.errors import DisconnectedError, DomainError
from tests.dealing.alerts.kept_cases import case, critical
from tests.dealing.alerts.sources.made_frames import NOON, account, frame, symbol

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Engine:
    """Frames and answers of an engine that a test writes down."""

    def __init__(self, newest, scores=()):
        self.newest = newest
        self.scores = dict(scores)

    def latest(self):
        return self.newest

    async def positions_of_account(self, login):
        return pl.DataFrame({"login": [login] * 3})

    async def client_card(self, client_id):
        if client_id not in self.scores:
            raise DomainError("nobody knows him")
        score = self.scores[client_id]
        return {"client": {"score": score, "scored": score is not None}}


def reading(newest=None, scores=(), cases=()):
    engine = Engine(newest, scores)
    return HubReading(engine, engine, lambda: list(cases), lambda: NOON + 2_000_000_000)


def as_dict(facts):
    return {fact.name: fact.text for fact in facts}


GOLD = symbol(
    "XAUUSD", bid=2_000.1, ask=2_000.4, digits=2.0, house_net_lots=-12.0, house_net_usd=-2.4e6
)


async def test_exposure_says_what_the_house_holds():
    told = as_dict(await reading(frame(GOLD)).exposure("xauusd"))
    assert told["Bid / ask"] == "2000.10 / 2000.40"
    assert told["House net"] == "\N{MINUS SIGN}12 lots"
    assert told["House net in USD"] == "\N{MINUS SIGN}2.4 M USD"


async def test_an_unknown_symbol_is_answered_with_the_nearest():
    with pytest.raises(DomainError, match="did you mean XAUUSD"):
        await reading(frame(GOLD)).exposure("XAUSD")


@pytest.mark.parametrize(
    ("scores", "said"),
    [({"C1000": 91.2}, "91 of 100"), ({"C1000": None}, "too few trades"), ({}, "no trades yet")],
)
async def test_an_account_says_its_book_its_level_and_its_score(scores, said):
    newest = frame(accounts=[account("1000", equity=500.0, margin_level=132.4)])
    told = as_dict(await reading(newest, scores).client("1000"))
    assert (told["Client"], told["Book"], told["Margin level"]) == ("C1000", "B", "132 %")
    assert (told["Open positions"], told["Flow score"]) == ("3", said)


async def test_before_the_first_frame_there_are_no_figures():
    nothing = reading()
    assert await nothing.age_s() is None
    with pytest.raises(DisconnectedError):
        await nothing.exposure("XAUUSD")
    with pytest.raises(DomainError, match="nobody knows the login"):
        await reading(frame()).client("7")


async def test_alerts_are_the_most_severe_first_and_figures_have_an_age():
    told = reading(frame(), cases=[case(1), critical(2)])
    assert [one.number for one in await told.alerts()] == [2, 1]
    assert await told.age_s() == 2.0
