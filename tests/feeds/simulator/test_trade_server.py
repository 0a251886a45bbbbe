"""The trade server executes at the quote of the moment and stops out by the platform's rule."""

import numpy as np
import pytest

from exposure.model.accounts import BalanceKind
from exposure.model.books import Book
from exposure.model.deals import Side
from exposure.model.events import (
    AccountChanged,
    BalanceChanged,
    DealExecuted,
    DividendPaid,
    InstrumentDefined,
    PositionRestored,
    QuoteReceived,
    SwapCharged,
    SymbolRenamed,
)
from exposure.model.quotes import QuoteColumns
from feeds.simulator.population import populate
from feeds.simulator.trade_server import TradeServer, to_cents
from tests.exposure.builders import account, instrument

SECOND = 1_000_000_000
EURO, STERLING = 0, 1


def quotes(ts, *rows):
    symbol, bid, ask = (np.array(column) for column in zip(*rows, strict=True))
    return QuoteColumns(symbol.astype(np.int32), bid, ask, np.full(len(rows), ts))


def server_with(accounts, *, commission=0.0, banned=()):
    """A server that is open at second 1, with EURUSD and GBPUSD at 1.0000/1.0002."""
    instruments = [instrument("EURUSD"), instrument("GBPUSD")]
    crowd = populate(1, instruments, np.random.default_rng(1))
    forbidden = np.zeros((len(accounts), 2), np.bool_)
    forbidden[:, list(banned)] = True
    crowd = crowd._replace(
        accounts=list(accounts),
        commission=np.full(len(accounts), commission),
        banned=forbidden,
    )
    server = TradeServer(instruments, crowd, max_quote_age_ns=5 * SECOND, lp="LP")
    server.publish([InstrumentDefined(0, terms) for terms in instruments])
    server.publish([AccountChanged(0, terms) for terms in accounts])
    server.board.opened_at = 1
    quote(server, SECOND, (EURO, 1.0, 1.0002), (STERLING, 1.0, 1.0002))
    server.take_events()
    return server


def quote(server, ts, *rows):
    server.quote(quotes(ts, *rows), ts)


def deals(server):
    return [event for event in server.take_events() if isinstance(event, DealExecuted)]


def test_a_market_order_is_executed_at_the_client_quote_with_the_providers_beside_it():
    server = server_with([account()])
    server.board.lead(quotes(SECOND, (EURO, 1.00005, 1.00015)))
    assert server.open(0, EURO, Side.BUY, 0.5, SECOND + 1) is not None
    assert server.open(0, EURO, Side.SELL, 0.2, SECOND + 2) is not None
    bought, sold = deals(server)
    assert (bought.side, bought.price, bought.raw_price, bought.lots) == (
        "buy",
        1.0002,
        1.00015,
        0.5,
    )
    assert (sold.side, sold.price, sold.raw_price, sold.entry) == ("sell", 1.0, 1.00005, "in")


def test_a_deal_says_what_the_leading_feed_said_at_its_moment():
    server = server_with([account()])
    slot = server.open(0, EURO, Side.BUY, 0.5, SECOND)
    server.board.lead(quotes(SECOND, (EURO, 1.0003, 1.0005)))
    server.close(slot, 0.5, SECOND, "client")
    opened, closed = deals(server)
    assert opened.reference_mid is None
    assert closed.reference_mid == pytest.approx(1.0004)


def test_an_order_that_the_free_margin_cannot_carry_is_refused():
    server = server_with([account(balance=1_000.0)])
    assert server.open(0, EURO, Side.BUY, 1.01, SECOND) is None
    assert server.rejected == {"not enough money": 1}
    assert server.open(0, EURO, Side.BUY, 0.99, SECOND) is not None
    assert server.take_events()[0].lots == 0.99


def test_nothing_is_executed_without_a_fresh_quote():
    server = server_with([account()])
    slot = server.open(0, EURO, Side.BUY, 0.1, 6 * SECOND)
    assert server.open(0, EURO, Side.BUY, 0.1, 6 * SECOND + 1) is None
    assert server.close(slot, 0.1, 6 * SECOND + 1, "client") is None
    assert server.rejected == {"no price": 2}


def test_a_closing_deal_books_profit_commission_and_swap_in_cents():
    server = server_with([account(currency="EUR")], commission=7.0)
    restored = PositionRestored(SECOND, "1", "7", "EURUSD", "buy", 1.0, 0.999, -3.10)
    server.publish([restored])
    closed = server.close(0, 0.5, SECOND, "client")
    (deal,) = deals(server)
    assert (deal.entry, deal.side, deal.position_id) == ("out", "sell", "7")
    assert (deal.profit, deal.commission, deal.swap) == (50.0, -3.5, -1.55)
    assert closed == (0, 50.0, True)
    assert server.engine.account("1").balance == pytest.approx(10_000.0 + 50.0 - 3.5 - 1.55)


