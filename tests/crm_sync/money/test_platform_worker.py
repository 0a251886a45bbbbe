"""Orders to a platform that has no key: each is booked once, whatever is lost and whoever dies."""

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_sync.money import sole_sender
from crm_sync.money.errors import NotSoleSenderError
from crm_sync.money.platform_order_store import open_orders, order_of
from crm_sync.money.platform_orders import found_among, is_token, token_of
from crm_sync.money.ports import BalanceDeal, Side, What
from crm_sync.money.sole_sender import Lease
from exposure.errors import DomainError
from tests.crm_sync.money.fakes import (
    LEASE,
    SECOND,
    Crash,
    CrashingDatabase,
    CrashingPlatform,
    House,
    Platform,
    RandomPlatform,
    asks,
    reported,
)
from tests.thorough import examples


def deposit(house, amount=100_000, number=1):
    house.pay(reported("captured", amount, provider_ref=f"p{number}", login="anna-1"))


def the_order(house):
    with house.database.reading() as connection:
        (order,) = open_orders(connection, "mt")
    return order


def deals_of(house):
    return [(deal.login, deal.amount_minor) for deal in house.platform.all_deals()]


def test_a_captured_deposit_is_reserved_booked_and_posted(house):
    deposit(house)
    assert (house.wallet(), house.mirror("anna-1")) == (0, 0)
    token = the_order(house).token
    house.worker.step()
    assert deals_of(house) == [("anna-1", 100_000)]
    assert house.platform.all_deals()[0].comment == token
    assert (house.wallet(), house.mirror("anna-1"), house.broken()) == (0, 100_000, [])
    with house.database.reading() as connection:
        assert order_of(connection, token).ticket == "t1"


def test_a_credit_that_is_refused_leaves_the_money_in_the_wallet(house):
    house.platform.will("no")
    deposit(house)
    house.work_off()
    assert (house.wallet(), house.mirror("anna-1"), house.broken()) == (100_000, 0, [])
    assert len(house.platform.asked) == 1


@pytest.mark.parametrize("word", ["lost", "late", "dropped"])
def test_an_answer_that_is_lost_is_looked_for_after_the_quarantine_only(house, word):
    house.platform.will(word)
    deposit(house)
    assert house.worker.step() == house.clock() + house.timing.idle_us
    house.clock.pass_by(59.9)
    house.worker.step()
    assert len(house.platform.asked) == 1
    house.clock.pass_by(0.1)
    house.worker.step()
    assert len(house.platform.asked) == (2 if word == "dropped" else 1)
    assert deals_of(house) == [("anna-1", 100_000)]
    assert (house.mirror("anna-1"), house.broken()) == (100_000, [])


def test_a_quarantine_shorter_than_the_platform_is_late_pays_twice(sqlite_database):
    """The quarantine is what keeps it exact: without it the same test finds the duplicate."""
    house = House(sqlite_database)
    house.worker = house.new_worker(
        timing=msgspec.structs.replace(house.timing, quarantine_us=10 * SECOND)
    )
    house.platform.will("late")
    deposit(house)
    house.worker.step()
    house.clock.pass_by(10)
    house.worker.step()
    assert len(house.platform.all_deals()) == 2


def test_while_the_platform_is_away_nothing_is_sent_again(house):
    house.platform.will("lost")
    deposit(house)
    house.worker.step()
    house.platform.away = True
    for _ in range(3):
        house.clock.pass_by(600)
        house.worker.step()
    house.platform.away = False
    house.work_off()
    assert (len(house.platform.asked), house.mirror("anna-1")) == (1, 100_000)


def test_what_the_platform_booked_otherwise_under_our_token_is_for_a_person(house):
    house.platform.will("dropped")
    deposit(house)
    house.worker.step()
    odd = msgspec.structs.replace(house.platform.asked[0], amount_minor=1)
    house.platform._book(odd, 0)
    house.work_off()
    assert the_order(house).state == "unclear"
    assert (house.wallet(), house.mirror("anna-1"), house.broken()) == (0, 0, [])
    assert len(house.platform.asked) == 1


def test_the_next_step_is_wanted_when_something_is_due(house):
    assert house.worker.step() == house.clock() + house.timing.idle_us
    deposit(house)
    house.platform.will("dropped")
    house.worker.step()
    house.clock.pass_by(59.5)
    assert house.worker.step() == house.clock() + SECOND // 2


def test_a_second_instance_refuses_to_send_until_the_first_is_gone(house):
    deposit(house)
    house.worker.step()
    second = house.new_worker(Lease("mt", "worker-2", LEASE.lease_us))
    deposit(house, number=2)
    with pytest.raises(
        NotSoleSenderError, match=r"worker-1 sends to platform mt: stop it, .* 15.0 s"
    ):
        second.step()
    assert len(house.platform.asked) == 1
    house.worker.close()
    second.step()
    assert len(house.platform.asked) == 2
    with pytest.raises(NotSoleSenderError):
        house.worker.step()


