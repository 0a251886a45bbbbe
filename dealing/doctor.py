"""``plimsoll doctor``: what runs, how old everything is and what is wrong, on one screen."""

from __future__ import annotations

import asyncio
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from dealing.backoff import Backoff
from dealing.components import ComponentState, ComponentStatus
from dealing.directory import DataDirectory, Role, RunIdentity
from dealing.hub import HubClient
from dealing.launch import COMMAND_OF, RunStatus, status_file
from dealing.ports import EngineFrame
from exposure.errors import UNDECODABLE

ENGINE_ANSWERS_WITHIN_S: Final = 5.0
OLD_AFTER_MS: Final = 3_000
LEAST_FREE_BYTES: Final = 1_000_000_000


class ProcessRow(msgspec.Struct, frozen=True, kw_only=True):
    """One process: its number if it lives, and what its supervisor says."""

    role: Role
    pid: int | None
    state: ComponentState
    restarts: int
    detail: str


class BookRow(msgspec.Struct, frozen=True, kw_only=True):
    """The book as the engine shows it now; ``frame_age_ms`` is wall-clock."""

    market: str
    as_of_ms: int
    position: int
    frame_age_ms: float
    speed: float
    quotes_per_s: float
    deals_per_s: float
    accounts: int
    positions: int
    unpriced_positions: int
    stale_symbols: int
    quarantined: int
    breaks: int


