"""Sumsub: how far a client's identification has come.

A payload has no personal data. ``createdAtMs`` is the order, and an approval counts only for a
level that the broker has named: a smaller one must not open what a larger one guards.

An applicant who is active again is a case that is open again, and then what the payload says of the
review: without a word of it, the next review decides.

Source: Sumsub's documentation of user verification webhooks.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from crm_sync.events import KycReported, KycState
from crm_sync.messages.model import Item, Meaning, key_of, unread
from crm_sync.providers.payloads import decoded, instant_us, malformed, require_json
from exposure.errors import MalformedMessageError

_STATES: Final = {
    "applicantCreated": KycState.DRAFT,
    "applicantPending": KycState.IN_REVIEW,
    "applicantOnHold": KycState.ON_HOLD,
    "applicantReset": KycState.DRAFT,
    "applicantDeactivated": KycState.SUSPENDED,
    "applicantDeleted": KycState.SUSPENDED,
}
_REVIEWED: Final = "applicantReviewed"
_ACTIVATED: Final = "applicantActivated"
_UNDER_WAY: Final = {
    "pending": KycState.IN_REVIEW,
    "prechecked": KycState.IN_REVIEW,
    "queued": KycState.IN_REVIEW,
    "awaitingService": KycState.IN_REVIEW,
    "awaitingUser": KycState.IN_REVIEW,
    "onHold": KycState.ON_HOLD,
}
_COMPLETED: Final = "completed"
_REVIEWS: Final = {
    ("GREEN", ""): KycState.APPROVED,
    ("RED", "RETRY"): KycState.RETRY,
    ("RED", "FINAL"): KycState.REJECTED_FINAL,
}


class _Review(msgspec.Struct, frozen=True, rename="camel"):
    review_answer: str = ""
    review_reject_type: str = ""
    reject_labels: tuple[str, ...] = ()


class _Payload(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    applicant_id: str
    created_at_ms: str
    inspection_id: str = ""
    correlation_id: str = ""
    level_name: str = ""
    external_user_id: str = ""
    sandbox_mode: bool = False
    test_mode: bool = False
    review_status: str = ""
    review_result: _Review | None = None

    @property
    def key(self) -> str:
        """What makes it the same message."""
        return key_of(
            self.type,
            self.applicant_id,
            self.inspection_id,
            self.created_at_ms,
            self.correlation_id,
        )


class Sumsub:
    """Provider for Sumsub."""

    def __init__(self, levels: AbstractSet[str], *, sandbox: bool = False) -> None:
        """Take the levels whose approval counts, and whether sandbox events are taken."""
        self._levels = levels
        self._sandbox = sandbox

    def items(self, body: bytes, delivery: str = "") -> list[Item]:  # noqa: ARG002 - a port
        """Return the one message of a request."""
        require_json(body)
        try:
            payload = decoded(_Payload, body)
        except MalformedMessageError:
            return [unread(body)]
        aggregate = key_of("sumsub", payload.applicant_id)
        return [Item(dedupe_key=payload.key, aggregate=aggregate, body=body)]

    def meaning(self, body: bytes) -> Meaning:
        """Return how far an identification has come."""
        payload = decoded(_Payload, body)
        if payload.test_mode:
            return Meaning(ignored="a test sent by hand")
        if payload.sandbox_mode and not self._sandbox:
            malformed("an event of the sandbox came to a desk that takes none")
        if payload.type == _ACTIVATED:
            return Meaning(reports=self._reopened(payload))
        state = _state(payload)
        if state is None:
            return Meaning(ignored="not a kind of event that changes anything here")
        if state is KycState.APPROVED and payload.level_name not in self._levels:
            return Meaning(ignored="an approval at a level that does not count")
        return Meaning(reports=(_report(payload, state),))

    def _reopened(self, payload: _Payload) -> tuple[KycReported, ...]:
        opened = _report(payload, KycState.REOPENED)
        state = _told(payload)
        if state is None or (state is KycState.APPROVED and payload.level_name not in self._levels):
            return (opened,)
        return (
            opened,
            msgspec.structs.replace(
                opened,
                state=state,
                event_id=key_of(payload.key, "then"),
                occurred_at_us=opened.occurred_at_us + 1,  # it follows the opening
            ),
        )


def _state(payload: _Payload) -> KycState | None:
    if payload.type != _REVIEWED:
        return _STATES.get(payload.type)
    state = _result(payload)
    if state is None:
        malformed("a review is neither green, red to retry nor red for good")
    return state


def _told(payload: _Payload) -> KycState | None:
    """Return how far the review of an applicant is who is active again, None if nobody says."""
    if payload.review_status == _COMPLETED:
        return _result(payload)
    return _UNDER_WAY.get(payload.review_status)


def _result(payload: _Payload) -> KycState | None:
    review = payload.review_result or _Review()
    rejected = review.review_reject_type if review.review_answer == "RED" else ""
    return _REVIEWS.get((review.review_answer, rejected))


def _report(payload: _Payload, state: KycState) -> KycReported:
    if not payload.external_user_id:
        malformed("externalUserId is missing: nobody knows whose identification it is")
    review = payload.review_result or _Review()
    return KycReported(
        provider="sumsub",
        applicant_id=payload.applicant_id,
        event_id=payload.key,
        client_id=payload.external_user_id,
        level=payload.level_name,
        state=state,
        occurred_at_us=instant_us(payload.created_at_ms),
        labels=review.reject_labels,
    )
