"""What a closing deal earned, in the account's currency.

Source: semantics.md section 3.
"""

from __future__ import annotations

import math

from exposure.client_book import ClientBook, conversion_code
from exposure.model.events import DealExecuted
from exposure.netting import Fill
from exposure.state import BY_CLOSE, BY_MARKET, SAME


def realised_profit(book: ClientBook, deal: DealExecuted, account: int, fill: Fill) -> float:
    """Return the profit of the lots a deal closes, 0 if it closes none, NaN without a rate.

    The deal's price is the closing price; other conversions use the quotes of this moment.
    """
    if fill.closing_lots == 0.0:
        return 0.0
    slot = book.slot_of[account, deal.position_id]
    positions, terms = book.positions, book.terms[account]
    instrument = book.instruments[int(positions.symbol[slot])]
    move = float(positions.side[slot]) * (deal.price - float(positions.open_price[slot]))
    profit = move * fill.closing_lots * instrument.units_per_lot
    source, target = instrument.quote, terms.currency
    code = conversion_code(instrument, target, terms.profit_conversion)
    if code == SAME:
        return profit
    if code == BY_CLOSE:
        return profit / deal.price if deal.price != 0.0 else math.nan
    if code == BY_MARKET:
        is_profit = profit > 0.0
        return profit * book.rates.market(book.prices, source, target, is_profit=is_profit)
    return profit * book.rates.mid(book.prices, source, target)
