"""`ray job submit` to a real head with token authentication, as `cluster/README.md` tells it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
RAY = str(Path(sys.executable).with_name("ray"))
CHANGES = ["train.steps=20", "data.videos=64", "judges.*.data.videos=8", "codec.corpus.videos=200"]


@dataclass(frozen=True)
class Head:
    address: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """A head node of our own: own home, ports and folder; ended by its process number, never by `ray stop`."""
    home, folder = tmp_path_factory.mktemp("home"), Path(f"/tmp/psh-{os.getpid()}")
    ours = {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "RAY_AUTH_MODE": "token"}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")} | ours
    subprocess.run([RAY, "get-auth-token", "--generate"], env=environment, check=True, capture_output=True)
    port, dashboard = free_port(), free_port()
    ports = [
        f"--port={port}",
        f"--dashboard-port={dashboard}",
        "--dashboard-host=127.0.0.1",
        f"--dashboard-agent-listen-port={free_port()}",
    ]
    command = [RAY, "start", "--head", *ports, "--num-cpus=2", f"--temp-dir={folder}", "--block"]
    with (home / "head.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{dashboard}"
    deadline_s = time.monotonic() + 120
    while status_of(f"{address}/api/version") == 0:
        assert time.monotonic() < deadline_s, (home / "head.log").read_text()
        time.sleep(0.5)
    yield Head(address=address, environment=environment)
    process.terminate()
    process.wait(90)
    shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def status_of(url: str, *, body: bytes | None = None) -> int:
    """HTTP status, 0 while nobody answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


def test_a_stranger_is_turned_away(head: Head) -> None:
    assert status_of(f"{head.address}/api/jobs/", body=b'{"entrypoint": "true"}') == 401


def test_the_quickstart_runs_as_a_job_and_goes_on_as_another(head: Head, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "experiments", tmp_path / "code" / "experiments", ignore=shutil.ignore_patterns("__pycache__"))
    study = ["python", "-m", "experiments.quickstart", "--only", "workers", "--results", str(tmp_path / "results"), *CHANGES]
    command = [RAY, "job", "submit", "--address", head.address, "--working-dir", str(tmp_path / "code"), "--", *study]
    first = submitted(command, environment=head.environment)
    assert first.returncode == 0, first.stdout[-3000:] + first.stderr[-3000:]
    assert "all 2 runs are done" in first.stdout
    again = submitted(command, environment=head.environment)
    assert "all 2 runs are done" in again.stdout
    assert "RUNNING" not in again.stdout


def submitted(command: list[str], *, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The job's end; a head that has just started takes no job yet."""
    deadline_s = time.monotonic() + 120
    while True:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if "No available agent" not in done.stderr or time.monotonic() > deadline_s:
            return done
        time.sleep(2)
