"""What ships: the wheel holds the program and its data, runs elsewhere, and takes nobody's name."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"app", "bookrouting", "crm_sync", "dealing", "exposure", "feeds"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel as `make build` does, without any index."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory) -> Path:
    """Lay the wheel out as an installation would."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_installed(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the unpacked program far from the repository, on its own code."""
    start = "import sys; sys.argv[0] = 'plimsoll'; from app import main; main()"
    return subprocess.run(
        [sys.executable, "-c", start, *arguments],
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_the_program_and_nothing_else(unpacked):
    top = {path.name.removesuffix(".py") for path in unpacked.iterdir()}

    assert {name for name in top if not name.endswith(".dist-info")} == OURS
    assert not list(unpacked.rglob("__pycache__"))
    assert not list(unpacked.rglob("test_*.py"))


@pytest.mark.parametrize("folder", ["assets", "feeds/samples", "feeds/simulator/parameters"])
def test_the_wheel_holds_every_data_file(unpacked, folder):
    inside = "dealing/desk/assets" if folder == "assets" else folder
    ignored = {"__pycache__"}
    data = [
        path.relative_to(ROOT / folder)
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not ignored & set(path.parts)
    ]

    assert data
    assert [path for path in data if not (unpacked / inside / path).is_file()] == []


def test_the_default_configuration_is_the_repository_s_own(unpacked):
    shipped = (unpacked / "dealing" / "config.default.yaml").read_bytes()

    assert shipped == (ROOT / "config.yaml").read_bytes()


def test_every_package_says_that_it_is_typed(unpacked):
    assert {path.parent.name for path in unpacked.rglob("py.typed")} == OURS - {"app"}


def test_the_wheel_carries_its_licence_and_its_command(unpacked):
    (about,) = unpacked.glob("*.dist-info")

    assert "Apache License" in (about / "licenses" / "LICENSE").read_text()
    assert "plimsoll = app:main" in (about / "entry_points.txt").read_text()


def test_the_installed_program_says_its_version(unpacked):
    done = run_installed(unpacked, "--version")

    assert done.returncode == 0, done.stderr
    assert importlib.metadata.version("plimsoll") in done.stdout


def test_the_installed_program_accepts_its_own_configuration(unpacked):
    done = run_installed(
        unpacked, "check-config", str(unpacked / "dealing" / "config.default.yaml")
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_installed_program_runs_its_own_code(unpacked):
    """The repository is importable too in a development environment: it must not answer."""
    asked = (
        "import app, dealing, exposure; print(app.__file__, dealing.__file__, exposure.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=unpacked.parent,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert all(name.startswith(str(unpacked)) for name in done.stdout.split())


def test_no_installed_dependency_owns_one_of_our_names():
    owners = {
        f"{name} comes from {distribution}"
        for name, distributions in importlib.metadata.packages_distributions().items()
        for distribution in distributions
        if name in OURS and distribution != "plimsoll"
    }

    assert owners == set()


def test_the_readme_s_targets_exist():
    code = re.findall(r"`[^`]+`|^    .+$", (ROOT / "README.md").read_text(), re.MULTILINE)
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(code)))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {"run", "test"} <= named <= targets


def test_the_readme_s_commands_exist(unpacked):
    readme = (ROOT / "README.md").read_text()
    for command in sorted(set(re.findall(r"\bplimsoll ([a-z-]+)", readme))):
        assert run_installed(unpacked, command, "--help").returncode == 0, command


def test_the_readme_s_links_lead_somewhere():
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"
