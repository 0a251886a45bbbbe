"""What a channel is told, in which order, how fast, and what happens when it does not listen."""

from hashlib import sha256
from itertools import pairwise

import msgspec
import pytest

from dealing.alerts.delivery_pace import DeliveryPace
from dealing.alerts.memory_store import MemoryAlertStore
from dealing.alerts.model import Action, CaseState, EntryKind, Offer, Severity
from exposure.errors import StorageError
from tests.dealing.alerts.given_channels import House, away
from tests.dealing.alerts.kept_cases import (
    START,
    S,
    case,
    change,
    critical,
    line,
    resolved,
)


@pytest.fixture
def anyio_backend():
    return "asyncio"


pytestmark = pytest.mark.anyio


@pytest.fixture
def house():
    return House()


def again(one, house, **changes):
    """Return the next version of a case, as it changes now."""
    now = {"version": one.version + 1, "last_us": house.clock.now_us}
    return msgspec.structs.replace(one, **{**now, **changes})


# One message per case -----------------------------------------------------------------------------


async def test_a_case_is_told_with_its_lines_its_link_and_who_is_called(house):
    house.keep(case(7))
    assert await house.deliverer.step() == 0.0
    (message,) = house.channel.told
    assert message.case == case(7)
    assert [entry.text for entry in message.new_entries] == ["version 1"]
    assert (message.link, message.mentions) == ("http://desk/alerts/7", ("on-call-dealing",))
    assert message.now_us == START
    assert house.store.find_ref("slack", "ts-1") == 7
    assert await house.deliverer.step() == house.pace.look_every_s
    assert len(house.channel.requests) == 1


async def test_an_update_changes_the_same_message_and_brings_what_is_new(house):
    one = case()
    house.keep(one)
    await house.run(10)
    house.store.keep([change(one, line(text="a note"), tell=False)], {}, [()])
    house.keep(again(one, house, state=CaseState.ACKNOWLEDGED))
    await house.run(1)
    first, second = house.channel.requests
    assert (first.ref, second.ref) == ("", "ts-1")
    assert [entry.text for entry in second.message.new_entries] == ["a note", "version 2"]


async def test_many_changes_are_one_message_of_the_newest(house):
    one = case()
    for version in range(1, 30):
        house.keep(msgspec.structs.replace(one, version=version))
    await house.run(10)
    (message,) = house.channel.told
    assert message.case.version == 29
    assert len(message.new_entries) == 29


async def test_of_a_very_long_timeline_the_newest_lines_are_told_and_all_are_known(house):
    lines = [line(text=str(number), kind=EntryKind.JOINED) for number in range(400)]
    one = case()
    house.store.keep([change(one, *lines)], {}, [("slack",)])
    await house.run(10)
    assert [entry.text for entry in house.channel.told[0].new_entries] == [
        str(number) for number in range(350, 400)
    ]
    house.keep(again(one, house))
    await house.run(10)
    assert [entry.text for entry in house.channel.told[1].new_entries] == ["version 2"]


async def test_a_case_that_went_back_is_told_as_it_is_and_not_for_ever(house):
    house.keep(case(version=3))
    house.keep(case(version=1))
    await house.run(60)
    assert [one.case.version for one in house.channel.told] == [1]


async def test_a_case_that_changes_all_the_time_changes_its_message_now_and_then(house):
    one = case()
    for _ in range(40):
        house.keep(one)
        await house.run(0.5)
        one = again(one, house)
    assert 4 <= len(house.channel.requests) <= 6
    assert {request.ref for request in house.channel.requests[1:]} == {"ts-1"}


@pytest.mark.parametrize(
    "news", [{"severity": Severity.CRITICAL}, {"state": CaseState.ACKNOWLEDGED}]
)
async def test_what_gets_worse_or_is_taken_care_of_is_shown_at_once(house, news):
    one = case()
    house.keep(one)
    await house.run(1)
    house.keep(again(one, house, **news))
    await house.deliverer.step()
    assert len(house.channel.requests) == 2


# Buttons ------------------------------------------------------------------------------------------


