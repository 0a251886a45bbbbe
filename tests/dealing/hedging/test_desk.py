"""Live hedging: kept before it is sent, never done twice, whatever dies or gets lost."""

from __future__ import annotations

import math
import os
import random

import msgspec
import orjson
import pytest

from bookrouting.hedge_terms import HedgeMode
from dealing.commands.errors import ConflictError
from dealing.hedging.desk import NOT_KEPT
from dealing.hedging.model import BandKind, Hedges
from dealing.hedging.ports import (
    HedgeSymbol,
    ListHedging,
    ResumeHedging,
    SetHedgeMode,
    SuggestTicket,
)
from exposure.errors import DomainError, StorageError
from exposure.model.deals import Side
from exposure.model.events import HedgeExecuted
from feeds.platform_commands import SendHedgeOrder, SetBridge, WithdrawOrder
from tests.dealing.hedging.given import (
    EURUSD,
    RULES,
    START,
    FullDisk,
    HedgeHouse,
    S,
    rules_of,
    with_mode,
)

pytestmark = pytest.mark.anyio

STORIES = int(os.environ.get("PLIMSOLL_KILLS", "6"))

WHY = {"actor": "dealer", "reason": "a large client left", "symbol": EURUSD}


@pytest.fixture
def anyio_backend():
    return "asyncio"


def order(key="ticket-1", side=Side.BUY, lots=2.0, **more):
    return HedgeSymbol(key=key, side=side, lots=lots, **(WHY | more))


def mode(mode, key="mode-1"):
    return SetHedgeMode(key=key, mode=mode, **WHY)


async def test_the_bridge_is_off_before_the_first_order_and_its_last_orders_are_waited_for(
    tmp_path,
):
    house = HedgeHouse(tmp_path)
    house.trade(+20.0)
    await house.look()
    assert (house.bridges, house.on_its_way) == ([False], [])
    house.pass_time(1.0)
    await house.look()
    assert house.on_its_way == []
    house.pass_time(1.5)
    await house.look()
    (sent,) = house.on_its_way
    assert (sent.symbol, sent.side, sent.lots, sent.lp) == (EURUSD, "buy", 4.0, "LP1")


async def test_a_position_is_brought_back_to_the_edge_in_clips_and_stays_there(tmp_path):
    house = await HedgeHouse(tmp_path).ready()
    house.trade(+12.0)
    for lots in (4.0, 3.0):
        await house.look()
        assert house.on_its_way[0].lots == lots
        house.pass_time(0.1)
        await house.look()
        assert len(house.on_its_way) == 1  # one at a time
        house.fill()
        house.pass_time(1.1)
    await house.look()
    assert (house.held, house.on_its_way) == (pytest.approx(-5.0), [])
    row = await house.listed()
    assert (row["verdict"], row["today"]["fills"], row["today"]["lots"]) == ("inside", 2, 7.0)
    # seven lots at the ask, a pip above the mid
    assert row["today"]["cost_usd"] == pytest.approx(7.0 * 100_000 * 0.0001)


async def test_what_the_books_mean_to_pass_on_is_covered_and_book_b_is_left_alone(tmp_path):
    rules = rules_of(Hedges.UNCOVERED, msgspec.structs.replace(RULES, band_lots=0.0))
    house = await HedgeHouse(tmp_path, rules).ready()
    house.trade(+30.0, login="1")
    house.trade(-3.0, login="2")
    await house.look()
    (sent,) = house.on_its_way
    assert (sent.side, sent.lots) == ("sell", 3.0)
    house.fill(1.25)
    house.pass_time(1.1)
    await house.look()
    assert house.on_its_way[0].lots == 1.75  # decided anew, not ordered again
    house.fill()
    house.pass_time(1.1)
    await house.look()
    assert (house.on_its_way, house.held) == ([], pytest.approx(-30.0))


