"""Whatever happens between store, channel and whoever tells: nothing that matters stays untold.

The process may die before and after every word to store and channel; the database may be away; the
channel may refuse, lose answers and ask for rest. At the end, when everything works, the channel
has the newest version of every case that is not resolved, or was told of it in a group, and every
critical case was shown or named.
"""

import asyncio
import re

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from dealing.alerts.delivery_pace import DeliveryPace
from dealing.alerts.memory_store import MemoryAlertStore
from dealing.alerts.model import CaseState, Severity
from exposure.errors import StorageError
from tests.dealing.alerts.given_channels import House, away
from tests.dealing.alerts.kept_cases import case, critical, keep, resolved
from tests.thorough import examples

PACE = DeliveryPace(group_above=3, down_after_s=20.0, say_every_s=5.0, look_every_s=2.0)
STEPS = st.integers(0, 4)
FAILURES = (
    away(),
    away("too fast", retry_after_s=40.0),
    away("the token is wrong", will_pass=False),
)


class KilledError(Exception):
    """The process ended here."""


class Fuse:
    """Ends the process, or takes the database away, at the n-th word to store or channel."""

    def __init__(self):
        self.left = None
        self.error = KilledError

    def set(self, words, error):
        self.left, self.error = words, error

    def burn(self):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise self.error("now")


class MortalStore:
    """A store whose user may die before and after each word."""

    def __init__(self, store, fuse):
        self._store = store
        self._fuse = fuse

    def __getattr__(self, name):
        ask = getattr(self._store, name)

        def asked(*arguments):
            self._fuse.burn()
            answer = ask(*arguments)
            if self._fuse.error is KilledError:
                self._fuse.burn()
            return answer

        return asked


class MortalChannel:
    """A channel whose user may die just after it took a message."""

    def __init__(self, channel, fuse):
        self._channel = channel
        self._fuse = fuse
        self.name, self.has_buttons = channel.name, channel.has_buttons
        self.meanwhile = lambda _: None

    async def tell(self, message, ref):
        meanwhile, self.meanwhile = self.meanwhile, lambda _: None
        meanwhile(message.case)
        answer = await self._channel.tell(message, ref)
        self._die()
        return answer

    async def say(self, text):
        await self._channel.say(text)
        self._die()

    def _die(self):
        if self._fuse.error is KilledError:
            self._fuse.burn()


