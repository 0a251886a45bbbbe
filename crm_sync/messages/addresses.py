"""Which addresses we may call: public ones over TLS, so that nobody can send us into our own house.

A name is resolved once, and what was checked is what is called: a name server that answers
differently the next time is not asked a next time.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from crm_sync.messages.errors import DeliveryError, ForbiddenAddressError

PORTS: Final = frozenset({443, 8443})

Resolve = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_URL: Final = re.compile(r"[!-\[\]-~]{1,2000}")
"""Visible ASCII without a backslash, which some readers take for a slash."""

_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "192.0.0.0/24",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
"""What not every version of Python's own lists knows. Source: IANA's special-purpose registries."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request goes: a name for the certificate, an address for the connection."""

    scheme: str
    host: str
    port: int
    address: str
    path: str

    @property
    def url(self) -> str:
        """The address as a URL; the name is not in it."""
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{shown}:{self.port}{self.path}"

    @property
    def authority(self) -> str:
        """What the Host header says."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == (443 if self.scheme == "https" else 80)
        return shown if usual else f"{shown}:{self.port}"


def system_resolve(host: str, port: int) -> list[str]:
    """Ask the system for a host's addresses.

    Raises:
        DeliveryError: It knows none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:
        raise DeliveryError("the target's name does not resolve") from e
    return [str(entry[4][0]) for entry in found]


def destination(url: str, resolve: Resolve, *, loopback: bool = False) -> Destination:
    """Resolve a URL once and return where it leads, if we may go there.

    Args:
        url: Where a message is to go.
        resolve: Who knows addresses.
        loopback: Whether it may be this very machine, over http and at any port.

    Raises:
        ForbiddenAddressError: We may not call it.
        DeliveryError: It does not resolve.
    """
    scheme, host, port, path = _parts(url)
    addresses = [_parsed(text) for text in resolve(host, port)]
    if not addresses:
        raise DeliveryError("the target's name does not resolve")
    if not (loopback and all(address.is_loopback for address in addresses)):
        _require_public(scheme, port, addresses)
    return Destination(scheme=scheme, host=host, port=port, address=str(addresses[0]), path=path)


def is_public(address: _Address) -> bool:
    """Return whether an address is one of the open Internet, and not one in disguise."""
    if any(address in network for network in _NOT_PUBLIC) or _hides_another(address):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _hides_another(address: _Address) -> bool:
    """Return whether an IPv6 address has an IPv4 one in it."""
    if isinstance(address, ipaddress.IPv4Address):
        return False
    inner = (address.ipv4_mapped, address.sixtofour, address.teredo)
    return any(one is not None for one in inner)


def _parts(url: str) -> tuple[str, str, int, str]:
    if not _URL.fullmatch(url):
        raise ForbiddenAddressError("the target's address has characters that no URL has")
    try:
        split = urlsplit(url)
        port = split.port or (80 if split.scheme == "http" else 443)
    except ValueError as e:
        raise ForbiddenAddressError("the target's address is no URL") from e
    if split.scheme not in {"http", "https"} or not split.hostname:
        raise ForbiddenAddressError("the target's address has to begin with https:// and a host")
    if split.username is not None or split.password is not None:
        raise ForbiddenAddressError("the target's address must not hold a user or a password")
    query = f"?{split.query}" if split.query else ""
    return split.scheme, split.hostname, port, (split.path or "/") + query


def _require_public(scheme: str, port: int, addresses: Sequence[_Address]) -> None:
    if scheme != "https":
        raise ForbiddenAddressError("the target's address has to be https")
    if port not in PORTS:
        raise ForbiddenAddressError(f"the target's port has to be one of {sorted(PORTS)}")
    if not all(is_public(address) for address in addresses):
        raise ForbiddenAddressError("the target's name leads to an address that is not public")


def _parsed(text: str) -> _Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as e:
        raise ForbiddenAddressError("the target's name leads to what is no address") from e
