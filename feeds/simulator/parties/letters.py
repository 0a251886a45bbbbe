"""What the simulated parties write: their payloads, each signed as the real one signs.

Written for itself and not with the desk's own verifier, so that a mistake in one shows in the
other. Source: the providers' public documentation of their webhooks.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

_US: Final = 1_000_000


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook that has to arrive; ``provider`` is the name in its address.

    ``number`` is what it is called among a party's letters, ``body`` what is signed.
    """

    number: str
    provider: str
    body: bytes


class PartySecrets(msgspec.Struct, frozen=True, kw_only=True):
    """With what each party signs; the desk holds the same."""

    stripe: str
    sumsub: str
    payouts: str


def payment_letter(number: str, kind: str, payment: dict[str, Any], created_us: int) -> Letter:
    """Return what the payment provider says of a deposit."""
    event = {
        "id": f"evt_{number}", "object": "event", "created": created_us // _US, "livemode": True,
        "type": kind, "data": {"object": payment},
    }  # fmt: skip
    return Letter(number=number, provider="stripe", body=msgspec.json.encode(event))


def review_letter(number: str, client_id: str, kind: str, answer: str, at_us: int) -> Letter:
    """Return what the KYC provider says of a client; ``answer`` is green, retry or final."""
    moment = datetime.fromtimestamp(at_us / _US, UTC)
    result: dict[str, Any] = {"reviewAnswer": "GREEN" if answer == "green" else "RED"}
    if answer != "green":
        result |= {"reviewRejectType": answer.upper(), "rejectLabels": ["DOCUMENT_PAGE_MISSING"]}
    payload = {
        "applicantId": f"app-{client_id}", "inspectionId": f"ins-{client_id}",
        "correlationId": number, "levelName": "standard", "externalUserId": client_id,
        "type": kind, "reviewStatus": "completed", "sandboxMode": False,
        "createdAtMs": f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}",
        "createdAt": f"{moment:%Y-%m-%d %H:%M:%S}+0000",
    }  # fmt: skip
    if kind == "applicantReviewed":
        payload["reviewResult"] = result
    return Letter(number=number, provider="sumsub", body=msgspec.json.encode(payload))


def payout_letter(number: str, data: dict[str, Any], at_us: int) -> Letter:
    """Return what the payout provider says of a withdrawal."""
    stamp = datetime.fromtimestamp(at_us / _US, UTC).isoformat().replace("+00:00", "Z")
    envelope = {"type": "payment.reported", "timestamp": stamp, "data": data}
    return Letter(number=number, provider="payouts", body=msgspec.json.encode(envelope))


def signed(letter: Letter, secrets: PartySecrets, now_us: int) -> dict[str, str]:
    """Return the headers with which a letter goes out now."""
    now = str(now_us // _US)
    if letter.provider == "stripe":
        digest = _hex(secrets.stripe.encode(), f"{now}.".encode() + letter.body)
        return {"stripe-signature": f"t={now},v1={digest}"}
    if letter.provider == "sumsub":
        digest = _hex(secrets.sumsub.encode(), letter.body)
        return {"x-payload-digest": digest, "x-payload-digest-alg": "HMAC_SHA256_HEX"}
    name = f"msg_{letter.number}".replace(".", "_")
    key = base64.b64decode(secrets.payouts.removeprefix("whsec_"))
    text = f"{name}.{now}.".encode() + letter.body
    mark = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return {"webhook-id": name, "webhook-timestamp": now, "webhook-signature": f"v1,{mark}"}


def _hex(key: bytes, text: bytes) -> str:
    return hmac.new(key, text, hashlib.sha256).hexdigest()
