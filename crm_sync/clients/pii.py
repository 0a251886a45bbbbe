"""Personal data encrypted: one key per client, and keys that encrypt those keys.

Every value is sealed with AES-256-GCM under its client's own key (DEK) and is bound to table,
client and field, so that it cannot be moved elsewhere. The DEK is kept encrypted by a key that is
given in (KEK). Destroying a DEK destroys what it sealed, wherever copies are; a new KEK only wraps
the DEKs anew. A blind index is a keyed hash of a normal form: it finds equal values and tells no
more to whoever lacks the key.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crm_sync.clients.fields import PERSONAL, Field
from crm_sync.clients.wording import plain_code, plain_email, plain_phone
from exposure.errors import ConfigError, StorageError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
INDEX_BYTES: Final = 16
"""Half of the hash: two of a billion values are the same by chance once in 10^20 databases."""

BLIND: Final[Mapping[Field, Callable[[str], str]]] = {
    Field.EMAIL: plain_email,
    Field.PHONE: plain_phone,
    Field.NATIONAL_ID: plain_code,
    Field.IBAN: plain_code,
}
"""The fields that can be found by their exact value, and their normal forms."""

_AAD: Final = {field: f":{field}".encode() for field in PERSONAL}


class WrappedKey(NamedTuple):
    """A client's key as it is kept."""

    kek_id: str
    wrapped_dek: bytes


class ClientKey:
    """A client's key in use: seals and opens that client's values."""

    def __init__(self, client_id: str, dek: bytes, random: Callable[[int], bytes]) -> None:
        self._client_id = client_id
        self._cipher = AESGCM(dek)
        self._random = random
        self._bound = f"client_pii:{client_id}".encode()

    def seal(self, field: Field, value: str) -> bytes:
        """Return a value encrypted."""
        nonce = self._random(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value.encode(), self._bound + _AAD[field])

    def unseal(self, field: Field, sealed: bytes) -> str:
        """Return a value that ``seal`` encrypted.

        Raises:
            StorageError: It is another client's or field's, or was changed.
        """
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, rest, self._bound + _AAD[field]).decode()
        except (InvalidTag, ValueError) as e:
            raise _unreadable(f"the field {field}", self._client_id) from e


class Keyring:
    """The keys that are given in: those that wrap clients' keys, and the one of blind indexes."""

    def __init__(
        self,
        keks: Mapping[str, bytes],
        current: str,
        index_key: bytes,
        random: Callable[[int], bytes],
    ) -> None:
        """Take the keys.

        Args:
            keks: 32 bytes each, by their ids; old ones are needed until all is wrapped anew.
            current: Which of them wraps from now on.
            index_key: At least 32 bytes; never changed, or every blind index is made anew.
            random: Returns so many bytes that nobody can guess.

        Raises:
            ConfigError: A key is missing or has a wrong length.
        """
        problems = [
            f"the key {kek_id} has {len(kek)} bytes, not {KEY_BYTES}"
            for kek_id, kek in keks.items()
            if len(kek) != KEY_BYTES
        ]
        if current not in keks:
            problems.append(f"the key {current} is to be used and was not given")
        if len(index_key) < KEY_BYTES:
            problems.append(f"the index key has {len(index_key)} bytes, not {KEY_BYTES} or more")
        if problems:
            raise ConfigError(problems)
        self.current = current
        self._wrappers = {kek_id: AESGCM(kek) for kek_id, kek in keks.items()}
        self._index_key = index_key
        self._random = random

    def new_key(self, client_id: str) -> tuple[ClientKey, WrappedKey]:
        """Return a new key for a client, to use and to keep."""
        dek = self._random(KEY_BYTES)
        return ClientKey(client_id, dek, self._random), self._wrapped(client_id, dek)

    def client_key(self, client_id: str, kept: WrappedKey) -> ClientKey:
        """Return a kept key to use.

        Raises:
            StorageError: Its KEK was not given, or it is another client's.
        """
        return ClientKey(client_id, self._unwrapped(client_id, kept), self._random)

    def rewrapped(self, client_id: str, kept: WrappedKey) -> WrappedKey:
        """Return a kept key wrapped by the current KEK; raises as ``client_key``."""
        return self._wrapped(client_id, self._unwrapped(client_id, kept))

    def blind(self, field: Field, value: str) -> bytes:
        """Return the blind index of a value."""
        return self._keyed(f"{field}:{BLIND[field](value)}".encode())

    def fingerprint(self, content: Sequence[object]) -> bytes:
        """Return a keyed hash of a row, to see whether it changed."""
        return self._keyed(b"row:" + msgspec.json.encode(content))

    def _keyed(self, content: bytes) -> bytes:
        return hmac.digest(self._index_key, content, "sha256")[:INDEX_BYTES]

    def _wrapped(self, client_id: str, dek: bytes) -> WrappedKey:
        nonce = self._random(NONCE_BYTES)
        cipher = self._wrappers[self.current]
        return WrappedKey(self.current, nonce + cipher.encrypt(nonce, dek, _key_aad(client_id)))

    def _unwrapped(self, client_id: str, kept: WrappedKey) -> bytes:
        cipher = self._wrappers.get(kept.kek_id)
        if cipher is None:
            raise StorageError(
                f"personal data is encrypted with the key {kept.kek_id}, which was not given: "
                "add it to the keys of personal data"
            )
        nonce, rest = kept.wrapped_dek[:NONCE_BYTES], kept.wrapped_dek[NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, rest, _key_aad(client_id))
        except (InvalidTag, ValueError) as e:
            raise _unreadable("the key", client_id) from e


def _key_aad(client_id: str) -> bytes:
    return f"client_key:{client_id}:dek".encode()


def _unreadable(what: str, client_id: str) -> StorageError:
    return StorageError(
        f"{what} of client {client_id} cannot be decrypted: it was changed, or the keys of "
        "personal data are not those that encrypted it"
    )