async def test_the_order_is_on_the_disk_before_the_platform_hears_of_it(tmp_path):
    found = []

    def spy(house, commands):
        if isinstance(commands[0], SendHedgeOrder):
            memory = house.files.find().memory
            found.append(memory.symbols[EURUSD].hedger.open.key == commands[0].key)

    house = await HedgeHouse(tmp_path, spy=spy).ready()
    house.trade(+20.0)
    await house.look()
    assert found == [True]


async def test_a_full_disk_sends_nothing_and_room_lets_it_go_on(tmp_path):
    house = await HedgeHouse(tmp_path).ready()
    house.trade(+20.0)
    house.desk._keeper = FullDisk()
    await house.look()
    assert house.on_its_way == []
    row = await house.listed()
    assert (row["open"], row["answers"][0]["reason"]) == (None, NOT_KEPT)
    assert "full" in house.desk.status()[0].detail
    house.desk._keeper = house.files
    house.pass_time(1.1)
    await house.look()
    (sent,) = house.on_its_way
    assert sent.key.endswith(":2")  # the key of the order that never was is not used again
    house.desk._keeper = FullDisk()
    with pytest.raises(StorageError):
        await house.desk.asked(mode(HedgeMode.OFF))
    assert house.book.mode_of(EURUSD) is HedgeMode.AUTOMATIC


async def test_an_order_that_was_kept_and_not_sent_is_withdrawn_and_decided_anew(tmp_path):
    house = await HedgeHouse(tmp_path).ready()
    house.trade(+20.0)
    house.away = True
    await house.look()
    lost = house.state.open.key
    house.begin()
    house.away = False
    house.trade(-8.0)  # meanwhile a client has sold
    house.pass_time(600.0)
    await house.look()
    assert isinstance(house.sent[-1], WithdrawOrder)
    assert (house.state.open, house.on_its_way) == (None, [])
    house.pass_time(1.1)
    await house.look()
    (sent,) = house.on_its_way
    assert (sent.key != lost, sent.lots) == (True, 4.0)
    # the withdrawn key is used up, whoever comes late with it
    late = SendHedgeOrder(key=lost, lp="LP1", symbol=EURUSD, side="buy", lots=4.0)
    (answer,) = await house.send([late])
    assert not answer.accepted


@pytest.mark.parametrize("fills_while_down", [True, False])
async def test_an_order_whose_process_died_is_asked_about_and_never_sent_anew(
    tmp_path, fills_while_down
):
    house = await HedgeHouse(tmp_path).ready()
    house.trade(+9.0)
    house.loses_answers = True
    await house.look()
    house.loses_answers = False
    if fills_while_down:
        house.fill()
    house.begin()
    house.pass_time(1.1)
    await house.look()
    if not fills_while_down:
        assert house.state.open is not None
        house.fill()
        house.pass_time(1.1)
        await house.look()
    assert (len(house.executed), house.on_its_way) == (1, [])
    assert house.held == pytest.approx(-5.0)


async def test_a_memory_that_knows_more_than_the_engine_waits_until_it_has_heard_it(tmp_path):
    house = await HedgeHouse(tmp_path).ready()
    house.trade(+9.0)
    before = house.position
    await house.look()
    house.fill()
    await house.desk.keep()  # the memory is on the disk, the journal's end is not
    house.begin(known_up_to=before)
    assert not house.book.is_current
    await house.look()
    assert (house.state.open, house.on_its_way) == (None, [])
    house.hear(before)
    house.pass_time(1.1)
    await house.look()
    assert (house.on_its_way, house.book.of(EURUSD).today.fills) == ([], 1)


