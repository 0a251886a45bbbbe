"""HubSpot: which contacts changed, and what they are now.

An event says only that something changed, and its order is not promised, so it makes us ask for the
contact as it is. The answer comes through the inbox as a message of its own. A change that we made
ourselves comes back marked with our application, and is not asked for again.

Source: HubSpot's documentation of webhooks and of the CRM objects API.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from crm_sync.events import ProfileReported
from crm_sync.messages.model import Item, Meaning, Method, OutMessage, key_of, unread
from crm_sync.providers.payloads import decoded, elements, instant_us, malformed, require_json
from exposure.errors import MalformedMessageError

NAME: Final = "hubspot"
OBJECTS: Final = "hubspot.objects"
"""The provider of the answers; no webhook has this name."""

MOST_EVENTS: Final = 100

_ERASED: Final = "contact.privacyDeletion"
_DELETED: Final = "contact.deletion"
_OURS: Final = "INTEGRATION"


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    portal_id: int
    subscription_type: str
    object_id: int
    occurred_at: int
    property_name: str = ""
    change_source: str = ""
    source_id: str = ""

    @property
    def key(self) -> str:
        """What makes it the same message; its own id is not promised to be unique."""
        return key_of(
            self.portal_id,
            self.subscription_type,
            self.object_id,
            self.property_name,
            self.occurred_at,
        )


class _Contact(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    properties: dict[str, str | None]
    updated_at: str


class HubSpotEvents:
    """Provider for what HubSpot sends by itself."""

    def __init__(self, properties: AbstractSet[str], our_apps: AbstractSet[str]) -> None:
        """Take the properties to ask for, and the ids of our own applications there."""
        self._asked = ",".join(sorted(properties))
        self._our_apps = our_apps

    def items(self, body: bytes, delivery: str = "") -> list[Item]:  # noqa: ARG002 - a port
        """Return the events of a request."""
        require_json(body)
        bodies = elements(body)
        if len(bodies) > MOST_EVENTS:
            malformed(f"a request holds more than {MOST_EVENTS} events")
        return [_item(one) for one in bodies]

    def meaning(self, body: bytes) -> Meaning:
        """Return the question that an event makes us ask."""
        event = decoded(_Event, body)
        if event.subscription_type == _ERASED:
            malformed("a contact was erased for privacy: a person has to decide what follows here")
        if not event.subscription_type.startswith("contact."):
            return Meaning(ignored="not a kind of event that changes anything here")
        if event.subscription_type == _DELETED:
            return Meaning(ignored="a contact was deleted there: nothing follows here")
        if event.change_source == _OURS and event.source_id in self._our_apps:
            return Meaning(ignored="our own change comes back")
        return Meaning(asks=(self._question(event),))

    def _question(self, event: _Event) -> OutMessage:
        return OutMessage(
            key=key_of("refetch", NAME, event.portal_id, event.object_id, event.occurred_at),
            aggregate=_aggregate(event.object_id),
            target=NAME,
            method=Method.GET,
            path=f"/crm/v3/objects/contacts/{event.object_id}?properties={self._asked}",
            answer_to=OBJECTS,
        )


class HubSpotObjects:
    """Provider for what HubSpot answers."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Take which of HubSpot's properties is which of our fields."""
        self._fields = fields

    def items(self, body: bytes, delivery: str = "") -> list[Item]:  # noqa: ARG002 - a port
        """Return a contact in its present version."""
        require_json(body)
        try:
            contact = decoded(_Contact, body)
        except MalformedMessageError:
            return [unread(body)]
        key = key_of(contact.id, contact.updated_at)
        return [Item(dedupe_key=key, aggregate=_aggregate(contact.id), body=body)]

    def meaning(self, body: bytes) -> Meaning:
        """Return what a contact's fields are now."""
        contact = decoded(_Contact, body)
        known = {
            ours: contact.properties[theirs] or ""
            for theirs, ours in self._fields.items()
            if theirs in contact.properties
        }
        report = ProfileReported(
            source=NAME,
            event_id=key_of(contact.id, contact.updated_at),
            external_id=contact.id,
            fields=known,
            occurred_at_us=instant_us(contact.updated_at),
        )
        return Meaning(reports=(report,))


def _item(body: bytes) -> Item:
    try:
        event = decoded(_Event, body)
    except MalformedMessageError:
        return unread(body)
    return Item(dedupe_key=event.key, aggregate=_aggregate(event.object_id), body=body)


def _aggregate(contact: object) -> str:
    return key_of(NAME, "contact", contact)
