"""What the house earns, by the name that finance gives it.

Source: semantics.md section 8; every component lies inside client net or provider net, unless it
is a cost of its own.
"""

from __future__ import annotations

from enum import StrEnum


class Component(StrEnum):
    """Why the house earned or lost an amount."""

    MARKUP = "MARKUP"
    COMMISSION = "COMMISSION"
    SWAP_CLIENT = "SWAP_CLIENT"
    SWAP_LP = "SWAP_LP"
    DIVIDEND_CLIENT = "DIVIDEND_CLIENT"
    DIVIDEND_LP = "DIVIDEND_LP"
    CORPORATE_ACTION = "CORPORATE_ACTION"
    BBOOK_PNL = "BBOOK_PNL"
    LP_PNL = "LP_PNL"
    LP_COMMISSION = "LP_COMMISSION"
    BRIDGE_FEE = "BRIDGE_FEE"
    IB_COST = "IB_COST"
    PSP_FEE = "PSP_FEE"
    BONUS = "BONUS"
    NBP_WRITE_OFF = "NBP_WRITE_OFF"
    FX_CONVERSION = "FX_CONVERSION"
    ADJUSTMENT = "ADJUSTMENT"
