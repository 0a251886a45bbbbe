"""The platform's socket as the back office uses it: booked once, refused, or not known."""

import asyncio
import threading
from contextlib import contextmanager

import msgspec
import pytest

from crm_sync.messages.errors import DeliveryError
from crm_sync.messages.model import OutMessage
from crm_sync.money.errors import PlatformUnknownError
from crm_sync.money.ports import BalanceOrder, BalanceTicket, NotBooked, Side, What
from dealing.back_office.platform import (
    TARGET,
    PlatformSender,
    SocketBalancePlatform,
    TradingMode,
)
from feeds.event_log import EventLog
from feeds.platform_commands import BalanceDeal, ChangeBalance, CommandAnswer, problem_of
from feeds.platform_server import PlatformServer
from tests.feeds.platform_sockets import status


class Books:
    """A platform of a few lines: it obeys each key once, as the real one does."""

    def __init__(self, refuses=""):
        self.refuses = refuses
        self.unknown, self.messages = set(), 0
        self.taken, self.deals = {}, []

    def obey(self, command):
        reason = self.refuses
        if command.login in self.unknown:
            reason = f"login {command.login} is not known here"
        if command.key not in self.taken:
            self.taken[command.key] = command
            if not reason and isinstance(command, ChangeBalance):
                self.deals.append(
                    BalanceDeal(
                        deal_id=str(len(self.deals) + 1), login=command.login, kind=command.kind,
                        amount=command.amount, comment=command.comment, at=5_000,
                    )
                )  # fmt: skip
        return CommandAnswer(command.key, accepted=not reason, reason=reason)

    def of(self, login):
        return [deal for deal in self.deals if deal.login == login]


async def _serve(path, directory, books, ready, stop):
    with EventLog(directory / "log") as log:
        server = PlatformServer(path, log, status(), books.of)
        async with server.serving():
            ready.set()
            while not stop.is_set():
                for asked in server.take_instructions():
                    books.messages += 1
                    asked.answer([books.obey(command) for command in asked.commands])
                await asyncio.sleep(0.001)


@contextmanager
def served(tmp_path, books):
    path, ready, stop = tmp_path / "socket", threading.Event(), threading.Event()
    work = threading.Thread(
        target=lambda: asyncio.run(_serve(path, tmp_path, books, ready, stop)), daemon=True
    )
    work.start()
    assert ready.wait(20)
    try:
        yield path
    finally:
        stop.set()
        work.join(20)


def order(**changes):
    fields = {"login": "1", "side": Side.IN, "what": What.BALANCE, "amount_minor": 12_345,
              "currency": "USD", "comment": "CRMTOKEN"}  # fmt: skip
    return BalanceOrder(**(fields | changes))


def platform(path, currency="USD"):
    return SocketBalancePlatform(path, lambda _: currency)


def booked(path, *orders, **more):
    return platform(path, **more).change_balances(orders)


def test_a_booking_has_the_platforms_ticket_and_is_made_once(tmp_path):
    books = Books()
    with served(tmp_path, books) as path:
        tickets = [one for _ in range(2) for one in booked(path, order())]
        (deal,) = platform(path).balance_deals("1", 0, 0)
    assert [one.ticket for one in tickets] == ["1", "1"]
    assert [(one.kind, one.amount) for one in books.deals] == [("deposit", 123.45)]
    assert (deal.amount_minor, deal.currency, deal.comment) == (12_345, "USD", "CRMTOKEN")
    assert (deal.side, deal.what, deal.at_us) == (Side.IN, What.BALANCE, 5)


def test_any_comment_makes_a_key_that_the_platform_takes(tmp_path):
    books = Books()
    with served(tmp_path, books) as path:
        for comment in ("CRM7Z$", "a b/c", "CRM7Z%"):
            booked(path, order(comment=comment))
    assert [problem_of(command) for command in books.taken.values()] == ["", "", ""]


@pytest.mark.parametrize(
    ("side", "what", "currency", "minor", "kind", "amount"),
    [
        (Side.OUT, What.BALANCE, "USD", 500, "withdrawal", -5.0),
        (Side.IN, What.CREDIT, "EUR", 100, "credit", 1.0),
        (Side.OUT, What.BONUS, "EUR", 100, "bonus", -1.0),
        (Side.IN, What.BALANCE, "JPY", 500, "deposit", 500.0),
        (Side.IN, What.BALANCE, "KWD", 500, "deposit", 0.5),
    ],
)
def test_each_kind_of_booking_is_the_platforms_own(
    tmp_path, side, what, currency, minor, kind, amount
):
    books = Books()
    asked = order(side=side, what=what, currency=currency, amount_minor=minor)
    with served(tmp_path, books) as path:
        booked(path, asked, currency=currency)
        (deal,) = platform(path, currency).balance_deals("1", 0, 0)
    assert [(one.kind, one.amount) for one in books.deals] == [(kind, amount)]
    assert (deal.side, deal.what, deal.amount_minor) == (side, what, minor)


def test_a_refusal_is_certain_and_silence_is_not(tmp_path):
    with served(tmp_path, Books(refuses="not enough")) as path:
        assert booked(path, order()) == [NotBooked(reason="not enough", is_certain=True)]
    (silent,) = booked(tmp_path / "nobody", order())
    assert (silent.is_certain, "does not say" in silent.reason) == (False, True)
    with pytest.raises(PlatformUnknownError):
        platform(tmp_path / "nobody").balance_deals("1", 0, 0)


def test_many_orders_are_one_message_and_each_has_an_answer_of_its_own(tmp_path):
    books = Books()
    books.unknown = {"7"}
    orders = [order(login=str(n), comment=f"CRM{n}") for n in range(40)]
    with served(tmp_path, books) as path:
        answers = booked(path, *orders)
    assert books.messages == 1
    assert answers[7] == NotBooked(reason="login 7 is not known here", is_certain=True)
    tickets = [one.ticket for one in answers if isinstance(one, BalanceTicket)]
    comment_of = {deal.deal_id: deal.comment for deal in books.deals}
    assert [comment_of[ticket] for ticket in tickets] == [
        one.comment for one in orders if one.login != "7"
    ]


def test_a_booking_that_is_accepted_and_not_listed_yet_is_not_certain(tmp_path):
    books = Books()
    books.of = lambda login: []
    with served(tmp_path, books) as path:
        (answer,) = booked(path, order())
    assert answer == NotBooked(reason="the booking CRMTOKEN is not listed yet", is_certain=False)


def mode(key="mode:1", logins=("1", "2")):
    body = msgspec.json.encode(TradingMode(logins=logins, close_only=True))
    return OutMessage(key=key, aggregate="mode:1", target=TARGET, body=body)


def test_a_trading_mode_goes_to_every_login(tmp_path):
    books = Books()
    with served(tmp_path, books) as path:
        assert PlatformSender(path).send(mode()).status == 200
        assert PlatformSender(path).send(mode()).status == 200
    assert [(c.login, c.close_only) for c in books.taken.values()] == [("1", True), ("2", True)]


def test_a_mode_that_is_refused_says_why_and_one_that_nobody_hears_is_tried_again(tmp_path):
    with served(tmp_path, Books(refuses="login 1 is not known here")) as path:
        answer = PlatformSender(path).send(mode())
    assert (answer.status, answer.body) == (422, b"login 1 is not known here")
    with pytest.raises(DeliveryError, match="does not answer"):
        PlatformSender(tmp_path / "nobody").send(mode())
