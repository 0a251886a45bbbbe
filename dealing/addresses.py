"""Where the desk listens, and the address that a person types."""

from __future__ import annotations

import asyncio
import socket

from dealing.settings import DeskSettings
from exposure.errors import DeskError


def listening_socket(desk: DeskSettings) -> socket.socket:
    """Return a socket that listens where the settings say; port 0 takes any free one.

    Raises:
        DeskError: It cannot: the port is taken, or the address is not of this machine.
    """
    family = socket.AF_INET6 if ":" in desk.host else socket.AF_INET
    try:
        return socket.create_server((desk.host, desk.port), family=family, backlog=2048)
    except OSError as e:
        reason = (e.strerror or str(e)).split(" (while")[0].lower()
        raise DeskError(
            f"the desk cannot listen on {desk.host} port {desk.port} ({reason}): choose another "
            "port with --port (0 takes any free one), or stop what uses it"
        ) from e


def free_port(desk: DeskSettings) -> int:
    """Return the port after making sure that it can be listened on; raises as above."""
    with listening_socket(desk) as probe:
        return int(probe.getsockname()[1])


def address_of(desk: DeskSettings) -> str:
    """Return the desk's address for a browser."""
    host = f"[{desk.host}]" if ":" in desk.host else desk.host
    return f"http://{host}:{desk.port}"


async def answers(desk: DeskSettings, path: str) -> bool:
    """Return whether the desk answers a request with success."""
    try:
        reader, writer = await asyncio.open_connection(desk.host, desk.port)
        try:
            writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            return b" 200 " in await reader.readline()
        finally:
            writer.close()
    except OSError:
        return False