async def test_a_damaged_record_pauses_everything_and_takes_a_new_name_for_keys(tmp_path):
    house = await HedgeHouse(tmp_path).ready()
    house.trade(+20.0)
    await house.look()
    newest = max((tmp_path / "hedging").glob("*.hedging"))
    content = newest.read_bytes()
    newest.write_bytes(content[:-1])
    orders = [one for one in house.sent if isinstance(one, SendHedgeOrder)]
    house.names = iter(["another"])
    house.begin()
    house.pass_time(60.0)
    await house.look()
    row = await house.listed()
    assert row["verdict"] == "paused"
    assert [one for one in house.sent if isinstance(one, SendHedgeOrder)] == orders
    assert "damaged" in row["pause"]
    resumed = ResumeHedging(key="resume-1", **WHY)
    assert "damaged" in (await house.desk.asked(resumed))["was_paused"]
    assert house.state.origin == house.book.memory.origin == "another"


async def test_records_that_nobody_can_read_stop_the_start_with_a_sentence(tmp_path):
    house = await HedgeHouse(tmp_path).ready()
    for file in (tmp_path / "hedging").glob("*.hedging"):
        file.write_bytes(b"x")
    with pytest.raises(StorageError, match="ask the provider"):
        house.begin()


async def test_a_fill_that_the_engine_quarantined_pauses_and_is_not_hedged_again(tmp_path):
    house = await HedgeHouse(tmp_path).ready()
    house.trade(+9.0)
    await house.look()
    sent = house.on_its_way[0]
    house.fill(price=math.nan)
    assert house.engine.counters["quarantined"] == 1
    house.pass_time(30.0)
    await house.look()
    assert "quarantined" in house.state.pause
    assert not [one for one in house.sent if isinstance(one, SendHedgeOrder) and one != sent]


async def test_a_refused_order_backs_off_and_five_in_a_row_pause(tmp_path):
    rules = msgspec.structs.replace(RULES, longest_back_off_ns=S)
    house = await HedgeHouse(tmp_path, rules_of(rules=rules)).ready()
    house.trade(+20.0)
    for _ in range(5):
        await house.look()
        house.fill(0.0)
        house.pass_time(1.1)
    await house.look()
    assert "refused 5 orders in a row" in (await house.listed())["pause"]
    assert house.desk.status()[0].state == "DEGRADED"
    await house.desk.asked(ResumeHedging(key="resume-1", **WHY))
    with pytest.raises(ConflictError, match="not paused"):
        await house.desk.asked(ResumeHedging(key="resume-2", **WHY))
    await house.look()
    assert len(house.on_its_way) == 1


async def test_a_mode_that_was_set_holds_over_a_restart_until_the_file_says_something_new(tmp_path):
    house = await HedgeHouse(tmp_path).ready()
    done = await house.desk.asked(mode(HedgeMode.MANUAL))
    assert done == {"symbol": EURUSD, "was": "automatic", "mode": "manual"}
    assert await house.desk.asked(mode(HedgeMode.MANUAL)) == done
    with pytest.raises(ConflictError, match="another request"):
        await house.desk.asked(mode(HedgeMode.OFF))
    house.begin()
    assert house.book.mode_of(EURUSD) is HedgeMode.MANUAL
    house.settings.symbols[EURUSD] = with_mode(rules_of(), HedgeMode.OFF)
    house.begin()
    assert house.book.mode_of(EURUSD) is HedgeMode.OFF


async def test_off_waits_for_the_last_order_and_gives_the_symbol_back_to_the_bridge(tmp_path):
    house = await HedgeHouse(tmp_path).ready()
    house.trade(+20.0)
    await house.look()
    await house.desk.asked(mode(HedgeMode.OFF))
    await house.look()
    assert house.bridges == [False]
    house.fill()
    await house.look()
    assert house.bridges == [False, True]
    house.pass_time(5.0)
    await house.look()
    assert (house.on_its_way, house.desk.status()) == ([], [])


async def test_a_bridge_that_does_not_answer_is_asked_with_the_same_key_until_it_does(tmp_path):
    house = HedgeHouse(tmp_path)
    house.trade(+20.0)
    house.loses_answers = True
    await house.look()
    house.begin()
    await house.look()
    house.loses_answers = False
    house.pass_time(1.0)
    await house.look()
    keys = {one.key for one in house.sent if isinstance(one, SetBridge)}
    assert (len(keys), house.bridges) == (1, [False])
    house.pass_time(2.5)
    await house.look()
    assert len(house.on_its_way) == 1


