"""One process sends to a platform: a lease with a fencing number, in the database both would use.

Who takes the lease gets a higher number than everybody before him. Each order is marked as sent in
a transaction that finds this number unchanged, so a process that was paused for so long that
another one took over cannot mark, and therefore not send, anything any more.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Connection, select, text

from crm_sync.money.errors import NotSoleSenderError
from crm_sync.money.tables import PLATFORM_SENDERS

_FIRST: Final = text(
    "INSERT INTO platform_senders (platform, holder, fence, until_us) "
    "VALUES (:platform, '', 0, 0) ON CONFLICT DO NOTHING"
)


class Lease(NamedTuple):
    """Who wants to send where, and for how long he may without asking again."""

    platform: str
    holder: str
    lease_us: int


def take(connection: Connection, lease: Lease, now_us: int) -> int:
    """Take or renew the right to send, and return its fencing number.

    Raises:
        NotSoleSenderError: Another process has it.
    """
    connection.execute(_FIRST, {"platform": lease.platform})
    columns = PLATFORM_SENDERS.c
    held = connection.execute(
        select(PLATFORM_SENDERS).where(columns.platform == lease.platform).with_for_update()
    ).one()
    mine = held.holder == lease.holder
    if not mine and held.until_us > now_us:
        raise NotSoleSenderError(
            f"process {held.holder} sends to platform {lease.platform}: stop it, or wait "
            f"{(held.until_us - now_us) / 1e6:.1f} s if it is dead; two senders could pay twice"
        )
    fence = int(held.fence) + (not mine)
    if not mine or held.until_us - now_us < lease.lease_us // 2:
        update = PLATFORM_SENDERS.update().where(columns.platform == lease.platform)
        until_us = now_us + lease.lease_us
        connection.execute(update.values(holder=lease.holder, fence=fence, until_us=until_us))
    return fence


def keep(connection: Connection, lease: Lease, fence: int, now_us: int) -> None:
    """Go on having the right to send, under the number that it was taken with.

    Raises:
        NotSoleSenderError: Another process took it in the meantime.
    """
    now = take(connection, lease, now_us)
    if now != fence:
        raise NotSoleSenderError(
            f"another process sent to platform {lease.platform} in the meantime: look again"
        )


def let_go(connection: Connection, lease: Lease) -> None:
    """Give the right back, if it is still there, so that the next process need not wait."""
    columns = PLATFORM_SENDERS.c
    mine = (columns.platform == lease.platform) & (columns.holder == lease.holder)
    connection.execute(PLATFORM_SENDERS.update().where(mine).values(until_us=0))
