"""Who really sent a request: signatures over raw bytes, as each provider documents them.

Whatever a stranger sends, the answer is yes or no: nothing raises, and everything that is read has
a longest length. Bytes are compared in constant time. Times are checked both ways, because a clock
in the future would make a signature last. Several secrets may be valid while they are rotated.

Source: the providers' own pages on signatures, and Standard Webhooks 1.0.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, assert_never

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE_S: Final = 300
"""How far a signed time may be from ours, either way."""

LONGEST_HEADER: Final = 4_096
MOST_SIGNATURES: Final = 20
SHORTEST_SECRET: Final = 16

_DIGITS: Final = re.compile(rb"[0-9]{1,13}")
_WEBHOOK_ID: Final = re.compile(rb"[!-\-/-~]{1,256}")
"""Visible ASCII without a dot: with one, what is signed could be read in two ways."""

_SUMSUB_DIGESTS: Final = {
    b"": "sha256",
    b"HMAC_SHA256_HEX": "sha256",
    b"HMAC_SHA512_HEX": "sha512",
}
"""SHA-1 is refused."""

_HUBSPOT_DECODED: Final = {
    f"%{ord(character):02X}".encode(): character.encode() for character in ":/?@!$'()*,;"
}
_HUBSPOT_ESCAPES: Final = re.compile(b"|".join(_HUBSPOT_DECODED), re.IGNORECASE)

_SYMMETRIC: Final = b"whsec_"
_PUBLIC: Final = b"whpk_"


class Scheme(StrEnum):
    """How a provider signs."""

    SUMSUB = "sumsub"
    STRIPE = "stripe"
    CHECKOUT = "checkout"
    HUBSPOT_V1 = "hubspot_v1"
    HUBSPOT_V2 = "hubspot_v2"
    HUBSPOT_V3 = "hubspot_v3"
    STANDARD = "standard"
    SLACK = "slack"
    ONFIDO = "onfido"


class SignedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came: ``url`` is what the sender called, header names are lower case.

    A header that came twice has to be left out: nobody can say which one was signed.
    """

    headers: Mapping[bytes, bytes]
    body: bytes
    method: bytes = b"POST"
    url: bytes = b""

    def header(self, name: bytes) -> bytes:
        """Return a header, "" if it is missing or too long to be true."""
        value = self.headers.get(name, b"")
        return value if len(value) <= LONGEST_HEADER else b""


def is_authentic(
    scheme: Scheme, request: SignedRequest, secrets: Sequence[bytes], now_s: int
) -> bool:
    """Return whether a request was signed with one of the secrets, and just now if that is signed.

    Args:
        scheme: How it should be signed.
        request: What came.
        secrets: Those that are valid now, as the provider shows them.
        now_s: The time, unix seconds.
    """
    return any(_signed_with(scheme, request, secret, now_s) for secret in secrets if secret)


def problem_of_secret(scheme: Scheme, secret: bytes) -> str:
    """Return why a secret could never verify anything, "" if it could."""
    if scheme is Scheme.STANDARD:
        key = _standard_key(secret)
        if key is None:
            return "the secret has to be whsec_ or whpk_ and base64"
        if secret.startswith(_PUBLIC):
            return "" if _public_key(key) else "the public key has to be 32 bytes of ed25519"
        secret = key
    if len(secret) < SHORTEST_SECRET:
        return f"the secret has to be at least {SHORTEST_SECRET} bytes"
    return ""


def _signed_with(scheme: Scheme, request: SignedRequest, secret: bytes, now_s: int) -> bool:  # noqa: PLR0911 - one answer per scheme
    match scheme:
        case Scheme.SUMSUB:
            return _sumsub(request, secret)
        case Scheme.STRIPE:
            return _stripe(request, secret, now_s)
        case Scheme.CHECKOUT:
            return _plain(request, secret, b"cko-signature")
        case Scheme.HUBSPOT_V1:
            return _hubspot_old(request, secret + request.body, b"v1")
        case Scheme.HUBSPOT_V2:
            source = secret + request.method + request.url + request.body
            return _hubspot_old(request, source, b"v2")
        case Scheme.HUBSPOT_V3:
            return _hubspot(request, secret, now_s)
        case Scheme.STANDARD:
            return _standard(request, secret, now_s)
        case Scheme.SLACK:
            return _slack(request, secret, now_s)
        case Scheme.ONFIDO:
            return _plain(request, secret, b"x-sha2-signature")
        case _:
            assert_never(scheme)


