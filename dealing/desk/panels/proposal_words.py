"""What the routing policy proposes for a client, in sentences: where to, why, and its worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bookrouting.proposals import Action
from dealing.desk import formats
from dealing.desk.words import sentence
from exposure.model.books import Book

Proposal = Mapping[str, Any]


def moves(row: Mapping[str, Any]) -> bool:
    """Whether the policy proposes another book for a client, on evidence or for his size."""
    proposal = row["proposal"]
    return proposal is not None and proposal["action"] == Action.MOVE


def proposal_words(proposal: Proposal) -> list[str]:
    """Return what is proposed and what it is worth, and what stands against it."""
    return [_what(proposal), _worth(proposal), *_held_back(proposal)]


def flip_words(proposal: Proposal) -> list[str]:
    """Return at which edge it would not be proposed; nothing where size decides."""
    flip = proposal["flip"]
    if flip is None:
        return []
    names = ("client_edge_per_million", "now")
    edge, now = (formats.number(flip[name], sign=True) for name in names)
    return [f"The proposal flips at an edge of {edge} USD per million; the client's is {now} now."]


def _what(proposal: Proposal) -> str:
    others = len(proposal["clients"]) - 1
    whom = f" for the client and {others} who trade as one with him" if others else ""
    why = "; ".join(proposal["reasons"])
    return sentence(f"policy {proposal['policy']} proposes {_to(proposal)}{whom}: {why}")


def _to(proposal: Proposal) -> str:
    if proposal["action"] != Action.MOVE:
        return "better prices in the book that he is in"
    if proposal["book"] == Book.C:
        return f"book C, {proposal['hedge_ratio']:.0%} hedged".replace("%", " %")
    return f"book {proposal['book']}"


def _worth(proposal: Proposal) -> str:
    middle, low, high = (
        formats.number(proposal[f"{name}_usd_per_month"], sign=True)
        for name in ("expected", "low", "high")
    )
    if proposal["action"] != Action.MOVE:
        return f"His stale fills cost the house {middle} USD a month now."
    return (
        f"It is expected to bring the house {middle} USD a month (80 % between {low} and {high})."
    )


def _held_back(proposal: Proposal) -> list[str]:
    return [sentence(f"held back: {proposal['held_back']}")] if proposal["held_back"] else []
