"""Components of a run and their life, in words that every process can afford to load."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ComponentState(StrEnum):
    """The life of a component, as the desk shows it."""

    READY = "READY"
    RUNNING = "RUNNING"
    DEGRADED = "DEGRADED"
    STOPPED = "STOPPED"
    FAULTED = "FAULTED"


class ComponentStatus(msgspec.Struct, frozen=True):
    """One component's state in a sentence; ``age_ms`` is how long ago it last said something."""

    name: str
    state: ComponentState
    detail: str
    age_ms: float | None
