"""Each suspicious kind of client gets its name, its flag and its cluster; nobody else does."""

import math

import orjson
import pytest

from dealing.score.answer import answer_json, score_answer
from dealing.score.reader import FlowReader
from dealing.score.study import ROLLOVER, rollovers
from tests.dealing.score.characters import (
    CLIENTS,
    NOBODY,
    PAIR,
    RING,
    ROLLOVER_S,
    SECOND,
    START,
    evening,
)
from tests.dealing.score.test_command import numbers_of


@pytest.fixture(scope="module")
def said():
    reader = FlowReader()
    reader.events(evening())
    reader.flow.finish()
    return orjson.loads(answer_json(score_answer(reader, [], [])))


@pytest.fixture(scope="module")
def rows(said):
    return {row["client_id"]: row for row in said["clients"]}


def names(row):
    return {tag["name"] for tag in row["behaviour"]}


def test_every_suspicious_client_has_the_flag_of_his_kind(rows):
    for client, flag in (("picker", "latency"), ("hunter", "swap"), ("abuser", "bonus")):
        assert rows[client]["flags"] == [flag], client
    for client in RING:
        assert rows[client]["flags"] == ["copy"]
    for client in PAIR:
        assert rows[client]["flags"] == ["hedge"]


def test_clients_of_no_kind_have_no_flag_and_no_cluster(rows):
    for client in NOBODY:
        assert rows[client]["flags"] == []
        assert rows[client]["cluster"] is None


def test_habits_say_what_kind_of_trader_it_is(rows):
    assert "scalper" in names(rows["picker"])
    assert "swap hunter" in names(rows["hunter"])
    assert "copies" in names(rows["follower2"])
    assert "hedged pair" in names(rows["short"])
    assert rows["leader"]["leads_cluster"]
    for client in NOBODY:
        assert not names(rows[client]) & {"copies", "hedged pair", "swap hunter", "news trader"}


def test_clusters_are_told_with_members_leader_and_evidence_and_scored_as_one(said, rows):
    copies, hedges = said["clusters"]
    assert (copies["kind"], set(copies["members"]), copies["leader"]) == (
        "copy", set(RING), "leader",
    )  # fmt: skip
    assert (hedges["kind"], set(hedges["members"])) == ("hedge", set(PAIR))
    assert copies["n"] == rows["leader"]["n"]  # followers' trades are the same decisions
    assert hedges["n"] == rows["long"]["n"] + rows["short"]["n"]
    assert all(0.0 <= pair["chance"] < 1e-4 for pair in copies["evidence"])
    assert "4 accounts copy one another" in copies["sentence"]
    for one in (copies, hedges):
        assert one["client_edge_low"] <= one["client_edge_usd_per_million"]
        assert one["gross_usd"] == one["net_usd"] == 0.0  # all is closed
        assert {rows[member]["cluster"] for member in one["members"]} == {one["id"]}


def test_detections_come_with_their_sentence_and_pitfall_and_are_reasons(rows):
    for client in ("picker", "hunter", "abuser"):
        first = rows[client]["detections"][0]
        assert first["weight"] == "evidence"
        assert any(first["sentence"] in reason for reason in rows[client]["reasons"])
        assert any(first["pitfall"] in reason for reason in rows[client]["reasons"])


def test_every_number_is_finite(said):
    assert all(map(math.isfinite, numbers_of(said)))
    assert {row["client_id"] for row in said["clients"]} == set(CLIENTS)


def test_positions_roll_over_at_five_in_new_york_on_every_day_between():
    end = START + 20 * 86_400 * SECOND
    found = rollovers(START, end)
    assert found[0] == START + ROLLOVER_S * SECOND
    assert found[-2] <= end < found[-1]
    assert len(found) == 21
    assert all(ROLLOVER.at(one).hour == 0 for one in found)