def test_a_lease_of_a_dead_process_ends_and_the_next_one_has_a_higher_fence(house):
    with house.database.writing() as connection:
        assert sole_sender.take(connection, LEASE, 0) == 1
        assert sole_sender.take(connection, LEASE, 9 * SECOND) == 1
        other = Lease("mt", "worker-2", LEASE.lease_us)
        with pytest.raises(NotSoleSenderError, match=r"wait 1\.0 s if it is dead"):
            sole_sender.take(connection, other, 23 * SECOND)
        assert sole_sender.take(connection, other, 24 * SECOND) == 2
        with pytest.raises(NotSoleSenderError):
            sole_sender.keep(connection, LEASE, 1, 24 * SECOND)
        assert sole_sender.take(connection, LEASE, 40 * SECOND) == 3
        with pytest.raises(NotSoleSenderError, match="in the meantime"):
            sole_sender.keep(connection, LEASE, 1, 40 * SECOND)


def test_a_process_that_was_paused_after_marking_an_order_does_not_send_it(house):
    deposit(house)
    second = house.new_worker(Lease("mt", "worker-2", LEASE.lease_us))

    class Sleepy:
        def __init__(self, clock):
            self.calls = 0
            self._clock = clock

        def __call__(self):
            self.calls += 1
            if self.calls == 4:  # after the mark, before it is sent
                self._clock.pass_by(61)
                second.step()
            return self._clock()

    sleepy = Sleepy(house.clock)
    worker = house.new_worker()
    worker._now_us = sleepy
    worker.step()
    assert sleepy.calls > 4
    assert deals_of(house) == [("anna-1", 100_000)]
    assert house.broken() == []


def test_a_process_that_lost_its_lease_cannot_mark_any_order(house):
    house.platform.will("dropped")
    deposit(house)
    house.worker.step()
    house.clock.pass_by(60)
    second = house.new_worker(Lease("mt", "worker-2", LEASE.lease_us))
    look = house.platform.balance_deals

    def slow(*asked):
        deals = look(*asked)
        house.clock.pass_by(20)
        house.platform.balance_deals = look
        second.step()
        return deals

    house.platform.balance_deals = slow
    with pytest.raises(NotSoleSenderError):
        house.worker.step()
    assert deals_of(house) == [("anna-1", 100_000)]
    assert (house.mirror("anna-1"), house.broken()) == (100_000, [])


def test_an_order_that_changed_since_it_was_seen_is_left_alone(house):
    house.platform.will("dropped")
    deposit(house)
    house.worker.step()
    house.clock.pass_by(60)
    look = house.platform.balance_deals

    def first_let_another_step_run(*asked):
        deals = look(*asked)
        house.platform.balance_deals = look
        house.new_worker().step()
        return deals

    house.platform.balance_deals = first_let_another_step_run
    house.worker.step()
    assert deals_of(house) == [("anna-1", 100_000)]
    assert len(house.platform.asked) == 2


def many(house, clients=25):
    """Let deposits of many accounts be due, two of the first one."""
    for n in range(clients):
        house.pay(reported("captured", 1_000 + n, provider_ref=f"m{n}", login=f"c{n}-1",
                           client_id=f"c{n}"))  # fmt: skip
    house.pay(reported("captured", 7, provider_ref="more", login="c0-1", client_id="c0"))


def test_orders_of_many_accounts_are_marked_in_one_transaction_and_sent_together(house):
    many(house)
    rounds = []
    tell = house.platform.change_balances

    def told(orders):
        with house.database.reading() as connection:
            states = [order_of(connection, one.comment).state for one in orders]
        rounds.append([one.login for one in orders])
        assert set(states) == {"sent"}
        return tell(orders)

    house.platform.change_balances = told
    assert house.worker.step() == house.clock()  # the second one of an account is due at once
    house.worker.step()
    assert [sorted(one) for one in rounds] == [sorted(f"c{n}-1" for n in range(25)), ["c0-1"]]
    assert house.mirror("c0-1") == 1_007
    assert house.broken() == []


def test_an_answer_that_is_lost_in_a_round_leaves_the_others_alone(house):
    many(house, clients=4)
    house.platform.will("ok", "lost", "no", "dropped")
    house.worker.step()
    with house.database.reading() as connection:
        states = sorted(one.state for one in open_orders(connection, "mt"))
    assert states == ["intent", "sent", "sent"]
    house.work_off()
    booked = Counter(deal.comment for deal in house.platform.all_deals())
    assert set(booked.values()) == {1}
    assert (len(booked), house.broken()) == (4, [])


def test_an_end_that_is_refused_holds_no_other_one_up(house):
    many(house, clients=12)
    after = house.after

    def picky(connection, order, now_us):
        if order.login == "c3-1":
            raise DomainError("not this one")
        after(connection, order, now_us)

    house.after = picky
    worker = house.new_worker()
    with pytest.raises(DomainError, match="not this one"):
        worker.step()
    worker.step()
    with house.database.reading() as connection:
        (left,) = open_orders(connection, "mt")
    assert (left.login, left.state, house.broken()) == ("c3-1", "sent", [])
    house.clock.pass_by(60)
    deposit(house)
    with pytest.raises(DomainError, match="not this one"):
        worker.step()
    assert house.mirror("anna-1") == 100_000
    house.after = after
    house.worker = house.new_worker()
    house.work_off()
    assert (house.mirror("c3-1"), house.broken()) == (1_003, [])
    assert len(house.platform.all_deals()) == 14


