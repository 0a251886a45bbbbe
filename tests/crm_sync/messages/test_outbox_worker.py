"""The outbox: everything told arrives, in its order, at least once, always under the same key."""

import pytest
from sqlalchemy import event

from crm_sync.messages.errors import DeliveryError
from crm_sync.messages.model import Method, OutMessage
from crm_sync.messages.outbox_worker import CLAIM_S, Boxes, OutboxWorker
from crm_sync.messages.ports import Answer
from crm_sync.messages.tables import INBOX, OUTBOX
from crm_sync.providers.hubspot import HubSpotObjects
from exposure.errors import ConfigError, InvariantError, StorageError
from tests.crm_sync.messages.parts import SEAL, desk_on, outbox_pace


class Dies(BaseException):
    """The process ends while a message is under way."""


class Fails:
    """Lets the n-th commit fail."""

    def __init__(self, left):
        self.left = left

    def __call__(self, _):
        self.left -= 1
        if self.left == 0:
            raise Dies


class ScriptedSender:
    """Answers as it was told to, and remembers what arrived."""

    def __init__(self):
        self.arrived = []
        self.answers = []
        self.meanwhile = lambda: None

    def send(self, message):
        answer = self.answers.pop(0) if self.answers else Answer(200)
        self.meanwhile()
        if isinstance(answer, Exception):
            raise answer
        self.arrived.append(message)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Post:
    """A desk's outbox with a worker and a sender."""

    def __init__(self, database):
        self.desk = desk_on(database)
        self.clock = self.desk.clock
        self.sender = ScriptedSender()
        self.worker = self.another_worker()

    def another_worker(self):
        objects = HubSpotObjects({"email": "email"})
        boxes = Boxes(self.desk.outbox, self.desk.inbox, {"hubspot.objects": objects})
        return OutboxWorker(self.desk.database, boxes, self.sender, outbox_pace(self.clock))

    def tell(self, key, aggregate="a", target="crm", **more):
        message = OutMessage(key=key, aggregate=aggregate, target=target, body=b"{}", **more)
        with self.desk.database.writing() as connection:
            self.desk.outbox.tell(connection, message)

    def drain(self):
        while self.worker.step():
            pass

    def rows(self):
        return self.desk.rows(OUTBOX)

    @property
    def keys(self):
        return [message.key for message in self.sender.arrived]

    @property
    def states(self):
        return [row.state for row in self.rows()]


@pytest.fixture
def post(database):
    return Post(database)


def test_what_is_told_is_sent_once_and_a_known_key_is_never_told_again(post):
    post.tell("k1")
    post.tell("k1")
    post.drain()
    post.tell("k1")
    post.drain()
    assert post.keys == ["k1"]
    [row] = post.rows()
    assert (row.state, row.attempts, row.finished_at_us) == ("done", 1, post.clock())
    assert b"{}" not in row.sealed


def test_what_is_told_in_a_transaction_that_fails_was_never_told(post):
    block = post.desk.database.writing()
    message = OutMessage(key="k1", aggregate="a", target="crm")
    post.desk.outbox.tell(block.__enter__(), message)
    assert not block.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert post.rows() == []


def test_a_key_that_no_database_could_hold_is_a_bug(post):
    with pytest.raises(InvariantError, match="made by key_of"):
        post.tell("k\0")


def test_a_message_that_arrives_is_whole(post):
    post.tell("k1", method=Method.GET, path="/x?y=1")
    post.drain()
    [message] = post.sender.arrived
    assert (message.method, message.path, message.body) == (Method.GET, "/x?y=1", b"{}")


def test_a_failure_holds_up_its_own_aggregate_and_no_other(post):
    post.sender.answers = [DeliveryError("the target took too long")]
    post.tell("a1")
    post.tell("a2")
    post.tell("b1", "b")
    post.drain()
    assert post.keys == ["b1"]
    assert post.rows()[0].reason == "the target took too long"
    post.clock.go(4)
    post.drain()
    assert post.keys == ["b1"]
    post.clock.go(1)
    post.drain()
    assert post.keys == ["b1", "a1", "a2"]


def test_a_target_that_is_away_holds_up_no_other_target(post):
    post.sender.answers = [DeliveryError("away")]
    post.tell("k1", target="crm")
    post.tell("k2", target="bank")
    post.drain()
    assert post.keys == ["k2"]


def test_a_target_that_never_accepts_is_asked_for_three_days(post):
    post.sender.answers = [Answer(500)] * 10
    post.tell("k1")
    post.tell("k2")
    began = post.clock()
    while post.states[0] == "waiting":
        post.clock.us = max(post.clock(), post.rows()[0].due_at_us)
        assert post.worker.step()
    assert (post.clock() - began) / 3_600e6 == pytest.approx(75, abs=1)
    assert (post.rows()[0].state, post.rows()[0].attempts) == ("dead", 10)
    assert post.rows()[0].reason == "the target answered 500"
    post.drain()
    assert post.keys[-1] == "k2", "the next one goes on"


def test_a_target_that_wants_to_be_left_alone_is(post):
    post.sender.answers = [Answer(429, b"", 90.0)]
    post.tell("a1")
    post.tell("b1", "b")
    post.drain()
    assert post.keys == ["a1"]
    post.clock.go(89)
    assert not post.worker.step()
    post.clock.go(1)
    post.drain()
    assert post.keys == ["a1", "a1", "b1"]