async def test_buttons_are_kept_by_their_hash_and_mean_what_they_say(house):
    offers = (
        Offer(action=Action.MOVE_TO_A, client_id="C7"),
        Offer(action=Action.HEDGE, symbol="XAUUSD"),
        Offer(action=Action.HEDGE, symbol="XAUUSD"),
        Offer(action=Action.SNOOZE),
    )
    house.keep(case(offers=offers))
    await house.run(1)
    buttons = house.channel.told[0].buttons
    assert [button.label for button in buttons] == [
        "Acknowledge", "Move C7 to A", "Hedge XAUUSD", "Snooze",
    ]  # fmt: skip
    assert [button.token for button in buttons] == house.tokens
    kept = house.store.nonce(sha256(house.tokens[1].encode()).hexdigest())
    assert (kept.offer, kept.number, kept.channel) == (offers[0], 1, "slack")
    assert (kept.issued_us, kept.expires_us) == (START, START + 900 * S)
    assert house.store.nonce(house.tokens[1]) is None


VOTES = tuple(
    Offer(action=action, client_id="C7", command="alert-1", asked_by="anna")
    for action in (Action.APPROVE, Action.REJECT)
)


async def test_a_second_vote_takes_the_place_of_what_was_asked_for(house):
    offers = tuple(Offer(action=Action.MOVE_TO_A, client_id=name) for name in ("C7", "C8"))
    house.keep(case(offers=offers, votes=VOTES))
    await house.run(1)
    assert [button.label for button in house.channel.told[0].buttons] == [
        "Acknowledge", "Approve C7 to A", "Reject it", "Move C8 to A", "Snooze",
    ]  # fmt: skip


async def test_whoever_took_a_case_has_no_more_buttons_but_a_second_vote_stays(house):
    taken = {"state": CaseState.ACKNOWLEDGED, "owner": "anna", "acknowledged_us": START}
    house.keep(case(1, **taken))
    house.keep(case(2, votes=VOTES, **taken))
    await house.run(1)
    none, votes = (told.buttons for told in house.channel.told)
    assert none == ()
    assert [button.label for button in votes] == ["Approve C7 to A", "Reject it"]
    lasts = house.store.nonce(sha256(house.tokens[0].encode()).hexdigest())
    assert lasts.expires_us == START + 3_600 * S


@pytest.mark.parametrize("ended", [{"state": CaseState.ACKNOWLEDGED, "owner": "anna"}, None])
async def test_the_buttons_of_a_case_that_somebody_took_or_that_ended_are_over(house, ended):
    one = case()
    house.keep(one)
    await house.run(10)
    house.keep(resolved(1, version=2) if ended is None else again(one, house, **ended))
    await house.run(10)
    kept = [house.store.nonce(sha256(token.encode()).hexdigest()) for token in house.tokens]
    assert [one.expires_us <= house.clock.now_us for one in kept] == [True] * len(kept)


async def test_an_update_brings_new_buttons_and_ends_the_old_ones(house):
    one = case()
    house.keep(one)
    await house.run(10)
    house.keep(again(one, house))
    await house.run(10)
    old, _, new, _ = (
        house.store.nonce(sha256(token.encode()).hexdigest()) for token in house.tokens
    )
    assert old.expires_us == START + 10 * S
    assert new.expires_us == START + 910 * S


async def test_a_resolved_case_and_a_channel_without_buttons_have_none(house):
    house.keep(resolved(1))
    await house.run(1)
    mail = House(has_buttons=False, name="mail")
    mail.keep(case(1))
    await mail.run(1)
    assert house.channel.told[0].buttons == mail.channel.told[0].buttons == ()
    assert house.tokens == mail.tokens == []


async def test_a_case_with_very_many_offers_shows_some(house):
    offers = tuple(Offer(action=Action.HEDGE, symbol=f"S{n}") for n in range(50))
    house.keep(case(offers=offers))
    await house.run(1)
    assert len(house.channel.told[0].buttons) == 10


# The pace -----------------------------------------------------------------------------------------


