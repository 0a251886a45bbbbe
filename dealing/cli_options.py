"""What several commands of the command line have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about settings.

    ``values`` are dotted keys, None where it says nothing. ``exact`` is a file with complete
    settings, written by the supervisor for its children.
    """

    file: Path | None = None
    values: dict[str, Any] = {}
    exact: Path | None = None


Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Your own configuration over the default."),
]
Json = Annotated[
    str | None,
    typer.Option("--json", metavar="OUT", help="Write the answer as JSON, - for standard output."),
]
