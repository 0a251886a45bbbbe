"""``plimsoll audit verify``: what the command says and how it ends."""

from __future__ import annotations

import msgspec
from rich.console import Console

from crm_sync.audit import Verdict, verify
from dealing.answers import write_json
from dealing.commands.ports import CommandStore


def run_verify(store: CommandStore, *, head: str | None, json_out: str | None) -> int:
    """Walk the audit log's chain, tell whether it holds, and return 1 where it does not, else 0.

    Args:
        store: What is kept.
        head: A hash that was written down once and has to be in the chain.
        json_out: Where the verdict goes as JSON, "-" for standard output; None for a sentence.

    Raises:
        DeskError: The store cannot be read, or the JSON file cannot be written.
    """
    verdict = verify(store.audit_rows(), head)
    if json_out is None:
        Console(highlight=False, markup=False, soft_wrap=True).print(_sentence(verdict))
    else:
        content = {**msgspec.to_builtins(verdict), "ok": verdict.ok}
        write_json(msgspec.json.encode(content) + b"\n", json_out)
    return 0 if verdict.ok else 1


def _sentence(verdict: Verdict) -> str:
    if not verdict.ok:
        return f"The audit log is broken: {verdict.reason}. {verdict.rows:,} rows before it hold."
    rows = "1 row holds" if verdict.rows == 1 else f"{verdict.rows:,} rows hold"
    return f"{rows}. The newest hash is {verdict.head}: keep it somewhere else."
