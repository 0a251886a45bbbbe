"""Probes for machines: alive, ready, and the whole snapshot with its ages."""

import time

import orjson
import pytest
from starlette.testclient import TestClient

from dealing.api import not_ready
from dealing.desk import create_desk
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.snapshot_json import snapshot_json
from exposure.errors import StorageError
from tests.dealing.revenue.made_facts import GOLDEN, booking
from tests.desk.scripted_book import EngineQueries, FakeSource

ORIGIN = "http://127.0.0.1:8050"


@pytest.fixture
def source():
    return FakeSource()


@pytest.fixture
def store():
    made = MemoryRevenueStore()
    made.add(booking(GOLDEN))
    return made


@pytest.fixture
def client(broker, source, store):
    app = create_desk(source, EngineQueries(broker), store)
    with TestClient(app, base_url=ORIGIN) as client:
        yield client


def test_a_desk_without_an_engine_is_alive_but_not_ready(client):
    assert client.get("/healthz").json() == {"status": "alive"}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "no figures" in answer.json()["reason"]
    assert client.get("/api/v1/snapshot").status_code == 503


def test_a_desk_with_fresh_figures_is_ready(client, source, broker):
    source.publish(broker.frame())
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["age_ms"] < 3_000


def test_a_desk_with_old_figures_is_not_ready_and_says_how_old(client, source, broker):
    source.publish(broker.frame(sent_at=time.time_ns() - 42_000_000_000))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "42 s old" in answer.json()["reason"]


@pytest.mark.parametrize(("age_ms", "ready"), [(0.0, True), (3_000.0, True), (3_001.0, False)])
def test_figures_are_fresh_for_three_seconds(age_ms, ready):
    assert (not_ready(age_ms) is None) is ready


def test_the_snapshot_is_the_replays_object_with_ages(client, source, broker):
    frame = broker.frame()
    source.publish(frame)
    answer = client.get("/api/v1/snapshot")
    assert answer.headers["content-type"] == "application/json"
    content = answer.json()
    assert content.items() >= orjson.loads(snapshot_json(frame.snapshot)).items()
    assert content["age_ms"] < 3_000
    assert content["market"] == "simulated"
    assert content["components"][0]["name"] == "platform"
    assert content["exposure"][0]["age_ms"] is not None


def test_the_snapshot_follows_the_newest_frame(client, source, broker):
    source.publish(broker.frame())
    first = client.get("/api/v1/snapshot").json()
    broker.step()
    source.publish(broker.frame())
    assert client.get("/api/v1/snapshot").json()["as_of_ms"] > first["as_of_ms"]


DAY = "first=2026-01-13&last=2026-01-13"


def test_revenue_is_told_by_one_dimension_with_its_total(client):
    told = client.get(f"/api/v1/revenue?{DAY}&dimension=book").json()
    assert (told["first"], told["last"], told["dimension"]) == ("2026-01-13", "2026-01-13", "book")
    assert {row["book"]: row["total_usd"] for row in told["rows"]} == {"A": 90.5, "B": -77.8}
    assert (told["total"]["total_usd"], told["total"]["swap_usd"]) == (12.7, 2.2)


@pytest.mark.parametrize(
    ("form", "begins", "kind"),
    [("csv", b"\xef\xbb\xbfsymbol,", "text/csv"), ("xlsx", b"PK", "application/vnd.openxml"),
     ("parquet", b"PAR1", "application/vnd.apache.parquet")],
)  # fmt: skip
def test_revenue_is_a_file_to_keep(client, form, begins, kind):
    answer = client.get(f"/api/v1/revenue?{DAY}&form={form}")
    assert answer.content.startswith(begins)
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="revenue-symbol-2026-01-13-2026-01-13.{form}"'
    )
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "query",
    ["", "first=x&last=y", "first=2026-01-14&last=2026-01-13", f"{DAY}&dimension=secret",
     f"{DAY}&form=exe", "first=0001-01-01&last=9999-12-31", "first=2026-01-13"],
)  # fmt: skip
def test_what_is_no_period_no_dimension_or_no_form_is_refused(client, query):
    assert client.get(f"/api/v1/revenue?{query}").status_code == 422


def test_a_database_that_is_away_is_said(client, store, monkeypatch):
    def away(*_):
        raise StorageError("the database is away")

    monkeypatch.setattr(store, "summary", away)
    answer = client.get(f"/api/v1/revenue?{DAY}")
    assert (answer.status_code, answer.json()) == (503, {"error": "the database is away"})


@pytest.mark.parametrize("path", ["/revenue", "/system"])
def test_every_screen_has_an_address_of_the_one_page(client, path):
    pages = [client.get(address).text for address in (path, "/", path)]
    assert all("/assets/js/revenue.js" in page for page in pages)
    assert len({len(page) for page in pages}) == 1


def test_clients_who_act_as_one_are_listed_and_an_engine_that_is_away_is_said(
    broker, source, store
):
    queries = EngineQueries(broker)
    with TestClient(create_desk(source, queries, store), base_url=ORIGIN) as client:
        told = client.get("/api/v1/clusters").json()
        assert told == {"clusters": [{"id": "copy-1", "members": ["C1", "C2"]}]}
        queries.away = True
        answer = client.get("/api/v1/clusters")
    assert answer.status_code == 503
    assert answer.json()["error"]
