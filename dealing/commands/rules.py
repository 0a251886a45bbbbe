"""What a request may be, what it moves, and what its undo would move: decided without waiting.

Source: semantics.md section 7 (books), backoffice.md 3.5 (a second person).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from crm_sync.people import same_person
from dealing.commands.errors import ConflictError
from dealing.commands.model import HOUSE, OBEYED, Command, Move, ReassignBook, Request
from exposure.account_books import AccountBooks, BookPlace
from exposure.model.books import Book
from feeds.platform_commands import CommandAnswer

MOST_ACCOUNTS: Final = 2_000
"""How many accounts one command may move."""

LONGEST_NAME: Final = 64
REASON_LENGTHS: Final = (3, 500)
LONGEST_OVERRIDE_NS: Final = 366 * 86_400 * 10**9

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{3,47}")
_SAME_RATIO: Final = 1e-9
_SHOWN: Final = 5


class ApprovalRule(NamedTuple):
    """From which size on a second person decides, and for how long he may.

    Units: ``above_usd`` the absolute worth of what the accounts hold; ``within_ns`` wall time.
    """

    above_usd: float
    above_clients: int
    within_ns: int

    def asks_for(self, clients: int, gross_usd: float, unpriced: int) -> bool:
        """Whether a second person has to decide; what has no price may be worth anything."""
        return clients > self.above_clients or gross_usd > self.above_usd or unpriced > 0


def problems_of(request: Request, now_ns: int) -> list[str]:
    """Return everything that is wrong with a request whatever the book, a sentence each."""
    found = [problem_of_key(request.key), problem_of_actor(request.actor)]
    found.append(problem_of_reason(request.reason))
    if isinstance(request, ReassignBook):
        found += _problems_of_move(request, now_ns)
    return [problem for problem in found if problem]


def problem_of_actor(actor: str) -> str:
    """Return what is wrong with a name, "" if nothing is."""
    if not 0 < len(actor.strip()) <= LONGEST_NAME or not actor.isprintable():
        return f"actor must be a name of 1 to {LONGEST_NAME} letters"
    if same_person(actor, HOUSE):
        return f"actor must be a person: {HOUSE} is who acts when nobody does"
    return ""


def problem_of_reason(reason: str) -> str:
    """Return what is wrong with a reason, "" if nothing is."""
    least, most = REASON_LENGTHS
    if not least <= len(reason.strip()) or len(reason) > most or not _is_text(reason):
        return f"reason must say why in {least} to {most} characters"
    return ""


def moves_of(request: ReassignBook, accounts: Sequence[AccountBooks]) -> tuple[Move, ...]:
    """Return one move for each account, with what it replaces."""
    return tuple(
        Move(
            login=account.login,
            client_id=account.client_id,
            book=request.book,
            hedge_ratio=request.hedge_ratio,
            symbol=request.symbol,
            move_open=request.move_open,
            before=_before(account, request.symbol),
        )
        for account in accounts
    )


def unknown_names(request: ReassignBook, accounts: Sequence[AccountBooks]) -> list[str]:
    """Return a sentence for the logins and clients of a request that nobody knows."""
    logins = {account.login for account in accounts}
    clients = {account.client_id for account in accounts}
    missing = [f"login {name}" for name in request.logins if name not in logins]
    missing += [f"client {name}" for name in request.clients if name not in clients]
    if not missing:
        return []
    return [f"{_listed(missing)} {_is(missing)} not known here: check the spelling"]


def undo_moves(
    command: Command, accounts: Sequence[AccountBooks], later: Iterable[Command]
) -> tuple[Move, ...]:
    """Return the moves that put back what was there before a command.

    Raises:
        ConflictError: It did nothing, was undone already, or something newer changed it.
    """
    done = [move for move in command.moves if move.accepted]
    if command.state not in OBEYED or not done:
        raise ConflictError(f"command {command.key} moved nothing: there is nothing to undo")
    if command.undone_by:
        raise ConflictError(f"command {command.key} was undone already by {command.undone_by}")
    present = {account.login: account for account in accounts}
    newer = [*_overtaken(done, later), *_changed(done, present)]
    if newer:
        raise ConflictError(
            f"command {command.key} cannot be undone, something newer changed it: {_listed(newer)}"
        )
    return tuple(
        _put_back(move, place, present[move.login]) for move in done for place in move.before
    )


def with_answers(
    command: Command, answers: Sequence[CommandAnswer]
) -> tuple[tuple[Move, ...], int]:
    """Return the moves with the platform's answers, and how many it accepted."""
    moves = tuple(
        msgspec.structs.replace(move, accepted=answer.accepted, reason=answer.reason)
        for move, answer in zip(command.moves, answers, strict=True)
    )
    return moves, sum(answer.accepted for answer in answers)


