"""What the processes write down: JSON lines in a file, and what matters on the terminal.

Nothing ever goes to standard output: that belongs to answers.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import structlog

from dealing.settings import LogSettings
from exposure.errors import StorageError


def log_to_terminal(name: str, level: str = "warning") -> None:
    """Say what matters on standard error, in the words of ``name``."""
    _log_to(_terminal(name, level))


def start_logging(name: str, file: Path, log: LogSettings) -> None:
    """Write JSON lines to a file and what matters to the terminal; unexpected errors too.

    Raises:
        StorageError: The file cannot be opened.
    """
    try:
        lines = _Lines(
            file, maxBytes=log.rotate_mb * 1_000_000, backupCount=log.kept_files, encoding="utf-8"
        )
    except OSError as e:
        raise StorageError(f"the log {file} cannot be opened: {e.strerror}") from e
    lines.setLevel(log.level.upper())
    lines.setFormatter(_formatter(structlog.processors.JSONRenderer()))
    _log_to(lines, _terminal(name, log.terminal_level))
    sys.excepthook = _log_unexpected


class _Lines(RotatingFileHandler):
    """Says once that the file takes no more lines, instead of a traceback for each of them."""

    _said = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._said:
            self._said = True
            sys.stderr.write(
                f"plimsoll: the log {self.baseFilename} cannot be written: {error.strerror}\n"
            )


def _log_to(*handlers: logging.Handler) -> None:
    logging.basicConfig(level=logging.DEBUG, handlers=handlers, force=True)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    for client in ("httpx2", "httpcore2"):  # a line per request, with all of its address
        logging.getLogger(client).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _terminal(name: str, level: str) -> logging.Handler:
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(level.upper())
    terminal.setFormatter(_formatter(_Sentence(name)))
    return terminal


def _log_unexpected(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    place = traceback.extract_tb(trace)[-1]
    logging.getLogger("plimsoll").critical(
        "unexpected %s in %s line %s: %s; the traceback is in the log",
        kind.__name__,
        Path(place.filename).name,
        place.lineno,
        error,
        exc_info=(kind, error, trace),
    )


_SHARED: Final = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def _formatter(renderer: structlog.typing.Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


class _Sentence:
    """Renders a message for a person: who says it, what, and the details in brackets."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, _: Any, __: str, message: MutableMapping[str, Any]) -> str:
        kept = {
            key: value
            for key, value in message.items()
            if key not in {"event", "level", "logger", "timestamp", "exception"}
        }
        details = ", ".join(f"{key} {value}" for key, value in kept.items())
        return f"{self._name}: {message['event']}{f' ({details})' if details else ''}"
