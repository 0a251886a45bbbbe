"""What the clients screen says, without a browser: the flow book's figures, and sentences."""

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dealing.desk import formats
from dealing.desk.held_book import AWAY
from dealing.desk.panels import clients_view
from dealing.flow.live import begun
from dealing.flow.ports import ClientsAsked, Only, Sort
from exposure.model.events import BookAssigned
from tests.desk.flow_market import COIN, LOGINS, NOVICE, PICKER, FlowMarket

MINUS = formats.MINUS
ASKED = {"asked": 3, "sort": "score", "only": "all", "book": "", "search": ""}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NEARLY = st.fixed_dictionaries(
    {"asked": st.integers() | JSON},
    optional={
        name: st.sampled_from(["score", "all", "A", "", PICKER]) | JSON
        for name in ("sort", "only", "book", "search", "client")
    },
)


@pytest.fixture(scope="module")
def market():
    market = FlowMarket()
    asyncio.run(market.flow.rank())
    return market


def local(ts):
    return datetime.fromtimestamp(ts / 1e9, UTC)


def listed(market, **what):
    return asyncio.run(clients_view.list_answer({**ASKED, **what}, market.queries, local))


def card(market, client):
    return asyncio.run(clients_view.card_answer({"asked": 4, "client": client}, market.queries))


def rows(market, **what):
    return {row["client_id"]: row for row in listed(market, **what)["rows"]}


def test_a_row_is_what_the_flow_book_says(market):
    shown = rows(market)[PICKER]
    (told,) = market.flow.found(ClientsAsked(search=PICKER)).rows
    assert (shown["score"], shown["edge"]) == (told["score"], told["client_edge_usd_per_million"])
    assert (shown["edge_low"], shown["edge_high"]) == (
        told["client_edge_low"], told["client_edge_high"],
    )  # fmt: skip
    assert shown["kept_usd"] == told["money"]["kept_usd"] < 0.0
    assert (shown["band"], shown["trades"], shown["e_value"]) == ("severe", 21, told["e_value"])
    assert (shown["book"], shown["suggested"], shown["route"]) == ("B", "A", "B A")
    assert shown["reason"].startswith("Gains ")


def test_whoever_traded_too_seldom_has_no_score_and_says_so(market):
    novice = rows(market)[NOVICE]
    assert [novice[name] for name in ("score", "edge", "edge_low", "edge_high", "drift")] == (
        [None] * 5
    )
    assert (novice["band"], novice["suggested"]) == ("insufficient", None)
    assert novice["reason"].startswith("Insufficient: 2 trades, 5 are needed")


def test_who_is_shown_to_move_is_who_is_counted_to_move(market):
    answer = listed(market)
    shown = [row["client_id"] for row in answer["rows"] if row["suggested"]]
    assert len(shown) == answer["counted"]["to_move"] == 1
    assert [row["client_id"] for row in listed(market, only="to_move")["rows"]] == shown == [PICKER]


def test_another_share_of_the_same_book_is_no_arrow_and_still_in_the_form(market):
    (told,) = market.flow.found(ClientsAsked(search=PICKER)).rows
    partly = told | {"book": "C", "proposal": told["proposal"] | {"book": "C", "hedge_ratio": 0.6}}
    row = clients_view.list_row(partly)
    assert (row["route"], row["suggested"]) == ("C", None)
    moved = clients_view.list_row(partly | {"book": "B"})
    assert (moved["route"], moved["suggested"]) == ("B C", "C")


def test_a_list_says_of_which_moment_it_is_and_how_many_there_are(market):
    answer = listed(market)
    assert (answer["asked"], answer["state"], answer["matching"]) == (3, "shown", 19)
    assert answer["made"]["as_of"] == formats.clock(local(market.flow.reader.flow.now))
    assert answer["made"]["ranked_behind_ms"] >= 0.0


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"search": "nobody"}, "No client is known whose name or login holds nobody."),
        ({"only": "alarmed", "book": "C"},
         "No alarm: nobody's gains are beyond reasonable doubt in book C."),
        ({"only": "scored", "book": "A"}, "Nobody has traded often enough for a score in book A."),
    ],
)  # fmt: skip
def test_an_empty_list_says_why(market, what, said):
    assert listed(market, **what)["empty"] == said


def test_before_the_first_ranking_it_says_what_it_waits_for():
    flow = begun(("USD",))
    asked = ClientsAsked()
    answer = clients_view.list_view(flow.found(asked), asked, local)
    assert (answer["rows"], answer["made"]["as_of"]) == ([], "")
    assert answer["empty"] == "Nobody has traded often enough for a score."
    market = FlowMarket(accounts=1, positions=0)
    flow = begun(("USD",))
    flow.reader = market.flow.reader
    answer = clients_view.list_view(flow.found(asked), asked, local)
    assert answer["empty"] == "The first scores are being computed."
    assert answer["made"]["ranked_behind_ms"] is None


