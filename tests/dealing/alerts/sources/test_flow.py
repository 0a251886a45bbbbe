"""Toxic clients and clusters: told while they are where they should not be."""

from __future__ import annotations

import pytest

from dealing.alerts.model import Action
from dealing.alerts.sources.flow import all_in_a, flow_look, members_of
from dealing.flow.ports import ClientsFound, Counted
from exposure.account_books import AccountBooks, BookPlace
from tests.dealing.alerts.sources.made_frames import NOW_US

NOBODY = Counted(clients=0, scored=0, watched=0, toxic=0, alarmed=0, to_move=0, drifting=0)


def client(client_id="C7", **changes):
    """Return a client as the flow book tells of him: in book B, and to be moved to A."""
    known = {
        "client_id": client_id, "score": 92.4, "p_toxic": 0.97, "n": 140,
        "client_edge_usd_per_million": 56.0, "client_edge_low": 31.0, "client_edge_high": 80.0,
        "e_value": 81.0, "alarmed": True, "book": "B", "suggested_book": "A",
        "reasons": ["he wins within 10 s"], "money": {"volume_usd": 40e6}, "cluster": None,
        "proposal": {"expected_usd_per_month": 9_000.0, "held_back": "", "reasons": ["he wins"]},
    }  # fmt: skip
    return {**known, **changes}


def found(*rows, matching=None, scored_at=5):
    return ClientsFound(
        as_of=7, scored_at=scored_at, counted=NOBODY, rows=list(rows),
        matching=len(rows) if matching is None else matching,
    )  # fmt: skip


def cluster(*members, **changes):
    known = {
        "id": "copy-1", "members": list(members), "leader": members[0], "sentence": "they copy",
        "n": 30, "score": 88.0, "client_edge_usd_per_million": 40.0, "gross_usd": 25e6,
        "net_usd": -25e6,
    }  # fmt: skip
    return {**known, **changes}


def told(rule, *rows, clusters=()):
    look = flow_look([found(*rows), found()], clusters, NOW_US)
    return [one for one in look.readings if one.rule == rule]


def test_a_toxic_client_is_told_with_what_he_costs_and_a_button():
    (reading,) = told("toxic_client", client())

    assert (reading.subject, reading.value, reading.at_stake_usd) == ("C7", 92.4, 300.0)
    assert reading.headline == (
        "Client C7 in book B: score 92, takes 56 USD per million, about 300 USD a day"
    )
    assert reading.advice == "Move client C7 to book A."
    assert [(one.action, one.client_id) for one in reading.offers] == [(Action.MOVE_TO_A, "C7")]
    assert reading.happened_at_ns == 7


def test_without_a_forecast_his_volume_so_far_is_what_counts():
    (reading,) = told("toxic_client", client(proposal=None))

    assert reading.at_stake_usd == pytest.approx(56.0 * 20.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"book": "A"},
        {"book": "A", "suggested_book": "A"},
        {"suggested_book": "B", "alarmed": False},
        {"suggested_book": None, "alarmed": False},
    ],
)
def test_who_is_where_he_should_be_is_not_told(changes):
    assert not told("toxic_client", client(**changes))


def test_an_alarmed_client_outside_book_a_is_told_whatever_the_policy_wants():
    (reading,) = told("toxic_client", client(suggested_book="B", proposal=None))

    assert reading.advice == "Move client C7 to book A."


def test_what_the_policy_waits_for_is_said():
    held = {"expected_usd_per_month": None, "held_back": "he was moved today", "reasons": []}

    (reading,) = told("toxic_client", client(proposal=held, suggested_book="C"))

    assert reading.advice == "Move client C7 to book C (the policy waits: he was moved today)."
    assert reading.at_stake_usd == 0.0


def test_a_client_in_both_lists_is_told_once():
    look = flow_look([found(client()), found(client())], [], NOW_US)

    assert len(look.readings) == 1


def test_figures_that_are_missing_break_nothing():
    bare = {"client_id": "C7", "book": "B", "suggested_book": "A"}

    (reading,) = told("toxic_client", bare)

    assert (reading.value, reading.at_stake_usd) == (0.0, 0.0)
    assert "no edge is known yet" in reading.headline


def test_a_cluster_is_told_as_one():
    (reading,) = told("cluster", clusters=[cluster("C1", "C2", "C3")])

    assert (reading.subject, reading.value, reading.at_stake_usd) == ("copy-1", 88.0, 1_000.0)
    assert reading.headline == (
        "3 clients act as one (copy-1): score 88, takes 40 USD per million, holding 25 M USD gross"
    )
    assert reading.offers[0].client_id == "C1"


def test_a_cluster_that_earns_the_house_money_puts_nothing_at_stake():
    (reading,) = told("cluster", clusters=[cluster("C1", "C2", client_edge_usd_per_million=-9.0)])

    assert reading.at_stake_usd == 0.0
    assert "leaves 9 USD per million" in reading.headline


def test_a_cluster_of_which_nothing_is_known_is_told_too():
    bare = cluster("C1", "C2", client_edge_usd_per_million=None, gross_usd=None, net_usd=None,
                   leader=None, score=None)  # fmt: skip

    (reading,) = told("cluster", clusters=[bare])

    assert (reading.value, reading.offers[0].client_id) == (0.0, "C1")


def test_a_cluster_whose_members_are_all_in_book_a_is_not_told():
    def looked(*members):
        look = flow_look([found()], [cluster(*members)], NOW_US, frozenset({"C1", "C2"}))
        return look.readings

    assert not looked("C1", "C2")
    assert looked("C1", "C2", "C3")


def test_in_book_a_is_who_has_nothing_elsewhere():
    def books(client_id, book, *exceptions):
        places = tuple(BookPlace(one, 0.0, "XAUUSD") for one in exceptions)
        return AccountBooks("1", client_id, BookPlace(book, 0.0), places, 0, 0.0, 0)

    accounts = [books("C1", "A"), books("C2", "A"), books("C2", "B"), books("C3", "A", "C")]

    assert all_in_a(accounts) == {"C1"}
    assert members_of([cluster("C2", "C1"), cluster("C1", "C9")]) == ["C1", "C2", "C9"]


def test_before_the_first_scores_nobody_is_over_anything():
    assert flow_look([found(scored_at=0)], [], NOW_US).measured == frozenset()


def test_a_list_that_was_cut_short_ends_no_case():
    look = flow_look([found(client(), matching=900)], [], NOW_US)

    assert look.measured == {"cluster"}
    assert flow_look([found(client())], [], NOW_US).measured == {"cluster", "toxic_client"}


@pytest.mark.parametrize(("gross_usd", "told"), [(4.9e6, 0), (5.1e6, 1), (12e6, 1)])
def test_what_a_cluster_holds_together_is_held_against_its_limit(gross_usd, told):
    row = cluster("C1", "C2", gross_usd=gross_usd)
    look = flow_look([found()], [row], NOW_US, cluster_limit_usd=10e6)
    limits = [one for one in look.readings if one.rule == "limit_hard"]
    assert len(limits) == told
    for one in limits:
        assert one.value == gross_usd / 10e6
        assert one.at_stake_usd == max(0.0, gross_usd - 10e6)
        assert one.subject == f"cluster {row['id']}"
        assert "2 clients who act as one" in one.headline
    assert "limit_hard" in look.measured


def test_without_a_limit_for_clusters_none_is_measured():
    look = flow_look([found()], [cluster("C1", "C2", gross_usd=9e9)], NOW_US)
    assert "limit_hard" not in look.measured