def _sumsub(request: SignedRequest, secret: bytes) -> bool:
    digest = _SUMSUB_DIGESTS.get(request.header(b"x-payload-digest-alg"))
    if digest is None:
        return False
    expected = hmac.new(secret, request.body, digest).hexdigest().encode()
    return hmac.compare_digest(expected, request.header(b"x-payload-digest"))


def _plain(request: SignedRequest, secret: bytes, name: bytes) -> bool:
    return hmac.compare_digest(_hex(secret, request.body), request.header(name))


def _stripe(request: SignedRequest, secret: bytes, now_s: int) -> bool:
    fields = [item.partition(b"=") for item in _split(request.header(b"stripe-signature"), b",")]
    times = [value for name, _, value in fields if name.strip() == b"t"]
    if len(times) != 1 or not _is_fresh(times[0], now_s):
        return False
    given = (value for name, _, value in fields if name.strip() == b"v1")
    return _among(_hex(secret, times[0] + b"." + request.body), given)


def _hubspot(request: SignedRequest, secret: bytes, now_s: int) -> bool:
    stamp = request.header(b"x-hubspot-request-timestamp")
    if not _is_fresh(stamp, now_s, per_s=1_000):
        return False
    url = _HUBSPOT_ESCAPES.sub(lambda found: _HUBSPOT_DECODED[found[0].upper()], request.url)
    source = request.method + url + request.body + stamp
    expected = base64.b64encode(hmac.digest(secret, source, "sha256"))
    return hmac.compare_digest(expected, request.header(b"x-hubspot-signature-v3"))


def _hubspot_old(request: SignedRequest, source: bytes, version: bytes) -> bool:
    if request.header(b"x-hubspot-signature-version") != version:
        return False
    expected = hashlib.sha256(source).hexdigest().encode()
    return hmac.compare_digest(expected, request.header(b"x-hubspot-signature"))


def _slack(request: SignedRequest, secret: bytes, now_s: int) -> bool:
    stamp = request.header(b"x-slack-request-timestamp")
    if not _is_fresh(stamp, now_s):
        return False
    expected = b"v0=" + _hex(secret, b"v0:" + stamp + b":" + request.body)
    return hmac.compare_digest(expected, request.header(b"x-slack-signature"))


def _standard(request: SignedRequest, secret: bytes, now_s: int) -> bool:
    name, stamp = request.header(b"webhook-id"), request.header(b"webhook-timestamp")
    key = _standard_key(secret)
    if key is None or not _WEBHOOK_ID.fullmatch(name) or not _is_fresh(stamp, now_s):
        return False
    source = b".".join((name, stamp, request.body))
    given = [item.partition(b",") for item in _split(request.header(b"webhook-signature"), b" ")]
    if secret.startswith(_PUBLIC):
        return any(_ed25519(key, value, source) for kind, _, value in given if kind == b"v1a")
    expected = base64.b64encode(hmac.digest(key, source, "sha256"))
    return _among(expected, (value for kind, _, value in given if kind == b"v1"))


def _standard_key(secret: bytes) -> bytes | None:
    prefix = _PUBLIC if secret.startswith(_PUBLIC) else _SYMMETRIC
    key = _unbase64(secret.removeprefix(prefix)) if secret.startswith(prefix) else None
    return key or None


def _ed25519(key: bytes, signature: bytes, source: bytes) -> bool:
    public, given = _public_key(key), _unbase64(signature)
    if public is None or given is None:
        return False
    try:
        public.verify(given, source)
    except InvalidSignature:
        return False
    return True


def _public_key(key: bytes) -> Ed25519PublicKey | None:
    try:
        return Ed25519PublicKey.from_public_bytes(key)
    except ValueError:
        return None


def _unbase64(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _hex(secret: bytes, source: bytes) -> bytes:
    return hmac.digest(secret, source, "sha256").hex().encode()


def _among(expected: bytes, given: Iterable[bytes]) -> bool:
    return any([hmac.compare_digest(expected, one) for one in given])  # noqa: C419 - all are looked at


def _split(header: bytes, separator: bytes) -> list[bytes]:
    items = header.split(separator, MOST_SIGNATURES)
    return items if len(items) <= MOST_SIGNATURES else []


def _is_fresh(stamp: bytes, now_s: int, per_s: int = 1) -> bool:
    if not _DIGITS.fullmatch(stamp):
        return False
    return abs(int(stamp) - now_s * per_s) <= TOLERANCE_S * per_s
