"""`ray job submit` to a real head with token authentication, as `cluster/README.md` tells it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.ray_nodes import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PHYSSCALE = str(Path(sys.executable).with_name("physscale"))
RAY = str(Path(sys.executable).with_name("ray"))
CHANGES = [
    "train.steps=20",
    "data.videos=64",
    "test_splits.*.data.videos=8",
    "codec.corpus.videos=200",
]


@dataclass(frozen=True)
class Head:
    address: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    """A head node of our own: own home, ports and folder; ended by its process number, never by
    `ray stop`."""
    home, folder = tmp_path_factory.mktemp("home"), Path(f"/tmp/psh-{os.getpid()}")
    ours = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RAY_AUTH_MODE": "token",
    }
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("RAY_")
    } | ours
    subprocess.run(
        [RAY, "get-auth-token", "--generate"], env=environment, check=True, capture_output=True
    )
    (home / ".ray" / "auth_token").chmod(0o600)
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
    shutil.copytree(
        ROOT / "experiments",
        tmp_path / "code" / "experiments",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    study = [
        "python",
        "-m",
        "experiments.quickstart",
        "--only",
        "workers",
        "--results",
        str(tmp_path / "results"),
        *CHANGES,
    ]
    command = [
        RAY,
        "job",
        "submit",
        "--address",
        head.address,
        "--working-dir",
        str(tmp_path / "code"),
        "--",
        *study,
    ]
    first = submitted(command, environment=head.environment)
    assert first.returncode == 0, first.stdout[-3000:] + first.stderr[-3000:]
    assert "all 2 runs are done" in first.stdout
    again = submitted(command, environment=head.environment)
    assert "all 2 runs are done" in again.stdout
    assert "RUNNING" not in again.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of a user: the experiments."""
    folder = tmp_path / "code"
    shutil.copytree(
        ROOT / "experiments", folder / "experiments", ignore=shutil.ignore_patterns("__pycache__")
    )
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "first"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    return folder


def physscale(
    *words: str, head: Head, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    command = [PHYSSCALE, "submit", "--address", head.address, *words]
    return subprocess.run(
        command,
        env=head.environment | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_submit_sends_follows_and_comes_back(head: Head, checkout: Path, tmp_path: Path) -> None:
    study = ["motion", "--only", "workers", "--results", str(tmp_path / "results"), *CHANGES]
    done = physscale(*study, head=head, cwd=checkout)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.count("all 2 runs are done") == 1
    (job,) = set(re.findall(r"--job (motion-[0-9a-f]{8})", done.stderr))
    again = physscale("--job", job, "--json", head=head, cwd=tmp_path)
    assert (again.returncode, json.loads(again.stdout)["status"]) == (0, "SUCCEEDED")
    assert "all 2 runs are done" in again.stderr, "the log is attached again"
    assert physscale("--job", "motion-00000000", head=head, cwd=tmp_path).returncode == 2


def test_a_failing_jobs_exit_code_is_the_commands(
    head: Head, checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "big.yaml").write_text("name: big\nrun_cpus: 4096\n")
    study = [
        "motion",
        "--only",
        "workers",
        "--results",
        str(tmp_path / "results"),
        "--machine",
        str(tmp_path / "big.yaml"),
    ]
    done = physscale(*study, head=head, cwd=checkout)
    assert done.returncode == 4, done.stdout[-3000:] + done.stderr[-3000:]
    assert "wants 4096 CPU" in done.stdout


def test_a_wrong_token_is_one_line(head: Head, checkout: Path, tmp_path: Path) -> None:
    done = physscale(
        "motion",
        "--results",
        str(tmp_path / "results"),
        head=head,
        cwd=checkout,
        RAY_AUTH_TOKEN="0" * 64,
    )
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("physscale: ")]
    assert "403, the token is not this cluster's" in line
    assert "Traceback" not in done.stderr


def test_ctrl_c_leaves_the_job_running_and_says_so(
    head: Head, checkout: Path, tmp_path: Path
) -> None:
    study = [
        "motion",
        "--only",
        "workers",
        "--results",
        str(tmp_path / "results"),
        "train.steps=400",
        *CHANGES[1:],
    ]
    command = [PHYSSCALE, "submit", "--address", head.address, *study]
    with (tmp_path / "said").open("wb") as file:
        client = subprocess.Popen(
            command, env=head.environment, cwd=checkout, stdout=file, stderr=file
        )
        deadline_s = time.monotonic() + 120
        while not list((tmp_path / "results").rglob("metrics.jsonl")):
            assert client.poll() is None, (tmp_path / "said").read_text()
            assert time.monotonic() < deadline_s
            time.sleep(0.2)
        client.send_signal(signal.SIGINT)
        assert client.wait(30) == 130
    said = (tmp_path / "said").read_text()
    (job,) = set(re.findall(r"job (motion-[0-9a-f]{8}) goes on", said))
    assert "ray job stop" in said
    back = physscale("--job", job, head=head, cwd=tmp_path)
    assert back.returncode == 0, back.stderr
    assert "all 2 runs are done" in back.stdout


def submitted(
    command: list[str], *, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """The job's end; a head that has just started takes no job yet."""
    deadline_s = time.monotonic() + 120
    while True:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if "No available agent" not in done.stderr or time.monotonic() > deadline_s:
            return done
        time.sleep(2)
