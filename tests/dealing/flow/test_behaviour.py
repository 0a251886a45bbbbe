"""Findings and clusters of a running flow book are those of a whole look, and survive a restart."""

import asyncio

import pytest

from bookrouting.flow_export import stored
from dealing.flow.live import LiveFlow, begun
from dealing.flow.ports import ClientsAsked, Only
from dealing.score.study import clusters_json, findings_json, studied
from exposure.model.events import BalanceChanged, EventBatch
from tests.dealing.score.characters import PAIR, RING, evening

PIVOTS = ("USD", "EUR")


def fed(flow, events):
    flow.take(EventBatch(flow.position + len(events), 0, events))
    return flow


@pytest.fixture(scope="module")
def events():
    return evening()


@pytest.fixture(scope="module")
def flow(events):
    flow = begun(PIVOTS)

    async def follow():
        for begin in range(0, len(events), 8_000):
            fed(flow, events[begin : begin + 8_000])
            await flow.findings.refresh()
        await flow.rank()

    asyncio.run(follow())
    return flow


def test_what_is_found_bit_by_bit_is_what_one_look_finds(flow):
    found, clusters = flow.findings, studied(flow.reader.flow).clusters
    assert {frozenset(one["members"]) for one in found.clusters()} == {
        frozenset(RING), frozenset(PAIR),
    }  # fmt: skip
    for mine, theirs in zip(
        found.clusters(), clusters_json(flow.reader.flow, clusters), strict=True
    ):
        assert {**mine, "id": ""} == {**theirs, "id": ""}


def test_lists_and_cards_carry_habits_flags_and_clusters(flow):
    rows = {row["client_id"]: row for row in flow.found(ClientsAsked(only=Only.ALL)).rows}
    assert rows["picker"]["flags"] == ["latency"]
    assert rows["follower1"]["cluster"] == rows["leader"]["cluster"]
    card = flow.card("picker")
    assert card["client"]["flags"] == ["latency"]
    assert any("kind of trader: " in sentence for sentence in card["sentences"])
    assert any("faster feed" in sentence for sentence in card["sentences"])


def test_only_those_who_dealt_are_asked_about_again(flow):
    before = dict(flow.findings.all())
    asyncio.run(flow.findings.refresh())
    assert all(flow.findings.all()[row] is found for row, found in before.items())


def test_clusters_keep_their_names_over_a_restart_and_are_found_again(flow):
    again = LiveFlow.restored(stored(flow.copy()), PIVOTS)
    assert again.findings.clusters() == []  # nobody has looked yet
    asyncio.run(again.findings.refresh())
    assert again.findings.clusters() == flow.findings.clusters()
    for row in range(len(flow.reader.flow.client_ids)):
        told = [findings_json(one.findings.of(row)) for one in (again, flow)]
        assert told[0]["flags"] == told[1]["flags"]


def test_a_book_that_saw_nothing_has_nothing_to_say():
    flow = begun(PIVOTS)
    asyncio.run(flow.findings.refresh())
    fed(flow, [BalanceChanged(1, "nobody", "deposit", 1.0)])
    assert flow.findings.clusters() == []
    assert flow.findings.of(0).flags == frozenset()
