"""Keys and secrets of the back office: from the environment, or drawn for a simulated market.

``PLIMSOLL_KEY`` encrypts personal data and raw messages (32 bytes, base64), ``PLIMSOLL_KEY_OLD``
may hold the one before it, ``PLIMSOLL_INDEX_KEY`` finds exact addresses, and what providers sign
with is ``PLIMSOLL_WEBHOOK_STRIPE``, ``..._SUMSUB`` and so on, several with a space between them
while they are rotated. A simulated market has no real persons: its keys are drawn once and kept in
the data directory, readable by this user only.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from exposure.errors import UNDECODABLE, ConfigError, StorageError

KEY: Final = "PLIMSOLL_KEY"
OLD_KEY: Final = "PLIMSOLL_KEY_OLD"
INDEX_KEY: Final = "PLIMSOLL_INDEX_KEY"
WEBHOOK: Final = "PLIMSOLL_WEBHOOK_"
API: Final = "PLIMSOLL_API_"
_KEY_BYTES: Final = 32


class BackOfficeSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """What must not be seen; its text form shows nothing.

    ``webhooks`` by provider, the newest first; ``tokens`` open the interfaces of other systems
    (``PLIMSOLL_API_HUBSPOT``); ``parties`` is what the simulated payment provider
    is asked with, "" where there is none.
    """

    key: bytes
    index_key: bytes
    old_keys: tuple[bytes, ...] = ()
    webhooks: Mapping[str, tuple[str, ...]] = {}
    tokens: Mapping[str, str] = {}
    parties: str = ""

    def __repr__(self) -> str:
        """Return nothing of it."""
        return "<BackOfficeSecrets>"


def from_environment(environment: Mapping[str, str]) -> BackOfficeSecrets:
    """Return what a real back office was given.

    Raises:
        ConfigError: With every key that is missing or no key.
    """
    problems: list[str] = []
    key = _key(environment, KEY, problems)
    index_key = _key(environment, INDEX_KEY, problems)
    old = _key(environment, OLD_KEY, problems) if OLD_KEY in environment else b""
    if problems:
        raise ConfigError(problems)
    webhooks = {
        name.removeprefix(WEBHOOK).lower(): tuple(value.split())
        for name, value in environment.items()
        if name.startswith(WEBHOOK) and value.split()
    }
    tokens = {
        name.removeprefix(API).lower(): value
        for name, value in environment.items()
        if name.startswith(API) and value
    }
    return BackOfficeSecrets(
        key=key,
        index_key=index_key,
        old_keys=(old,) if old else (),
        webhooks=webhooks,
        tokens=tokens,
    )


def of_simulation(file: Path) -> BackOfficeSecrets:
    """Return the keys of a simulated market, drawn the first time.

    Raises:
        StorageError: The file cannot be read or written.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=BackOfficeSecrets)
    except FileNotFoundError:
        pass
    except (*UNDECODABLE, OSError) as e:
        raise StorageError(f"{file} cannot be read: restore it, or start with --fresh") from e
    try:
        _keep_first(file, msgspec.json.encode(_drawn()))
    except OSError as e:
        raise StorageError(f"{file} cannot be written: {e.strerror}") from e
    return of_simulation(file)


def secrets_of(file: Path, environment: Mapping[str, str]) -> BackOfficeSecrets:
    """Return the keys and secrets of a run: given ones, or drawn ones.

    Every run of today is on a simulated platform with invented persons, so keys need not be given;
    who gives one has to give all.

    Raises:
        ConfigError: A key that was given is none.
    """
    given = any(name.startswith(("PLIMSOLL_KEY", "PLIMSOLL_INDEX_KEY")) for name in environment)
    drawn = of_simulation(file)
    if not given:
        return drawn
    real = from_environment(environment)
    webhooks = {**drawn.webhooks, **real.webhooks}
    return BackOfficeSecrets(
        key=real.key, index_key=real.index_key, old_keys=real.old_keys, webhooks=webhooks,
        tokens=real.tokens, parties=drawn.parties,
    )  # fmt: skip


def _keep_first(file: Path, content: bytes) -> None:
    """Write a whole file under its name unless another process was first."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _drawn() -> BackOfficeSecrets:
    whole = base64.b64encode(secrets.token_bytes(24)).decode()
    return BackOfficeSecrets(
        key=secrets.token_bytes(_KEY_BYTES),
        index_key=secrets.token_bytes(_KEY_BYTES),
        webhooks={
            "stripe": (f"whsec_{secrets.token_hex(24)}",),
            "sumsub": (secrets.token_hex(24),),
            "payouts": (f"whsec_{whole}",),
        },
        parties=secrets.token_hex(24),
    )


def _key(environment: Mapping[str, str], name: str, problems: list[str]) -> bytes:
    try:
        key = base64.b64decode(environment.get(name, ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        problems.append(
            f"the environment variable {name} has to hold {_KEY_BYTES} random bytes in base64: "
            "openssl rand -base64 32 makes them"
        )
    return key
