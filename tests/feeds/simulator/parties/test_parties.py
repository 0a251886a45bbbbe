"""The simulated providers: payments that end, letters that arrive, orders that count once."""

import base64
import csv
import io
import json
import random

import httpx2
import pytest

from feeds.simulator.parties.cash_desk import CashDesk
from feeds.simulator.parties.letters import Letter, PartySecrets, signed
from feeds.simulator.parties.people import (
    SimulatedAccount,
    accounts_csv,
    clients_csv,
    person_of,
)
from feeds.simulator.parties.post_office import Faults, PostOffice
from feeds.simulator.parties.process import parties_app
from feeds.simulator.parties.store import PartyStore

S = 1_000_000
SECRETS = PartySecrets(
    stripe="stripe-secret", sumsub="sumsub-secret",
    payouts="whsec_" + base64.b64encode(b"k" * 24).decode(),
)  # fmt: skip
ACCOUNTS = [
    SimulatedAccount(str(100 + k), f"C{k}", "USD", "DE", "std", 30.0, "") for k in range(20)
]
ORDER = {"reference": "W-1", "client_id": "C1", "currency": "USD", "amount_minor": 5_000,
         "method": "card", "instrument": "card-1"}  # fmt: skip


@pytest.fixture
def store(tmp_path):
    store = PartyStore(tmp_path / "parties.db")
    yield store
    store.close()


@pytest.fixture
def desk(store):
    return CashDesk(ACCOUNTS, store, seed=1, payments_per_min=60.0)


def lived(desk, seconds):
    for second in range(seconds):
        desk.step(1_000 * S + second * S)


def letters(store):
    return [out.letter for out in store.outgoing(10**18, 10_000)]


def test_people_are_the_same_for_the_same_client():
    assert person_of("C1") == person_of("C1")
    assert len({person_of(f"C{k}").name for k in range(50)}) > 30
    assert {person_of(f"C{k}").kyc_state for k in range(300)} == {"approved", "in_review", "draft"}


def test_the_crm_exports_a_row_for_every_client_and_every_account():
    clients = list(csv.DictReader(io.StringIO(clients_csv(ACCOUNTS))))
    accounts = list(csv.DictReader(io.StringIO(accounts_csv(ACCOUNTS))))
    assert [row["external_id"] for row in clients] == [one.client_id for one in ACCOUNTS]
    assert [row["login"] for row in accounts] == [one.login for one in ACCOUNTS]
    assert {row["leverage"] for row in accounts} == {"30"}


def test_every_payment_ends_and_its_letters_say_so(desk, store):
    lived(desk, 200)
    payments = store.since(0)
    assert len(payments) > 50
    old = [one for one in payments if one.at_us < 1_190 * S]
    assert {one.state for one in old} <= {"captured", "failed", "disputed"}
    kinds = [json.loads(one.body)["type"] for one in letters(store) if one.provider == "stripe"]
    assert kinds.count("payment_intent.processing") == len(payments)
    ended = [one for one in payments if one.state != "processing"]
    ends = [k for k in kinds if k in {"payment_intent.succeeded", "payment_intent.payment_failed"}]
    assert len(ends) == len(ended)


def test_the_same_seed_gives_the_same_payments(tmp_path):
    told = []
    for name in ("a", "b"):
        store = PartyStore(tmp_path / name)
        lived(CashDesk(ACCOUNTS, store, seed=7, payments_per_min=60.0), 60)
        told.append([one.body for one in letters(store)])
        store.close()
    assert told[0] == told[1]
    assert told[0]


def test_a_restart_goes_on_where_it_was(tmp_path):
    whole, parts = PartyStore(tmp_path / "whole"), tmp_path / "parts"
    lived(CashDesk(ACCOUNTS, whole, seed=3, payments_per_min=60.0), 60)
    for second in range(60):  # a new process every second
        store = PartyStore(parts)
        CashDesk(ACCOUNTS, store, seed=3, payments_per_min=60.0).step(1_000 * S + second * S)
        store.close()
    again = PartyStore(parts)
    assert again.since(0) == whole.since(0)
    whole.close()
    again.close()


