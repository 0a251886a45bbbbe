"""Which files of a book directory exist, and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from exposure.errors import DataError
from feeds.book_files.schema import FILE_NAMES, MUST_EXIST

FORMS: Final = (".csv", ".csv.gz", ".parquet")


def find_files(
    directory: Path, notes: list[str], must_exist: Sequence[str] = MUST_EXIST
) -> dict[str, Path]:
    """Return the file of each name of the table that exists.

    Data files with other names are noted, because a misspelt name is easily overlooked.

    Raises:
        DataError: There is no such directory, a file that must exist does not, or one name exists
            in two forms.
    """
    listed = _listing(directory)
    found: dict[str, Path] = {}
    for path in listed:
        form = next((form for form in FORMS if path.name.endswith(form)), None)
        if form is None:
            continue
        name = path.name.removesuffix(form)
        if name not in FILE_NAMES:
            notes.append(f"{path.name} is ignored: a book directory has no file of that name")
        elif name in found:
            raise DataError(
                f"{directory} has both {found[name].name} and {path.name}: keep one of them"
            )
        else:
            found[name] = path
    missing = [name for name in must_exist if name not in found]
    if missing:
        raise DataError(_missing(directory, missing, empty=not listed))
    return found


def _listing(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        raise DataError(f"{directory} does not exist: name the directory of the files") from None
    except NotADirectoryError:
        raise DataError(
            f"{directory} is a file: name the directory that holds instruments, accounts and quotes"
        ) from None
    except OSError as e:
        raise DataError(f"{directory} cannot be read: {e.strerror}") from e


def _missing(directory: Path, missing: list[str], *, empty: bool) -> str:
    state = "is empty" if empty else f"has no {' and no '.join(missing)} file"
    forms = ", ".join(f"{missing[0]}{form}" for form in FORMS[:-1])
    return f"{directory} {state}: add {forms} or {missing[0]}{FORMS[-1]}" + (
        f", and the same for {' and '.join(missing[1:])}" if missing[1:] else ""
    )