def test_every_choice_of_the_switches_is_understood():
    for sort in Sort:
        for only in Only:
            wanted = clients_view.parse_list({**ASKED, "sort": sort.value, "only": only.value})
            assert (wanted.sort, wanted.only) == (sort, only)
    long = clients_view.parse_list({**ASKED, "search": f" {'x' * 99} ", "book": "C"})
    assert (long.search, long.book) == ("x" * 40, "C")


@given(given=JSON | NEARLY)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rubbish_is_answered_with_nothing_or_with_a_sentence(market, given):
    for answer in (
        asyncio.run(clients_view.list_answer(given, market.queries, local)),
        asyncio.run(clients_view.card_answer(given, market.queries)),
    ):
        assert answer is None or answer["state"] in {"shown", "refused"}


def test_a_card_says_the_verdict_with_both_sides(market):
    shown = card(market, PICKER)
    first, second, third, proposed, worth = shown["verdict"]
    assert first == f"Score {shown['score']:.0f} of 100 after 21 trades: severe."
    assert second.startswith("The client is expected to gain ")
    assert second.endswith("a house that keeps his flow loses that.")
    assert third == "His new deals go to book B."
    assert proposed.startswith("Policy roomy v1 proposes book A: hedging earns ")
    assert worth.startswith("It is expected to bring the house +")
    assert (shown["logins"], shown["suggested"]) == ([LOGINS[PICKER]], "A")
    assert shown["suggested_ratio"] == 1.0


def test_who_loses_is_said_from_his_side_and_the_houses(market):
    shown = card(market, COIN)
    assert shown["verdict"][1].startswith("The client is expected to lose ")
    assert shown["verdict"][1].endswith("a house that keeps his flow earns that.")
    assert MINUS in shown["verdict"][1]
    assert shown["verdict"][2] == "His new deals go to book B, and his flow suggests no other."


def test_the_curve_has_its_band_and_the_cost_of_a_round_trip(market):
    shown = card(market, PICKER)
    told = asyncio.run(market.queries.client_card(PICKER))
    (curve,) = (one for one in shown["curves"] if one["key"] == "entries")
    for point, raw in zip(curve["points"], told["card"]["entry_curve"], strict=True):
        middle = raw["markout_pips"]
        assert point["markout_pips"] == middle
        assert point["high_pips"] - middle == pytest.approx(1.645 * raw["se_pips"])
        assert middle - point["low_pips"] == pytest.approx(1.645 * raw["se_pips"])
    after_1_s = next(point for point in curve["points"] if point["name"] == "1 s")
    assert after_1_s["low_pips"] > shown["cost_pips"]
    assert shown["cost_pips"] == pytest.approx(1.0, abs=0.1)


def test_the_evidence_adds_up_to_a_whole(market):
    for client in (PICKER, COIN, NOVICE):
        lines = card(market, client)["evidence"]
        assert [line["name"] for line in lines][-2:] == ["swap", "no edge"]
        assert lines[0]["name"] == "1 s after entries"
        hidden = 1.0 - sum(line["p"] for line in lines)
        assert hidden == pytest.approx(0.0, abs=0.05)
    assert lines[-1]["p"] > 0.5 > card(market, PICKER)["evidence"][-1]["p"]


def test_reasons_come_with_what_would_change_them_and_the_money(market):
    reasons = card(market, PICKER)["reasons"]
    kinds = [reason["kind"] for reason in reasons]
    assert kinds[-3:] == ["flip", "money", "chance"]
    assert set(kinds[:-3]) == {"why"}
    assert reasons[-3]["text"].startswith("The proposal flips at an edge of ")
    assert all(reason["text"][0].isupper() and reason["text"].endswith(".") for reason in reasons)


def test_a_client_nobody_knows_and_an_engine_that_is_away_are_said(market):
    shown = card(market, "nobody")
    assert (shown["state"], shown["note"]) == ("refused", "There is no client nobody.")
    market.queries.away = True
    assert listed(market)["note"] == card(market, PICKER)["note"] == AWAY
    market.queries.away = False


def test_a_card_of_too_few_trades_speaks_of_no_score(market):
    shown = card(market, NOVICE)
    assert (shown["score"], shown["band"], shown["suggested"]) == (None, "insufficient", None)
    assert shown["verdict"][0].startswith("Insufficient: 2 trades")
    assert shown["verdict"][1] == "His new deals go to book B."


def test_after_a_move_the_list_and_the_card_follow():
    market = FlowMarket(accounts=2, positions=0)
    market.apply(BookAssigned(market.now, LOGINS[PICKER], "A"))
    assert rows(market)[PICKER]["suggested"] is None
    assert card(market, PICKER)["verdict"][2].startswith("His new deals go to book A, and")
    assert listed(market)["counted"]["to_move"] == 0