@pytest.mark.parametrize("point", range(1, 14))
def test_a_crash_at_any_boundary_books_once(sqlite_database, point):
    crash_and_go_on(House(sqlite_database), [point], seed=point)


@examples(6, times=100)
@given(
    points=st.lists(st.integers(1, 40), max_size=8),
    seed=st.integers(0, 2**32),
    shuffle=st.randoms(use_true_random=False),
)
def test_crashes_anywhere_lost_answers_and_shuffled_events_leave_everything_exact(
    empty_database, points, seed, shuffle
):
    crash_and_go_on(House(empty_database()), points, seed, shuffle)


def crash_and_go_on(house, points, seed, shuffle=None):
    """Play the same story with deaths at given boundaries, and compare it with what must come."""
    house.platform = RandomPlatform(house.clock, seed)
    events = [
        reported("captured", 1_000 * n, provider_ref=f"p{n}", login=f"anna-{n % 2}", fee_minor=n)
        for n in range(1, 6)
    ]
    events += [reported("pending", 1_000 * n, provider_ref=f"p{n}") for n in (1, 2)]
    events += [reported("refunded", 100, provider_ref="p3"), *events[:3]]
    if shuffle is not None:
        shuffle.shuffle(events)
    left = list(points)
    passed = 0

    def tick():
        nonlocal passed
        passed += 1
        if left and passed >= left[0]:
            left.pop(0)
            passed = 0
            raise Crash

    stable = house.database
    house.database = CrashingDatabase(stable, tick)
    wired = house.platform
    house.platform = CrashingPlatform(wired, tick)
    lives = 0
    while events or pending(house, stable):
        lives += 1
        worker = house.new_worker(Lease("mt", f"life-{lives}", LEASE.lease_us))
        try:
            while events:
                house.pay(events[0])
                events.pop(0)
                worker.step()
            while pending(house, stable):
                worker.step()
                house.clock.pass_by(61)
        except Crash:
            house.clock.pass_by(16)
        assert lives < 200
    house.database, house.platform = stable, wired
    assert len({deal.comment for deal in wired.all_deals()}) == len(wired.all_deals()) == 5
    paid_in = {login: wired.balance(login) for login in ("anna-0", "anna-1")}
    assert paid_in == {login: house.mirror(login) for login in paid_in}
    assert sum(paid_in.values()) + house.wallet() - house.owes() == 15_000 - 100
    assert house.broken() == []


def pending(house, database):
    with database.reading() as connection:
        return bool(open_orders(connection, "mt"))


def test_tokens_are_short_plain_and_found_out_when_mistyped():
    token = token_of("payment", "4f1c", Side.IN)
    assert len(token) <= 31
    assert token.isascii()
    assert is_token(token)
    assert token != token_of("payment", "4f1c", Side.OUT)
    for odd in ("", "CRM", token[:-1], f"{token}A", token.lower(), f"X{token[1:]}"):
        assert not is_token(odd)


@given(
    st.text(max_size=20), st.integers(3, 18), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
)
def test_one_wrong_letter_or_two_swapped_ones_are_never_a_token(ref, place, letter):
    token = token_of("x", ref, Side.IN)
    assert is_token(token)
    wrong = token[:place] + letter + token[place + 1 :]
    assert is_token(wrong) == (wrong == token)
    swapped = token[:place] + token[place + 1] + token[place] + token[place + 2 :]
    if place < 17:
        assert is_token(swapped) == (swapped == token)


def test_two_bookings_under_one_token_are_confirmed_with_the_first(house):
    deposit(house)
    order = the_order(house)
    deal = BalanceDeal(
        ticket="b", login="anna-1", side=Side.IN, what=What.BALANCE, amount_minor=100_000,
        currency="USD", comment=order.token, at_us=5,
    )  # fmt: skip
    earlier = msgspec.structs.replace(deal, ticket="a", at_us=4)
    other = msgspec.structs.replace(deal, comment="dividend")
    assert found_among(order, [other]) is None
    assert found_among(order, [deal, other, earlier]).ticket == "a"


def test_a_withdrawal_whose_platform_answer_is_lost_takes_the_money_out_once(house):
    deposit(house)
    house.work_off()
    house.platform.will("late")
    house.ask_out(asks("w1", 100_000, login="anna-1"))
    house.work_off()
    assert house.platform.balance("anna-1") == house.mirror("anna-1") == 0
    assert (len(house.outbox.told), house.broken()) == (1, [])


def test_a_platform_that_says_no_to_the_second_attempt_rejects_it(house):
    house.platform.will("dropped", "no")
    deposit(house)
    house.work_off()
    assert (house.wallet(), house.platform.all_deals()) == (100_000, [])
    assert house.broken() == []


def test_a_platform_of_another_name_is_left_alone(house):
    deposit(house)
    other = House(house.database, house.clock, Platform(house.clock), lease=Lease("ct", "w", 1))
    other.worker.step()
    assert other.platform.asked == []