def has_arrived(command: Command, accounts: Sequence[AccountBooks]) -> bool:
    """Whether the books are where the command's accepted moves put them."""
    last = {(move.login, move.symbol): move for move in command.moves if move.accepted}
    present = {account.login: account for account in accounts}
    return all(
        move.login in present and _is_there(move, present[move.login].of_symbol(move.symbol))
        for move in last.values()
    )


def _problems_of_move(request: ReassignBook, now_ns: int) -> list[str]:
    names = [*request.logins, *request.clients]
    found = []
    if request.book not in set(Book):
        found.append(f"book must be A, B or C, was '{request.book[:LONGEST_NAME]}'")
    ratio = request.hedge_ratio
    if ratio is not None and not (math.isfinite(ratio) and 0.0 <= ratio <= 1.0):
        found.append(f"hedge_ratio must be between 0 and 1, was {ratio}")
    if not names:
        found.append("name at least one of logins or clients")
    if len(names) > MOST_ACCOUNTS:
        found.append(f"at most {MOST_ACCOUNTS:,} logins and clients at once, was {len(names):,}")
    if not all(_is_name(name) for name in names) or not _is_name(request.symbol or "x"):
        found.append(f"logins, clients and symbol are names of 1 to {LONGEST_NAME} letters")
    expires = request.expires_at_ns
    if expires is not None and not now_ns < expires <= now_ns + LONGEST_OVERRIDE_NS:
        found.append("an override must expire in the future and within a year")
    return found


def problem_of_key(key: str) -> str:
    """Return what is wrong with a command's key, "" if nothing is."""
    if _KEY.fullmatch(key):
        return ""
    return "key must have 4 to 48 letters, digits or . _ - and begin with a letter or digit"


def _is_text(text: str) -> bool:
    return all(c.isprintable() or c in "\n\t" for c in text)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= LONGEST_NAME and text.isprintable()


def _before(account: AccountBooks, symbol: str) -> tuple[BookPlace, ...]:
    if symbol:
        return (msgspec.structs.replace(account.of_symbol(symbol), symbol=symbol),)
    return (account.place, *account.exceptions)


def _put_back(move: Move, place: BookPlace, present: AccountBooks) -> Move:
    return Move(
        login=move.login,
        client_id=move.client_id,
        book=place.book,
        hedge_ratio=place.partial,
        symbol=place.symbol,
        move_open=move.move_open,
        before=_before(present, place.symbol),
    )


def _overtaken(done: Sequence[Move], later: Iterable[Command]) -> list[str]:
    concerned: dict[str, set[str]] = {}
    for move in done:
        concerned.setdefault(move.login, set()).add(move.symbol)
    return [
        f"login {move.login} by command {command.key}"
        for command in later
        for move in command.moves
        if move.accepted and _meets(move.symbol, concerned.get(move.login, set()))
    ]


def _meets(symbol: str, others: set[str]) -> bool:
    return bool(others) and (not symbol or "" in others or symbol in others)


def _changed(done: Sequence[Move], present: dict[str, AccountBooks]) -> list[str]:
    last = {(move.login, move.symbol): move for move in done}
    found = []
    for (login, symbol), move in last.items():
        account = present.get(login)
        if account is None:
            found.append(f"login {login} is gone")
            continue
        place = account.of_symbol(symbol)
        strangers = [p.symbol for p in account.exceptions if (login, p.symbol) not in last]
        if not _is_there(move, place):
            where = f" for {symbol}" if symbol else ""
            found.append(f"login {login} is in book {place.book} now{where}, not {move.book}")
        elif not symbol and strangers:
            found.append(f"login {login} has an exception for {strangers[0]} now")
    return found


def _is_there(move: Move, place: BookPlace) -> bool:
    ratio = move.hedge_ratio
    return place.book == move.book and (ratio is None or abs(place.partial - ratio) < _SAME_RATIO)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