def test_the_largest_loss_goes_first_whole_and_only_as_far_as_needed():
    server = server_with([account(balance=3_300.0)])
    small = server.open(0, STERLING, Side.BUY, 1.0, SECOND)
    large = server.open(0, EURO, Side.BUY, 2.0, SECOND)
    assert None not in {small, large}
    server.take_events()
    # Equity 3,300 - 40 - 20 - 1,100 - 900 = 1,240; level 41 %: without the euros it is 124 %.
    quote(server, 2 * SECOND, (STERLING, 0.991, 0.9912))
    assert deals(server) == []
    quote(server, 2 * SECOND, (EURO, 0.9945, 0.9947))
    (closed,) = deals(server)
    assert (closed.symbol, closed.lots, closed.reason) == ("EURUSD", 2.0, "stop_out")
    assert (closed.ts_event, closed.price) == (2 * SECOND, 0.9945)
    assert server.engine.account("1").margin_level > 100.0


def test_an_account_between_its_stop_out_and_its_rearming_is_stopped_out_again():
    server = server_with([account(balance=2_500.0)])
    server.open(0, EURO, Side.BUY, 0.2, SECOND)
    server.open(0, STERLING, Side.BUY, 2.2, SECOND)
    server.take_events()
    quote(server, 2 * SECOND, (EURO, 0.9373, 0.9375))
    assert [deal.symbol for deal in deals(server)] == ["EURUSD"]
    assert 50.0 < server.engine.account("1").margin_level < 55.0
    quote(server, 3 * SECOND, (STERLING, 0.9995, 0.9997))
    assert [deal.symbol for deal in deals(server)] == ["GBPUSD"]


def test_what_cannot_be_closed_now_is_closed_when_it_trades_again():
    server = server_with([account(balance=2_500.0)])
    for symbol in (EURO, STERLING):
        server.open(0, symbol, Side.BUY, 1.0, SECOND)
    server.take_events()
    quote(server, 100 * SECOND, (STERLING, 0.9995, 0.9997))
    server.publish([BalanceChanged(100 * SECOND, "1", "correction", -2_000.0)])
    server.stop_out(100 * SECOND)
    assert [deal.symbol for deal in deals(server)] == ["GBPUSD"]
    assert server.engine.account("1").margin_level <= 50.0
    quote(server, 200 * SECOND, (EURO, 0.9999, 1.0001))
    assert [deal.symbol for deal in deals(server)] == ["EURUSD"]


def test_a_debt_is_forgiven_once_the_last_position_is_gone():
    server = server_with([account(balance=2_100.0)])
    server.open(0, EURO, Side.BUY, 2.0, SECOND)
    server.take_events()
    quote(server, 2 * SECOND, (EURO, 0.9, 0.9002))
    _, stopped, forgiven = server.take_events()
    assert stopped.reason == "stop_out"
    assert forgiven == BalanceChanged(2 * SECOND, "1", "stop_out_compensation", 17_940.0)
    assert server.engine.account("1").balance == pytest.approx(0.0, abs=1e-9)


def test_what_is_meant_to_be_hedged_follows_the_deals():
    accounts = [account("1", book=Book.A), account("2", book=Book.C, hedge_ratio=0.5)]
    server = server_with([*accounts, account("3")])
    slots = [server.open(row, EURO, Side.SELL, 1.0, SECOND) for row in range(3)]
    assert server.meant.tolist() == [-1.5, 0.0]
    assert server.uncovered().tolist() == [-1.5, 0.0]
    server.close(slots[0], 0.4, SECOND, "client")
    assert server.meant.tolist() == pytest.approx([-1.1, 0.0])


def test_prices_from_before_the_opening_are_shown_but_not_dealt_at():
    server = server_with([account()])
    server.board.opened_at = 2 * SECOND
    assert server.open(0, EURO, Side.BUY, 0.1, 2 * SECOND) is None
    quote(server, 3 * SECOND, (EURO, 1.0, 1.0002))
    assert server.open(0, EURO, Side.BUY, 0.1, 3 * SECOND) is not None


def test_an_account_without_a_conversion_rate_cannot_trade():
    server = server_with([account(currency="CHF"), account("2", currency="GBP")])
    assert server.open(0, EURO, Side.BUY, 0.1, SECOND) is None
    assert server.rejected == {"no conversion rate": 1}
    assert server.open(1, EURO, Side.BUY, 0.1, SECOND) is not None


def test_what_a_regulator_bans_is_not_offered():
    server = server_with([account()], banned=[STERLING])
    assert server.open(0, STERLING, Side.BUY, 0.1, SECOND) is None
    assert server.rejected == {"not offered": 1}
    assert server.open(0, EURO, Side.BUY, 0.1, SECOND) is not None


