"""What detectors say of a client: habits in plain words, detections, and flags for the policy.

Source: science.md section 1.6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from bookrouting.clusters.discovery import PairKind
from bookrouting.detectors.behaviour import Behaviour, Known, behaviour
from bookrouting.detectors.finding import Detection, Weight
from bookrouting.detectors.habits import BEFORE_ROLLOVER_S, scalping, sharp_deals, swap_arbitrage
from bookrouting.detectors.money import bonus_abuse, doubled_account
from bookrouting.detectors.timing import news, off_market_price, stale_quotes
from bookrouting.flow_book import FlowBook
from bookrouting.flow_habits import (
    Crowd,
    History,
    Recent,
    equity_usd,
    history_of,
    money_facts,
    recent_of,
    stale_around,
)

FLAGS: Final = {
    "stale quotes": "latency",
    "off-market price": "off_market",
    "news": "news",
    "swap": "swap",
    "bonus abuse": "bonus",
}
"""What a policy calls a detection that counts against a client."""


class Company(NamedTuple):
    """Who acts as one with a client.

    ``cluster`` names the copy or hedge cluster, "" for none; ``kind`` is copy or hedge; ``leads``
    whether he decides first; ``partners`` are the clients who stand against him.
    """

    cluster: str = ""
    kind: str = ""
    leads: bool = False
    partners: tuple[int, ...] = ()


ALONE: Final = Company()


class Findings(NamedTuple):
    """One client: his habits, what every detector says, and with whom he acts as one."""

    behaviour: Behaviour
    detections: tuple[Detection, ...]
    company: Company = ALONE

    @property
    def fired(self) -> list[Detection]:
        """Detections that found something, evidence before context."""
        fired = [one for one in self.detections if one.fired]
        return sorted(fired, key=lambda one: one.weight is not Weight.EVIDENCE)

    @property
    def flags(self) -> frozenset[str]:
        """What a routing policy is told: evidence only, and the kind of cluster."""
        told = {FLAGS[one.name] for one in self.fired if one.weight is Weight.EVIDENCE}
        return frozenset(told | ({self.company.kind} if self.company.kind else set()))


NO_FINDINGS: Final = Findings(Behaviour((), 0), ())


def findings_of(book: FlowBook, client: int, crowd: Crowd, company: Company = ALONE) -> Findings:
    """Ask every detector about a client; one who never traded has no findings."""
    if book.arrays.clients["trades"][client] == 0:
        return NO_FINDINGS._replace(company=company)
    recent, history = recent_of(book, client), history_of(book, client, crowd)
    with np.errstate(invalid="ignore", divide="ignore"):
        detections = (*_of_timing(book, recent, crowd), *_of_habits(history, crowd),
                      *_of_money(book, client, recent, history, company.partners))  # fmt: skip
        return Findings(_behaviour(recent, history, company), detections, company)


def _behaviour(recent: Recent, history: History, company: Company) -> Behaviour:
    copies = company.kind == PairKind.COPY
    near, late = recent.near_jump, history.to_rollover_s < BEFORE_ROLLOVER_S
    known = Known(
        news_ratio=float(near.mean()) if len(near) else 0.0,
        before_rollover_ratio=float(late.mean()) if len(late) else 0.0,
        cluster=company.cluster if copies else "",
        leads=company.leads,
        against="" if copies else company.cluster,
    )
    return behaviour(history.closes, known)


def _of_timing(book: FlowBook, recent: Recent, crowd: Crowd) -> Iterable[Detection]:
    yield stale_quotes(recent.entries, stale_around(book, recent, crowd))
    yield off_market_price(recent.entries)
    yield news(recent.entries, recent.near_jump, crowd.news_ratio)


def _of_habits(history: History, crowd: Crowd) -> Iterable[Detection]:
    yield scalping(history.closes)
    yield swap_arbitrage(history.closes, history.to_rollover_s)
    yield sharp_deals(history.closes, history.worth_usd, crowd.usual_usd)


def _of_money(
    book: FlowBook, client: int, recent: Recent, history: History, partners: Iterable[int]
) -> Iterable[Detection]:
    won = history.closes.closed[history.closes.profit > 0.0]
    yield bonus_abuse(money_facts(book, client, recent, won, partners))
    equity, paid_in = equity_usd(book, client)
    if np.isfinite(equity):
        yield doubled_account(equity, paid_in)
