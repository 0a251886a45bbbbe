"""What a genuine callback request looks like, told from the callbacks that exist.

Dash answers a malformed request with an internal error; the guard asks here first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

MAX_CHANGED: Final = 64


def problem_of(payload: Any, callbacks: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return what is wrong with a callback request, None if nothing is.

    Args:
        payload: The parsed body.
        callbacks: The application's ``callback_map``.
    """
    if not isinstance(payload, dict):
        return "a callback request is an object"
    output = payload.get("output")
    callback = callbacks.get(output) if isinstance(output, str) else None
    if callback is None or "callback" not in callback:
        return "there is no such callback"
    if not _matches(payload.get("inputs"), callback["inputs"]):
        return "the inputs are not those of the callback"
    if not _matches(payload.get("state", []), callback["state"]):
        return "the state is not that of the callback"
    if not _names(payload.get("changedPropIds", [])):
        return "changedPropIds is a short list of names"
    return (
        None if _outputs(payload.get("outputs"), output) else "the outputs are not the callback's"
    )


def _matches(given: Any, wanted: Sequence[Mapping[str, Any]]) -> bool:
    if not isinstance(given, list) or len(given) != len(wanted):
        return False
    return all(_is_prop(one, other) for one, other in zip(given, wanted, strict=True))


def _is_prop(given: Any, wanted: Mapping[str, Any]) -> bool:
    if not isinstance(given, dict):
        return False
    return (given.get("id"), given.get("property")) == (wanted["id"], wanted["property"])


def _names(given: Any) -> bool:
    if not isinstance(given, list) or len(given) > MAX_CHANGED:
        return False
    return all(isinstance(name, str) for name in given)


def _outputs(given: Any, output: Any) -> bool:
    listed = given if isinstance(given, list) else [given]
    if not all(isinstance(one, dict) for one in listed):
        return False
    names = [f"{one.get('id')}.{one.get('property')}" for one in listed]
    wanted = str(output).strip(".").split("...")
    return names == wanted