def test_a_position_pays_what_it_accrued_in_cents_and_keeps_the_rest():
    server = server_with([account()])
    slot = server.open(0, EURO, Side.BUY, 0.7, SECOND)
    for night in (1, 3):
        server.publish([SwapCharged(2 * SECOND, "EURUSD", night, -8.73, 2.26)])
    accrued = 4 * -8.73 * 0.7
    assert server.book.positions.swap[slot] == pytest.approx(accrued)
    quote(server, 3 * SECOND, (EURO, 1.0, 1.0002))
    server.take_events()
    server.close(slot, 0.3, 3 * SECOND, "client")
    left = float(server.book.positions.swap[slot])
    assert left == pytest.approx(accrued * 4 / 7)
    server.close(slot, float(server.book.positions.lots[slot]), 3 * SECOND, "client")
    first, last = deals(server)
    assert first.swap == round(accrued * 3 / 7, 2)
    assert last.swap == round(left, 2)
    assert first.swap + last.swap == pytest.approx(accrued, abs=0.01)


def test_a_whole_close_pays_exactly_what_was_accrued_rounded_to_cents():
    server = server_with([account()])
    slot = server.open(0, EURO, Side.SELL, 0.33, SECOND)
    server.publish([SwapCharged(2 * SECOND, "EURUSD", 3, -8.73, 2.267)])
    accrued = float(server.book.positions.swap[slot])
    balance = server.engine.account("1").balance
    server.take_events()
    server.close(slot, 0.33, 2 * SECOND, "client")
    (deal,) = deals(server)
    assert deal.swap == to_cents(accrued) == 2.24
    assert server.engine.account("1").balance == pytest.approx(balance + deal.profit + 2.24)


def test_a_split_moves_no_money_and_keeps_what_is_meant_to_be_hedged_hedged():
    server = server_with([account(book=Book.A)])
    server.board.lead(quotes(SECOND, (EURO, 1.00005, 1.00015)))
    server.open(0, EURO, Side.BUY, 0.5, SECOND)
    before = server.engine.account("1")
    server.split(EURO, 4.0, 2 * SECOND)
    after = server.engine.account("1")
    assert after.equity == pytest.approx(before.equity)
    assert after.margin == pytest.approx(before.margin)
    assert server.meant.tolist() == [2.0, 0.0]
    assert server.board.raw_price(EURO, Side.BUY) == pytest.approx(1.00015 / 4)
    assert server.board.price(EURO, Side.SELL) == 0.25


def test_a_renamed_symbol_is_quoted_and_traded_under_its_new_name():
    server = server_with([account()])
    slot = server.open(0, EURO, Side.BUY, 0.1, SECOND)
    server.take_events()
    server.rename(EURO, "EURUSD.x", 2 * SECOND)
    quote(server, 2 * SECOND, (EURO, 1.1, 1.1002))
    server.close(slot, 0.1, 2 * SECOND, "client")
    renamed, quoted, closed = server.take_events()
    assert renamed == SymbolRenamed(2 * SECOND, "EURUSD", "EURUSD.x")
    assert quoted.symbol == closed.symbol == "EURUSD.x"


def test_a_debt_with_a_part_of_a_cent_is_forgiven_to_the_next_cent():
    server = server_with([account(balance=2_100.0)])
    slot = server.open(0, EURO, Side.BUY, 0.5, SECOND)
    server.publish([DividendPaid(SECOND, "EURUSD", -0.0420001, 0.0)])
    assert server.engine.account("1").balance == pytest.approx(-0.005)
    server.take_events()
    server.close(slot, 0.5, SECOND, "client")
    closed, forgiven = server.take_events()
    assert closed.profit == -10.0
    assert forgiven.amount == 10.01
    assert 0.0 <= server.engine.account("1").balance < 0.01


def test_margin_calls_and_closes_are_told_once():
    server = server_with([account(balance=1_200.0)])
    slot = server.open(0, EURO, Side.BUY, 1.0, SECOND)
    quote(server, 2 * SECOND, (EURO, 0.9975, 0.9977))
    assert server.take_margin_calls() == [0]
    assert server.take_margin_calls() == []
    server.close(slot, 1.0, 2 * SECOND, "client")
    assert [closed.account for closed in server.take_closed()] == [0]
    assert server.take_closed() == []


def test_events_are_what_the_accounts_were_given():
    server = server_with([account()])
    quote(server, 2 * SECOND, (EURO, 1.1, 1.1002))
    server.move_money(0, BalanceKind.DEPOSIT, 50.0, 2 * SECOND)
    assert server.take_events() == [
        QuoteReceived(2 * SECOND, "EURUSD", 1.1, 1.1002),
        BalanceChanged(2 * SECOND, "1", "deposit", 50.0),
    ]


def test_money_is_rounded_to_cents_without_a_negative_zero():
    assert to_cents(1.006) == 1.01
    assert str(to_cents(-0.001)) == "0.0"
