"""The simulated broker books money and restricts accounts for whoever keeps its clients."""

import pytest

from exposure.model.events import AccountChanged, BalanceChanged, DealExecuted, EventBatch
from feeds.command_log import CommandLog
from feeds.durable_platform import DurablePlatform
from feeds.event_log import EventLog
from feeds.platform_commands import ChangeBalance, SetTradingMode, problem_of
from feeds.sealed_files import SealedFiles
from feeds.simulator.packing import pack, unpack
from feeds.simulator.platform import PlatformSettings, SimulatedPlatform
from tests.feeds.simulator.conftest import of_type, run_of
from tests.feeds.simulator.small_market import SECOND, SmallMarket

SMALL = PlatformSettings(clients=150, seed=3)


def small():
    return SimulatedPlatform(SmallMarket(daily_volatility=0.05), SMALL)


@pytest.fixture
def run():
    return run_of(small(), 5)


def step(run, *commands, seconds=1):
    events = run.platform.advance(seconds * SECOND, commands)
    run.engine.apply(EventBatch(run.engine.position + len(events), 0, events))
    return events


def balance(run, login):
    return float(run.engine.book.accounts.balance[run.engine.book.account_of[login]])


def login_of(run, row=0):
    return str(run.engine.book.terms[row].login)


def change(login, amount, key="money-1", kind="deposit", comment="CRM-1"):
    return ChangeBalance(key=key, login=login, kind=kind, amount=amount, comment=comment)


def test_money_is_booked_and_found_again_by_its_comment(run):
    login = login_of(run)
    events = step(run, change(login, 250.0))
    (booked,) = [e for e in of_type(events, BalanceChanged) if e.comment == "CRM-1"]
    assert (booked.login, booked.kind, booked.amount) == (login, "deposit", 250.0)
    (deal,) = run.platform.balance_deals(login)
    assert (deal.deal_id, deal.amount, deal.comment) == (booked.deal_id, 250.0, "CRM-1")
    assert deal.at == booked.ts_event
    assert run.platform.balance_deals(login_of(run, 1)) == []
    step(run, change(login_of(run, 1), 5.0, key="money-2", comment="CRM-2"))
    assert [one.comment for one in run.platform.balance_deals("")] == ["CRM-1", "CRM-2"]


def test_no_more_goes_out_than_the_margin_leaves(run):
    server, login = run.platform._floor.server, login_of(run)
    free = server.withdrawable(login)
    assert free > 0.0
    too_much = change(login, -(free + 1.0), kind="withdrawal")
    assert "does not need as margin" in run.platform.refusal(too_much)
    half = change(login, -0.6 * free, kind="withdrawal")
    assert run.platform.refusal(half) == ""
    again = change(login, -0.6 * free, key="money-2", kind="withdrawal")
    assert "does not need as margin" in run.platform.refusal(again, [half])
    other = change(login_of(run, 1), -0.6 * free, key="money-3", kind="withdrawal")
    assert run.platform.refusal(again, [other]) == ""


def test_a_batch_of_withdrawals_never_takes_the_same_money_twice(run, tmp_path):
    login = login_of(run)
    share = -0.6 * run.platform._floor.server.withdrawable(login)
    kept = CommandLog(tmp_path / "commands" / "taken.frames")
    with EventLog(tmp_path / "log") as log:
        checkpoints = SealedFiles(tmp_path / "checkpoints", ".checkpoint", keep=2)
        durable = DurablePlatform(run.platform, log, checkpoints, kept)
        keys = [f"money-{number}" for number in range(5)]
        answers = durable.take([change(login, share, key, "withdrawal") for key in keys[:3]])
        answers += durable.take([change(login, share, key, "withdrawal") for key in keys[3:]])
    assert [answer.accepted for answer in answers] == [True, False, False, False, False]


def test_a_close_only_account_opens_nothing_until_it_may_again(run):
    logins = [str(terms.login) for terms in run.engine.book.terms]
    closing = [SetTradingMode(key=f"mode-{k}", login=k, close_only=True) for k in logins]
    events = step(run, *closing)
    assert {e.account.login for e in of_type(events, AccountChanged)} == set(logins)
    quiet = step(run, seconds=300)
    opened = [e for e in of_type(quiet, DealExecuted) if e.entry == "in"]
    assert opened == []
    assert all(terms.close_only for terms in run.engine.book.terms)
    assert run.platform._floor.server.rejected["close only"] > 0
    free = [SetTradingMode(key=f"free-{k}", login=k, close_only=False) for k in logins]
    step(run, *free)
    busy = step(run, seconds=300)
    assert any(e.entry == "in" for e in of_type(busy, DealExecuted))


def test_a_new_trading_mode_leaves_the_money_and_the_book_alone(run):
    login = login_of(run)
    before, books = balance(run, login), list(run.engine.assignments.accounts)
    step(run, SetTradingMode(key="mode-1", login=login, close_only=True))
    assert balance(run, login) == pytest.approx(before, abs=200.0)  # its own trades go on
    assert list(run.engine.assignments.accounts) == books


def test_money_and_modes_survive_a_restart(run):
    login = login_of(run)
    step(run, change(login, 70.0), SetTradingMode(key="mode-1", login=login, close_only=True))
    again = small()
    again.load(run.platform.save())
    assert again.balance_deals(login) == run.platform.balance_deals(login)
    assert again.advance(5 * SECOND) == run.platform.advance(5 * SECOND)


def test_a_state_of_an_earlier_version_booked_nothing_for_desks():
    platform = small()
    platform.opening_events()
    server = platform._floor.server
    state = {k: v for k, v in server.save().items() if k != "for_desks"}
    server.load(unpack(pack(state)))
    assert server.balance_deals("1") == []


BAD = {
    "login 9 is not known": change("9", 5.0),
    "a number other than 0": change("1", 0.0),
    "number other than 0, was nan": change("1", float("nan")),
    "'gift' is no kind": change("1", 5.0, kind="gift"),
    "at most 31 ASCII": change("1", 5.0, comment="x" * 32),
    "31 ASCII characters": change("1", 5.0, comment="Geld für Anna"),
    "login 8 is not known": SetTradingMode(key="mode-1", login="8", close_only=True),
}


@pytest.mark.parametrize("words", list(BAD))
def test_what_cannot_be_booked_is_refused_with_a_sentence(words):
    platform = small()
    platform.opening_events()
    assert words in (problem_of(BAD[words]) or platform.refusal(BAD[words]))
