"""The flow book beside a running engine: it learns, ranks, explains, and survives a restart."""

import asyncio

import pytest

from bookrouting.flow_export import stored
from bookrouting.flow_view import FlowView
from bookrouting.policy import Caps, Policy
from dealing.flow.keeping import recovered_flow
from dealing.flow.live import LiveFlow, begun
from dealing.flow.ports import ClientsAsked, Only, Sort
from dealing.flow.terms import RoutingTerms
from dealing.storage.journal import Journal
from dealing.storage.snapshots import SnapshotStore
from exposure.engine import ExposureEngine
from exposure.errors import DomainError
from exposure.model.accounts import Account
from exposure.model.books import Book
from exposure.model.events import (
    AccountChanged,
    BookAssigned,
    ClockTicked,
    DealExecuted,
    EventBatch,
    InstrumentDefined,
    QuoteReceived,
)
from exposure.model.instruments import CalcMode, Instrument

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
PIVOTS = ("USD", "EUR")
TRADES = 30

EURO = Instrument(
    symbol="EURUSD", asset_class="fx", base="EUR", quote="USD", contract_size=100_000.0, digits=5,
    calc_mode=CalcMode.FOREX,
)  # fmt: skip


def account(login, client_id):
    return Account(
        login=login, client_id=client_id, currency="USD", balance=1e6, leverage=100.0, book=Book.B
    )


