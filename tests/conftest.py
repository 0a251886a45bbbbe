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


LONGEST = (
    "test_sync_run", "test_storm", "test_week", "test_recovery", "test_run", "test_disk_full",
    "test_hedge_kills", "test_kills", "test_platform_run", "test_engine_stateful",
    "test_browser_risk", "test_browser_clients", "test_browser", "test_browser_looks",
    "test_browser_revenue", "test_browser_office",
)  # fmt: skip
"""Files of slow tests that take longest: begun last, one would keep the other worker waiting."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is quick first, so that a mistake shows early, and of what is slow the longest.

    The order is otherwise kept, and files are handed out in it (``--no-loadscope-reorder``).
    """
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[int, int]:
    marks = ("slow", "browser")
    slowness = max(
        (rank for rank, mark in enumerate(marks, 1) if item.get_closest_marker(mark)), default=0
    )
    is_long = slowness > 0 and item.path.stem in LONGEST
    return slowness, LONGEST.index(item.path.stem) if is_long else len(LONGEST)


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
