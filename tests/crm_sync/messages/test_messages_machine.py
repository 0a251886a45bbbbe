"""Inbox and outbox as one machine, against a plain model: deaths anywhere, retries, people.

What holds after every step: nothing is lost and nothing invented, what follows from a message is
there with it or not at all, each aggregate goes in its order and never twice at once, and what was
confirmed is never sent again.
"""

import json
import shutil
from collections import Counter
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, func, select

from crm_sync.database import database_at
from crm_sync.events import Outcome, PaymentReported
from crm_sync.messages.dead_letters import Box, By, DeadLetters
from crm_sync.messages.errors import DeliveryError
from crm_sync.messages.inbox_worker import InboxWorker, Rooms
from crm_sync.messages.model import OutMessage, digest
from crm_sync.messages.outbox_worker import CLAIM_S, Boxes, OutboxWorker
from crm_sync.messages.ports import Answer
from crm_sync.messages.retries import RetrySchedule
from crm_sync.messages.tables import INBOX, OUTBOX
from crm_sync.providers.standard import Standard
from crm_sync.schema import AUDIT_LOG
from tests.crm_sync.messages.conftest import emptied
from tests.crm_sync.messages.parts import (
    ORIGIN,
    SEAL,
    TAKEN,
    Killed,
    Killer,
    desk_on,
    pace_of,
    payment,
    refused,
)
from tests.thorough import examples

ADA = By(actor="ada", via="desk", reason="it was misspelt")
ASKED, TOLD = "asked", "told"
"""Targets: what the first one answers is a message for us again."""

SHORT = RetrySchedule((1.0, 60.0))
"""Three tries, so that dead letters are not rare."""

LIVES = [Killer.NEVER] * 30 + list(range(16))
"""Statements until the process dies."""


class Sending(NamedTuple):
    """How a target answers, who dies when, and whether another worker sends at the same time."""

    word: str
    life: int
    also: str
    then: str
    seconds: int


SENDINGS = st.builds(
    Sending,
    word=st.sampled_from(
        ["ok", "ok", "ok", "lost", "away", "busy", "gone", "odd", "dies", "taken"]
    ),
    life=st.sampled_from(LIVES),
    also=st.sampled_from(["", "", "beside", "late"]),
    then=st.sampled_from(["ok", "away", "gone"]),
    seconds=st.sampled_from([0, 2, 61]),
)

MAY_FOLLOW = {
    None: {"waiting"},
    "waiting": {"waiting", "done", "dead"},
    "dead": {"dead"},
    "done": {"done"},
    "dropped": {"dropped"},
}
"""What becomes of a message when no person does anything."""


class TellingRoom:
    """Takes each payment once and tells two targets of it; an answer is told to nobody."""

    def __init__(self):
        self.outbox = None
        self.refuses = set()
        self.meanwhile = lambda: None
        self._place = 0
        self._busy = set()

    def __call__(self, connection, report, now_us):
        who = report.provider_ref
        assert who not in self._busy, f"two messages about {who} are taken at once"
        self._busy.add(who)
        try:
            return self._take(connection, report, who)
        finally:
            self._busy.discard(who)

    def _take(self, connection, report, who):
        mine = TAKEN.c.event_id == report.event_id
        if connection.scalar(select(TAKEN.c.event_id).where(mine)) is not None:
            return Outcome.DUPLICATE
        self._place += 1
        row = {"event_id": report.event_id, "who": who, "place": self._place}
        connection.execute(TAKEN.insert(), {**row, "amount_minor": report.amount_minor})
        self.meanwhile()
        if who in self.refuses:
            raise refused()
        for target in () if who.startswith("re-") else (ASKED, TOLD):
            self.outbox.tell(connection, out_message(report.event_id, who, target))
        return Outcome.APPLIED


def out_message(event_id, who, target, number=0):
    answer_to = "crm" if target == ASKED else ""
    body = json.dumps({"about": event_id, "number": number}).encode()
    return OutMessage(
        key=f"{target}:{event_id}", aggregate=who, target=target, body=body, answer_to=answer_to
    )


