"""Orders that the platform booked otherwise: a person ends them, a second one agrees."""

import msgspec
import pytest
from sqlalchemy import select

from crm_sync.money import unclear_orders
from crm_sync.money.errors import MoneyConflictError
from crm_sync.money.platform_order_store import order_of
from crm_sync.money.platform_orders import OrderState
from crm_sync.money.unclear_orders import By, UnclearOrders, UnclearRule, Verdict
from crm_sync.schema import AUDIT_LOG
from tests.crm_sync.money.fakes import asks, no, reported, yes

RULE = UnclearRule(alone_up_to_minor={"USD": 10_000})
MINUTES = 60
BY_ANNA = By(actor="anna", via="desk", reason="seen on the platform")
FOUND, NOT_FOUND = Verdict.FOUND, Verdict.NOT_FOUND


@pytest.fixture
def unclear(house):
    return UnclearOrders(house.after, RULE)


def make_unclear(house, amount=50_000, **other):
    """Let an order be unclear: the platform booked a cent under its token, or what is said."""
    house.platform.will("dropped")
    house.pay(reported("captured", amount, login="anna-1"))
    house.worker.step()
    asked = house.platform.asked[-1]
    odd = msgspec.structs.replace(asked, **(other or {"amount_minor": 1}))
    house.platform._book(odd, 0)
    house.clock.pass_by(60)
    house.worker.step()
    assert order(house, asked.comment).state is OrderState.UNCLEAR
    return asked.comment


def order(house, token):
    with house.database.reading() as connection:
        return order_of(connection, token)


def said(house):
    with house.database.reading() as connection:
        return [
            (one.token, one.verdict, one.by)
            for one in unclear_orders.waiting(connection, house.clock(), 10)
        ]


def actions(house):
    with house.database.reading() as connection:
        rows = connection.execute(select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq))
        return [(row.action, row.actor, row.reason) for row in rows]


def test_an_unclear_order_names_the_deal_that_is_something_else(house):
    token = make_unclear(house)
    held = order(house, token)
    assert (held.ticket, "deal t1 of the platform" in held.reason) == ("t1", True)


def test_what_is_found_is_confirmed_when_a_second_person_agrees(house, unclear):
    token = make_unclear(house)
    assert house.do(unclear.say, token, FOUND, BY_ANNA).state is OrderState.UNCLEAR
    assert said(house) == [(token, FOUND, "anna")]
    assert (house.wallet(), house.mirror("anna-1")) == (0, 0)
    with pytest.raises(MoneyConflictError, match="by the same person"):
        house.do(unclear.decide, token, yes(" ANNA "))
    ended = house.do(unclear.decide, token, yes("boris"))
    assert (ended.state, ended.ticket) == (OrderState.CONFIRMED, "t1")
    assert (house.wallet(), house.mirror("anna-1"), house.broken()) == (0, 50_000, [])
    assert said(house) == []
    assert actions(house)[-3:] == [
        ("order.said_found", "anna", "seen on the platform"),
        ("order_found.approved", "boris", "checked"),
        ("order.confirmed", "boris", "checked"),
    ]


def test_what_is_not_found_goes_back_to_the_wallet(house, unclear):
    token = make_unclear(house)
    house.do(unclear.say, token, NOT_FOUND, BY_ANNA)
    ended = house.do(unclear.decide, token, yes("boris", "looked as well"))
    assert (ended.state, ended.reason) == (OrderState.REJECTED, "looked as well")
    assert (house.wallet(), house.mirror("anna-1"), house.broken()) == (50_000, 0, [])


def test_a_small_one_needs_nobody_else(house, unclear):
    token = make_unclear(house, amount=10_000)
    ended = house.do(unclear.say, token, NOT_FOUND, BY_ANNA)
    assert (ended.state, house.wallet(), house.broken()) == (OrderState.REJECTED, 10_000, [])
    assert actions(house)[-1] == ("order.rejected", "anna", "seen on the platform")


def test_a_withdrawal_goes_on_when_its_order_is_ended(house, unclear):
    house.pay(reported("captured", 50_000, login="anna-1"))
    house.work_off()
    house.platform.will("dropped")
    house.ask_out(asks("w1", 50_000, login="anna-1"))
    house.worker.step()
    out = house.platform.asked[-1]
    house.platform._book(msgspec.structs.replace(out, amount_minor=2), 0)
    house.clock.pass_by(60)
    house.worker.step()
    house.do(unclear.say, out.comment, FOUND, BY_ANNA)
    house.do(unclear.decide, out.comment, yes("boris"))
    assert (len(house.outbox.told), house.mirror("anna-1"), house.broken()) == (1, 0, [])


