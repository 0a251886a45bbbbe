"""The command line: what is asked reaches the commands, and every end has its exit code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dealing import cli
from dealing.directory import DataDirectory, Role
from exposure.errors import ConfigError, StorageError
from tests.feeds.book_files.day_files import write_book

ROOT = Path(__file__).parents[2]


class NotedCommands:
    """Commands that note how they were called and do nothing."""

    def __init__(self):
        self.calls = []
        self.answer = cli.DONE

    def __getattr__(self, name):
        def note(*args, **kwargs):
            self.calls.append((name, args, kwargs))
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return note


def plimsoll(*arguments, cwd=ROOT, **environment):
    inherited = {name: value for name, value in os.environ.items() if "PLIMSOLL" not in name}
    return subprocess.run(
        [sys.executable, ROOT / "app.py", *map(str, arguments)],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def asked(*arguments):
    commands = NotedCommands()
    assert cli.answer(arguments, commands) == cli.DONE
    (call,) = commands.calls
    return call


def test_run_passes_every_option_on():
    name, (choices,), flags = asked(
        *("run", "--config", "my.yaml", "--market", "sample", "--speed", "2.5", "--clients", "50"),
        *("--seed", "7", "--host", "::1", "--port", "0", "--data", "d", "--no-browser", "--fresh"),
    )
    assert name == "run"
    assert flags == {"fresh": True}
    assert choices.file == Path("my.yaml")
    assert choices.values == {
        "market.source": "sample",
        "market.speed": 2.5,
        "market.clients": 50,
        "market.seed": 7,
        "storage.directory": "d",
        "desk.host": "::1",
        "desk.port": 0,
        "desk.open_browser": False,
    }


def test_what_is_not_said_changes_nothing():
    _, (choices,), flags = asked("run")
    assert set(choices.values.values()) == {None}
    assert flags == {"fresh": False}


def test_replay_and_bench_pass_their_options_on():
    assert asked("replay", "day", "--until", "1399550400000", "--json", "-") == (
        "replay",
        (cli.Choices(), Path("day")),
        {"until_ms": 1399550400000, "json_out": "-"},
    )
    assert asked("score", "day", "--client", "7", "--client", "9", "--json", "-") == (
        "score",
        (cli.Choices(), Path("day")),
        {"clients": ("7", "9"), "until_ms": None, "json_out": "-"},
    )
    assert asked("bench", "--size", "seed", "--quick", "--peers") == (
        "bench",
        (cli.Choices(),),
        {"size": "seed", "quick": True, "peers": True, "long": False, "json_out": None},
    )


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "feed",
        "engine",
        "desk",
        "replay",
        "score",
        "stress",
        "bench",
        "doctor",
        "check-config",
    ],
)
def test_every_command_explains_itself(command, capsys):
    commands = NotedCommands()
    assert cli.answer([command, "--help"], commands) == cli.DONE
    shown = capsys.readouterr().out
    assert f"plimsoll {command}" in shown
    assert "--settings" not in shown
    assert ("--config" in shown) == (command != "check-config")
    assert commands.calls == []


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        (ConfigError(["a: is bad", "b: too"]), 2, "plimsoll: a: is bad\nplimsoll: b: too\n"),
        (StorageError("the disk is full"), 1, "plimsoll: the disk is full\n"),
        (1, 1, ""),
        (0, 0, ""),
    ],
)
def test_the_end_of_a_command_is_the_exit_code(end, code, said, capsys):
    commands = NotedCommands()
    commands.answer = end
    assert cli.answer(["doctor"], commands) == code
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--sped", "2"], "No such option: --sped"),
        (["run", "--port", "http"], "Invalid value for '--port'"),
        (["rnu"], "No such command 'rnu'"),
        (["replay"], "Missing argument 'DIR'"),
        (["bench", "--size", "huge"], "Invalid value for '--size'"),
    ],
)
def test_wrong_usage_is_said_in_one_line_and_ends_with_2(arguments, said, capsys):
    assert cli.answer(arguments, NotedCommands()) == cli.MISUSED
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"plimsoll: {said}")
    assert complaint.count("\n") == 1


def test_an_interrupted_command_has_failed():
    commands = NotedCommands()
    commands.doctor = lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
    assert cli.answer(["doctor"], commands) == cli.FAILED


def test_without_a_command_the_help_is_shown(capsys):
    assert cli.answer([], NotedCommands()) == cli.MISUSED
    assert "check-config" in capsys.readouterr().out


def test_app_py_says_its_version():
    done = plimsoll("--version")
    assert (done.returncode, done.stdout) == (0, "plimsoll 0.1.0\n")


def test_check_config_accepts_the_default_and_lists_every_problem_of_another(tmp_path):
    good = plimsoll("check-config", "config.yaml")
    assert (good.returncode, good.stdout) == (0, "config.yaml is a good configuration.\n")
    (tmp_path / "bad.yaml").write_text("desk:\n  prot: 1\n  port: 0x10000\nzebra: {}\n")
    bad = plimsoll("check-config", "bad.yaml", cwd=tmp_path)
    assert bad.returncode == 2
    assert bad.stdout == ""
    assert bad.stderr.splitlines() == [
        "plimsoll: bad.yaml line 2: desk.prot: there is no such key, did you mean desk.port?",
        "plimsoll: bad.yaml line 3: desk.port: must be less than or equal to 65535, was 65536",
        (
            "plimsoll: bad.yaml line 4: zebra: there is no such key "
            "(the sections are alerts, commands, desk, email, engine, hedging, limits, log, "
            "market, providers, routing, slack, storage, sync)"
        ),
    ]


@pytest.mark.parametrize("key", ["policy", "shadow"])
def test_check_config_and_run_read_the_policies_that_are_named(tmp_path, key):
    (tmp_path / "policy.yaml").write_text("name: mine\nversion: 1\ncapz: {}\n")
    (tmp_path / "mine.yaml").write_text(f"routing: {{{key}: policy.yaml}}\n")
    for command in (["check-config", "mine.yaml"], ["run", "--config", "mine.yaml"]):
        done = plimsoll(*command, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        (problem,) = done.stderr.splitlines()
        assert problem.startswith("plimsoll: policy.yaml line 3: capz: there is no such key")


def test_a_replay_caps_leverage_by_the_regimes_of_the_configuration(tmp_path):
    write_book(
        tmp_path / "day",
        accounts="login,client_id,currency,balance,leverage,book,region,category\n"
        "1,1,USD,10000,500,B,EU,retail\n",
        deals="ts_ms,deal_id,login,position_id,symbol,side,entry,lots,price\n"
        "2000,1,1,1,EURUSD,buy,in,1,1.2\n",
    )
    (tmp_path / "mine.yaml").write_text("engine: {regimes: [EU/retail=esma]}\n")

    def margin(*options):
        done = plimsoll("replay", tmp_path / "day", "--json", "-", *options)
        return json.loads(done.stdout)["accounts"][0]["margin"]

    assert margin() == pytest.approx(240.0)
    assert margin("--config", tmp_path / "mine.yaml") == pytest.approx(4_000.0)


def test_a_wrong_environment_ends_with_2(tmp_path):
    done = plimsoll("doctor", cwd=tmp_path, PLIMSOLL__DESK__PORT="http")
    assert done.returncode == 2
    assert done.stderr == (
        "plimsoll: PLIMSOLL__DESK__PORT: desk.port: must be a valid integer, was 'http'\n"
    )


def test_a_second_run_on_the_same_directory_names_directory_and_process(tmp_path):
    directory = DataDirectory(tmp_path / "data")
    directory.prepare()
    with directory.hold(Role.SUPERVISOR):
        done = plimsoll("run", "--data", directory.root)
    assert done.returncode == 1
    assert done.stderr == (
        f"plimsoll: another Plimsoll (process {os.getpid()}) runs on {directory.root}: stop it, "
        "or choose another directory with --data\n"
    )


def test_a_port_that_is_taken_is_named_with_the_way_out(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = plimsoll("run", "--data", tmp_path / "data", "--port", port)
    assert done.returncode == 1
    assert done.stderr == (
        f"plimsoll: the desk cannot listen on 127.0.0.1 port {port} (address already in use): "
        "choose another port with --port (0 takes any free one), or stop what uses it\n"
    )


def test_a_run_of_another_market_is_refused_and_told_how_to_go_on(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "run.json").write_text('{"market":"simulated","seed":1,"clients":50}')
    done = plimsoll("run", "--data", data, "--seed", "2")
    assert done.returncode == 1
    assert done.stderr == (
        f"plimsoll: {data} holds another run (simulated market, 50 clients, seed 1), not simulated "
        "market, 50 clients, seed 2: continue it without these options, choose another directory "
        "with --data, or delete it with --fresh\n"
    )


def test_a_host_that_others_can_reach_is_refused(tmp_path):
    done = plimsoll("run", "--data", tmp_path / "data", "--host", "0.0.0.0")  # noqa: S104
    assert done.returncode == 2
    assert "has no sign-in yet" in done.stderr
    assert not (tmp_path / "data").exists()


def test_doctor_says_that_nothing_runs_and_json_is_alone_on_standard_output(tmp_path):
    done = plimsoll("doctor", "--data", tmp_path / "data", "--json", "-")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["problems"] == ["nothing runs here: start it with plimsoll run"]
    assert [process["state"] for process in found["processes"]] == ["STOPPED"] * 4
    assert not (tmp_path / "data").exists()


def test_an_unexpected_error_is_one_sentence_and_the_traceback_is_for_those_who_ask(tmp_path):
    broken = (
        "import sys, app, dealing.bootstrap as b; b.cli.answer = lambda *_: {}['x']; "
        "sys.argv[1:] = ['doctor']; app.main()"
    )

    def start(**environment):
        return subprocess.run(
            [sys.executable, "-c", broken],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    short = start()
    assert short.returncode == 1
    assert short.stderr.startswith("plimsoll: unexpected KeyError in <string> line 1: 'x' (set ")
    assert short.stderr.count("\n") == 1
    assert "Traceback (most recent call last)" in start(PLIMSOLL_DEBUG="1").stderr