class Targets:
    """Answers in the word that it is given, and sees whether it is told out of turn.

    ``ok``: it takes it and answers. ``lost``: it takes it, nobody hears. ``away``: it never heard.
    ``busy``, ``gone`` and ``odd``: it says so, or something that nobody can read. ``dies`` and
    ``taken``: the sender dies before it is heard, or after.
    """

    def __init__(self, machine):
        self.word = "ok"
        self.meanwhile = lambda: None
        self.arrived, self.accepted = Counter(), set()
        self.flying, self.mine = {}, []
        self._machine = machine

    def send(self, message):
        word, self.word = self.word, "ok"
        place = (message.aggregate, message.target)
        now_us = self._machine.desk.clock()
        assert self.flying.get(place, 0) <= now_us, f"two messages of {place} are on their way"
        self._machine.check_turn(message)
        self.flying[place] = now_us + CLAIM_S * 1_000_000
        self.mine.append(place)
        self.meanwhile()
        return self._answer(word, message)

    def _answer(self, word, message):
        if word == "dies":
            raise Killed
        if word == "away":
            raise DeliveryError("away")
        if word == "busy":
            return Answer(503, b"", 7.0)
        if word == "gone":
            return Answer(410)
        self.arrived[message.key] += 1
        if word == "taken":
            raise Killed
        if word == "lost":
            raise DeliveryError("no answer")
        if word == "odd" and message.answer_to:
            return Answer(200, b"<html>")
        self.accepted.add(message.key)
        told = json.loads(message.body)
        return Answer(200, payment(f"re-{message.aggregate}", told["number"], method=message.key))

    def landed(self):
        """Let the last message that was sent be none that is on its way: its end is written."""
        if self.mine:
            self.flying.pop(self.mine.pop(), None)

    def died(self):
        self.mine.clear()


