"""The whole program as a person starts it, for browser tests against real processes."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import psutil

ROOT = Path(__file__).parents[2]


class RunningPlimsoll:
    """``plimsoll run`` on a free port, with a data directory of its own."""

    def __init__(self, directory, *choices):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}/"
        command = [sys.executable, "app.py", "run", "--no-browser", "--port", port]
        self._process = subprocess.Popen(
            [*command, "--data", str(directory), *choices], cwd=ROOT, stdout=subprocess.DEVNULL
        )

    def until_ready(self, seconds=90):
        """Wait until the desk says that its figures are fresh."""
        deadline = time.monotonic() + seconds
        while not self._is_ready():
            assert time.monotonic() < deadline, "plimsoll did not become ready"
            assert self._process.poll() is None, "plimsoll ended"

    def role(self, name):
        """Return the process that plays a role: feed, engine or desk."""
        children = psutil.Process(self._process.pid).children()
        return next(child for child in children if name in child.cmdline()[1:4])

    def stop(self):
        """End it as Ctrl-C does."""
        self._process.terminate()
        self._process.wait(30)

    def _is_ready(self):
        try:
            return httpx2.get(self.url + "readyz", timeout=1).status_code == httpx2.codes.OK
        except httpx2.TransportError:
            return False
