"""How kernels are compiled and kept on disk."""

from __future__ import annotations

import functools
import hashlib
import pkgutil
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a function that allocates nothing.

    Without numba's run time no reference is counted. Counting would cost more than the work: every
    call that hands on a table touches the counters of all its columns, about 1 us a time.
    """
    options: dict[str, Any] = {"cache": True, "_nrt": False}
    compiled: Any = njit(**options)(function)
    # numba renews what it keeps on disk when a function's own file changes; kernels call each
    # other across files and carry each other's code, so any change has to renew all of them
    package = function.__module__.partition(".")[0]
    compiled._cache._cache_file._source_stamp = source_stamp(package)  # noqa: SLF001
    kept: Function = compiled
    return kept


@functools.cache
def source_stamp(package: str = "exposure") -> str:
    """Return what changes when any kernel of a room, or the layout of the tables, does."""
    modules = pkgutil.iter_modules(sys.modules[__package__].__path__)
    sources = [*(f"kernels/{module.name}.py" for module in modules), "state.py", "triggers.py"]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(pkgutil.get_data("exposure", source) or b"")
    if package in sys.modules and package != "exposure":
        for module in pkgutil.iter_modules(sys.modules[package].__path__):
            if not module.ispkg:
                digest.update(pkgutil.get_data(package, f"{module.name}.py") or b"")
    return digest.hexdigest()
