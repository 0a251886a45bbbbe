"""Figures of a desk for slash commands."""

from dealing.alerts.model import Fact
from exposure.errors import DomainError
from tests.dealing.alerts.channels.parts import case


class Reading:
    """DeskReading of one symbol, one account and some cases.

    Attributes:
        asked: What was asked for.
        cases: The cases that are not resolved.
        age: How old the figures are, seconds.
        fails: Raised by whatever is asked for.
    """

    def __init__(self):
        self.asked = []
        self.cases = [case()]
        self.age = 0.4
        self.fails = None

    async def exposure(self, symbol):
        self._ask("exposure", symbol)
        if symbol != "XAUUSD":
            raise DomainError(f"there is no symbol {symbol}; near it are XAUUSD, XAUEUR")
        return (Fact("House net", "-12.4M USD"), Fact("Covered", "4.0M USD"))

    async def client(self, login):
        self._ask("client", login)
        if login != "100023":
            raise DomainError(f"there is no login {login}; near it is 100023")
        return (Fact("Client", "C100023"), Fact("Book", "B"), Fact("Margin level", "142 %"))

    async def alerts(self):
        self._ask("alerts", "")
        return self.cases

    async def age_s(self):
        return self.age

    def _ask(self, *what):
        self.asked.append(what)
        if self.fails is not None:
            raise self.fails
