"""The simulated broker obeys: clients change books, orders reach the provider, the bridge minds."""

import pytest

from exposure.model.events import (
    AccountChanged,
    BookAssigned,
    EventBatch,
    HedgeAnswered,
    HedgeExecuted,
    PositionRestored,
)
from feeds.command_log import CommandLog
from feeds.durable_platform import DurablePlatform
from feeds.event_log import EventLog
from feeds.platform_commands import AssignBook, SendHedgeOrder, SetBridge
from feeds.sealed_files import SealedFiles
from feeds.simulator.packing import pack, unpack
from feeds.simulator.platform import PlatformSettings, SimulatedPlatform
from tests.feeds.simulator.conftest import of_type, run_of
from tests.feeds.simulator.small_market import SECOND, SmallMarket

SMALL = PlatformSettings(clients=150, seed=3)


def small(**ways):
    return SimulatedPlatform(SmallMarket(daily_volatility=0.05, **ways), SMALL)


@pytest.fixture
def run():
    return run_of(small(), 5)


def step(run, *commands, seconds=1):
    """One step with commands, followed by the engine as well."""
    events = run.platform.advance(seconds * SECOND, commands)
    run.engine.apply(EventBatch(run.engine.position + len(events), 0, events))
    return events


def order(key="hedge-1", side="buy", lots=3.0, symbol="EURUSD"):
    return SendHedgeOrder(key=key, lp="LP1", symbol=symbol, side=side, lots=lots)


def uncovered(run, symbol="EURUSD"):
    rows = {row["symbol"]: row for row in run.engine.snapshot().exposure.to_dicts()}
    return rows[symbol]["meant_lots"] - rows[symbol]["lp_net_lots"]


def answered(run, key, **options):
    """Send an order, wait for its answer, and return its fills and the answer."""
    events = step(run, order(key, **options))
    for _ in range(3):
        events += step(run)
    fills = [e for e in of_type(events, HedgeExecuted) if e.deal_id.startswith(key)]
    (answer,) = of_type(events, HedgeAnswered)
    return fills, answer


def holder(run):
    """A client of book B who holds something."""
    held = {event.login for event in of_type(run.opening, PositionRestored)}
    accounts = (event.account for event in of_type(run.opening, AccountChanged))
    return next(a.login for a in accounts if a.login in held and a.book == "B")


def test_a_client_is_moved_at_the_beginning_of_the_step(run):
    login, before = holder(run), run.platform.now
    events = step(run, AssignBook(key="move-1", login=login, book="A"))
    assert of_type(events, BookAssigned) == [BookAssigned(before + 1, login, "A")]
    assert run.engine.books_of([login], [])[0].place.book == "A"


def test_positions_that_are_taken_along_are_hedged_by_the_bridge(run):
    login = holder(run)
    step(run, AssignBook(key="move-1", login=login, book="A", move_open=True))
    for _ in range(8):
        events = step(run)
    assert events
    rows = run.engine.positions_of_account(login).to_dicts()
    assert {row["hedge_ratio"] for row in rows} <= {1.0}
    for row in run.engine.snapshot().exposure.to_dicts():
        assert abs(row["meant_lots"] - row["lp_net_lots"]) < 5.0, row["symbol"]


def test_an_order_comes_back_as_a_deal_whose_id_is_its_key_and_an_answer(run):
    fills, answer = answered(run, "hedge-1")
    assert [(f.deal_id, f.side, f.symbol) for f in fills] == [("hedge-1/1", "buy", "EURUSD")]
    assert (answer.key, answer.filled_lots + answer.left_lots) == ("hedge-1", 3.0)
    assert answer.filled_lots == fills[0].lots
    assert bool(answer.reason) == (answer.left_lots > 0.0)


def test_every_order_is_answered_in_full_in_part_or_not_at_all(run):
    commands = [order(f"hedge-{n}", "buy" if n % 2 else "sell", 0.1) for n in range(300)]
    events = step(run, *commands)
    for _ in range(3):
        events += step(run)
    answers = {answer.key: answer for answer in of_type(events, HedgeAnswered)}
    assert answers.keys() == {command.key for command in commands}
    assert {answer.reason for answer in answers.values()} == {"", "filled in part", "rejected"}
    filled = {fill.deal_id: fill.lots for fill in of_type(events, HedgeExecuted)}
    for key, answer in answers.items():
        assert filled.get(f"{key}/1", 0.0) == answer.filled_lots
        assert answer.filled_lots + answer.left_lots == pytest.approx(0.1)


