"""The data directory of one run: its names, its identity and who may write to it.

Everything that a run keeps lives below one directory, under names that only this module knows. A
directory holds one run: the same market, seed and clients, written down in ``run.json``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

import msgspec

from dealing.settings import SAMPLE, SIMULATED, MarketSettings
from exposure.errors import UNDECODABLE, StorageError
from feeds.set_aside import SET_ASIDE

LONGEST_SOCKET_PATH: Final = 100
"""Bytes of a Unix socket's path: 108 with the final zero on Linux, 104 on macOS."""


class Role(StrEnum):
    """The processes of a run; the supervisor starts the others."""

    SUPERVISOR = "supervisor"
    PLATFORM = "platform"
    ENGINE = "engine"
    SYNC = "sync"
    DESK = "desk"
    ALERTS = "alerts"


class RunIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What makes two runs the same run; ``market`` is the source with its full path.

    ``start`` is None where the market itself decides when it begins.
    """

    market: str
    seed: int
    clients: int
    start: datetime | None = None

    def __str__(self) -> str:
        """Return the words a person knows it by."""
        since = "" if self.start is None else f", from {self.start:%Y-%m-%d %H:%M}"
        return f"{self.market} market, {self.clients} clients, seed {self.seed}{since}"

    def as_settings(self) -> dict[str, object]:
        """Return the settings that make this run, by dotted key."""
        return {
            "market.source": self.market,
            "market.seed": self.seed,
            "market.clients": self.clients,
            "market.start": self.start,
        }


def identity_of(market: MarketSettings) -> RunIdentity:
    """Return what makes this the same run as another one."""
    named = market.source in {SIMULATED, SAMPLE}
    source = market.source if named else str(Path(market.source).resolve())
    return RunIdentity(market=source, seed=market.seed, clients=market.clients, start=market.start)


def recorded_run(source: str) -> DataDirectory | None:
    """Return the data directory of an earlier run if a market's source is one."""
    if source in {SIMULATED, SAMPLE}:
        return None
    directory = DataDirectory(Path(source))
    return directory if directory.identity_file.exists() else None


