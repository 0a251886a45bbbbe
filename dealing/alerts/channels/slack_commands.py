"""``/plimsoll``: asking the desk from Slack. It only reads, and shows no personal data.

Who is not known to the desk may read exposure, which is the house's, and how many alerts there are;
whatever is about a client takes a role.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final

from dealing.alerts.channels.block_kit import (
    SlackMessage,
    facts_message,
    list_message,
    sentence_message,
)
from dealing.alerts.channels.words import heading, lasting, one_line
from dealing.alerts.desk_reading import DeskReading
from dealing.alerts.model import Case, Severity
from dealing.alerts.pressing import DeskUser
from dealing.alerts.sources.wording import usd
from exposure.errors import DomainError, FeedError, StorageError

FRESH_S: Final = 3.0
LONGEST_NAME: Final = 40
MOST_CASES: Final = 15

HELP: Final = (
    "/plimsoll exposure XAUUSD: what the house holds of a symbol",
    "/plimsoll client 100023: an account, by its login",
    "/plimsoll alerts: the cases that are not resolved",
    "/plimsoll help: this",
)


class SlashCommands:
    """Answers what people type after ``/plimsoll``."""

    def __init__(self, reading: DeskReading) -> None:
        """Take whom to ask."""
        self._reading = reading

    async def answer(self, text: str, user: DeskUser | None) -> SlackMessage:
        """Return the answer for a person; one whom the desk does not know is None."""
        words = one_line(html.unescape(text), 200).split()
        try:
            match [word.casefold() for word in words[:1]], words[1:]:
                case ["exposure"], [symbol] if len(symbol) <= LONGEST_NAME:
                    return await self._exposure(symbol)
                case ["client"], [login] if len(login) <= LONGEST_NAME:
                    return await self._client(login, user)
                case ["alerts"], []:
                    return await self._alerts(user)
                case _:
                    return list_message("What /plimsoll can answer", HELP, _not_meant(words))
        except DomainError as e:
            return sentence_message(str(e))
        except (FeedError, StorageError) as e:
            return sentence_message(f"The figures cannot be had now: {e}")

    async def _exposure(self, symbol: str) -> SlackMessage:
        shown = await self._reading.exposure(symbol)
        return facts_message(f"Exposure {symbol}", shown, await self._notes())

    async def _client(self, login: str, user: DeskUser | None) -> SlackMessage:
        if user is None or not user.roles:
            return sentence_message(
                "Figures of clients take a role at the desk: ask for an entry under alerts.users."
            )
        shown = await self._reading.client(login)
        return facts_message(f"Account {login}", shown, await self._notes())

    async def _alerts(self, user: DeskUser | None) -> SlackMessage:
        cases = await self._reading.alerts()
        title = _title(len(cases))
        if user is None or not user.roles:
            return list_message(title, _counts(cases), ())
        lines = [_line(case) for case in cases[:MOST_CASES]]
        left_out = len(cases) - len(lines)
        notes = (f"and {left_out:,} more, on the desk",) if left_out else ()
        return list_message(title, lines, notes)

    async def _notes(self) -> tuple[str, ...]:
        """Return how old the figures are."""
        age_s = await self._reading.age_s()
        if age_s is None:
            return ("no figures have come from the engine yet",)
        if age_s > FRESH_S:
            return (
                f"the engine does not respond: these figures are {lasting(int(age_s * 1e6))} old",
            )
        return (f"figures {max(0.0, age_s):.1f} s old",)


def _not_meant(words: Sequence[str]) -> tuple[str, ...]:
    if not words or words[0].casefold() == "help":
        return ()
    return (f"'{one_line(' '.join(words), LONGEST_NAME)}' is none of these",)


def _title(count: int) -> str:
    if count == 0:
        return "No case is open"
    return "1 case is not resolved" if count == 1 else f"{count:,} cases are not resolved"


def _line(case: Case) -> str:
    return f"{heading(case)}: {usd(case.at_stake_usd)} at stake, {one_line(case.headline, 150)}"


def _counts(cases: Sequence[Case]) -> list[str]:
    stake = [
        (one, [case.at_stake_usd for case in cases if case.severity is one])
        for one in reversed(Severity)
    ]
    return [f"{one.value}: {len(all_):,}, {usd(sum(all_))} at stake" for one, all_ in stake if all_]
