"""The simulated payment provider: clients pay in by card, the broker pays out, cards are disputed.

Everything that chance decides about a payment follows from the seed and the payment's number, so
nothing but the store has to be kept. Times are of the wall clock: a payment provider does not know
how fast a simulated market goes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

from feeds.simulator.parties.letters import Letter, payment_letter, payout_letter, review_letter
from feeds.simulator.parties.people import SimulatedAccount, person_of
from feeds.simulator.parties.store import PartyStore, Payment

_S: Final = 1_000_000
_AMOUNTS: Final = (10_000, 20_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000)
_FAILS: Final = 0.06
_DISPUTED: Final = 0.01
_DISPUTE_AFTER_S: Final = 90.0
_PAYS_AFTER_S: Final = 3.0
_FEE_SHARE: Final = 0.029
_FEE_FIXED_MINOR: Final = 30
_REVIEWS_PER_PAYMENT: Final = 0.25


class CashDesk:
    """Decides what happens at the providers, and writes the letters about it."""

    def __init__(
        self,
        accounts: Sequence[SimulatedAccount],
        store: PartyStore,
        seed: int,
        payments_per_min: float,
    ) -> None:
        """Take who pays in, where it is kept, and how often somebody pays in."""
        self._accounts = accounts
        self._store = store
        self._seed = seed
        self._every_us = round(60.0 * _S / payments_per_min) if payments_per_min > 0.0 else None

    def step(self, now_us: int) -> None:
        """Let everything happen that is due."""
        with self._store.changing():
            self._arrive(now_us)
            for payment in self._store.due(now_us):
                self._advance(payment, now_us)

    def pay_out(self, order: dict[str, Any], now_us: int) -> str:
        """Take an order of the broker to pay a client; the same reference is the same order.

        Returns:
            The provider's own name for it.
        """
        ref = f"po_{order['reference']}"
        with self._store.changing():
            if self._store.payment(ref) is None:
                due_us = now_us + round(_PAYS_AFTER_S * _S)
                self._store.keep(
                    Payment(
                        ref, str(order["client_id"]), "", "withdrawal", str(order["currency"]),
                        int(order["amount_minor"]), 0, "pending", str(order["method"]),
                        str(order["instrument"]), "", str(order["reference"]), now_us, due_us,
                    )
                )  # fmt: skip
        return ref

    def statement(self, since_us: int) -> list[dict[str, Any]]:
        """Return what moved money since a moment, as the provider's own statement says it."""
        return [
            payment._asdict()
            for payment in self._store.since(since_us)
            if payment.state in {"captured", "disputed", "paid"}
        ]

    def _arrive(self, now_us: int) -> None:
        if self._every_us is None or not self._accounts:
            return
        next_us = self._store.mark("next_us") or now_us + self._every_us
        while next_us <= now_us:
            self._new_payment(next_us)
            chance = self._chance(self._store.mark("payments"))
            pause_us = round(self._every_us * chance.expovariate(1.0))
            next_us = max(next_us + pause_us, now_us - 60 * _S)
        self._store.set_mark("next_us", next_us)

    def _new_payment(self, at_us: int) -> None:
        number = self._store.mark("payments") + 1
        self._store.set_mark("payments", number)
        chance = self._chance(number)
        who = self._accounts[chance.randrange(len(self._accounts))]
        amount = chance.choice(_AMOUNTS)
        fee = round(amount * _FEE_SHARE) + _FEE_FIXED_MINOR
        card = f"card{chance.randrange(10**10):010}"
        payment = Payment(
            f"pi_{self._seed}_{number}", who.client_id, who.login, "deposit", who.currency, amount,
            fee, "processing", "card", card, who.country, "", at_us,
            at_us + round(chance.uniform(1.0, 6.0) * _S),
        )  # fmt: skip
        self._store.keep(payment)
        self._write(payment, "payment_intent.processing", at_us)
        if chance.random() < _REVIEWS_PER_PAYMENT:
            self._review(number, who.client_id, at_us)

    def _advance(self, payment: Payment, now_us: int) -> None:
        chance = self._chance(int(payment.ref.rpartition("_")[2]) if payment.direction == "deposit"
                              else payment.ref)  # fmt: skip
        chance.random()
        match payment.state:
            case "processing" if chance.random() < _FAILS:
                self._end(payment, "failed", "payment_intent.payment_failed", now_us)
            case "processing":
                self._end(payment, "captured", "payment_intent.succeeded", now_us)
                if chance.random() < _DISPUTED:
                    due_us = now_us + round(_DISPUTE_AFTER_S * _S)
                    self._store.keep(payment._replace(state="captured", due_us=due_us))
            case "captured":
                self._end(payment, "disputed", "charge.dispute.created", now_us)
            case "pending":
                self._paid(payment, now_us)
            case _:
                self._store.keep(payment._replace(due_us=None))

    def _end(self, payment: Payment, state: str, kind: str, now_us: int) -> None:
        ended = payment._replace(state=state, due_us=None)
        self._store.keep(ended)
        self._write(ended, kind, now_us)

    def _paid(self, payment: Payment, now_us: int) -> None:
        self._store.keep(payment._replace(state="paid", due_us=None))
        data = {
            "provider_ref": payment.ref, "direction": "withdrawal", "step": "paid_out",
            "amount_minor": payment.amount_minor, "currency": payment.currency,
            "client_id": payment.client_id, "reference": payment.reference,
            "method": payment.method, "instrument": payment.instrument,
        }  # fmt: skip
        self._store.post(payout_letter(f"{payment.ref}-paid", data, now_us), now_us)

    def _write(self, payment: Payment, kind: str, at_us: int) -> None:
        self._store.post(_letter_about(payment, kind, at_us), at_us)

    def _review(self, number: int, client_id: str, at_us: int) -> None:
        """Let the KYC provider look at a client who was not approved yet, now and then."""
        if person_of(client_id).kyc_state == "approved":
            return
        answer = self._chance(f"review-{number}").choice(("green", "green", "retry"))
        letter = review_letter(f"rev_{number}", client_id, "applicantReviewed", answer, at_us)
        self._store.post(letter, at_us)

    def _chance(self, what: object) -> random.Random:
        return random.Random(f"{self._seed}:{what}")  # noqa: S311 (invented)


def _letter_about(payment: Payment, kind: str, at_us: int) -> Letter:
    number = f"{payment.ref}_{kind.rpartition('.')[2]}"
    if kind.startswith("charge.dispute"):
        about: dict[str, Any] = {
            "id": f"dp_{payment.ref}", "amount": payment.amount_minor,
            "currency": payment.currency.lower(), "status": "needs_response",
            "payment_intent": payment.ref, "metadata": _metadata(payment),
        }  # fmt: skip
        return payment_letter(number, kind, about, at_us)
    about = {
        "id": payment.ref, "amount": payment.amount_minor,
        "amount_received": payment.amount_minor if kind.endswith("succeeded") else 0,
        "currency": payment.currency.lower(), "metadata": _metadata(payment),
        "latest_charge": {
            "id": f"ch_{payment.ref}",
            "payment_method_details": {
                "type": payment.method,
                "card": {"fingerprint": payment.instrument, "country": payment.country},
            },
        },
    }  # fmt: skip
    return payment_letter(number, kind, about, at_us)


def _metadata(payment: Payment) -> dict[str, str]:
    return {"client_id": payment.client_id, "login": payment.login}