def most_within(requests, seconds):
    times = [one.at_s for one in requests]
    return max(sum(at <= other < at + seconds for other in times) for at in times)


async def test_no_more_messages_go_out_than_the_channel_allows(house):
    house.keep(*(case(number) for number in range(1, 31)))
    await house.run(40)
    assert sorted(house.channel.told_numbers) == list(range(1, 31))
    for seconds in (1, 5, 20):
        assert most_within(house.channel.requests, seconds) <= house.pace.burst + seconds


async def test_a_part_of_the_burst_is_kept_for_critical_cases(house):
    house.keep(*(case(number) for number in range(1, 11)))
    await house.run(0.4)
    assert house.channel.told_numbers == [1, 2, 3]
    house.keep(critical(11), critical(12))
    await house.run(0.4)
    assert house.channel.told_numbers == [1, 2, 3, 11, 12]


async def test_a_pace_of_one_at_once_still_tells_what_is_not_critical():
    house = House(pace=DeliveryPace(per_s=0.5, burst=1, reserve=3))
    house.keep(case(1), case(2))
    await house.run(3)
    assert [round(one.at_s, 3) for one in house.channel.requests] == [0.0, 2.0]


async def test_critical_cases_go_first_and_nothing_waits_for_ever(house):
    worst = critical(1)
    house.keep(worst, case(2, severity=Severity.INFO))
    for _ in range(200):
        house.keep(*(critical(number, last_us=house.clock.now_us) for number in range(100, 90, -1)))
        await house.run(1)
        worst = again(worst, house)
        house.keep(worst)
    assert house.channel.told_numbers[0] == 1
    assert 2 in house.channel.told_numbers


# A storm ------------------------------------------------------------------------------------------


async def test_ten_thousand_alerts_in_a_second_are_a_handful_of_messages_critical_ones_first(house):
    criticals = range(1_001, 10_001, 1_500)
    for begin in range(1, 10_001, 1_000):
        storm = range(begin, begin + 1_000)
        now = {"last_us": house.clock.now_us, "rule": f"rule-{begin % 3}"}
        house.keep(*(critical(n, **now) if n in criticals else case(n, **now) for n in storm))
        await house.run(0.1)
    await house.run(120)
    channel = house.channel
    assert all(channel.first_told_s(number) <= 1 + 5 for number in criticals)
    assert house.store.waiting_count("slack") == 0
    assert most_within(channel.requests, 1) <= house.pace.burst + 1
    assert len(channel.requests) == len(criticals) + 1
    alone = set(channel.told_numbers)
    together = sum(int(text.split()[0]) for text in channel.said)
    assert len(alone) + together == 10_000
    assert channel.said[0].startswith("9994 more alerts wait on the desk: ")


async def test_a_long_storm_is_summed_up_twice_a_minute(house):
    for second in range(1, 121):
        numbers = range(second * 50, second * 50 + 50)
        house.keep(*(case(number, last_us=house.clock.now_us) for number in numbers))
        await house.run(1)
    assert len(house.channel.said) == 4
    assert house.channel.told == []
    await house.run(60)
    assert house.store.waiting_count("slack") == 0


async def test_what_was_said_in_a_group_gets_its_message_when_it_changes(house):
    house.keep(*(case(number) for number in range(1, 101)))
    await house.run(5)
    assert len(house.channel.said) == 1
    quiet = next(n for n in range(1, 101) if n not in house.channel.told_numbers)
    house.keep(again(case(quiet), house, severity=Severity.CRITICAL))
    await house.run(5)
    message = house.channel.told[-1]
    assert (message.case.number, message.case.version) == (quiet, 2)
    assert [entry.text for entry in message.new_entries] == ["version 1", "version 2"]
    assert house.channel.requests[-1].ref == ""


async def test_what_was_said_in_a_group_ends_together_too(house):
    many = [case(number) for number in range(1, 101)]
    house.keep(*many)
    await house.run(5)
    grouped = [one for one in many if one.number not in house.channel.told_numbers]
    before = len(house.channel.requests)
    for one in grouped:
        house.keep(again(one, house, state=CaseState.RESOLVED))
        await house.run(0.2)
    await house.run(200)
    assert 1 <= len(house.channel.requests) - before <= 3
    assert house.channel.said[-1].startswith(tuple(f"{n} alerts came and went" for n in range(100)))
    assert house.store.waiting_count("slack") == 0


