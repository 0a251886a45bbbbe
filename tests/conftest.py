"""What holds for every test: the fast ones first, nothing skipped where CI=true.

`make test` draws the same random examples every time, `make test-all` new ones and more of them.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.crm_sync.databases import (
    database,
    postgres,
    postgres_database,
    postgres_template,
    sqlite_database,
    sqlite_template,
)

__all__ = [
    "database",
    "postgres",
    "postgres_database",
    "postgres_template",
    "sqlite_database",
    "sqlite_template",
]

pytest.register_assert_rewrite("tests.desk.pages")


def pytest_configure() -> None:
    """Make the surroundings the same everywhere.

    Random examples have no time limit, because a busy machine is no mistake in the code.
    """
    for name in list(os.environ):
        if name.startswith("PLIMSOLL__") or name in {"COLUMNS", "FORCE_COLOR", "NO_COLOR"}:
            del os.environ[name]
    os.environ["TERM"] = "xterm"
    settings.register_profile("short", deadline=None, derandomize=True)
    settings.register_profile("long", deadline=None, max_examples=500)
    settings.load_profile("long" if os.environ.get("PLIMSOLL_LONG_TESTS") == "1" else "short")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is quick first, so that a mistake shows early; the order is otherwise kept."""
    items.sort(key=_slowness)


def _slowness(item: pytest.Item) -> int:
    marks = ("slow", "browser")
    return max(
        (rank for rank, mark in enumerate(marks, 1) if item.get_closest_marker(mark)), default=0
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Turn a skipped test into a failed one under CI."""
    report = yield
    return _refuse_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    """Turn a skipped module into a failed one under CI."""
    report = yield
    return _refuse_skip(report)


def _refuse_skip(report):
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although CI=true: {report.longrepr}"
    return report
