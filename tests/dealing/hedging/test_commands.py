"""What people ask of hedging: audited before and after, over HTTP, with the settings behind it."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from bookrouting.hedge_terms import HedgeMode
from crm_sync.audit import verify
from dealing.commands.errors import ConflictError
from dealing.commands.memory_store import MemoryCommandStore
from dealing.hedge_api import hedge_routes
from dealing.hedging.commands import HedgeCommands
from dealing.hedging.model import BandKind, Hedges
from dealing.hedging.news import AllNews, ListedNews, NewsPauses
from dealing.hedging.rules import rules_in
from dealing.hedging.simulated_news import SimulatedNews
from dealing.settings import load_settings
from exposure.errors import ConfigError, DisconnectedError, StorageError
from tests.exposure.builders import instrument

BODY = {"key": "hedge-1", "actor": "dealer", "reason": "a client left", "symbol": "EURUSD"}
ORDER = {**BODY, "side": "buy", "lots": 2.0}
S = 1_000_000_000


class Hedging:
    """HedgingQueries that say what a test wants."""

    def __init__(self):
        self.asked, self.raises = [], None

    async def hedging(self, asked):
        if self.raises is not None:
            raise self.raises
        self.asked.append(asked)
        return {"symbol": "EURUSD"}


@pytest.fixture
def hedging():
    return Hedging()


@pytest.fixture
def store():
    return MemoryCommandStore()


@pytest.fixture
def client(hedging, store):
    app = FastAPI()
    app.include_router(hedge_routes(HedgeCommands(store, hedging, lambda: S), hedging))
    return TestClient(app)


def actions(store):
    return [row.entry.action for row in store.audit_rows()]


@pytest.mark.parametrize(
    ("path", "body", "action"),
    [
        ("hedge", ORDER, "hedge.order"),
        ("hedge-mode", {**BODY, "mode": "automatic"}, "hedge.mode"),
        ("hedge-resume", BODY, "hedge.resume"),
    ],
)
def test_a_request_is_in_the_audit_log_before_and_after(client, store, hedging, path, body, action):
    answer = client.post(f"/api/v1/commands/{path}", json=body)
    assert (answer.status_code, answer.json()) == (200, {"symbol": "EURUSD"})
    assert actions(store) == [f"{action}.requested", f"{action}.done"]
    assert verify(store.audit_rows()).ok
    assert hedging.asked[0].actor == "dealer"


@pytest.mark.parametrize(
    ("error", "status", "outcome"),
    [
        (ConflictError("an order is on its way"), 409, "refused"),
        (StorageError("the disk is full"), 503, "refused"),
        (DisconnectedError("the engine is away"), 503, "unanswered"),
    ],
)
def test_what_cannot_be_done_says_why_and_is_in_the_log(
    client, store, hedging, error, status, outcome
):
    hedging.raises = error
    answer = client.post("/api/v1/commands/hedge", json=ORDER)
    assert (answer.status_code, answer.json()["error"]) == (status, str(error))
    assert actions(store) == ["hedge.order.requested", f"hedge.order.{outcome}"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"lots": -1}, "lots must be a number above 0"),
        ({"side": "long"}, "Invalid enum value"),
        ({"actor": "plimsoll"}, "must be a person"),
        ({"reason": ""}, "reason must say why"),
        ({"key": "x"}, "key must have"),
        ({"symbol": ""}, "symbol must be a name"),
        ({"more": 1}, "unknown field"),
    ],
)
def test_what_cannot_be_meant_reaches_nobody(client, store, hedging, change, problem):
    answer = client.post("/api/v1/commands/hedge", json={**ORDER, **change})
    assert (answer.status_code, problem in answer.json()["error"]) == (422, True)
    assert (hedging.asked, actions(store)) == ([], [])


def test_the_list_and_the_ticket_are_asked_for(client, hedging):
    assert client.get("/api/v1/hedging").status_code == 200
    assert client.get("/api/v1/hedging/ticket?symbol=EURUSD&side=sell&lots=3").status_code == 200
    assert (hedging.asked[1].side, hedging.asked[1].lots) == ("sell", 3.0)
    assert client.get("/api/v1/hedging/ticket?symbol=EURUSD&lots=nan").status_code == 422


def test_rules_of_a_symbol_stand_over_those_of_all_and_everything_is_off_at_first(tmp_path):
    assert rules_in(load_settings().hedging).others.rules.mode is HedgeMode.OFF
    file = tmp_path / "mine.yaml"
    file.write_text(
        "hedging: {band_lots: 3, rules: [{symbol: EURUSD, mode: automatic, band: cube_root},"
        " {symbol: GBPUSD, mode: off, band_lots: 7, hedges: house_net}]}"
    )
    settings = rules_in(load_settings(file).hedging)
    euro, pound = settings.of("EURUSD"), settings.of("GBPUSD")
    assert (euro.rules.mode, euro.rules.band_lots) == (HedgeMode.AUTOMATIC, 3.0)
    assert (euro.band, euro.hedges) == (BandKind.CUBE_ROOT, Hedges.UNCOVERED)
    assert (pound.rules.mode, pound.rules.band_lots) == (HedgeMode.OFF, 7.0)
    assert pound.hedges is Hedges.HOUSE_NET


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ("[{symbol: EURUSD, band: wide}]", "hedging.rules.0.band: must be 'fixed' or 'cube_root'"),
        ("[{symbol: EURUSD}, {symbol: EURUSD}]", "hedging: EURUSD has two rules: write one"),
        ("[{symbol: EURUSD, max_clip_lots: 0.001}]", "hedging: EURUSD: max_clip_lots must be"),
        ("[{symbol: EURUSD, lots: 3}]", "hedging.rules.0.lots: there is no such key"),
    ],
)
def test_wrong_rules_are_answered_with_their_place(tmp_path, rules, problem):
    file = tmp_path / "mine.yaml"
    file.write_text(f"hedging:\n  rules: {rules}\n")
    with pytest.raises(ConfigError) as e:
        load_settings(file)
    assert problem in "; ".join(e.value.problems)


def test_news_of_the_simulated_market_holds_back_whom_it_concerns():
    noon = 1_768_305_600 * S  # Tuesday 13 January 2026: US consumer prices came out at 13:30 UTC
    news = NewsPauses(AllNews([SimulatedNews(), ListedNews([])]))
    half_past_one = noon + 5_400 * S
    assert news.until(instrument("EURUSD"), half_past_one - 30 * S, 60 * S) == (
        half_past_one + 60 * S
    )
    assert news.until(instrument("EURUSD"), noon, 60 * S) == 0
    assert news.until(instrument("EURUSD"), half_past_one, 0) == 0
