"""What cannot be used is moved out of the way, never deleted: a person may still want to read it.

Beside the files of a directory there is a directory ``set-aside``. Files keep their names there; of
a file whose beginning stays in use the rest is copied, and the copy's name says from which byte.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from exposure.errors import StorageError

SET_ASIDE: Final = "set-aside"


def move_aside(path: Path) -> Path:
    """Move a file away from those in use and return where it is now.

    Raises:
        StorageError: It cannot be moved, and is where it was.
    """
    try:
        target = _free_name(path.parent, path.name)
        path.rename(target)
        _sync_both(target)
    except OSError as e:
        raise _failed(path, e) from e
    return target


def copy_aside(path: Path, offset: int) -> Path:
    """Copy what a file holds from a byte on, on the disk already, and return where it is.

    Raises:
        StorageError: It cannot be copied (a full disk); no part of a copy stays.
    """
    try:
        target = _free_name(path.parent, f"{path.stem}-from-byte-{offset}{path.suffix}")
        try:
            _copy(path, offset, target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
        _sync_both(target)
    except OSError as e:
        raise _failed(path, e) from e
    return target


def sync_directory(path: Path) -> None:
    """Wait until the disk knows the names in a directory."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _copy(path: Path, offset: int, target: Path) -> None:
    with path.open("rb") as source, target.open("xb") as copy:
        source.seek(offset)
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())


def _free_name(directory: Path, name: str) -> Path:
    aside = directory / SET_ASIDE
    aside.mkdir(mode=0o700, exist_ok=True)
    wanted = target = aside / name
    number = 1
    while target.exists():
        number += 1
        target = wanted.with_stem(f"{wanted.stem}-{number}")
    return target


def _sync_both(target: Path) -> None:
    sync_directory(target.parent)
    sync_directory(target.parent.parent)


def _failed(path: Path, e: OSError) -> StorageError:
    return StorageError(
        f"{path} is damaged and cannot be set aside: {e.strerror}; make room or move it away, then "
        "start again"
    )