class DataDirectory:
    """Names and ownership below one directory. Creating the object touches nothing."""

    def __init__(self, root: Path) -> None:
        """Take the directory, which need not exist yet."""
        self.root = root.absolute()
        self.identity_file = self.root / "run.json"
        self.platform = self.root / "platform"
        self.journal = self.root / "journal"
        self.snapshots = self.root / "snapshots"
        self.flow = self.root / "flow"
        self.hedging = self.root / "hedging"
        self.database = self.root / "desk.db"
        self.parties = self.root / "parties"
        self.secrets_file = self.root / "simulated-secrets.json"
        self.webhooks_file = self.root / "run" / "webhooks.address"
        self.slack_file = self.root / "run" / "slack.address"
        self.parties_file = self.root / "run" / "parties.address"
        self.revenue_lake = self.root / "lake" / "revenue"
        self.run_id_file = self.root / "run.id"
        self.logs = self.root / "log"
        self.runtime = self.root / "run"

    def log_file(self, role: Role) -> Path:
        """Return where a process writes its log."""
        return self.logs / f"{role}.log"

    def pid_file(self, role: Role) -> Path:
        """Return where a process writes its number while it lives."""
        return self.runtime / f"{role}.pid"

    def socket(self, role: Role) -> Path:
        """Return the Unix socket on which a process answers.

        A path that is too long for a socket moves to a private directory of this user.
        """
        path = self.runtime / f"{role}.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"plimsoll-{os.getuid()}" / f"{digest}-{role}.sock"

    def prepare(self) -> None:
        """Create the directories that processes meet in, readable by this user only.

        Raises:
            StorageError: They cannot be created or belong to somebody else.
        """
        private = {self.runtime, self.socket(Role.ENGINE).parent}
        try:
            for directory in (self.logs, *private):
                directory.mkdir(parents=True, exist_ok=True)
            for directory in private:
                directory.chmod(0o700)
        except OSError as e:
            raise StorageError(
                f"{e.filename} cannot be used: {e.strerror}; choose another directory with --data"
            ) from e

    def held_identity(self) -> RunIdentity | None:
        """Return the run that the directory holds, None if it holds none.

        Raises:
            StorageError: ``run.json`` is damaged, or the directory holds something else.
        """
        try:
            return msgspec.json.decode(self.identity_file.read_bytes(), type=RunIdentity)
        except FileNotFoundError:
            self._refuse_foreign_files()
            return None
        except (*UNDECODABLE, OSError) as e:
            raise StorageError(
                f"{self.identity_file} cannot be read ({e}): move it away or choose another "
                "directory with --data"
            ) from e

    def claim(self, identity: RunIdentity) -> bool:
        """Write the identity down, or check that the directory holds the same run.

        Returns:
            Whether the directory already held the run, so that it continues.

        Raises:
            StorageError: It holds another run.
        """
        held = self.held_identity()
        if held is None:
            self.root.mkdir(parents=True, exist_ok=True)
            replace_file(self.identity_file, msgspec.json.encode(identity))
            return False
        if held != identity:
            raise StorageError(
                f"{self.root} holds another run ({held}), not {identity}: continue it without "
                "these options, choose another directory with --data, or delete it with --fresh"
            )
        return True

    def disclaim(self) -> None:
        """Forget a run that never began: its platform wrote nothing."""
        if not self.platform.exists():
            self.delete_run()

    def delete_run(self) -> None:
        """Delete what a run wrote here and nothing else; locks and logs stay."""
        for path in (
            self.platform,
            self.journal,
            self.snapshots,
            self.flow,
            self.hedging,
            self.parties,
            self.revenue_lake.parent,
        ):
            shutil.rmtree(path, ignore_errors=True)
        for ending in ("", "-wal", "-shm"):
            self.database.with_name(self.database.name + ending).unlink(missing_ok=True)
        self.run_id_file.unlink(missing_ok=True)
        self.secrets_file.unlink(missing_ok=True)
        self.identity_file.unlink(missing_ok=True)

    def run_id(self) -> str:
        """Return a name that no other run has; a database says with it whose facts it holds.

        Raises:
            StorageError: It cannot be written down.
        """
        held = self.held_run_id()
        if held is None:
            held = secrets.token_hex(16)
            try:
                replace_file(self.run_id_file, held.encode())
            except OSError as e:
                raise StorageError(f"{self.run_id_file} cannot be written: {e.strerror}") from e
        return held

    def held_run_id(self) -> str | None:
        """Return the name that the run has, None before it has one."""
        try:
            return self.run_id_file.read_text(encoding="ascii").strip() or None
        except FileNotFoundError:
            return None
        except OSError as e:
            raise StorageError(f"{self.run_id_file} cannot be read: {e.strerror}") from e

    def make_database(self) -> None:
        """Make SQLite's file, empty and for this user only, unless there is one.

        Raises:
            StorageError: It cannot be made.
        """
        try:
            self.database.touch(mode=0o600)
        except OSError as e:
            raise StorageError(f"{self.database} cannot be made: {e.strerror}") from e

    def size(self) -> int:
        """Return the bytes that all files of the run take."""
        return sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file())

    def set_aside(self) -> list[Path]:
        """Return the files that were found damaged, or spoilt by damage, and moved out of use."""
        return sorted(self.root.rglob(f"{SET_ASIDE}/*"))

    def owner(self, role: Role) -> int | None:
        """Return the process that has a role now, None if nobody has."""
        try:
            with self._lock_file(role).open("rb") as file:
                return None if _locked(file) else _number_in(self.pid_file(role))
        except FileNotFoundError:
            return None

    @contextmanager
    def hold(self, role: Role, patience_s: float = 0.2) -> Iterator[None]:
        """Have a role alone until the block ends or the process dies.

        Args:
            role: What this process wants to be.
            patience_s: How long to wait for a predecessor that is still ending.

        Raises:
            StorageError: Another process keeps it.
        """
        with self._lock_file(role).open("ab") as file:
            deadline = time.monotonic() + patience_s
            while not _locked(file):
                if time.monotonic() >= deadline:
                    raise self._taken(role)
                time.sleep(0.02)
            pid_file = self.pid_file(role)
            replace_file(pid_file, str(os.getpid()).encode())
            try:
                yield
            finally:
                pid_file.unlink(missing_ok=True)

    def _taken(self, role: Role) -> StorageError:
        who = "Plimsoll" if role is Role.SUPERVISOR else f"Plimsoll's {role}"
        pid = _number_in(self.pid_file(role))
        number = f" (process {pid})" if pid is not None else ""
        return StorageError(
            f"another {who}{number} runs on {self.root}: stop it, or choose another directory "
            "with --data"
        )

    def _lock_file(self, role: Role) -> Path:
        return self.runtime / f"{role}.lock"

    def _refuse_foreign_files(self) -> None:
        ours = {self.logs.name, self.runtime.name}
        try:
            foreign = sorted(path.name for path in self.root.iterdir() if path.name not in ours)
        except FileNotFoundError:
            return
        except OSError as e:
            raise StorageError(
                f"{self.root} is no data directory: {e.strerror}; choose another one with --data"
            ) from e
        if foreign:
            raise StorageError(
                f"{self.root} is not empty ({foreign[0]}) and holds no run of Plimsoll: choose "
                "another directory with --data"
            )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part.

    Raises:
        OSError: It cannot be written; the old one stays.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def replace_file(path: Path, content: bytes) -> None:
    """Write a small file of a run as ``write_whole`` does.

    Raises:
        StorageError: It cannot be written (a full disk); the old one stays.
    """
    try:
        write_whole(path, content)
    except OSError as e:
        raise StorageError(
            f"{path} cannot be written: {e.strerror}; make room or repair the disk"
        ) from e


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
