"""The house rules that a machine can check: who imports whom, how long, what is where."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
ROOMS = ("bookrouting", "crm_sync", "dealing", "exposure", "feeds")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("deb", "debian", "org"),
    )
]
"""Hosts that a person's own configuration chooses; spelt so that this file does not hold them."""

MACHINE_PATHS = re.compile("|".join(rf"(?<![\w./-])/{name}/" for name in ("work", "root", "tmp/b")))


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_modules(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def calls(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def attributes(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring and decorators."""
    documented = ast.get_docstring(function, clean=False) is not None
    start = function.body[0].end_lineno if documented else function.lineno
    return (function.end_lineno or function.lineno) - (start or function.lineno)


def function_lengths() -> dict[str, int]:
    return {
        f"{short(path)}:{node.lineno} {node.name}": body_lines(node)
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every text file that belongs to the project, without needing git."""
    kept = {".ci", ".gitignore", ".pre-commit-config.yaml"}
    generated = {"dist", "test-results", "var"}
    for top in sorted(ROOT.iterdir()):
        if top.name in generated or (top.name.startswith(".") and top.name not in kept):
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                try:
                    yield path, path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue


def test_the_import_contracts_hold():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(
        [*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_app_wires_nothing_itself():
    app = ROOT / "app.py"
    ours = {name for name in imported_modules(tree(app)) if name.split(".")[0] in ROOMS}

    assert ours == {"dealing.bootstrap", "dealing.stopping"}
    assert len(app.read_text(encoding="utf-8").splitlines()) <= 80


def test_dash_and_plotly_live_in_the_desk_only():
    web = {"dash", "dash_ag_grid", "dash_mantine_components", "plotly"}
    desk = ROOT / "dealing" / "desk"
    elsewhere = [
        short(path)
        for path in SOURCES
        if desk not in path.parents
        and web & {name.split(".")[0] for name in imported_modules(tree(path))}
    ]

    assert elsewhere == []


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_a_module_stays_readable_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_a_module_starts_with_its_idea(path):
    text = path.read_text(encoding="utf-8")

    assert not text.strip() or ast.get_docstring(tree(path))


def test_functions_are_short():
    lengths = function_lengths()
    by_length = sorted(lengths.values())

    assert statistics.median(by_length) <= 8
    p95 = by_length[int(0.95 * len(by_length))]
    assert p95 < 40, sorted(lengths, key=lengths.__getitem__)[-20:]


def test_the_program_speaks_through_its_own_console_and_log():
    printing = [short(path) for path in SOURCES if "print" in calls(tree(path))]

    assert printing == []


def test_no_source_says_that_it_is_unfinished():
    words = re.compile(r"\b(TODO|FIXME|XXX)\b")
    saying = [
        f"{short(path)}: {match.group()}"
        for path in SOURCES
        for match in words.finditer(path.read_text(encoding="utf-8"))
    ]

    assert saying == []


def test_no_error_is_caught_whatever_it_is():
    broad = [
        f"{short(path)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
    ]

    assert broad == []


def test_no_test_sleeps():
    sleeping = [short(path) for path in TESTS if "time.sleep" in calls(tree(path))]

    assert sleeping == []


def test_no_test_is_skipped_by_design():
    skips = {"pytest.skip", "pytest.importorskip", "pytest.mark.skip", "pytest.mark.skipif"}
    skipping = [short(path) for path in TESTS if skips & set(attributes(tree(path)))]

    assert skipping == []


def test_every_test_file_belongs_to_a_room():
    rooms = {path.relative_to(ROOT / "tests").parts[0] for path in TESTS}

    assert {name for name in rooms if not name.endswith(".py")} <= {*ROOMS, "desk", "oracle"}


def test_the_project_names_no_machine_and_no_registry():
    named = [
        f"{short(path)}: {match.group()}"
        for path, text in texts()
        for match in re.finditer(
            f"{'|'.join(map(re.escape, REGISTRIES))}|{MACHINE_PATHS.pattern}", text
        )
    ]

    assert named == []


def test_both_locks_agree_and_hold_hashes():
    run = locked_versions(ROOT / "requirements.lock")
    dev = locked_versions(ROOT / "requirements-dev.lock")

    assert run <= dev


def locked_versions(lock: Path) -> set[str]:
    """Return what is locked, having checked that each requirement carries hashes alone."""
    requirements = set()
    for block in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip()):
        requirement, *hashes = block.split(" \\\n")
        assert hashes, f"{requirement} has no hash"
        assert all(line.strip().startswith("--hash=sha256:") for line in hashes), requirement
        requirements.add(requirement)
    return requirements


def test_the_locks_hold_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["build"], *extras["dev"]]
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))

    unmet = [text for text in wanted if not met(Requirement(text), locked)]

    assert unmet == []


def met(requirement: Requirement, locked: dict[str, str]) -> bool:
    version = locked.get(requirement.name)
    return version is not None and requirement.specifier.contains(version)
