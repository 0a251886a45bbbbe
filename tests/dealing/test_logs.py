"""What a process writes down: lines for machines in a file, sentences for people beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SETUP = """
import logging, sys, warnings
from pathlib import Path
import structlog
from dealing.logs import log_to_terminal, start_logging
from dealing.settings import load_settings
"""

PROCESS = """
log = load_settings(command_line={"log.rotate_mb": 1, "log.kept_files": 2}).log
start_logging("plimsoll engine", Path(sys.argv[1]), log)
"""


def speak(script, *arguments):
    return subprocess.run(
        [sys.executable, "-c", SETUP + script, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def file(tmp_path):
    return tmp_path / "engine.log"


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_the_file_has_everything_from_info_and_the_terminal_what_matters(file):
    done = speak(
        PROCESS
        + """
log = structlog.get_logger("ours")
log.debug("too small"), log.info("platform reached", position=7)
log.warning("platform away", reason="it sleeps", since=3)
logging.getLogger("theirs").error("disk %s", "tired")
warnings.warn("old habits")
""",
        file,
    )
    assert done.stdout == ""
    assert "plimsoll engine: platform away (reason it sleeps, since 3)\n" in done.stderr
    assert "plimsoll engine: disk tired\n" in done.stderr
    assert "platform reached" not in done.stderr
    found = {line["event"].split("\n")[0]: line for line in lines(file)}
    assert found["platform reached"]["position"] == 7
    assert found["platform away"]["level"] == "warning"
    assert found["disk tired"]["logger"] == "theirs"
    assert any("old habits" in event for event in found)
    assert "too small" not in found
    assert all(line["timestamp"].endswith("Z") for line in found.values())


def test_an_unexpected_error_is_a_sentence_here_and_a_traceback_there(file):
    done = speak(PROCESS + "{}['gone']", file)
    assert done.returncode == 1
    assert done.stderr == (
        "plimsoll engine: unexpected KeyError in <string> line 10: 'gone'; the traceback is in the "
        "log\n"
    )
    (line,) = lines(file)
    assert line["level"] == "critical"
    assert "Traceback (most recent call last)" in line["exception"]


def test_a_full_file_is_set_aside_and_old_ones_are_dropped(file):
    script = "for i in range(40): structlog.get_logger().info('x' * 100_000, number=i)"
    assert speak(PROCESS + script, file).returncode == 0
    kept = sorted(path.name for path in file.parent.iterdir())
    assert kept == ["engine.log", "engine.log.1", "engine.log.2"]
    assert lines(file)[-1]["number"] == 39


def test_a_log_that_takes_no_more_lines_is_said_once_and_harms_nobody(file):
    script = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
for number in range(40): structlog.get_logger().info("x" * 100, number=number)
sys.stdout.write("still here")
"""
    done = speak(PROCESS + script, file)
    assert (done.returncode, done.stdout) == (0, "still here")
    assert done.stderr == f"plimsoll: the log {file} cannot be written: File too large\n"
    assert file.stat().st_size <= 2_000


def test_a_log_that_cannot_be_opened_is_a_sentence(file):
    file.mkdir()
    done = speak(PROCESS, file)
    assert f"the log {file} cannot be opened: Is a directory" in done.stderr


def test_a_command_says_only_what_matters_and_never_on_standard_output():
    done = speak(
        """
log_to_terminal("plimsoll")
structlog.get_logger().info("a detail")
structlog.get_logger().warning("snapshot passed over", position=5)
"""
    )
    assert (done.stdout, done.stderr) == ("", "plimsoll: snapshot passed over (position 5)\n")
