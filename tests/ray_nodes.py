"""Ray nodes of our own on this machine: own ports, folders and token; each is ended by its process
number, never by `ray stop`."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

_RAY = str(Path(sys.executable).with_name("ray"))

_TOKEN = os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
"""One for all clusters of this process: Ray reads a process's token once."""


@dataclass
class Nodes:
    """A head and its workers; `environment` is what a driver needs to join them."""

    folder: Path
    port: int
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(
        self, *, cpus: int, gpus: int = 0, dashboard: Literal["yes", "no"] = "no"
    ) -> subprocess.Popen[bytes]:
        """One more node; the first is the head. Ray Train gives back what a killed trainer held
        only where there is a dashboard to ask."""
        head = not self.processes
        shown = (
            ["--include-dashboard=true", f"--dashboard-port={free_port()}"]
            if dashboard == "yes"
            else ["--include-dashboard=false"]
        )
        place = (
            ["--head", f"--port={self.port}", *shown]
            if head
            else [f"--address=127.0.0.1:{self.port}"]
        )
        options = [
            "--node-ip-address=127.0.0.1",
            f"--num-cpus={cpus}",
            f"--num-gpus={gpus}",
            f"--dashboard-agent-listen-port={free_port()}",
        ]
        number = len(self.processes)
        command = [
            _RAY,
            "start",
            *place,
            *options,
            f"--temp-dir={self.folder / str(number)}",
            "--object-store-memory=100000000",
            "--block",
        ]
        with (self.folder / f"node-{number}.log").open("wb") as log:
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        self.processes.append(process)
        deadline_s = time.monotonic() + 180
        while b"--block" not in (said := (self.folder / f"node-{number}.log").read_bytes()):
            assert process.poll() is None, said.decode()
            assert time.monotonic() < deadline_s, said.decode()
            time.sleep(0.2)
        return process

    def join(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """This process's drivers go to these nodes until the test ends."""
        for key in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            monkeypatch.setenv(key, self.environment[key])
        # Ray reads the mode when it is loaded, which another test's file may have done long before
        from ray._raylet import Config

        Config.initialize("")


@contextmanager
def ray_nodes() -> Iterator[Nodes]:
    """No node yet; all that are started inside end with it."""
    folder = Path(tempfile.mkdtemp(prefix="psc-", dir="/tmp"))
    port = free_port()
    ours = {"RAY_ADDRESS": f"127.0.0.1:{port}", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN}
    others = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    nodes = Nodes(folder, port, others | ours)
    try:
        yield nodes
    finally:
        for process in reversed(nodes.processes):
            process.terminate()
            process.wait(90)
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ancestors(process: int) -> list[int]:
    """Parent, grandparent and so on up to 1; none of a process that is gone."""
    found = []
    while process > 1:
        try:
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except FileNotFoundError:
            return []
        found.append(process)
    return found