class MessagesMachine(RuleBasedStateMachine):
    """Anything in any order; ``emptied_database`` says where, ``side_by_side`` if two may write."""

    emptied_database = None
    side_by_side = False

    @initialize()
    def begin(self):
        self.room = TellingRoom()
        self.desk = desk_on(self.emptied_database(), room=self.room)
        self.room.outbox = self.desk.outbox
        self.targets = Targets(self)
        self.pace = pace_of(self.desk.clock, SHORT)
        rooms = Rooms({"crm": Standard("crm")}, {PaymentReported: self.room}, ORIGIN)
        database, inbox, outbox = self.desk.database, self.desk.inbox, self.desk.outbox
        self.taker = InboxWorker(database, inbox, outbox, rooms, self.pace)
        boxes = Boxes(outbox, inbox, {"crm": Standard("crm")})
        self.sender = OutboxWorker(database, boxes, self.targets, self.pace)
        self.letters = DeadLetters(self.desk.database, SEAL, self.desk.clock)
        self.killer = Killer(self.desk.database)
        self.number = 0
        self.texts = {}  # what each kept message says now, by its key
        self.told = {
            (who, target): [] for who in "ab" for target in (ASKED, TOLD)
        }  # keys by aggregate and target, in the order in which they were told
        self.states = {INBOX.name: {}, OUTBOX.name: {}}
        self.by_person, self.hindered = {}, set()
        self.acts, self.acts_before = 0, self.audited()
        for who in "aab":
            self.receive(who, broken=False, life=Killer.NEVER)
            self.every_message_goes_on_only_where_it_may()
        self.take(Killer.NEVER, 3, also=False)

    @contextmanager
    def life(self, statements):
        """Do something in a process that dies at a statement; what follows is skipped then."""
        self.killer.left = statements
        try:
            yield
        except Killed:
            self.targets.died()
        finally:
            self.killer.left = Killer.NEVER

    # what happens

    @rule(who=st.sampled_from("ab"), broken=st.sampled_from([False, False, True]),
          life=st.sampled_from(LIVES))  # fmt: skip
    def receive(self, who, broken, life):
        body = self.new_text(who, broken=broken)
        (item,) = Standard("crm").items(body)
        with self.life(life):
            self.desk.receive(body)
            self.texts[item.dedupe_key] = body

    @rule(index=st.integers(0, 20))
    def receive_again(self, index):
        if self.texts:
            key = sorted(self.texts)[index % len(self.texts)]
            sent = Standard("crm").items(self.texts[key])[0]
            if sent.dedupe_key == key:  # it was not mended
                self.desk.receive(self.texts[key])

    @rule(who=st.sampled_from("ab"))
    def change_its_mind(self, who):
        self.room.refuses ^= {who}

    @rule(life=st.sampled_from(LIVES), at_most=st.integers(1, 3), also=st.booleans())
    def take(self, life, at_most, also):
        if also and self.side_by_side:
            self.room.meanwhile = self.another_takes
        with self.life(life):
            self.taker.step(at_most)
        self.room.meanwhile = lambda: None

    @rule(sendings=st.lists(SENDINGS, min_size=1, max_size=5))
    def send(self, sendings):
        for one in sendings:
            self.targets.word = one.word
            if one.also:
                self.targets.meanwhile = partial(self.another_sends, one.then, one.also)
            with self.life(one.life):
                self.step_out()
            self.targets.word, self.targets.meanwhile = "ok", lambda: None
            self.desk.clock.go(one.seconds)
            self.look()

    @rule(index=st.integers(0, 20), place=st.sampled_from([ASKED, TOLD]))
    def tell_again(self, index, place):
        known = [key for keys in self.told.values() for key in keys if key.startswith(place)]
        if known:
            event_id = known[index % len(known)].partition(":")[2]
            with self.desk.database.writing() as connection:
                self.desk.outbox.tell(connection, out_message(event_id, "other", place, 7))

    @rule(seconds=st.sampled_from([2, 61, 4_000]))
    def wait(self, seconds):
        self.desk.clock.go(seconds)

    @rule(box=st.sampled_from(Box), index=st.integers(0, 9), life=st.sampled_from(LIVES),
          act=st.sampled_from(["read", "mend", "replay", "replay", "drop"]))  # fmt: skip
    def decide(self, box, index, life, act):
        dead = self.dead_in(box)
        if dead:
            with self.life(life):
                self.act(box, dead[index % len(dead)], act)

    # what has to be true

    @invariant()
    def every_message_goes_on_only_where_it_may(self):
        for table, key in ((INBOX, "dedupe_key"), (OUTBOX, "key")):
            before = self.states[table.name]
            now = {row._asdict()[key]: row for row in self.desk.rows(table)}
            assert before.keys() <= now.keys(), "a message is gone"
            for name, row in now.items():
                may = MAY_FOLLOW[before.get(name)] | {self.by_person.get(name)}
                assert row.state in may, f"{before.get(name)} became {row.state}: {row.reason}"
                if row.state == "dead" or row.attempts > 1:
                    self.hindered.add(name)
            self.states[table.name] = {name: row.state for name, row in now.items()}
        self.by_person.clear()

    @invariant()
    def what_was_received_is_kept_and_done_together_with_what_follows(self):
        taken = self.desk.taken()
        inbox, outbox = self.states[INBOX.name], self.states[OUTBOX.name]
        answers = {key for key in inbox if key not in self.texts}
        assert self.texts.keys() <= inbox.keys()
        done = [key for key, state in inbox.items() if state == "done"]
        assert len(taken) == len(done)
        said = {digest(self.texts[key]) for key in done if key in self.texts}
        ours = [row for row in taken if not row.who.startswith("re-")]
        assert {row.event_id for row in ours} == said
        told = {f"{target}:{row.event_id}" for row in ours for target in (ASKED, TOLD)}
        assert outbox.keys() == told
        confirmed = {key for key, state in outbox.items() if state == "done"}
        assert confirmed <= self.targets.accepted
        assert len(answers) == len([key for key in confirmed if key.startswith(ASKED)])
        self.told = {
            (who, target): [f"{target}:{row.event_id}" for row in ours if row.who == who]
            for who in "ab"
            for target in (ASKED, TOLD)
        }

    @invariant()
    def what_nobody_hindered_is_taken_in_the_order_in_which_it_came(self):
        smooth = {
            digest(text): place
            for place, (key, text) in enumerate(self.texts.items())
            if key not in self.hindered
        }
        for who in "ab":
            order = [smooth[row.event_id] for row in self.desk.taken()
                     if row.who == who and row.event_id in smooth]  # fmt: skip
            assert order == sorted(order)

    @invariant()
    def what_people_did_is_written_down(self):
        assert self.audited() - self.acts_before == self.acts

    def check_turn(self, message):
        """Look whether a message may be sent now; targets ask when it comes."""
        states = self.states[OUTBOX.name]
        assert states[message.key] == "waiting", f"sent although it is {states[message.key]}"
        before = self.told[message.aggregate, message.target]
        earlier = before[: before.index(message.key)]
        assert all(states[key] != "waiting" for key in earlier), "an earlier one still waits"

    def teardown(self):
        if not hasattr(self, "killer"):
            return
        self.killer.off()
        self.room.refuses.clear()
        for _ in range(12):
            self.desk.clock.go(4_000)
            while self.taker.step() or self.step_out():
                self.look()
            dead = [(box, letter) for box in Box for letter in self.dead_in(box)]
            for box, letter in dead:
                self.act(box, letter, "mend")
                self.act(box, letter, "replay")
            self.look()
            if not dead:
                break
        self.what_people_did_is_written_down()
        ends = {*self.states[INBOX.name].values(), *self.states[OUTBOX.name].values()}
        assert ends <= {"done", "dropped"}
        confirmed = {key for key, end in self.states[OUTBOX.name].items() if end == "done"}
        assert confirmed <= self.targets.arrived.keys()

    # how it is done

    def look(self):
        """Look between steps of a rule as after each of them."""
        self.every_message_goes_on_only_where_it_may()
        self.what_was_received_is_kept_and_done_together_with_what_follows()

    def new_text(self, who, *, broken=False):
        self.number += 1
        return payment(who, "much" if broken else self.number, method=f"m{self.number}")

    def another_takes(self):
        self.room.meanwhile = lambda: None
        self.taker.step(at_most=1)

    def another_sends(self, word, also):
        """Let another worker send meanwhile; ``late`` is when the claim of the first is over."""
        self.targets.word, self.targets.meanwhile = word, lambda: None
        if also == "late":
            self.desk.clock.go(CLAIM_S)
        self.step_out()
        self.look()

    def step_out(self):
        before = len(self.targets.mine)
        sent = self.sender.step()
        if len(self.targets.mine) > before:
            self.targets.landed()
        return sent

    def dead_in(self, box):
        return [letter for letter in self.letters.list(box) if letter.key not in self.by_person]

    def act(self, box, letter, act):
        if act == "mend":
            self.mend(box, letter)
        else:
            getattr(self.letters, act)(box, letter.number, ADA)
        self.acts += 1
        then = {"replay": "waiting", "drop": "dropped"}.get(act)
        if then:
            self.by_person[letter.key] = then

    def mend(self, box, letter):
        if box is Box.INBOX:
            text = self.new_text(json.loads(self.texts[letter.key])["data"]["provider_ref"])
            self.letters.mend(box, letter.number, text, ADA)
            self.texts[letter.key] = text
        else:
            self.number += 1
            _, _, event_id = letter.key.partition(":")
            text = out_message(event_id, "", letter.party, self.number).body
            self.letters.mend(box, letter.number, text, ADA)

    def audited(self):
        mine = AUDIT_LOG.c.action.like("dead_letter.%")
        with self.desk.database.reading() as connection:
            return connection.scalar(select(func.count()).where(mine))


