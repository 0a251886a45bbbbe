"""How kernels are compiled and kept on disk."""

from __future__ import annotations

import functools
import hashlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile a function that allocates nothing.

    Without numba's run time no reference is counted. Counting would cost more than the work: every
    call that hands on a table touches the counters of all its columns, about 1 us a time.
    """
    return _compiled(function, {"cache": True, "_nrt": False})


def background_kernel(function: Function) -> Function:
    """Compile the same for a thread: others run while it works, on arrays that nobody changes."""
    return _compiled(function, {"cache": True, "_nrt": False, "nogil": True})


def _compiled(function: Function, options: dict[str, Any]) -> Function:
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
        for source in _sources(list(sys.modules[package].__path__), ""):
            digest.update(pkgutil.get_data(package, source) or b"")
    return digest.hexdigest()


def _sources(paths: list[str], prefix: str) -> Iterator[str]:
    """Yield the modules below some directories, those of packages in them too."""
    for module in pkgutil.iter_modules(paths):
        if module.ispkg:
            inside = [f"{path}/{module.name}" for path in paths]
            yield from _sources(inside, f"{prefix}{module.name}/")
        else:
            yield f"{prefix}{module.name}.py"