def test_one_that_is_looked_for_again_is_found_or_sent_again_or_unclear_again(house, unclear):
    token = make_unclear(house)
    assert house.do(unclear.look_again, token, BY_ANNA).state is OrderState.SENT
    assert house.do(unclear.look_again, token, BY_ANNA).state is OrderState.SENT
    house.worker.step()
    assert order(house, token).state is OrderState.UNCLEAR
    house.platform._deals.clear()  # somebody deleted it there
    house.do(unclear.look_again, token, BY_ANNA)
    house.worker.step()
    assert order(house, token).state is OrderState.CONFIRMED
    assert [deal.amount_minor for deal in house.platform.all_deals()] == [50_000]
    assert (house.mirror("anna-1"), house.broken()) == (50_000, [])
    assert actions(house)[-1][0] == "order.confirmed"
    assert [done for done in actions(house) if done[0] == "order.look_again"] == [
        ("order.look_again", "anna", "seen on the platform")
    ] * 2


def test_what_was_said_can_be_rejected_and_said_again(house, unclear):
    token = make_unclear(house)
    house.do(unclear.say, token, FOUND, BY_ANNA)
    assert house.do(unclear.decide, token, no("boris")).state is OrderState.UNCLEAR
    assert house.do(unclear.decide, token, no("boris")).state is OrderState.UNCLEAR, "lost answer"
    with pytest.raises(MoneyConflictError, match="does not wait"):
        house.do(unclear.decide, token, yes("boris"))
    house.do(unclear.say, token, NOT_FOUND, BY_ANNA)
    house.do(unclear.decide, token, yes("boris"))
    assert house.do(unclear.decide, token, yes("boris")).state is OrderState.REJECTED
    assert (house.wallet(), house.broken()) == (50_000, [])


def test_saying_the_same_again_changes_nothing_and_something_else_is_refused(house, unclear):
    token = make_unclear(house)
    house.do(unclear.say, token, FOUND, BY_ANNA)
    before = actions(house)
    house.do(unclear.say, token, FOUND, BY_ANNA)
    assert (actions(house), len(said(house))) == (before, 1)
    other = By(actor="boris", via="desk", reason="no")
    for verdict, by in ((NOT_FOUND, BY_ANNA), (FOUND, other)):
        with pytest.raises(MoneyConflictError, match="approve or reject what was said"):
            house.do(unclear.say, token, verdict, by)
    with pytest.raises(MoneyConflictError, match="reject that first"):
        house.do(unclear.look_again, token, other)


def test_what_nobody_decided_in_time_lapses_and_may_be_said_again(house, unclear):
    token = make_unclear(house)
    house.do(unclear.say, token, FOUND, BY_ANNA)
    house.clock.pass_by(30 * MINUTES)
    assert said(house) == []
    with pytest.raises(MoneyConflictError, match="has waited too long"):
        house.do(unclear.decide, token, yes("boris"))
    assert house.do(unclear_orders.lapse_said) == 1
    assert house.do(unclear_orders.lapse_said) == 0
    house.do(unclear.say, token, FOUND, BY_ANNA)
    house.clock.pass_by(30 * MINUTES)
    house.do(unclear.say, token, NOT_FOUND, BY_ANNA)  # the late one lapses by this
    house.do(unclear.decide, token, yes("boris"))
    assert (order(house, token).state, house.broken()) == (OrderState.REJECTED, [])


def test_an_order_that_is_not_unclear_is_ended_by_nobody(house, unclear):
    house.platform.will("dropped")
    house.pay(reported("captured", 50_000, login="anna-1"))
    house.worker.step()
    token = house.platform.asked[0].comment
    with pytest.raises(MoneyConflictError, match="is sent: nobody has to end it"):
        house.do(unclear.say, token, FOUND, BY_ANNA)
    house.work_off()
    for act in (unclear.look_again, unclear.decide):
        with pytest.raises(MoneyConflictError, match=r"nobody has to end it|does not wait"):
            house.do(act, token, yes("boris") if act == unclear.decide else BY_ANNA)
    with pytest.raises(MoneyConflictError, match="there is no order X"):
        house.do(unclear.say, "X", FOUND, BY_ANNA)
    assert house.broken() == []