@pytest.fixture(scope="module")
def quick_sqlite(sqlite_template, tmp_path_factory):
    """Return a database that does not wait for the disk: nobody pulls the plug here."""
    file = tmp_path_factory.mktemp("machine") / "desk.db"
    shutil.copy(sqlite_template, file)
    database = database_at(None, file, lambda: "run-1")
    hurry = "PRAGMA synchronous = OFF"
    event.listen(database._engine, "connect", lambda connection, _: connection.execute(hurry))
    yield database
    database.close()


def test_messages_keep_their_word_whatever_happens_on_sqlite(quick_sqlite):
    class OnSqlite(MessagesMachine):
        emptied_database = staticmethod(lambda: emptied(quick_sqlite))

    run_state_machine_as_test(OnSqlite, settings=examples(8, times=150, stateful_step_count=25))


def test_messages_keep_their_word_whatever_happens_on_postgres(kept_postgres):
    class OnPostgres(MessagesMachine):
        emptied_database = staticmethod(lambda: emptied(kept_postgres))
        side_by_side = True

    run_state_machine_as_test(OnPostgres, settings=examples(5, times=150, stateful_step_count=20))


def test_the_machine_finds_out_when_something_is_sent_out_of_turn(quick_sqlite):
    """The model can fail: a message that is sent although an earlier one waits is noticed."""
    machine = MessagesMachine()
    machine.emptied_database = lambda: emptied(quick_sqlite)
    machine.begin()
    try:
        machine.every_message_goes_on_only_where_it_may()
        machine.what_was_received_is_kept_and_done_together_with_what_follows()
        first, second = machine.told["a", TOLD]
        early = out_message(second.partition(":")[2], "a", TOLD)
        with pytest.raises(AssertionError, match="an earlier one still waits"):
            machine.targets.send(early)
        machine.states[OUTBOX.name][first] = "done"
        again = out_message(first.partition(":")[2], "a", TOLD)
        with pytest.raises(AssertionError, match="although it is done"):
            machine.targets.send(again)
    finally:
        machine.killer.off()