async def test_a_dealers_ticket_is_priced_and_sent_once_however_often_it_is_pressed(tmp_path):
    house = HedgeHouse(tmp_path, with_mode(rules_of(), HedgeMode.MANUAL))
    await house.ready()
    house.trade(+20.0)
    ticket = await house.desk.asked(SuggestTicket(symbol=EURUSD))
    assert (ticket["side"], ticket["lots"]) == ("buy", 4.0)
    assert ticket["cost_usd"] == pytest.approx(4.0 * 100_000 * 0.0001)
    # VaR of a net position is linear: a fifth of twenty lots is a fifth of the VaR
    assert ticket["var_saved_usd"] == pytest.approx(ticket["var_before_usd"] / 5.0)
    await house.look()
    assert house.on_its_way == []  # manual: nobody orders by itself
    done = await house.desk.asked(order(lots=6.0))
    assert await house.desk.asked(order(lots=6.0)) == done
    with pytest.raises(DomainError, match="not known to be over"):
        await house.desk.asked(order("ticket-2"))
    await house.look()
    house.fill()
    house.begin()
    assert await house.desk.asked(order(lots=6.0)) == done
    assert (len(house.executed), house.held) == (1, pytest.approx(-14.0))


async def test_a_ticket_for_a_limit_brings_the_house_net_within_it(tmp_path):
    house = HedgeHouse(tmp_path, with_mode(rules_of(), HedgeMode.MANUAL))
    await house.ready()
    house.trade(+20.0)  # clients buy: the house is short twenty lots, 110,010 USD each
    limit_usd = 20.0 * 110_010.0 - 150_000.0
    ticket = await house.desk.asked(SuggestTicket(symbol=EURUSD, within_usd=limit_usd))
    assert (ticket["side"], ticket["lots"]) == ("buy", 1.37)
    everything = await house.desk.asked(SuggestTicket(symbol=EURUSD, within_usd=0.0))
    assert everything["lots"] == 20.0
    with pytest.raises(DomainError, match="is within 1,000,000,000 USD again"):
        await house.desk.asked(SuggestTicket(symbol=EURUSD, within_usd=1e9))


async def test_a_limit_is_not_hedged_where_the_hedger_would_trade_back_at_once(tmp_path):
    back = "would undo this: let it be hedged by hand or for its house net first"
    for hedges, problem in ((Hedges.UNCOVERED, back), (Hedges.HOUSE_NET, "")):
        rules = msgspec.structs.replace(rules_of(), hedges=hedges)
        house = HedgeHouse(tmp_path / hedges, with_mode(rules, HedgeMode.AUTOMATIC))
        await house.ready()
        house.trade(+20.0)
        asked = SuggestTicket(symbol=EURUSD, within_usd=0.0)
        if problem:
            with pytest.raises(DomainError, match=problem):
                await house.desk.asked(asked)
        else:
            assert (await house.desk.asked(asked))["lots"] == 20.0


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (order(lots=101.0), "at most 100"),
        (order(lots=0.015), "whole steps"),
        (order(symbol="EURUSX"), "not known"),
        (SuggestTicket(symbol="EURUSX"), "not known"),
        (SuggestTicket(symbol=EURUSD), "inside its band"),
    ],
)
async def test_what_cannot_be_meant_is_refused_with_a_sentence(tmp_path, asked, problem):
    house = await HedgeHouse(tmp_path).ready()
    with pytest.raises(DomainError, match=problem):
        await house.desk.asked(asked)


async def test_without_the_present_exposure_nobody_orders(tmp_path):
    house = await HedgeHouse(tmp_path).ready()
    house.trade(+20.0)
    house.is_live = False
    await house.look()
    assert (house.on_its_way, (await house.listed())["verdict"]) == ([], "stale")
    with pytest.raises(ConflictError, match="wait for the feed"):
        await house.desk.asked(order())
    house.is_live = True
    house.now += 10 * S
    house.trade(+1.0)  # the clock goes on, the price does not
    await house.look()
    assert (house.on_its_way, (await house.listed())["stale"]) == ([], False)
    assert (await house.listed())["verdict"] == "stale"


