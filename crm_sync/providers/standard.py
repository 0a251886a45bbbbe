"""Any system that sends Standard Webhooks with our own words in them.

``{"type": ..., "timestamp": ..., "data": {...}, "origin": ...}``: ``data`` has the fields of one of
our reports, except those that the envelope says. What we tell others has the same form, with our
own name as the origin: whoever repeats it to us changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from crm_sync.events import (
    KycReported,
    PaymentReported,
    ProfileReported,
    Reported,
    SettlementReported,
)
from crm_sync.messages.model import Item, Meaning, OutMessage, digest, key_of
from crm_sync.providers.payloads import (
    LARGEST,
    currency_of,
    decoded,
    instant_us,
    malformed,
    require_json,
    words_of,
)
from exposure.errors import MalformedMessageError

_KINDS: Final[dict[str, type[Reported]]] = {
    "client.updated": ProfileReported,
    "kyc.reported": KycReported,
    "payment.reported": PaymentReported,
    "settlement.reported": SettlementReported,
}
_OURS: Final = ("external_id", "applicant_id", "provider_ref")
"""What the things that are reported are called by."""


class _Envelope(msgspec.Struct, frozen=True):
    type: str
    timestamp: str
    data: dict[str, Any]
    origin: str = ""


class Address(NamedTuple):
    """Who is told (``target``), as which message for ever (``key``), in whose order."""

    target: str
    key: str
    aggregate: str


class Standard:
    """Provider for one system, by the name that its reports carry."""

    def __init__(self, name: str) -> None:
        """Take the system's name."""
        self._name = name

    def items(self, body: bytes, delivery: str = "") -> list[Item]:
        """Return the one message of a request; its delivery's id is its key."""
        require_json(body)
        key = key_of(delivery) if delivery else f"sha256:{digest(body)}"
        return [Item(dedupe_key=key, aggregate=self._aggregate(body, key), body=body)]

    def meaning(self, body: bytes) -> Meaning:
        """Return what is reported."""
        envelope = decoded(_Envelope, body)
        kind = _KINDS.get(envelope.type)
        if kind is None:
            return Meaning(ignored="not a kind of event that changes anything here")
        return Meaning(reports=(self._report(kind, envelope, digest(body)),))

    def _aggregate(self, body: bytes, key: str) -> str:
        try:
            data = decoded(_Envelope, body).data
        except MalformedMessageError:
            return key
        names = [data[name] for name in _OURS if isinstance(data.get(name), str)]
        return key_of(self._name, names[0]) if names else key

    def _report(self, kind: type[Reported], envelope: _Envelope, event_id: str) -> Reported:
        said = {
            "type": kind.__name__,
            "provider": self._name,
            "source": self._name,
            "event_id": event_id,
            "occurred_at_us": instant_us(envelope.timestamp),
            "origin": envelope.origin,
        }
        try:
            report = msgspec.convert({**envelope.data, **said}, kind)
        except msgspec.ValidationError as e:
            malformed(words_of(e))
        if isinstance(report, PaymentReported | SettlementReported):
            _check_money(report)
        return report


def _check_money(report: PaymentReported | SettlementReported) -> None:
    for name in ("amount_minor", "fee_minor"):
        if not 0 <= getattr(report, name) <= LARGEST:
            malformed(f"{name} is negative or larger than any payment")
    if currency_of(report.currency) != report.currency:
        malformed("the currency has to be three letters in capitals")


def event_message(
    address: Address, kind: str, timestamp: str, data: Mapping[str, Any], origin: str
) -> OutMessage:
    """Return an event of ours as a message to a target.

    Args:
        address: Who is told, under which key, and about what.
        kind: What happened, ``client.updated`` for example.
        timestamp: When, ISO 8601 with a zone.
        data: What is said of it.
        origin: Our own name.
    """
    envelope = {"type": kind, "timestamp": timestamp, "data": data, "origin": origin}
    body = msgspec.json.encode(envelope)
    return OutMessage(
        key=address.key, aggregate=address.aggregate, target=address.target, body=body
    )
