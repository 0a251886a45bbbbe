"""The answer of ``plimsoll score`` on a terminal: the table, and decision cards in plain words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bookrouting.decision_card import CurvePoint, DecisionCard, DrivingTrade
from bookrouting.flow_settings import HORIZONS, SWAP_CHANNEL
from dealing.score.answer import ClientRow, ScoreAnswer
from dealing.score.study import habits_in_words
from dealing.score.words import band_of, channel_name

SHOWN: Final = 20

_NS_PER_S: Final = 1_000_000_000


def show_answer(answer: ScoreAnswer, console: Console) -> None:
    """Print the most dangerous clients, or the cards of those who were asked for."""
    if answer.cards:
        rows = {row.client_id: row for row in answer.clients}
        for card in answer.cards:
            _show_card(card, rows[card.client_id], console)
        return
    console.print(_headline(answer), soft_wrap=True)
    console.print(_clients(answer.clients[:SHOWN]))
    for one in answer.clusters[:SHOWN]:
        members = ", ".join(one["members"])
        console.print(f"Cluster {one['id']} ({members}): {one['sentence']}", soft_wrap=True)
    if answer.clients:
        first = answer.clients[0].client_id
        console.print(f"Why: plimsoll score DIR --client {first}", soft_wrap=True)


def _headline(answer: ScoreAnswer) -> str:
    traded = sum(row.n > 0 for row in answer.clients)
    scored = sum(row.n >= row.facts.fewest for row in answer.clients)
    until = "" if answer.as_of is None else f" until {_moment(answer.as_of)} UTC"
    return (
        f"{len(answer.clients):,} clients{until}: {traded:,} have traded, {scored:,} often enough "
        f"for a score, {len(answer.alarms):,} alarms"
    )


def _clients(rows: list[ClientRow]) -> Table:
    table = Table(title="Most dangerous flow", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("client")
    for name in ("score", "trades", "USD per million", "90 % between", "e-value", "house USD"):
        table.add_column(name, justify="right")
    table.add_column("book")
    table.add_column("why", overflow="fold")
    for row in rows:
        table.add_row(
            row.client_id, f"{row.score:.0f}", f"{row.n:,}", _number(row.edge), _between(row),
            _e_value(row.e_value), f"{row.money.kept_usd:z,.0f}", _book(row), row.reasons[0],
        )  # fmt: skip
    return table


def _show_card(card: DecisionCard, row: ClientRow, console: Console) -> None:
    for sentence in _verdict(row):
        console.print(sentence, soft_wrap=True)
    if card.entry_curve:
        console.print(_curve("Markouts after entries", card.entry_curve))
    if card.exit_curve:
        console.print(_curve("Markouts after exits he chose", card.exit_curve))
    console.print(_evidence(row))
    if card.trades:
        console.print(_trades(card.trades))
    for sentence in card_sentences(card, row):
        console.print(f"- {sentence}", soft_wrap=True)
    console.print()


def card_sentences(card: DecisionCard, row: ClientRow) -> list[str]:
    """Return in plain words why, what would change it, what he brought and what to expect."""
    habits = habits_in_words(row.found)
    return [*row.reasons, *habits, _flip(card, row), _money(row), _chance(card)]


def _verdict(row: ClientRow) -> list[str]:
    band = band_of(row.score)
    who = f"Client {row.client_id}: score {row.score:.0f} of 100 ({band}), {row.n:,} trades"
    edge = f"Expected for the client: {_number(row.edge)} USD per million of notional"
    return [
        f"{who} ({row.n_eff:.1f} count), e-value {_e_value(row.e_value)}",
        f"{edge}, with 90 % between {_between(row)}; book {_book(row)}",
    ]


def _curve(title: str, points: list[CurvePoint]) -> Table:
    table = Table(title=f"{title}, pips", title_justify="left", box=SIMPLE_HEAD)
    for name in ("after", "markout", "90 % between", "known", "pending or market closed"):
        table.add_column(name, justify="right")
    for point in points:
        half = 1.645 * point.se_pips
        low, high = point.markout_pips - half, point.markout_pips + half
        table.add_row(
            f"{point.horizon_s:g} s", f"{point.markout_pips:+.2f}", f"{low:+.2f} .. {high:+.2f}",
            f"{point.known:,}", f"{point.cancelled:,}",
        )  # fmt: skip
    return table


def _evidence(row: ClientRow) -> Table:
    table = Table(title="Evidence", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("channel")
    for name in ("markout, pips", "decibans", "probability"):
        table.add_column(name, justify="right")
    for place, channel in enumerate(row.channels):
        pips = "-" if channel.markout_pips is None else f"{channel.markout_pips:+.2f}"
        name = channel_name(place, channel.horizon_s)
        if place < HORIZONS or channel.markout_pips is not None or place == SWAP_CHANNEL:
            table.add_row(name, pips, f"{channel.decibans:+.1f}", f"{channel.p:.1%}")
    none = max(1.0 - sum(channel.p for channel in row.channels), 0.0)
    table.add_row("no edge", "-", "-", f"{none:.1%}")
    return table


def _trades(trades: list[DrivingTrade]) -> Table:
    title = f"Trades that say most, {trades[0].horizon_s:g} s later"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in ("time UTC", "symbol", "side", "lots", "markout, pips", "cost, pips", "net, sd"):
        table.add_column(
            name, justify="left" if name in {"time UTC", "symbol", "side"} else "right"
        )
    for trade in trades:
        side = f"{trade.side} to close" if trade.is_exit else trade.side
        table.add_row(
            _moment(trade.ts), trade.symbol, side, f"{trade.lots:g}",
            f"{trade.markout_pips:+.2f}", f"{trade.cost_pips:.2f}", f"{trade.gain:+.1f}",
        )  # fmt: skip
    return table


def _flip(card: DecisionCard, row: ClientRow) -> str:
    if card.flip is None:
        return f"nothing is known yet that could change book {row.suggested_book}"
    what = f"trades like his last {card.flip.like_the_last}"
    if card.flip.more_trades is None:
        return f"no number of {what} (up to 500) would change the suggestion {row.suggested_book}"
    return f"{card.flip.more_trades} more {what} would change the suggestion to {card.flip.to_book}"


def _money(row: ClientRow) -> str:
    money = row.money
    return (
        f"money so far, USD for the house: {money.kept_usd:z,.2f} if it kept his flow (his "
        f"closed trades {money.realised_usd:z,.2f}, open ones {money.floating_usd:z,.2f}, "
        f"commission {money.commission_usd:z,.2f}, swap {money.swap_usd:z,.2f}), "
        f"{money.passed_usd:z,.2f} if it passed it on before the provider's charges; volume "
        f"{money.volume_usd:,.0f}"
    )


def _chance(card: DecisionCard) -> str:
    if card.loss_chance is None or card.usual_loss_chance is None:
        return f"too little is known to say how the next {card.next_trades} trades end"
    return (
        f"the house loses on his next {card.next_trades} trades with probability "
        f"{card.loss_chance:.0%}; on a client who just pays his costs with "
        f"{card.usual_loss_chance:.0%}"
    )


def _between(row: ClientRow) -> str:
    return f"{_number(row.edge_low)} .. {_number(row.edge_high)}"


def _book(row: ClientRow) -> str:
    present = row.book or "-"
    return present if present == row.suggested_book else f"{present} -> {row.suggested_book}"


def _e_value(value: float) -> str:
    return f"{value:.2f}" if value < 100.0 else f"{value:.3g}"  # noqa: PLR2004


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:+z,.0f}"


def _moment(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns / _NS_PER_S, UTC):%Y-%m-%d %H:%M:%S}"