# A channel that does not listen -------------------------------------------------------------------


async def test_what_a_channel_asks_for_is_given(house):
    house.channel.failures.append(away("too fast", retry_after_s=17.5))
    house.keep(case(1), critical(2))
    await house.run(60)
    times = [one.at_s for one in house.channel.requests]
    assert times[0] == 0.0
    assert times[1] == 17.5
    assert sorted(house.channel.told_numbers) == [1, 2]


@pytest.mark.parametrize(
    ("asked_s", "rest_s"), [(1e9, 3_600.0), (float("nan"), 1.0), (-5.0, 1.0), (0.0, 1.0)]
)
async def test_a_channel_cannot_ask_for_nonsense(house, asked_s, rest_s):
    house.channel.failures.append(away(retry_after_s=asked_s))
    house.keep(case(1))
    await house.run(rest_s + 5)
    assert [one.at_s for one in house.channel.requests] == [0.0, rest_s]


async def test_a_lost_answer_is_a_duplicate_at_most(house):
    house.channel.failures_after.append(away("no answer came"))
    house.keep(case(1))
    await house.run(10)
    assert house.channel.told_numbers == [1, 1]
    assert house.store.waiting_count("slack") == 0


async def test_a_channel_that_is_down_is_tried_less_and_less_often(house):
    house.channel.down = away()
    house.keep(case(1))
    await house.run(300)
    times = [one.at_s for one in house.channel.requests]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert set(gaps[5:]) == {30.0}
    health = await house.deliverer.health()
    assert (health.failing_since_us, health.failures) == (START, len(times))
    assert (health.last_error, health.needs_mending) == ("nobody answers", False)


async def test_after_an_outage_what_came_and_went_is_one_message_and_the_rest_is_told(house):
    house.channel.down = away()
    stays = [critical(1), case(2)]
    gone = [*(critical(number) for number in (3, 4)), *(case(number) for number in range(5, 40))]
    house.keep(*stays, *gone)
    await house.run(120)
    ends = {"state": CaseState.RESOLVED, "resolved_us": house.clock.now_us}
    house.keep(*(again(one, house, **ends) for one in gone))
    await house.run(480)
    assert house.channel.told == []
    house.channel.down = None
    await house.run(60)
    assert sorted(house.channel.told_numbers) == [1, 2]
    (summary,) = house.channel.said
    assert summary == (
        "37 alerts came and went while slack was down: 35 margin_call, 2 stop_out; critical: "
        "A-3 login 3 is at 99 %; A-4 login 4 is at 99 %"
    )
    assert house.store.waiting_count("slack") == 0
    health = await house.deliverer.health()
    assert (health.failing_since_us, health.failures, health.last_error) == (
        None, 0, "nobody answers",
    )  # fmt: skip


async def test_very_many_critical_cases_that_came_and_went_are_all_named():
    house = House()
    house.channel.down = away()
    gone = [critical(number) for number in range(1, 121)]
    house.keep(*gone)
    await house.run(90)
    house.keep(*(again(one, house, state=CaseState.RESOLVED) for one in gone))
    await house.run(30)
    house.channel.down = None
    await house.run(300)
    words = " ".join(house.channel.said).replace(";", "").replace(",", "").split()
    named = {word for word in words if word.startswith("A-")}
    assert {f"A-{number}" for number in range(1, 121)} <= named
    assert max(map(len, house.channel.said)) < 3_000


async def test_what_came_and_went_in_a_moment_is_told_as_it_is(house):
    house.keep(case(1))
    house.keep(resolved(1, version=2))
    await house.run(5)
    assert [(one.case.number, one.case.state) for one in house.channel.told] == [
        (1, CaseState.RESOLVED)
    ]
    assert house.channel.said == []


