"""The trading platform as the back office needs it, over the platform's own socket.

Its clock is the market's, which a simulation lets go faster: so bookings are looked for by their
comment among all that were made for desks in an account, whatever the time.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from crm_sync.messages.errors import DeliveryError
from crm_sync.messages.model import OutMessage
from crm_sync.messages.ports import Answer
from crm_sync.money.errors import PlatformUnknownError
from crm_sync.money.ports import (
    BalanceDeal,
    BalanceOrder,
    BalanceTicket,
    Booked,
    NotBooked,
    Side,
    What,
)
from exposure.errors import FeedError
from exposure.model.accounts import BalanceKind
from exposure.model.ids import Currency
from exposure.model.money import minor_digits
from feeds.platform_commands import BalanceDeal as PlatformDeal
from feeds.platform_commands import ChangeBalance, CommandAnswer, PlatformCommand, SetTradingMode
from feeds.socket_feed import balance_deals, send_commands

TARGET: Final = "platform"
"""What the platform is called in the outbox."""

ANSWERS_WITHIN_S: Final = 10.0

_AT_ONCE: Final = 16
"""Accounts whose bookings are asked for at the same moment."""

_KINDS: Final = {
    (Side.IN, What.BALANCE): BalanceKind.DEPOSIT,
    (Side.OUT, What.BALANCE): BalanceKind.WITHDRAWAL,
    (Side.IN, What.CREDIT): BalanceKind.CREDIT,
    (Side.OUT, What.CREDIT): BalanceKind.CREDIT,
    (Side.IN, What.BONUS): BalanceKind.BONUS,
    (Side.OUT, What.BONUS): BalanceKind.BONUS,
}
_WHAT: Final = {BalanceKind.CREDIT.value: What.CREDIT, BalanceKind.BONUS.value: What.BONUS}

Result = TypeVar("Result")


class TradingMode(msgspec.Struct, frozen=True, kw_only=True):
    """What the outbox holds for the platform: accounts that may only close, or trade again."""

    logins: tuple[str, ...]
    close_only: bool


class SocketBalancePlatform:
    """BalancePlatform over a Unix socket."""

    def __init__(
        self,
        path: Path,
        currency_of: Callable[[str], str],
        within_s: float = ANSWERS_WITHIN_S,
    ) -> None:
        """Take the socket, who knows an account's currency, and how long an answer may take."""
        self._path = path
        self._currency_of = currency_of
        self._within_s = within_s

    def change_balances(self, orders: Sequence[BalanceOrder]) -> list[Booked]:
        """Book each once more, all in one message; see BalancePlatform."""
        commands = [_command(order) for order in orders]
        try:
            answers = self._ask(send_commands(self._path, commands))
            obeyed = [
                order.login for order, told in zip(orders, answers, strict=True) if told.accepted
            ]
            deals = self._ask(self._deals_of(obeyed))
        except PlatformUnknownError as e:
            return [NotBooked(reason=str(e), is_certain=False) for _ in orders]
        return [_booked(*pair, deals) for pair in zip(orders, answers, strict=True)]

    def balance_deals(
        self,
        login: str,
        since_us: int,  # noqa: ARG002 (see above)
        until_us: int,  # noqa: ARG002
    ) -> list[BalanceDeal]:
        """Return the bookings made for desks in an account; raises as BalancePlatform says."""
        currency = self._currency_of(login)
        deals = self._ask(balance_deals(self._path, login))
        return [_deal(one, currency) for one in deals]

    async def _deals_of(self, logins: Iterable[str]) -> dict[str, list[PlatformDeal]]:
        few = asyncio.Semaphore(_AT_ONCE)

        async def asked(login: str) -> tuple[str, list[PlatformDeal]]:
            async with few:
                return login, await balance_deals(self._path, login)

        return dict(await asyncio.gather(*(asked(login) for login in dict.fromkeys(logins))))

    def _ask(self, question: Coroutine[Any, Any, Result]) -> Result:
        try:
            return asyncio.run(_in_time(question, self._within_s))
        except (FeedError, TimeoutError) as e:
            raise PlatformUnknownError(f"the platform does not say: {e}") from e


class PlatformSender:
    """Sender of trading modes: what the outbox holds for the platform, over its socket."""

    def __init__(self, path: Path, within_s: float = ANSWERS_WITHIN_S) -> None:
        """Take the platform's socket, and for how long an answer is waited for."""
        self._path = path
        self._within_s = within_s

    def send(self, message: OutMessage) -> Answer:
        """Send a trading mode once; an account that the platform refuses is answered 422."""
        mode = msgspec.json.decode(message.body, type=TradingMode)
        name = hashlib.sha256(message.key.encode()).hexdigest()
        commands = [
            SetTradingMode(key=f"mode:{name}:{place}", login=login, close_only=mode.close_only)
            for place, login in enumerate(mode.logins)
        ]
        answers = self._sent(commands)
        refused = [answer.reason for answer in answers if not answer.accepted]
        return Answer(422, refused[0].encode(), 0.0) if refused else Answer(200, b"", 0.0)

    def _sent(self, commands: Sequence[PlatformCommand]) -> list[CommandAnswer]:
        try:
            return asyncio.run(_in_time(send_commands(self._path, commands), self._within_s))
        except (FeedError, TimeoutError) as e:
            raise DeliveryError("the platform does not answer") from e


async def _in_time(question: Coroutine[Any, Any, Result], within_s: float) -> Result:
    async with asyncio.timeout(within_s):
        return await question


def _command(order: BalanceOrder) -> ChangeBalance:
    sign = 1.0 if order.side is Side.IN else -1.0
    return ChangeBalance(
        key=f"money:{hashlib.sha256(order.comment.encode()).hexdigest()}",
        login=order.login,
        kind=_KINDS[order.side, order.what].value,
        amount=sign * order.amount_minor / 10.0 ** minor_digits(Currency(order.currency)),
        comment=order.comment,
    )


def _booked(
    order: BalanceOrder, answer: CommandAnswer, deals: Mapping[str, Sequence[PlatformDeal]]
) -> Booked:
    if not answer.accepted:
        return NotBooked(reason=answer.reason, is_certain=True)
    found = [one for one in deals[order.login] if one.comment == order.comment]
    if not found:
        return NotBooked(reason=f"the booking {order.comment} is not listed yet", is_certain=False)
    return BalanceTicket(ticket=found[0].deal_id)


def _deal(one: PlatformDeal, currency: str) -> BalanceDeal:
    return BalanceDeal(
        ticket=one.deal_id,
        login=one.login,
        side=Side.IN if one.amount > 0.0 else Side.OUT,
        what=_WHAT.get(one.kind, What.BALANCE),
        amount_minor=round(abs(one.amount) * 10 ** minor_digits(Currency(currency))),
        currency=currency,
        comment=one.comment,
        at_us=one.at // 1_000,
    )