def test_an_order_to_pay_out_counts_once_and_is_paid(desk, store):
    assert desk.pay_out(ORDER, 1_000 * S) == desk.pay_out(ORDER, 1_001 * S) == "po_W-1"
    (payment,) = store.since(0)
    assert payment.state == "pending"
    desk.step(1_010 * S)
    (paid,) = [json.loads(one.body) for one in letters(store) if one.provider == "payouts"]
    assert (paid["type"], paid["data"]["step"]) == ("payment.reported", "paid_out")
    assert paid["data"]["reference"] == "W-1"
    assert [one["state"] for one in desk.statement(0) if one["ref"] == "po_W-1"] == ["paid"]


def test_nobody_pays_where_the_rate_is_zero(store):
    lived(CashDesk(ACCOUNTS, store, seed=1, payments_per_min=0.0), 60)
    assert store.since(0) == []


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Listener:
    """Somebody who answers as told and remembers what came."""

    def __init__(self, *statuses):
        self.statuses, self.heard = list(statuses), []

    def __call__(self, request):
        self.heard.append((request.url.path, request.headers, request.content))
        return httpx2.Response(self.statuses.pop(0) if self.statuses else 200)


@pytest.mark.anyio
async def test_a_letter_goes_out_until_it_is_heard(store):
    listener = Listener(503, 500)
    letter = Letter(number="1", provider="stripe", body=b"{}")
    store.post(letter, 0)
    post = PostOffice(store, SECRETS, lambda: "http://desk", Faults(0.0, 0.0))
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(listener)) as client:
        counts = [await post.deliver(client, second * S) for second in range(10)]
    assert counts == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert [path for path, *_ in listener.heard] == ["/webhooks/stripe"] * 3


@pytest.mark.anyio
async def test_some_letters_come_twice_and_some_late_and_all_come(store):
    listener = Listener()
    for number in range(200):
        store.post(Letter(number=str(number), provider="sumsub", body=b"%d" % number), number)
    post = PostOffice(store, SECRETS, lambda: "http://desk", Faults(0.2, 0.2))
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(listener)) as client:
        for second in range(30):
            await post.deliver(client, second * S)
    bodies = [int(body) for *_, body in listener.heard]
    assert set(bodies) == set(range(200))
    assert len(bodies) > 220
    assert bodies != sorted(bodies)


@pytest.mark.anyio
async def test_nothing_is_sent_while_nobody_knows_where_to(store):
    store.post(Letter(number="1", provider="stripe", body=b"{}"), 0)
    post = PostOffice(store, SECRETS, lambda: None, Faults())
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(Listener())) as client:
        assert await post.deliver(client, S) == 0
    assert len(letters(store)) == 1


@pytest.mark.anyio
async def test_only_the_broker_gives_orders_and_reads_the_statement(desk, store):
    transport = httpx2.ASGITransport(parties_app(desk, ACCOUNTS, "key", lambda: 1_000 * S))
    async with httpx2.AsyncClient(transport=transport, base_url="http://psp") as client:
        assert (await client.post("/payouts", json=ORDER)).status_code == 401
        known = {"authorization": "Bearer key"}
        for bad in (b"no", b"[]", b"{}", json.dumps({**ORDER, "amount_minor": -5}).encode()):
            assert (await client.post("/payouts", content=bad, headers=known)).status_code == 400
        assert (await client.post("/payouts", json=ORDER, headers=known)).json() == {"id": "po_W-1"}
        for path in ("/statement", "/clients.csv", "/accounts.csv"):
            assert (await client.get(path)).status_code == 401
        exported = await client.get("/clients.csv", headers=known)
        assert exported.text == clients_csv(ACCOUNTS)
        assert (await client.get("/statement", headers=known)).json() == []
    assert len(store.since(0)) == 1


def test_each_letter_is_signed_as_its_provider_signs():
    body = b'{"test": 2432232314}'
    key = PartySecrets(stripe="s", sumsub="s", payouts="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    # the vector of the Standard Webhooks specification
    letter = Letter(number="p5jXN8AQM9LWM0D4loKWxJek", provider="payouts", body=body)
    headers = signed(letter, key, 1_614_265_330 * S)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    other = {signed(Letter(number="1", provider=p, body=body), key, S)[h] for p, h in
             (("stripe", "stripe-signature"), ("sumsub", "x-payload-digest"))}  # fmt: skip
    assert len(other) == 2


def test_the_order_of_letters_is_that_of_their_times(store):
    numbers = list(range(30))
    random.Random(1).shuffle(numbers)  # noqa: S311
    for number in numbers:
        store.post(Letter(number=str(number), provider="stripe", body=b""), number)
    assert [int(out.letter.number) for out in store.outgoing(100, 30)] == sorted(numbers)
