"""Probes for machines: alive, ready, and the whole snapshot with its ages."""

import time

import orjson
import pytest
from starlette.testclient import TestClient

from dealing.api import not_ready
from dealing.desk import create_desk
from dealing.revenue.memory_store import MemoryRevenueStore
from dealing.snapshot_json import snapshot_json
from tests.desk.scripted_book import EngineQueries, FakeSource

ORIGIN = "http://127.0.0.1:8050"


@pytest.fixture
def source():
    return FakeSource()


@pytest.fixture
def client(broker, source):
    with TestClient(
        create_desk(source, EngineQueries(broker), MemoryRevenueStore()), base_url=ORIGIN
    ) as client:
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
