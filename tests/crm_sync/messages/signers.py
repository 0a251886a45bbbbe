"""How each provider signs, written a second time for tests: requests as they would come."""

import base64
import hashlib
import hmac
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from crm_sync.messages.verify import Scheme

KEY = bytes(range(32))
SECRET = b"a secret of the provider"
STANDARD_SECRET = b"whsec_" + base64.b64encode(KEY)
PRIVATE = Ed25519PrivateKey.from_private_bytes(KEY)
PUBLIC_SECRET = b"whpk_" + base64.b64encode(
    PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
)
URL = "https://desk.example/webhooks/hubspot"


def secret_of(scheme):
    return STANDARD_SECRET if scheme is Scheme.STANDARD else SECRET


def hexed(secret, text, digest="sha256"):
    return hmac.new(secret, text, digest).hexdigest()


def headers_of(  # noqa: PLR0911 - one answer per scheme
    scheme, body, now_s, name="msg_1", secret=None, url=URL, method="POST"
):
    """Return the headers of an authentic request."""
    secret = secret_of(scheme) if secret is None else secret
    match scheme:
        case Scheme.SUMSUB:
            return {
                "X-Payload-Digest": hexed(secret, body, "sha512"),
                "X-Payload-Digest-Alg": "HMAC_SHA512_HEX",
            }
        case Scheme.STRIPE:
            return {"Stripe-Signature": f"t={now_s},v1={hexed(secret, b'%d.' % now_s + body)}"}
        case Scheme.CHECKOUT:
            return {"Cko-Signature": hexed(secret, body)}
        case Scheme.ONFIDO:
            return {"X-SHA2-Signature": hexed(secret, body)}
        case Scheme.SLACK:
            signature = hexed(secret, b"v0:%d:" % now_s + body)
            return {
                "X-Slack-Signature": f"v0={signature}",
                "X-Slack-Request-Timestamp": str(now_s),
            }
        case Scheme.HUBSPOT_V1 | Scheme.HUBSPOT_V2:
            version = scheme.value[-2:]
            more = (method + url).encode() if version == "v2" else b""
            return {
                "X-HubSpot-Signature": hashlib.sha256(secret + more + body).hexdigest(),
                "X-HubSpot-Signature-Version": version,
            }
        case Scheme.HUBSPOT_V3:
            source = (method + unquote(url)).encode() + body + b"%d" % (now_s * 1_000)
            signature = hmac.new(secret, source, "sha256").digest()
            return {
                "X-HubSpot-Signature-v3": base64.b64encode(signature).decode(),
                "X-HubSpot-Request-Timestamp": str(now_s * 1_000),
            }
        case Scheme.STANDARD:
            source = f"{name}.{now_s}.".encode() + body
            return {
                "webhook-id": name,
                "webhook-timestamp": str(now_s),
                "webhook-signature": standard_signature(secret, source),
            }


def standard_signature(secret, source):
    if secret == PUBLIC_SECRET:
        return "v1a," + base64.b64encode(PRIVATE.sign(source)).decode()
    key = base64.b64decode(secret.removeprefix(b"whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, source, "sha256").digest()).decode()
