"""Clients whose flow costs money, and clients who act as one, as the flow book says.

Only those are told whom the policy wants in another book, or who raised an alarm and are not in
book A. At stake is what keeping a client is expected to cost in a day: by the policy's forecast of
a month; without one, his edge on the notional that he has traded so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dealing.alerts.model import Action, Look, Offer, Reading
from dealing.alerts.sources.wording import counted, facts, known, percent, usd
from dealing.flow.ports import ClientsFound
from exposure.account_books import AccountBooks

SOURCE: Final = "flow"
BOOK_A: Final = "A"
DAYS_PER_MONTH: Final = 30.0
LIMIT: Final = "limit_hard"
LEAST_USED: Final = 0.5
"""Of a limit that less than this is used of nobody has to hear."""

BOTH_ENDS: Final = 2.0
"""Volume counts the open and the close; an edge is for a round trip."""

_MILLION: Final = 1e6
_REASONS: Final = 3
_NAMED: Final = 5

Row = Mapping[str, Any]


def flow_look(
    found: Sequence[ClientsFound],
    clusters: Sequence[Row],
    now_us: int,
    in_a: frozenset[str] = frozenset(),
    cluster_limit_usd: float | None = None,
) -> Look:
    """Return what the flow book says.

    Args:
        found: Lists of clients (alarmed ones, those to move), each as it was answered.
        clusters: All clusters.
        now_us: The wall clock.
        in_a: Members of clusters of whom nothing is left outside book A.
        cluster_limit_usd: What a cluster may hold gross, None without such a limit.
    """
    rows = {row["client_id"]: row for one in found for row in one.rows}
    as_of = max((one.as_of for one in found), default=0)
    clients = [_client(row, as_of) for row in rows.values() if is_elsewhere(row)]
    groups = [_cluster(row, as_of) for row in clusters if not in_a >= set(row["members"])]
    measured = _measured(found)
    limits: list[Reading] = []
    if cluster_limit_usd is not None:
        limits = cluster_limit_readings(clusters, cluster_limit_usd, as_of)
        measured |= frozenset({LIMIT}) if measured else frozenset()
    return Look(
        source=SOURCE,
        at_us=now_us,
        readings=(*clients, *groups, *limits),
        measured=measured,
    )


def cluster_limit_readings(clusters: Sequence[Row], limit_usd: float, as_of: int) -> list[Reading]:
    """Return clusters that come close to what one of them may hold, all members together."""
    return [
        _held_by_cluster(row, gross_usd, limit_usd, as_of)
        for row in clusters
        if (gross_usd := known(row.get("gross_usd"))) >= LEAST_USED * limit_usd
    ]


def is_elsewhere(row: Row) -> bool:
    """Whether a client is in another book than he should be, as far as anybody can say.

    >>> is_elsewhere({"book": "B", "suggested_book": "A"})
    True
    >>> is_elsewhere({"book": "B", "suggested_book": "B", "alarmed": True})
    True
    >>> is_elsewhere({"book": "A", "suggested_book": "A", "alarmed": True})
    False
    """
    book = row.get("book")
    if book == BOOK_A:
        return False
    wanted = row.get("suggested_book") or book
    return wanted != book or bool(row.get("alarmed"))


def members_of(clusters: Sequence[Row]) -> list[str]:
    """Return everybody who is in some cluster."""
    return sorted({str(member) for row in clusters for member in row["members"]})


def all_in_a(books: Sequence[AccountBooks]) -> frozenset[str]:
    """Return clients whose accounts, and all exceptions of them, are in book A."""
    outside = {
        one.client_id
        for one in books
        if any(place.book != BOOK_A for place in (one.place, *one.exceptions))
    }
    return frozenset(one.client_id for one in books) - outside


def _measured(found: Sequence[ClientsFound]) -> frozenset[str]:
    """Return which rules were looked at in full: nobody is scored yet, or a list was cut short."""
    if any(one.scored_at == 0 for one in found):
        return frozenset()
    whole = all(one.matching <= len(one.rows) for one in found)
    return frozenset({"toxic_client", "cluster"}) if whole else frozenset({"cluster"})


def _client(row: Row, as_of: int) -> Reading:
    client_id, book = row["client_id"], row.get("book") or "no"
    edge, cost_usd = row.get("client_edge_usd_per_million"), _cost_per_day(row)
    score = known(row.get("score"))
    wanted = row.get("suggested_book") or BOOK_A
    to = wanted if wanted != row.get("book") else BOOK_A
    return Reading(
        rule="toxic_client",
        subject=client_id,
        value=score,
        at_stake_usd=cost_usd,
        happened_at_ns=as_of,
        headline=f"Client {client_id} in book {book}: score {score:.0f}, {_expected(edge)}, "
        f"about {usd(cost_usd)} a day",
        advice=f"Move client {client_id} to book {to}{_held_back(row)}.",
        facts=facts(
            ("Edge per million", f"{usd(edge)} ({_interval(row)})" if edge is not None else ""),
            ("Toxic with", percent(row.get("p_toxic"))),
            ("Evidence", f"{known(row.get('e_value')):,.3g} to 1, {_alarm(row)}"),
            ("Trades", f"{row.get('n') or 0:,}"),
            ("Traded", usd(_volume_usd(row))),
            ("Because", "; ".join(_reasons(row))),
        ),
        offers=(Offer(action=Action.MOVE_TO_A, client_id=client_id),),
    )


def _cluster(row: Row, as_of: int) -> Reading:
    members = list(row["members"])
    edge, gross = row.get("client_edge_usd_per_million"), row.get("gross_usd")
    at_stake_usd = max(0.0, known(edge) * known(gross) / _MILLION)
    score = known(row.get("score"))
    first = row.get("leader") or members[0]
    others = f"{', '.join(members[:_NAMED])}{' ...' if len(members) > _NAMED else ''}"
    net = f", holding {usd(gross)} gross" if gross is not None else ""
    return Reading(
        rule="cluster",
        subject=row["id"],
        value=score,
        at_stake_usd=at_stake_usd,
        happened_at_ns=as_of,
        headline=f"{counted(len(members), 'client')} act as one ({row['id']}): score {score:.0f}, "
        f"{_expected(edge)}{net}",
        advice="Look at the cluster as one client, and let all of its members have the same book.",
        facts=facts(
            ("Members", others),
            ("Led by", row.get("leader") or ""),
            ("Net", usd(row.get("net_usd")) if row.get("net_usd") is not None else ""),
            ("Why", row.get("sentence") or ""),
        ),
        offers=(Offer(action=Action.MOVE_TO_A, client_id=first),),
    )


def _held_by_cluster(row: Row, gross_usd: float, limit_usd: float, as_of: int) -> Reading:
    over_usd = max(0.0, gross_usd - limit_usd)
    first = row.get("leader") or row["members"][0]
    count = counted(len(row["members"]), "client")
    return Reading(
        rule=LIMIT,
        subject=f"cluster {row['id']}",
        value=gross_usd / limit_usd,
        at_stake_usd=over_usd,
        happened_at_ns=as_of,
        headline=f"{count} who act as one ({row['id']}) hold positions of {usd(gross_usd)}, "
        f"{percent(gross_usd / limit_usd)} of the limit {usd(limit_usd)} for a cluster",
        advice="Move the cluster to book A, or raise what its members' positions take as margin.",
        facts=facts(
            ("Held", usd(gross_usd)),
            ("Limit of a cluster", usd(limit_usd)),
            ("Above it", usd(over_usd) if over_usd else ""),
        ),
        offers=(Offer(action=Action.MOVE_TO_A, client_id=first),),
    )


def _cost_per_day(row: Row) -> float:
    proposal = row.get("proposal")
    if proposal is not None:
        return max(0.0, known(proposal.get("expected_usd_per_month")) / DAYS_PER_MONTH)
    edge = known(row.get("client_edge_usd_per_million"))
    return max(0.0, edge * known(_volume_usd(row)) / BOTH_ENDS / _MILLION)


def _volume_usd(row: Row) -> float | None:
    money = row.get("money") or {}
    volume: float | None = money.get("volume_usd")
    return volume


def _expected(edge: float | None) -> str:
    if edge is None:
        return "no edge is known yet"
    word = "takes" if edge >= 0.0 else "leaves"
    return f"{word} {usd(abs(edge))} per million"


def _interval(row: Row) -> str:
    low, high = row.get("client_edge_low"), row.get("client_edge_high")
    return f"{usd(low)} to {usd(high)}"


def _alarm(row: Row) -> str:
    return "beyond reasonable doubt" if row.get("alarmed") else "no alarm yet"


def _held_back(row: Row) -> str:
    reason = (row.get("proposal") or {}).get("held_back") or ""
    return f" (the policy waits: {reason})" if reason else ""


def _reasons(row: Row) -> Iterable[str]:
    proposal = row.get("proposal") or {}
    reasons: list[str] = list(proposal.get("reasons") or row.get("reasons") or ())
    return reasons[:_REASONS]
