"""A request as it came: what a signature is checked over, before anybody reads it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.requests import Request


async def raw_body(request: Request, longest: int, within_s: float) -> bytes | None:
    """Return the raw body, None if it is too long.

    Args:
        request: What came.
        longest: Bytes.
        within_s: How long it may take to come.

    Raises:
        TimeoutError: It comes too slowly.
        ClientDisconnect: It does not come.
    """
    body = b""
    async with asyncio.timeout(within_s):
        async for chunk in request.stream():
            body += chunk
            if len(body) > longest:
                return None
    return body


def single_headers(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return the headers that came once: of one that came twice nobody knows which was signed."""
    names = [name.lower() for name, _ in headers]
    return {name.lower(): value for name, value in headers if names.count(name.lower()) == 1}