def day():
    """Return batches in which a picker buys what rises a second later, and a coin does not."""
    events = [
        InstrumentDefined(START, EURO),
        AccountChanged(START, account("1", "picker")),
        AccountChanged(START, account("2", "coin")),
        AccountChanged(START, account("3", "idle")),
    ]
    mid, number = 1.1, 0
    for minute in range(2 * TRADES):
        at = START + minute * 60 * SECOND
        up = 0.0004 if minute % 2 == 0 else -0.0004
        events.append(quote(at, mid))
        if minute % 2 == 0:
            number += 1
            coin = "buy" if minute % 4 == 0 else "sell"
            events += [deal(at + 1, number, "1", "buy", mid), deal(at + 1, -number, "2", coin, mid)]
        mid += up
        events += [quote(at + SECOND // 2, mid), quote(at + 2 * SECOND, mid)]
        events.append(ClockTicked(at + 3 * SECOND))
    return list(batched(events, 7))


def quote(ts, mid):
    return QuoteReceived(ts, "EURUSD", mid - 0.00005, mid + 0.00005)


def deal(ts, number, login, side, mid):
    price = mid + (0.00005 if side == "buy" else -0.00005)
    return DealExecuted(ts, f"d{number}", login, f"p{number}", "EURUSD", side, "in", 0.1, price)


def batched(events, size):
    position = 0
    for begin in range(0, len(events), size):
        part = events[begin : begin + size]
        position += len(part)
        yield EventBatch(position, 0, part)


DAY = day()


ROOMY = RoutingTerms(Policy("roomy", 1, caps=Caps(client_ratio=1.0)))
"""A book of two clients is concentrated; most of these tests are about something else."""


def played(batches, terms=ROOMY):
    flow = begun(PIVOTS, terms)
    for batch in batches:
        flow.take(batch)
    asyncio.run(flow.rank())
    return flow


@pytest.fixture(scope="module")
def flow():
    return played(DAY)


def names(found):
    return [row["client_id"] for row in found.rows]


def test_who_trades_ahead_of_the_price_comes_first(flow):
    found = flow.found(ClientsAsked())
    assert names(found) == ["picker", "coin"]
    picker, coin = found.rows
    assert picker["score"] > 95.0
    assert coin["score"] < 30.0
    assert picker["client_edge_low"] > 0.0 > coin["client_edge_low"]
    assert (picker["book"], picker["suggested_book"], coin["suggested_book"]) == ("B", "A", "B")


def test_counts_are_of_everybody_whatever_is_listed(flow):
    for only in Only:
        counted = flow.found(ClientsAsked(only=only)).counted
        assert (counted.clients, counted.scored, counted.toxic, counted.to_move) == (3, 2, 1, 1)


def test_lists_are_cut_searched_and_sorted(flow):
    assert names(flow.found(ClientsAsked(only=Only.ALL, limit=2))) == ["picker", "idle"]
    assert flow.found(ClientsAsked(only=Only.ALL, limit=1)).matching == 3
    assert names(flow.found(ClientsAsked(only=Only.ALL, search="oi"))) == ["coin"]
    assert names(flow.found(ClientsAsked(only=Only.ALL, search="3"))) == ["idle"]
    assert names(flow.found(ClientsAsked(only=Only.TO_MOVE))) == ["picker"]
    assert names(flow.found(ClientsAsked(book="A"))) == []
    for sort in Sort:
        assert set(names(flow.found(ClientsAsked(sort=sort)))) == {"picker", "coin"}


def test_a_card_explains_in_sentences_and_names_the_logins(flow):
    card = flow.card("picker")
    assert card["logins"] == ["1"]
    assert card["client"]["client_id"] == card["card"]["client_id"] == "picker"
    assert any("decibans" in sentence for sentence in card["sentences"])
    with pytest.raises(DomainError, match="there is no client nobody"):
        flow.card("nobody")


def test_a_client_without_trades_has_a_card_without_numbers_that_are_none(flow):
    card = flow.card("idle")
    assert card["client"]["client_edge_usd_per_million"] is None
    assert card["sentences"][0].startswith("insufficient: 0 trades")


def test_moving_a_client_takes_him_off_the_list_of_those_to_move():
    flow = played(DAY)
    end = DAY[-1].position
    flow.take(EventBatch(end + 1, 0, [BookAssigned(START, "1", "A")]))
    asyncio.run(flow.rank())
    assert flow.found(ClientsAsked()).counted.to_move == 0
    assert flow.card("picker")["client"]["book"] == "A"


def test_what_came_already_changes_nothing(flow):
    again = played(DAY)
    for batch in DAY:
        assert again.take(batch) == []
    assert state_of(again) == state_of(flow)


def state_of(flow):
    state = stored(flow.copy())
    columns = {
        (table, key): getattr(column, "tolist", lambda column=column: column)()
        for table, parts in state.tables.items()
        for key, column in parts.items()
    }
    return repr((columns, state.meta))


@pytest.mark.parametrize("saved_after", [0, 1, len(DAY) // 2, len(DAY) - 1])
def test_a_restart_goes_on_as_if_there_had_been_none(tmp_path, flow, saved_after):
    store = SnapshotStore(tmp_path / "flow")
    engine = ExposureEngine()
    with Journal.open(tmp_path / "journal") as journal:
        for batch in DAY:
            journal.append(batch)
            engine.apply(batch)
        if saved_after:
            store.save(stored(played(DAY[:saved_after]).copy()))
        recovered = recovered_flow(store, journal, engine)
    assert recovered.position == engine.position
    assert state_of(recovered) == state_of(flow)


def test_without_state_and_journal_everybody_is_known_by_name_and_scored_from_now_on(tmp_path):
    engine = ExposureEngine()
    for batch in DAY:
        engine.apply(batch)
    with Journal.open(tmp_path / "journal") as journal:
        journal.append(EventBatch(engine.position + 1, 0, [ClockTicked(START)]))
        engine.apply(EventBatch(engine.position + 1, 0, [ClockTicked(START)]))
        recovered = recovered_flow(SnapshotStore(tmp_path / "flow"), journal, engine)
    assert recovered.position == engine.position
    asyncio.run(recovered.rank())
    found = recovered.found(ClientsAsked(only=Only.ALL))
    assert {row["client_id"]: row["n"] for row in found.rows} == {
        "picker": 0, "coin": 0, "idle": 0,
    }  # fmt: skip


def test_a_state_of_another_version_is_passed_over(tmp_path, flow):
    state = stored(flow.copy())
    state.meta["version"] = 0
    assert LiveFlow.restored(state, PIVOTS) is None


def test_money_counts_open_positions_in_lists_and_on_cards(flow):
    everybody = FlowView(flow.reader.flow).money()
    picker, coin = flow.found(ClientsAsked()).rows
    for row in (picker, coin, flow.card("picker")["client"]):
        money = everybody[row["client_id"]]
        assert row["money"]["floating_usd"] == money.floating_usd != 0.0
        assert row["money"]["kept_usd"] == money.kept_usd


def test_a_row_says_whether_it_is_scored_and_what_its_band_is_called(flow):
    rows = {row["client_id"]: row for row in flow.found(ClientsAsked(only=Only.ALL)).rows}
    assert [(rows[name]["scored"], rows[name]["band"]) for name in ("picker", "coin", "idle")] == [
        (True, "severe"), (True, "normal"), (False, None),
    ]  # fmt: skip
    assert rows["picker"]["alarmed"] == (
        "picker" in names(flow.found(ClientsAsked(only=Only.ALARMED)))
    )
    assert not any(row["drifting"] for row in rows.values())


def test_a_card_says_what_a_round_trip_costs(flow):
    assert flow.card("picker")["cost_pips"] == pytest.approx(1.0, abs=0.1)
    assert flow.card("idle")["cost_pips"] is None


def test_who_is_too_large_a_part_of_what_is_kept_is_hedged_in_part_whatever_his_flow():
    few = RoutingTerms(Policy("few", 1, caps=Caps(client_ratio=0.1)))
    coin = played(DAY, few).routing.proposals["coin"]
    assert (coin.to.book, coin.to.hedge_ratio) == (Book.C, pytest.approx(0.8))
    assert any("50% of everything the house keeps" in reason for reason in coin.reasons)


def test_what_a_provider_charges_is_weighed_against_what_hedging_saves():
    dear, cheap = (
        played(DAY, ROOMY._replace(provider_usd_per_million=usd)).routing.proposals["picker"]
        for usd in (100.0, 0.0)
    )
    assert dear.expected_usd_per_month < cheap.expected_usd_per_month
    volume = TRADES * 0.1 * 100_000 * 1.1 / 2.0 * 30.0 / 1e6
    saved = cheap.expected_usd_per_month - dear.expected_usd_per_month
    assert saved == pytest.approx(100.0 * volume, rel=0.01)