def test_a_target_cannot_ask_to_be_left_alone_for_ever(post):
    post.sender.answers = [Answer(503, b"", 1e9)]
    post.tell("k1")
    post.drain()
    post.clock.go(3_600)
    post.drain()
    assert post.states == ["done"]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 408, 500, 502])
def test_any_other_answer_is_no_acceptance(post, status):
    post.sender.answers = [Answer(status)]
    post.tell("k1")
    post.drain()
    assert post.states == ["waiting"]


def test_a_target_that_is_gone_is_not_asked_again(post):
    post.sender.answers = [Answer(410), Answer(404)]
    post.tell("k1")
    post.tell("k2", answer_to="hubspot.objects")
    post.drain()
    assert post.states == ["dead", "dead"]


def test_a_target_that_nobody_knows_waits_for_a_person(post):
    post.sender.answers = [ConfigError(["nobody knows the target crm: configure it"])]
    post.tell("k1")
    post.drain()
    assert (post.states, post.rows()[0].reason) == (
        ["dead"],
        "nobody knows the target crm: configure it",
    )


def test_an_answer_goes_into_the_inbox_with_the_end_of_the_question(post):
    body = (
        b'{"id": "7", "properties": {"email": "a@b.example"}, "updatedAt": "2024-01-01T00:00:00Z"}'
    )
    post.sender.answers = [Answer(200, body), Answer(200, body), Answer(200, b"no json")]
    for number in range(3):
        post.tell(f"k{number}", f"a{number}", method=Method.GET, answer_to="hubspot.objects")
    post.drain()
    [row] = post.desk.rows(INBOX)
    assert (row.provider, row.dedupe_key) == ("hubspot.objects", "7:2024-01-01T00:00:00Z")
    assert post.desk.inbox.text(row) == body
    assert post.states == ["done", "done", "dead"]


def test_a_worker_that_dies_leaves_a_claim_that_ends(post):
    post.sender.answers = [Dies()]
    post.tell("k1")
    post.tell("k2")
    with pytest.raises(Dies):
        post.worker.step()
    other = post.another_worker()
    assert not other.step(), "the claim is another's"
    post.clock.go(CLAIM_S)
    assert other.step()
    assert other.step()
    assert post.keys == ["k1", "k1", "k2"]
    assert post.states == ["done", "done"]


@pytest.mark.parametrize(
    ("late", "newer"), [(DeliveryError("away"), Answer(200)), (Answer(200), DeliveryError("away"))]
)
def test_a_worker_that_was_thought_dead_says_only_what_is_still_true(post, late, newer):
    """Its failure is old news, its success is not."""
    post.sender.answers = [late, newer]

    def overtaken():
        post.sender.meanwhile = lambda: None
        post.clock.go(CLAIM_S)
        assert post.another_worker().step()

    post.sender.meanwhile = overtaken
    post.tell("k1")
    assert post.worker.step()
    assert post.states == ["done"]


def test_a_late_failure_does_not_undo_what_a_later_attempt_has_found(post):
    post.sender.answers = [DeliveryError("first"), DeliveryError("second")]

    def overtaken():
        post.sender.meanwhile = lambda: None
        post.clock.go(CLAIM_S)
        assert post.another_worker().step()

    post.sender.meanwhile = overtaken
    post.tell("k1")
    post.worker.step()
    [row] = post.rows()
    assert (row.attempts, row.reason) == (2, "second")
    assert row.due_at_us == post.clock() + 300_000_000


def test_workers_share_the_work_and_each_message_goes_out_once(postgres_database):
    post = Post(postgres_database)
    for number in range(30):
        post.tell(f"k{number}", f"a{number % 3}")
    within = []

    def another():
        if len(within) < 2:
            within.append(None)
            assert post.another_worker().step()

    post.sender.meanwhile = another
    post.drain()
    assert sorted(post.keys) == sorted(f"k{number}" for number in range(30))
    for aggregate in range(3):
        mine = [int(key[1:]) for key in post.keys if int(key[1:]) % 3 == aggregate]
        assert mine == sorted(mine)


def test_a_row_that_commits_after_a_later_one_is_not_lost(postgres_database):
    post = Post(postgres_database)
    with post.desk.database.writing() as early:
        post.desk.outbox.tell(early, OutMessage(key="early", aggregate="a", target="crm"))
        post.tell("late", "b")
        post.drain()
        assert post.keys == ["late"]
    post.drain()
    assert post.keys == ["late", "early"]


def test_a_database_that_fails_after_sending_lets_the_message_go_out_again(post):
    event.listen(post.desk.database._engine, "commit", fails := Fails(0))
    post.tell("k1")
    fails.left = 2
    with pytest.raises(Dies):
        post.worker.step()
    post.clock.go(CLAIM_S)
    post.drain()
    assert post.keys == ["k1", "k1"]
    assert post.states == ["done"]


def test_what_does_not_open_waits_for_a_person(post):
    post.tell("k1")
    with post.desk.database.writing() as connection:
        connection.execute(OUTBOX.update().values(sealed=SEAL.close(b"{}", "elsewhere")))
    post.drain()
    assert (post.states, post.keys) == (["dead"], [])
    assert "changed or moved" in post.rows()[0].reason
    with pytest.raises(StorageError):
        post.desk.outbox.message(post.rows()[0])
