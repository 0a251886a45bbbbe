"""Small servers of a run on this machine: their sockets, and the files that say where they are."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dealing.directory import replace_file
from exposure.errors import DeskError


def local_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes any free one.

    Raises:
        DeskError: It cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as e:
        raise DeskError(
            f"webhooks cannot be taken on {host} port {port} ({e.strerror}): choose another "
            "sync.port (0 takes any free one), or stop what uses it"
        ) from e


@contextmanager
def told_address(file: Path, listening: socket.socket) -> Iterator[str]:
    """Let others read where a socket listens while the block runs."""
    host, port = listening.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    replace_file(file, address.encode())
    try:
        yield address
    finally:
        file.unlink(missing_ok=True)


def address_in(file: Path) -> Callable[[], str | None]:
    """Return who reads an address from a file."""

    def read() -> str | None:
        try:
            return file.read_text() or None
        except OSError:
            return None

    return read
