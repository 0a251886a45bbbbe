"""What three sides came to, on a screen of a terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from crm_sync.reconcile.reconciling import Reconciliation
from crm_sync.reconcile.schema import DAY_US, BreakClass, Terms
from dealing.reconcile.answer import ClassTotal, class_totals


def show_reconciliation(found: Reconciliation, terms: Terms, console: Console) -> None:
    """Print the breaks by class, and what may still heal by itself."""
    totals = class_totals(found)
    real = [total for total in totals if total.break_class is not BreakClass.TIMING]
    if real:
        console.print(_table(real, terms))
    console.print(_sentence(found.open_breaks.height), soft_wrap=True)
    for total in totals:
        if total.break_class is BreakClass.TIMING:
            verb = "is" if total.count == 1 else "are"
            console.print(f"{total.count:,} more {verb} late and inside the grace.", soft_wrap=True)


def _table(totals: list[ClassTotal], terms: Terms) -> Table:
    table = Table("class", title="Breaks", title_justify="left", box=SIMPLE_HEAD)
    for name in ("count", "USD at risk", "without a price", "oldest"):
        table.add_column(name, justify="right")
    for total in totals:
        age = f"{max(terms.as_of_us - total.oldest_us, 0) / DAY_US:,.1f} d"
        usd, unpriced = f"{total.usd_at_risk:,.2f}", f"{total.unpriced:,}"
        table.add_row(total.break_class, f"{total.count:,}", usd, unpriced, age)
    return table


def _sentence(count: int) -> str:
    if not count:
        return "Provider, ledger and platform agree."
    return f"{count:,} open {'break' if count == 1 else 'breaks'}."