async def test_news_holds_back_before_and_after_it(tmp_path):
    rules = rules_of(news_pause_ns=60 * S)
    house = await HedgeHouse(tmp_path, rules, news=[START + 100 * S]).ready()
    house.trade(+20.0)
    house.pass_time(50.0)
    await house.look()
    assert (house.on_its_way, (await house.listed())["verdict"]) == ([], "news")
    house.pass_time(110.0)
    await house.look()
    assert len(house.on_its_way) == 1


async def test_a_cube_root_band_follows_the_flow_once_it_is_known(tmp_path):
    house = await HedgeHouse(tmp_path, rules_of(band=BandKind.CUBE_ROOT)).ready()
    assert (await house.listed())["band_lots"] == RULES.band_lots
    for number in range(80):
        house.trade(1.0 if number % 2 else -1.0)
        house.pass_time(301.0, 1.1 + 1e-4 * (number % 7), 1.1002 + 1e-4 * (number % 7))
        await house.look()
        if house.on_its_way:
            house.fill()
    band = (await house.listed())["band_lots"]
    flow = house.book.of(EURUSD).flow
    rate, price = flow.flow(), flow.price(110_000.0, 1e-5)
    expected = (3 * price.cost * rate.variance / (2 * price.weight)) ** (1 / 3)
    assert band == pytest.approx(expected, rel=0.01)
    assert band != RULES.band_lots


async def test_everything_that_is_told_is_json_without_nan(tmp_path):
    house = HedgeHouse(tmp_path)
    told = await house.desk.asked(ListHedging())
    assert b"NaN" not in orjson.dumps(told)
    house.settings.symbols["EURUSX"] = rules_of()
    house.begin()
    await house.look()
    assert "not known: EURUSX" in house.desk.status()[0].detail


@pytest.mark.parametrize("seed", range(STORIES))
async def test_whatever_happens_no_key_is_executed_twice_and_the_house_ends_in_its_band(
    tmp_path, seed
):
    chance = random.Random(seed)  # noqa: S311 - a story, no secret
    house = HedgeHouse(tmp_path)
    worst = 0.0
    for _ in range(90):
        house.away, house.loses_answers = chance.random() < 0.15, chance.random() < 0.15
        act = chance.choice(["trade", "look", "look", "fill", "fill", "die", "time"])
        if act == "trade":
            house.trade(chance.choice([-3.0, -1.0, 1.0, 3.0]))
        elif act == "look":
            await house.look()
        elif act == "fill" and house.on_its_way:
            before = abs(house.held)
            house.fill(chance.choice([None, None, 0.0, round(house.on_its_way[0].lots / 2, 2)]))
            worst = max(worst, abs(house.held) - max(before, RULES.band_lots))
        elif act == "die":
            house.begin()
        house.pass_time(chance.choice([0.05, 0.5, 1.5]))
        assert len(house.on_its_way) <= 1
        if house.state.pause:
            await house.desk.asked(ResumeHedging(key=f"resume-{house.position}", **WHY))
    house.away = house.loses_answers = False
    for _ in range(60):
        await house.look()
        while house.on_its_way:
            house.fill()
        house.pass_time(10.0)
    assert len(set(house.executed)) == len(house.executed)
    assert abs(house.held) <= RULES.band_lots + 1e-6
    # an order may meet a client who has closed meanwhile, but never its own double
    assert worst <= RULES.max_clip_lots
    lp = sum(
        Side(event.side).sign * event.lots
        for batch in house.log
        for event in batch.events
        if isinstance(event, HedgeExecuted)
    )
    assert lp == pytest.approx(house.engine.coverage.held("LP1", 0).lots)