async def test_an_outage_that_a_process_did_not_live_through_is_summed_up_all_the_same(house):
    house.channel.down = away()
    house.keep(case(1), case(2))
    await house.run(90)
    house.keep(*(again(case(n), house, state=CaseState.RESOLVED) for n in (1, 2)))
    house.channel.down = None
    house.deliverer = house.started()
    await house.run(90)
    assert house.channel.told == []
    (summary,) = house.channel.said
    assert summary == (
        "2 alerts came and went before there was time to say so: 2 margin_call; the most severe: "
        "A-1 login 1 is at 99 %"
    )


async def test_what_needs_mending_is_tried_slowly_and_said_so(house):
    house.channel.down = away("the token is wrong", will_pass=False)
    house.keep(critical(1))
    await house.run(3_600)
    assert len(house.channel.requests) <= 14
    health = await house.deliverer.health()
    assert (health.needs_mending, health.last_error) == (True, "the token is wrong")
    house.channel.down = None
    await house.run(600)
    assert house.channel.told_numbers == [1]
    assert not (await house.deliverer.health()).needs_mending


@pytest.mark.parametrize("will_pass", [True, False])
async def test_a_message_that_is_never_taken_holds_up_nobody(house, will_pass):
    failure = away("no such thing", will_pass=will_pass)
    house.channel.refuses = lambda message: (
        failure if message is not None and message.case.number <= 3 else None
    )
    house.keep(*map(critical, range(1, 6)), *map(case, range(6, 11)))
    await house.run(120)
    assert sorted(house.channel.told_numbers) == list(range(4, 11))
    assert house.store.waiting_count("slack") == 3


async def test_a_summary_that_is_never_taken_holds_up_nobody(house):
    house.channel.refuses = lambda message: away("too long") if message is None else None
    house.keep(*(case(number) for number in range(1, 41)))
    await house.run(90)
    house.keep(*(case(number, last_us=house.clock.now_us) for number in range(41, 45)))
    house.keep(critical(50))
    await house.run(30)
    assert 50 in house.channel.told_numbers


async def test_news_of_what_could_not_be_told_is_tried_at_once(house):
    house.channel.failures.append(away("invalid", will_pass=False))
    house.keep(case(1))
    await house.run(5)
    house.keep(again(case(1), house))
    await house.run(1)
    assert [one.case.version for one in house.channel.told] == [2]


# A store that does not write ----------------------------------------------------------------------


class ForgetfulStore(MemoryAlertStore):
    """Cannot note what was told while it is full."""

    full = False

    def told(self, told):
        if self.full:
            raise StorageError("the disk is full")
        super().told(told)


async def test_what_was_sent_and_could_not_be_noted_is_not_sent_again():
    store = ForgetfulStore()
    house = House(store)
    house.keep(case(1), case(2))
    store.full = True
    for _ in range(5):
        with pytest.raises(StorageError, match="the disk is full"):
            await house.deliverer.step()
        house.clock.pass_s(1)
    assert house.channel.told_numbers == [1]
    store.full = False
    await house.run(10)
    assert house.channel.told_numbers == [1, 2]
    assert store.waiting_count("slack") == 0


# Health -------------------------------------------------------------------------------------------


async def test_health_says_what_waits_and_how_long_news_took(house):
    house.clock.pass_s(2)
    house.keep(*(case(number) for number in range(1, 6)))
    health = await house.deliverer.health()
    assert (health.waiting, health.oldest_s, health.last_told_us) == (5, 2.0, None)
    assert (health.event_delays, health.wait_delays) == (None, None)
    await house.run(30)
    health = await house.deliverer.health()
    assert (health.channel, health.waiting, health.oldest_s) == ("slack", 0, None)
    assert (health.messages, health.summaries) == (5, 0)
    assert (health.event_delays.count, health.event_delays.p50_ms) == (5, 2_000.0)
    assert health.event_delays.p99_ms == health.event_delays.worst_ms == 4_000.0
    assert health.last_told_us == START + 4 * S
    house.keep(again(case(1), house))
    await house.run(30)
    health = await house.deliverer.health()
    assert (health.messages, health.event_delays.count) == (6, 5)
