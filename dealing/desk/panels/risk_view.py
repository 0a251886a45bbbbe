"""What the risk screen answers: scenarios, a shock, the smallest ruinous move, a ladder.

Questions come from a browser as small mappings; they are parsed, never trusted. An answer says of
which moment it is, or in one sentence why there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from dealing.desk import formats
from dealing.desk.held_book import AWAY, BookDesk
from dealing.desk.words import RefusedError, amount_of, percent_of, sentence, target_of
from dealing.stress.answer import Line, top_accounts
from exposure.errors import DisconnectedError, DomainError
from exposure.risk.cascade import Rung, cascade_ladder
from exposure.risk.provider_margin import ProviderAccount, provider_margins, terms_now
from exposure.risk.reverse import ReverseMove, smallest_move
from exposure.risk.scenarios import Scenario, applicable, parallel_scenarios
from exposure.risk.shocks import Shock, ShockKind
from exposure.risk.stress import HouseStress, StressResult, stress, stress_line
from exposure.risk.stress_book import StressBook
from feeds.catalogue.scenarios import load_scenarios

MOVES: Final = {
    ShockKind.PERCENT: "{:+g} %",
    ShockKind.PRICE: "to {:g}",
    ShockKind.CHANGE: "by {:+g}",
    ShockKind.AGAINST_HOUSE: "{:g} % against the house",
    ShockKind.SPREAD_TIMES: "spread x {:g}",
}

Question = Callable[[StressBook], dict[str, Any]]


async def answer(given: object, books: BookDesk, kind: str) -> dict[str, Any] | None:
    """Return the answer to one of QUESTIONS, None for nonsense.

    Args:
        given: What a browser wants to know.
        books: Who computes.
        kind: Which question it is.
    """
    if not isinstance(given, dict) or not isinstance(given.get("asked"), int):
        return None
    head = {"asked": given["asked"]}
    try:
        question = questions(books.providers)[kind](given)
        computed = await books.computed(question)
    except RefusedError as e:
        return head | {"state": "refused", "field": e.field, "note": str(e)}
    except DisconnectedError:
        return head | {"state": "failed", "note": AWAY}
    except DomainError as e:
        return head | {"state": "refused", "field": "target", "note": f"{e}."}
    return head | {"state": "shown", "note": "", **computed.made, "made": books.told(computed)}


def scenario_question(given: dict[str, Any]) -> Question:
    """Return the table of scenarios, or of every currency alone."""
    alone = given.get("family") == "currencies"

    def table(book: StressBook) -> dict[str, Any]:
        family = parallel_scenarios(book.targets) if alone else load_scenarios()
        lines = scenario_lines(book, family)
        return {
            "rows": [_line(line) for line in lines],
            "family": "currencies" if alone else "scenarios",
            "targets": [*book.targets.currencies, *sorted(i.symbol for i in book.book.instruments)],
        }

    return table


def scenario_lines(book: StressBook, scenarios: Iterable[Scenario]) -> list[Line]:
    """Return what every scenario comes to that moves something of this book."""
    lines = []
    for scenario in scenarios:
        shocks, notes = applicable(scenario, book)
        if shocks:
            lines.append(Line(scenario, stress_line(book, shocks), notes))
    return lines


def shock_question(given: dict[str, Any]) -> Question:
    """Return what one move comes to, or a scenario of the table.

    Raises:
        RefusedError: The move cannot be meant.
    """
    name = given.get("scenario")
    if isinstance(name, str) and name:
        return lambda book: _of_scenario(book, name)
    target = target_of(given.get("target"))
    percent = percent_of(given.get("percent"))

    def shocked(book: StressBook) -> dict[str, Any]:
        result = stress(book, [_shock(book, target, percent)])
        return _result(result, f"{target} {formats.percent(percent)}", result.notes)

    return shocked


def reverse_question(given: dict[str, Any]) -> Question:
    """Return the smallest moves of one target that cost more than the capital.

    Raises:
        RefusedError: The target or the capital cannot be meant.
    """
    target = target_of(given.get("target"))
    capital = amount_of(given.get("capital"))

    def reversed_(book: StressBook) -> dict[str, Any]:
        _shock(book, target, 1.0)
        moves = [smallest_move(book, target, sign, capital) for sign in (1.0, -1.0)]
        return {
            "title": target,
            "capital_usd": capital,
            "moves": [move._asdict() for move in sorted(moves, key=_size)],
        }

    return reversed_


def ladder_question(given: dict[str, Any]) -> Question:
    """Return whom each step of a move closes.

    Raises:
        RefusedError: The target cannot be meant.
    """
    target = target_of(given.get("target"))

    def ladder(book: StressBook) -> dict[str, Any]:
        _shock(book, target, 1.0)
        has_lots = book.targets.currency(target) is None
        rungs = cascade_ladder(book, target)
        return {"title": target, "has_lots": has_lots, "rows": [_rung(rung) for rung in rungs]}

    return ladder


QUESTIONS: Final[dict[str, Callable[[dict[str, Any]], Question]]] = {
    "table": scenario_question,
    "shock": shock_question,
    "reverse": reverse_question,
    "ladder": ladder_question,
}
"""What can be asked of a book alone, by the name of its stores."""


def questions(
    accounts: Mapping[str, ProviderAccount],
) -> dict[str, Callable[[dict[str, Any]], Question]]:
    """Return everything that can be asked where the house has these accounts with providers."""

    def providers(book: StressBook) -> dict[str, Any]:
        terms = {lp: terms_now(book, lp, account) for lp, account in accounts.items()}
        held = provider_margins(book, terms)
        return {"rows": [row._asdict() | {"note": sentence(row.note)} for row in held]}

    return QUESTIONS | {"providers": lambda _: providers}


def _shock(book: StressBook, target: str, percent: float) -> Shock:
    """Return a shock that moves something; UnknownTargetError if the book lacks the name."""
    if not book.targets.moved_by(target):
        raise DomainError(f"{target} moves no symbol of this book")
    return Shock(target, ShockKind.PERCENT, percent)


def _of_scenario(book: StressBook, name: str) -> dict[str, Any]:
    known = {one.name: one for one in (*load_scenarios(), *parallel_scenarios(book.targets))}
    if name not in known:
        raise DomainError(f"there is no scenario {name[:40]}")
    shocks, notes = applicable(known[name], book)
    result = stress(book, shocks)
    return _result(result, known[name].title, [*notes, *result.notes])


def _result(result: StressResult, title: str, notes: Sequence[str]) -> dict[str, Any]:
    shown = (
        "login", "client_id", "book", "currency", "level_before", "level_after", "equity_after",
        "deficit", "cost_usd",
    )  # fmt: skip
    return {
        "title": title,
        "figures": _house(result.house)
        | {
            "stopped_out": int(result.accounts["stopped_out"].sum()),
            "negative": int((result.accounts["deficit"] > 0.0).sum()),
            "deficits_usd": float(result.accounts["deficit_usd"].sum()),
        },
        "rows": [{"id": row["login"], **row} for row in top_accounts(result)[shown].to_dicts()],
        "notes": [sentence(note) for note in notes],
    }


def _house(house: HouseStress) -> dict[str, float]:
    return {
        "total_usd": house.total_usd,
        "a_usd": house.a_usd,
        "b_usd": house.b_usd,
        "hedge_usd": house.hedge_usd,
        "balance_cost_usd": house.deficit_a_usd + house.deficit_b_usd,
    }


def _line(line: Line) -> dict[str, Any]:
    scenario = line.scenario
    return {
        "id": scenario.name,
        "name": scenario.name,
        "title": scenario.title,
        "date": scenario.date,
        "figures": _checked(scenario),
        "source": scenario.source,
        "moves": ", ".join(
            f"{shock.target} {MOVES[shock.kind].format(shock.value)}".replace("-", formats.MINUS)
            for shock in scenario.shocks
        ),
        **_house(line.line.house),
        "stopped_out": line.line.stopped_out,
        "deficits_usd": line.line.deficits_usd,
        "notes": " ".join(sentence(note) for note in line.notes),
    }


def _checked(scenario: Scenario) -> str:
    """Say whether anybody checked the figures of a scenario against a source."""
    if not scenario.date:
        return "made up"
    return "from memory" if scenario.from_memory else "from source"


def _rung(rung: Rung) -> dict[str, Any]:
    return {
        "move_percent": rung.move_percent,
        "stopped_out": len(rung.logins),
        "closed_lots": rung.closed_long_lots + rung.closed_short_lots,
        "closed_usd": rung.closed_usd,
        "house_net_lots": rung.house_net_lots,
        "house_net_usd": rung.house_net_usd,
        "orphan_lots": rung.orphan_lots,
        **_house(rung.house),
    }


def _size(move: ReverseMove) -> float:
    return float("inf") if move.move_percent is None else abs(move.move_percent)