class DeliveryMachine(RuleBasedStateMachine):
    """One channel and its cases."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.fuse = Fuse()
        self.store = MemoryAlertStore()
        self.house = House(MortalStore(self.store, self.fuse), PACE)
        self.channel = self.house.channel
        self.house.channel = MortalChannel(self.channel, self.fuse)
        self.house.deliverer = self.house.started()
        self.cases = {}

    @initialize(severities=st.lists(st.sampled_from(Severity), min_size=1, max_size=6))
    def it_begins(self, severities):
        for severity in severities:
            self.keep(case(len(self.cases) + 1, severity=severity))

    @rule(severity=st.sampled_from(Severity), count=st.sampled_from([1, 5]), steps=STEPS)
    def something_happens(self, severity, count, steps):
        for _ in range(count):
            self.keep(case(len(self.cases) + 1, severity=severity))
        self.work(steps)

    @rule(which=st.integers(0, 99), state=st.sampled_from(CaseState), steps=STEPS)
    def a_case_changes(self, which, state, steps):
        self.change(list(self.cases.values())[which % len(self.cases)], state=state)
        self.work(steps)

    @rule(which=st.integers(0, 99), steps=STEPS)
    def a_case_gets_worse(self, which, steps):
        one = list(self.cases.values())[which % len(self.cases)]
        self.change(one, severity=Severity.CRITICAL)
        self.work(steps)

    @rule(state=st.sampled_from([CaseState.RESOLVED, CaseState.ACKNOWLEDGED]), steps=STEPS)
    def everything_changes(self, state, steps):
        for one in list(self.cases.values()):
            self.change(one, state=state)
        self.work(steps)

    @rule(steps=STEPS)
    def a_case_changes_just_when_it_is_told(self, steps):
        self.house.channel.meanwhile = lambda one: self.change(self.cases[one.number])
        self.work(steps)

    @rule(seconds=st.sampled_from([1.0, 7.0, 30.0]), steps=STEPS)
    def time_passes(self, seconds, steps):
        self.house.clock.pass_s(seconds)
        self.work(steps)

    @rule(failure=st.sampled_from(FAILURES), after=st.booleans(), steps=STEPS)
    def the_channel_fails_twice(self, failure, after, steps):
        failures = self.channel.failures_after if after else self.channel.failures
        failures.extend([failure] * 2)
        self.work(steps)

    @rule(failure=st.sampled_from([*FAILURES, None]), steps=STEPS)
    def the_channel_is_away_or_back(self, failure, steps):
        self.channel.down = failure
        self.work(steps)

    @rule(words=st.integers(0, 8), error=st.sampled_from([KilledError, StorageError]))
    def an_end_is_near(self, words, error):
        self.fuse.set(words, error)
        self.work(3)

    def teardown(self):
        try:
            self.end_well()
            self.check()
        finally:
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    def end_well(self):
        self.fuse.set(None, KilledError)
        self.channel.down = None
        self.channel.failures.clear()
        self.channel.failures_after.clear()
        for _ in range(5_000):
            self.house.clock.pass_s(max(self.step(), 0.01))
            if self.store.waiting_count("slack") == 0:
                break

    def change(self, one, **changes):
        self.keep(msgspec.structs.replace(one, version=one.version + 1, **changes))

    def work(self, steps):
        for _ in range(steps):
            self.house.clock.pass_s(min(self.step(), 1.0))

    def keep(self, one):
        one = msgspec.structs.replace(one, last_us=self.house.clock.now_us)
        self.cases[one.number] = one
        keep(self.store, one)

    def step(self):
        try:
            return self.loop.run_until_complete(self.house.deliverer.step())
        except KilledError:
            self.house.deliverer = self.house.started()
        except StorageError:
            pass
        return 1.0

    def check(self):
        assert self.store.waiting_count("slack") == 0
        newest = {}
        for message in self.channel.told:
            number = message.case.number
            assert message.case.version >= newest.get(number, 0), "a message went back in time"
            newest[number] = message.case.version
        named = set(re.findall(r"A-(\d+)", " ".join(self.channel.said)))
        grouped = [int(said.split()[0]) for said in self.channel.said if "wait" in said]
        untold = []
        for one in self.cases.values():
            is_critical = one.severity is Severity.CRITICAL
            if is_critical:
                assert one.number in newest or str(one.number) in named
            if one.state is not CaseState.RESOLVED and newest.get(one.number) != one.version:
                untold.append(one)
        assert all(one.severity is not Severity.CRITICAL for one in untold)
        assert len(untold) <= sum(grouped)


DeliveryMachine.TestCase.settings = examples(40, stateful_step_count=25)
TestDelivery = DeliveryMachine.TestCase


# Every point of one storm -------------------------------------------------------------------------


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize("error", [KilledError, StorageError])
async def test_a_storm_after_an_outage_may_be_cut_off_anywhere_and_nothing_is_lost(error):
    words = 0
    while await cut_off_at(words, error):
        words += 1
    assert words > 10


async def cut_off_at(words, error):
    """Let a storm and an outage be told, cut off at the n-th word; return whether there was one."""
    fuse, store = Fuse(), MemoryAlertStore()
    house = House(MortalStore(store, fuse), PACE)
    channel = house.channel
    house.channel = MortalChannel(channel, fuse)
    house.deliverer = house.started()
    lasting = [critical(1), *(case(number) for number in range(2, 9))]
    gone = [critical(10), *(case(number) for number in range(11, 16))]
    keep(store, *lasting, *gone)
    house.clock.pass_s(30)
    keep(store, *(resolved(one.number, version=2, severity=one.severity) for one in gone))
    fuse.set(words, error)
    was_cut = False
    while store.waiting_count("slack") > 0:
        try:
            house.clock.pass_s(max(await house.deliverer.step(), 0.1))
        except error:
            was_cut = True
            house.deliverer = house.started() if error is KilledError else house.deliverer
    grouped = sum(int(said.split()[0]) for said in channel.said if "more alerts wait" in said)
    named = re.findall(r"A-(\d+)", " ".join(said for said in channel.said if "came" in said))
    assert 1 in channel.told_numbers
    assert "10" in named
    assert len(set(channel.told_numbers) - {1}) + grouped >= 7
    assert len(channel.said) + len(channel.told) <= 3 + was_cut
    return was_cut
