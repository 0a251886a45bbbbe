"""The crowd looks like that of a retail broker, and is the same for the same seed."""

from collections import Counter

import numpy as np
import pytest

from exposure.model.books import Book
from feeds.catalogue import load_catalogue
from feeds.simulator.kinds import HABITS, KINDS, ClientKind
from feeds.simulator.population import CURRENCIES, populate, regime_rules


def crowd(clients=4_000, seed=1, instruments=None):
    return populate(clients, instruments or load_catalogue(), np.random.default_rng(seed))


@pytest.fixture(scope="module")
def people():
    return crowd()


def share(items, wanted):
    return sum(item == wanted for item in items) / len(items)


def test_account_currencies_have_the_shares_of_the_reference_workload(people):
    currencies = [account.currency for account in people.accounts]
    for currency, expected in zip(CURRENCIES, (0.85, 0.08, 0.04, 0.02, 0.01), strict=True):
        assert share(currencies, currency) == pytest.approx(expected, abs=0.015)


def test_every_account_can_be_used_and_logins_are_unique(people):
    assert [account.problem() for account in people.accounts if account.problem()] == []
    assert len({account.login for account in people.accounts}) == len(people.accounts)


def test_some_clients_own_two_logins_of_one_kind(people):
    owners = Counter(account.client_id for account in people.accounts)
    assert len(owners) == 4_000
    assert set(owners.values()) == {1, 2}
    kinds = {}
    for account, kind in zip(people.accounts, people.kind.tolist(), strict=True):
        assert kinds.setdefault(account.client_id, kind) == kind


def test_leverages_books_and_groups_vary_as_the_desk_expects(people):
    leverages = {account.leverage for account in people.accounts}
    assert min(leverages) == 30.0
    assert max(leverages) == 500.0
    books = [account.book for account in people.accounts]
    assert share(books, Book.B) > 0.75
    assert 0.05 < share(books, Book.A) < 0.2
    assert 0.02 < share(books, Book.C) < 0.06
    assert len({account.hedged_margin_mode for account in people.accounts}) == 5


def test_retail_groups_are_under_their_regulator_whatever_the_broker_calls_them(people):
    rules = regime_rules(people.accounts)
    assert [(rule.region, rule.category, rule.regime.value) for rule in rules] == [
        ("AU", "retail", "asic"), ("AU", "vip", "asic"), ("EU", "retail", "esma"),
        ("EU", "vip", "esma"), ("UK", "retail", "fca"), ("UK", "vip", "fca"),
    ]  # fmt: skip
    protected = {(rule.region, rule.category) for rule in rules}
    capped = [one for one in people.accounts if (one.region, one.category) in protected]
    assert {one.leverage for one in capped} == {30.0}
    assert {one.stop_out_level for one in capped} == {50.0}
    assert {one.country for one in capped if one.region == "AU"} == {"AU"}


def test_only_british_retail_clients_are_kept_from_crypto_and_follow_something_else(people):
    crypto = np.array([one.asset_class == "crypto" for one in load_catalogue()])
    british = np.array([account.group == "uk-retail" for account in people.accounts])
    assert (people.banned == (british[:, None] & crypto)).all()
    assert not crypto[people.favourites[british]].any()
    assert crypto[people.favourites[~british]].any()


def test_only_book_c_has_a_ratio_of_its_own(people):
    for account in people.accounts:
        assert (account.hedge_ratio is not None) == (account.book is Book.C)


def test_kinds_have_their_shares(people):
    for kind in ClientKind:
        expected = HABITS[kind].share
        assert (people.kind == KINDS.index(kind)).mean() == pytest.approx(expected, abs=0.03)


def test_the_first_symbols_are_far_more_popular_than_the_last(people):
    symbols = [instrument.symbol for instrument in load_catalogue()]
    counts = Counter(symbols[s] for s in people.favourites.ravel().tolist())
    euro = counts["EURUSD"] + counts["EURUSD.pro"]
    gold = counts["XAUUSD"] + counts["XAUUSD.pro"]
    assert euro > gold > 3 * counts["SAP"]


def test_accounts_on_commission_trade_the_symbols_without_markup(people):
    symbols = np.array([instrument.symbol for instrument in load_catalogue()])
    names = symbols[people.favourites]
    raw = people.commission > 0.0
    assert 0.1 < raw.mean() < 0.3
    assert not np.char.endswith(names[~raw].astype(str), ".pro").any()
    assert not (names[raw] == "EURUSD").any()


def test_a_market_with_only_unknown_symbols_still_has_clients():
    terms = [one for one in load_catalogue() if one.symbol in {"SAP", "LTCUSD"}]
    assert set(crowd(100, instruments=terms).favourites.ravel().tolist()) == {0, 1}


def test_the_same_seed_gives_the_same_crowd_and_another_one_does_not():
    first, second, other = crowd(200), crowd(200), crowd(200, seed=2)
    assert first.accounts == second.accounts
    assert all(np.array_equal(a, b) for a, b in zip(first[1:], second[1:], strict=True))
    assert first.accounts != other.accounts


def test_swap_hunters_follow_what_earns_swap(people):
    earning = [max(one.swap_long, one.swap_short) > 0.0 for one in load_catalogue()]
    hunters = people.kind == KINDS.index(ClientKind.SWAP_HUNTER)
    assert hunters.sum() > 10
    assert np.array(earning)[people.favourites[hunters]].all()


def test_those_with_an_edge_are_few_and_those_who_trade_on_nothing_most(people):
    skilled = (
        ClientKind.LATENCY, ClientKind.NEWS, ClientKind.INFORMED, ClientKind.SKILLED_SCALPER,
        ClientKind.SWAP_HUNTER, ClientKind.EVADER,
    )  # fmt: skip
    share_of_skill = np.isin(people.kind, [KINDS.index(kind) for kind in skilled]).mean()
    assert 0.08 < share_of_skill < 0.16
    assert sum(habit.share for habit in HABITS.values()) == pytest.approx(1.0)
