"""Identifiers, parsed once at the edge and never mixed up again."""

from typing import NewType

Login = NewType("Login", str)
"""A trading account on a platform server."""

ClientId = NewType("ClientId", str)
"""A person or company in the CRM; owns one or more logins."""

DealId = NewType("DealId", str)
"""An executed trade, unique per server (client deals) or per provider (hedges)."""

PositionId = NewType("PositionId", str)
"""An open position of one login; netting accounts use the symbol."""

Symbol = NewType("Symbol", str)
"""The name of an instrument on the platform, for example ``EURUSD.pro``."""

Currency = NewType("Currency", str)
"""An ISO 4217 code, or the code of an asset that is quoted like one (``XAU``, ``BTC``)."""

Provider = NewType("Provider", str)
"""A liquidity provider, or the source of a quote."""
