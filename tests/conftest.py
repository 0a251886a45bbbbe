"""What holds for every test: the fast ones come first, and where CI=true nothing is skipped."""

from __future__ import annotations

import os

import pytest


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