class DiskRow(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that the run takes, bytes that are left, and files that damage put out of use."""

    used: int
    free: int
    set_aside: list[str] = []


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found; ``problems`` are sentences, none when all is well."""

    directory: str
    run: RunIdentity | None
    address: str | None
    processes: list[ProcessRow]
    components: list[ComponentStatus]
    book: BookRow | None
    disk: DiskRow
    problems: list[str]


def run_doctor(directory: DataDirectory, *, json_out: str | None) -> int:
    """Examine, tell, and return 1 if something is wrong, else 0."""
    found = examine(directory)
    if json_out is None:
        show(found, Console(highlight=False))
    elif json_out == "-":
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    else:
        Path(json_out).write_bytes(msgspec.json.encode(found) + b"\n")
    return 1 if found.problems else 0


def examine(directory: DataDirectory) -> Examination:
    """Look at a data directory and at what runs on it, changing nothing."""
    status = _status(directory)
    processes = [_process(role, directory, status) for role in _roles(directory, status)]
    engine_lives = directory.owner(Role.ENGINE) is not None
    frame = asyncio.run(_newest_frame(directory)) if engine_lives else None
    book = None if frame is None else _book(frame, time.time_ns())
    disk = DiskRow(
        used=directory.size(),
        free=shutil.disk_usage(_existing(directory.root)).free,
        set_aside=[str(path) for path in directory.set_aside()],
    )
    components = [] if frame is None else frame.components
    return Examination(
        directory=str(directory.root),
        run=directory.held_identity(),
        address=None if status is None else status.address,
        processes=processes,
        components=components,
        book=book,
        disk=disk,
        problems=problems(processes, components, book, disk),
    )


def problems(
    processes: list[ProcessRow],
    components: list[ComponentStatus],
    book: BookRow | None,
    disk: DiskRow,
) -> list[str]:
    """Return what is wrong, a sentence each, the worst first."""
    if all(process.pid is None for process in processes):
        return ["nothing runs here: start it with plimsoll run"]
    found = [
        f"the {process.role} does not run ({process.detail})"
        for process in processes
        if process.pid is None and process.role is not Role.SUPERVISOR
    ]
    found += [
        f"the {process.role} is {process.detail}"
        for process in processes
        if process.pid is not None and process.state is ComponentState.READY and process.restarts
    ]
    ill = (ComponentState.DEGRADED, ComponentState.FAULTED)
    found += [
        f"{part.name} is {part.state}: {part.detail}" for part in components if part.state in ill
    ]
    if book is None:
        found.append("the engine shows no book")
    else:
        found += _book_problems(book)
    if disk.free < LEAST_FREE_BYTES:
        found.append(f"only {_size(disk.free)} are left on the disk")
    if disk.set_aside:
        found.append(
            f"damage was found and set aside (files: {len(disk.set_aside)}, the first is "
            f"{disk.set_aside[0]}): check the disk, then move them away"
        )
    return found


def show(examination: Examination, console: Console) -> None:
    """Print one screen."""
    run = examination.run
    console.print(f"{examination.directory}: {'no run yet' if run is None else run}")
    if examination.address is not None:
        console.print(f"desk {examination.address}")
    console.print(_process_table(examination.processes))
    if examination.components:
        console.print(_component_table(examination.components))
    if examination.book is not None:
        console.print(_book_sentence(examination.book))
    disk = examination.disk
    console.print(f"disk: {_size(disk.used)} used, {_size(disk.free)} free")
    for problem in examination.problems:
        console.print(f"[bold]wrong:[/bold] {problem}")
    if not examination.problems:
        console.print("Nothing is wrong.")


def _status(directory: DataDirectory) -> RunStatus | None:
    try:
        return msgspec.json.decode(status_file(directory).read_bytes(), type=RunStatus)
    except (OSError, *UNDECODABLE):
        return None


def _roles(directory: DataDirectory, status: RunStatus | None) -> list[Role]:
    """Return the processes of a run; those that can be left out only where they are meant to be."""
    told = {child.role for child in status.children} if status is not None else set()
    left_out = {
        role for role in (Role.SYNC, Role.ALERTS)
        if role not in told and directory.owner(role) is None
    }  # fmt: skip
    return [Role.SUPERVISOR, *(role for role in COMMAND_OF if role not in left_out)]


def _process(role: Role, directory: DataDirectory, status: RunStatus | None) -> ProcessRow:
    pid = directory.owner(role)
    said = {child.role: child for child in status.children} if status is not None else {}
    alone = ComponentState.STOPPED if pid is None else ComponentState.RUNNING
    supervised = directory.owner(Role.SUPERVISOR) is not None and role in said
    return ProcessRow(
        role=role,
        pid=pid,
        state=said[role].state if supervised else alone,
        restarts=said[role].restarts if supervised else 0,
        detail=said[role].detail if supervised else "",
    )


async def _newest_frame(directory: DataDirectory) -> EngineFrame | None:
    client = HubClient(directory.socket(Role.ENGINE), Backoff(random.random))
    listening = asyncio.create_task(client.run())
    try:
        async with asyncio.timeout(ENGINE_ANSWERS_WITHIN_S):
            return await client.next(None)
    except TimeoutError:
        return None
    finally:
        listening.cancel()


def _book(frame: EngineFrame, now_ns: int) -> BookRow:
    snapshot = frame.snapshot
    exposure = snapshot.exposure
    return BookRow(
        market=frame.market,
        as_of_ms=snapshot.as_of // 1_000_000,
        position=snapshot.position,
        frame_age_ms=(now_ns - frame.sent_at) / 1e6,
        speed=frame.speed,
        quotes_per_s=frame.quotes_per_s,
        deals_per_s=frame.deals_per_s,
        accounts=snapshot.accounts.height,
        positions=int(exposure["positions"].sum()),
        unpriced_positions=int(exposure["unpriced_positions"].sum()),
        stale_symbols=int(exposure["stale"].sum()),
        quarantined=snapshot.counters["quarantined"],
        breaks=len(snapshot.breaks),
    )


def _book_problems(book: BookRow) -> list[str]:
    found = []
    if book.frame_age_ms > OLD_AFTER_MS:
        found.append(f"the newest picture of the book is {book.frame_age_ms / 1e3:.1f} s old")
    if book.quarantined:
        found.append(f"{book.quarantined} events are quarantined: the desk lists them as breaks")
    if book.unpriced_positions:
        found.append(f"{book.unpriced_positions} positions have no price or no conversion rate")
    return found


def _process_table(processes: list[ProcessRow]) -> Table:
    table = Table("process", "pid", "state", "restarts", "", box=None, pad_edge=False)
    for row in processes:
        pid = "" if row.pid is None else str(row.pid)
        table.add_row(row.role, pid, row.state, str(row.restarts), row.detail)
    return table


def _component_table(components: list[ComponentStatus]) -> Table:
    table = Table("component", "state", "age", "", box=None, pad_edge=False)
    for part in components:
        age = "" if part.age_ms is None else f"{part.age_ms:,.0f} ms"
        table.add_row(part.name, part.state, age, part.detail)
    return table


def _book_sentence(book: BookRow) -> str:
    return (
        f"book: {book.market}, {book.accounts:,} accounts, {book.positions:,} positions, event "
        f"{book.position:,}, {book.quotes_per_s:,.0f} quotes/s, {book.deals_per_s:,.1f} deals/s, "
        f"picture {book.frame_age_ms:,.0f} ms old, {book.stale_symbols} stale symbols, "
        f"{book.breaks} breaks"
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= LEAST_FREE_BYTES else f"{count / 1e6:.1f} MB"


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