def test_the_bridge_leaves_alone_what_the_desk_holds(run):
    fills, _ = answered(run, "hedge-1", lots=25.0)
    for _ in range(5):
        step(run)
    assert uncovered(run) == pytest.approx(-fills[0].lots, abs=2.0)


def test_a_bridge_that_is_off_hedges_nothing_and_one_that_is_on_again_takes_all_as_its_own(run):
    for _ in range(3):
        step(run)
    off = SetBridge(key="bridge-1", symbol="EURUSD", on=False)
    events = step(run, off, order("hedge-1", lots=30.0))
    for _ in range(40):
        events += step(run)
    ours = of_type(events, HedgeExecuted)
    keys = [e.deal_id for e in ours if e.symbol == "EURUSD" and e.ts_event > events[0].ts_event]
    assert [key for key in keys if not key.startswith("H")] == ["hedge-1/1"]
    assert sum(key.startswith("H") for key in keys) <= 1  # asked for before it was off
    assert abs(uncovered(run)) > 5.0
    step(run, SetBridge(key="bridge-2", symbol="EURUSD", on=True))
    for _ in range(5):
        step(run)
    assert abs(uncovered(run)) < 3.0


def test_an_order_for_a_closed_market_is_rejected():
    run = run_of(small(closed={"EURUSD": (2, 10**6)}), 20)
    fills, answer = answered(run, "hedge-1")
    assert fills == []
    assert (answer.filled_lots, answer.reason) == (0.0, "rejected")


BAD = {
    "login 9 is not known": AssignBook(key="move-1", login="9", book="A"),
    "symbol NOSUCH is not": AssignBook(key="move-1", login="100001", book="A", symbol="NOSUCH"),
    "provider LP9 is not": SendHedgeOrder(
        key="hedge-1", lp="LP9", symbol="EURUSD", side="buy", lots=1.0
    ),
    "whole steps of 0.01": order(lots=0.015),
    "up to 10,000": order(lots=10_000.01),
    "symbol X is not": SetBridge(key="bridge-1", symbol="X", on=True),
}


@pytest.mark.parametrize("words", list(BAD))
def test_what_cannot_be_obeyed_is_refused_with_a_sentence(words):
    platform = small()
    accounts = of_type(platform.opening_events(), AccountChanged)
    command = BAD[words]
    if "NOSUCH" in words:
        login = accounts[0].account.login
        command = AssignBook(key="move-1", login=login, book="A", symbol="NOSUCH")
    assert words in platform.refusal(command)
    good = AssignBook(key="move-1", login=accounts[0].account.login, book="A", symbol="EURUSD")
    assert platform.refusal(good) == ""


def test_a_crashed_platform_repeats_its_commands_byte_for_byte(tmp_path):
    def live(commands):
        platform = small(jump_every_s=10)
        with EventLog(tmp_path / "log") as log:
            checkpoints = SealedFiles(tmp_path / "checkpoints", ".checkpoint", keep=2)
            kept = CommandLog(tmp_path / "commands" / "taken.frames")
            durable = DurablePlatform(platform, log, checkpoints, kept)
            durable.resume()
            for number, command in enumerate(commands):
                if number == 2:
                    durable.checkpoint(durable.position, durable.platform.save())
                assert all(answer.accepted for answer in durable.take(command))
                durable.step(SECOND)
            return durable.position, durable.platform.save()

    live([[]])
    with EventLog(tmp_path / "log") as log:
        (opening, *_) = log.read(0)
    login = of_type(opening.events, AccountChanged)[0].account.login
    move = AssignBook(key="move-1", login=login, book="A", move_open=True)
    off = SetBridge(key="bridge-1", symbol="EURUSD", on=False)
    lived = live([[move], [order("hedge-1")], [order("hedge-2", "sell"), off], [], [order("h-33")]])
    assert live([]) == lived
    for path in (tmp_path / "checkpoints").iterdir():
        path.unlink()
    assert live([]) == lived


def test_a_state_of_an_earlier_version_knows_no_desk():
    platform = small()
    platform.opening_events()
    server = platform._floor.server
    state = {k: v for k, v in server.save().items() if k not in {"by_desk", "bridged"}}
    server.load(unpack(pack(state)))
    assert not server.by_desk.any()
    assert server.bridged.all()
