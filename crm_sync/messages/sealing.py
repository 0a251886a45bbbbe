"""Raw messages are encrypted where they are kept: they may hold personal data.

AES-256-GCM with a fresh nonce. What belongs beside a text (its provider and key) is bound to it, so
that a text moved to another row does not open. The key's fingerprint goes in front, so that old
keys go on opening what they sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crm_sync.messages.errors import UnreadableError
from exposure.errors import ConfigError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_MARK_BYTES: Final = 4


class Seal:
    """Seals with the newest key and opens with any."""

    def __init__(
        self, newest: bytes, older: Sequence[bytes], random: Callable[[int], bytes]
    ) -> None:
        """Take keys of 32 bytes and where random bytes come from (``os.urandom``).

        Raises:
            ConfigError: A key has another length.
        """
        keys = [newest, *older]
        if any(len(key) != KEY_BYTES for key in keys):
            raise ConfigError([f"a key that seals messages has to be {KEY_BYTES} bytes"])
        self._mark = _mark(newest)
        self._ciphers = {_mark(key): AESGCM(key) for key in reversed(keys)}
        self._random = random

    def close(self, text: bytes, about: str) -> bytes:
        """Return a text encrypted and bound to what it is about."""
        nonce = self._random(NONCE_BYTES)
        sealed = self._ciphers[self._mark].encrypt(nonce, text, about.encode())
        return self._mark + nonce + sealed

    def open(self, sealed: bytes, about: str) -> bytes:
        """Return what was sealed.

        Raises:
            UnreadableError: It was changed, moved, or sealed with a key that is not here.
        """
        mark, nonce = sealed[:_MARK_BYTES], sealed[_MARK_BYTES : _MARK_BYTES + NONCE_BYTES]
        cipher = self._ciphers.get(mark)
        if cipher is None:
            raise UnreadableError("a message was sealed with a key that is not configured: add it")
        try:
            return cipher.decrypt(nonce, sealed[_MARK_BYTES + NONCE_BYTES :], about.encode())
        except (InvalidTag, ValueError) as e:
            raise UnreadableError("a sealed message was changed or moved: restore it") from e


def _mark(key: bytes) -> bytes:
    return hashlib.sha256(b"plimsoll message key" + key).digest()[:_MARK_BYTES]
