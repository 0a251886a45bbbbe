"""The other systems as the back office talks with them: who may send, and who is told."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Final

import httpx2

from crm_sync.clients.fields import Field
from crm_sync.messages.addresses import system_resolve
from crm_sync.messages.errors import DeliveryError
from crm_sync.messages.model import OutMessage
from crm_sync.messages.ports import Answer, Provider, Sender
from crm_sync.messages.receiving import WebhookSource
from crm_sync.messages.sending import HttpSender, Target
from crm_sync.messages.verify import Scheme
from crm_sync.providers import checkout, hubspot, stripe
from crm_sync.providers.checkout import Checkout
from crm_sync.providers.hubspot import HubSpotEvents, HubSpotObjects
from crm_sync.providers.standard import Standard
from crm_sync.providers.stripe import Stripe
from crm_sync.providers.sumsub import Sumsub
from dealing.back_office.platform import TARGET
from dealing.back_office.rooms import PAYOUTS
from dealing.back_office.secrets import BackOfficeSecrets
from dealing.settings import SyncSection
from exposure.errors import ConfigError

_CONTACT: Final = {
    "email": Field.EMAIL.value,
    "phone": Field.PHONE.value,
    "address": Field.ADDRESS.value,
    "country": Field.COUNTRY.value,
}
"""HubSpot's properties of a contact that are fields of ours."""

_HUBSPOT_API: Final = "https://api.hubapi.com"
_EXPORT_WITHIN_S: Final = 60.0


def readers(section: SyncSection, names: Mapping[str, object]) -> dict[str, Provider]:
    """Return who reads the messages of each provider that is configured.

    Names that are none of the known providers are systems that speak Standard Webhooks.
    """
    required = section.kyc_levels.index(section.kyc_required)
    known: dict[str, Provider] = {
        "sumsub": Sumsub(frozenset(section.kyc_levels[required:])),
        stripe.NAME: Stripe(),
        checkout.NAME: Checkout(),
        hubspot.NAME: HubSpotEvents(frozenset(_CONTACT), frozenset()),
    }
    found = {name: known.get(name) or Standard(name) for name in names}
    if hubspot.NAME in found:
        found[hubspot.OBJECTS] = HubSpotObjects(_CONTACT)
    return found


def sources(
    section: SyncSection, secrets: BackOfficeSecrets, by_name: Mapping[str, Provider]
) -> dict[str, WebhookSource]:
    """Return who may send webhooks, each with how it signs."""
    schemes = {
        "sumsub": Scheme.SUMSUB,
        stripe.NAME: Scheme.STRIPE,
        checkout.NAME: Scheme.CHECKOUT,
        hubspot.NAME: Scheme.HUBSPOT_V3,
    }
    return {
        name: WebhookSource(
            provider=by_name[name],
            scheme=schemes.get(name, Scheme.STANDARD),
            secrets=tuple(secret.encode() for secret in given),
            url=f"{section.public_url}/webhooks/{name}" if section.public_url else "",
            delivery_header="" if name in schemes else "webhook-id",
        )
        for name, given in secrets.webhooks.items()
    }


class Senders:
    """Sender that hands each message to the one for its target."""

    def __init__(self, senders: Mapping[str, Sender]) -> None:
        """Take them by target."""
        self._senders = senders

    def send(self, message: OutMessage) -> Answer:
        """Send a message once; raises as Sender says."""
        sender = self._senders.get(message.target)
        if sender is None:
            raise ConfigError([f"nobody knows the target {message.target}: configure it"])
        return sender.send(message)


class PartySender:
    """Sender to the simulated parties, which may come back under another address."""

    def __init__(
        self, address: Callable[[], str | None], secret: str, now_us: Callable[[], int]
    ) -> None:
        """Take who knows where they are, what they are asked with, and the wall clock."""
        self._address = address
        self._headers = {"authorization": f"Bearer {secret}"}
        self._now_us = now_us
        self._trust = ssl.create_default_context()

    def send(self, message: OutMessage) -> Answer:
        """Send a message once; raises as Sender says."""
        address = self._address()
        if address is None:
            raise DeliveryError("the simulated provider is not there")
        target = Target(url=address, headers=lambda _: self._headers, loopback=True)
        http = HttpSender({message.target: target}, self._now_us, system_resolve, self._trust)
        return http.send(message)

    def exported(self, name: str) -> bytes:
        """Return a file that the simulated CRM exports.

        Raises:
            DeliveryError: It is not there.
        """
        address = self._address()
        if address is None:
            raise DeliveryError("the simulated CRM is not there")
        try:
            with httpx2.Client(trust_env=False, timeout=_EXPORT_WITHIN_S) as client:
                answer = client.get(f"{address}/{name}", headers=self._headers)
                answer.raise_for_status()
                return answer.content
        except httpx2.HTTPError as e:
            raise DeliveryError(f"the simulated CRM does not answer: {type(e).__name__}") from e


def senders(
    platform: Sender, parties: PartySender, tokens: Mapping[str, str], now_us: Callable[[], int]
) -> Senders:
    """Return who brings messages where; ``tokens`` open the interfaces of real systems."""
    http = {
        hubspot.NAME: Target(
            url=_HUBSPOT_API,
            headers=lambda _: {"authorization": f"Bearer {tokens[hubspot.NAME]}"},
        )
    }
    known = {name: target for name, target in http.items() if name in tokens}
    web = HttpSender(known, now_us, system_resolve, ssl.create_default_context())
    return Senders({TARGET: platform, PAYOUTS: parties, **dict.fromkeys(known, web)})
