"""Our own webhooks are signed as Standard Webhooks says, so that any receiver can check them."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

from exposure.errors import ConfigError

PREFIX: Final = "whsec_"
FEWEST_BYTES: Final = 24


def signing_key(secret: str) -> bytes:
    """Return the bytes of a secret as receivers are given it.

    Raises:
        ConfigError: It is none.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or len(key) < FEWEST_BYTES:
        raise ConfigError([f"a signing secret is {PREFIX} and base64 of {FEWEST_BYTES} bytes"])
    return key


def webhook_id(name: str) -> str:
    """Return a message's name without the dots that no webhook's id may have."""
    return name.replace("~", "~7E").replace(".", "~2E")


def signed_headers(key: bytes, name: str, now_s: int, body: bytes) -> dict[str, str]:
    """Return the headers that sign a message.

    Args:
        key: The secret's bytes.
        name: The message's own name without dots, the same at every try.
        now_s: When it is sent, unix seconds.
        body: What is sent.
    """
    source = b".".join((name.encode(), str(now_s).encode(), body))
    signature = base64.b64encode(hmac.digest(key, source, "sha256")).decode()
    return {
        "webhook-id": name,
        "webhook-timestamp": str(now_s),
        "webhook-signature": f"v1,{signature}",
    }
