"""Every command that may take long hears SIGINT, SIGTERM and SIGHUP: it ends soon, in one line,
with 130, 143 or 129, and leaves neither half of a file nor a process."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.command import begin, ended, run_words
from tests.orphans import orphans
from tests.paths import ROOT

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SMALL = ["data.videos=64", "test_splits.*.data.videos=8", "codec.corpus.videos=200"]
COMMANDS: dict[str, list[str]] = {
    "run": ["run", "quickstart", "--backend", "plain", "train.steps=100000", *SMALL],
    "encode": ["encode", "quickstart", "codec.corpus.videos=200"],
    "tune": ["tune", "quickstart", "--trials", "2", "train.steps=100000", *SMALL],
    "simulate": ["simulate", "collision", "--videos", "1000000", "--out", "{results}/data"],
    "detect": ["detect", "{data}"],
    "evaluate": ["evaluate", "{data}/shard_00000000.arrow"],
    "probe": ["probe", "{data}/shard_00000000.arrow", "--trained", "{data}", "--what", "memory"],
    "calibrate-detector": ["calibrate-detector", "--thresholds", "{results}/thresholds.json"],
    "submit": ["submit", "--address", "{head}", "--job", "quickstart-0"],
    "phyre": ["phyre", "setup", "--folder", "{results}/phyre"],
    "run on Ray": ["run", "quickstart", "train.steps=100000", *SMALL],
    "encode, 2 workers": [
        *("encode", "quickstart", "--workers", "2"),
        *("data.videos=40000", "codec.corpus.videos=200"),
    ],
    "evaluate, 2 workers": ["evaluate", "{study}", "--workers", "2"],
    "calibrate-detector, 2 workers": [
        *("calibrate-detector", "--processes", "2"),
        *("--thresholds", "{results}/thresholds.json"),
    ],
}
OWN_RESULTS = ("run", "encode", "tune")
WITH_RAY = ("tune", "run on Ray", "encode, 2 workers", "evaluate, 2 workers")
AFTER_S = dict.fromkeys(COMMANDS, 1.5) | dict.fromkeys(WITH_RAY, 12.0) | {"evaluate": 0.5}
ORPHANS_S = 5.0
BY_DEFAULT = (
    ("run", signal.SIGHUP),
    ("encode", signal.SIGTERM),
    ("submit", signal.SIGINT),
    ("phyre", signal.SIGTERM),
    ("calibrate-detector, 2 workers", signal.SIGHUP),
)
"""One for each way of working; the others are slow."""

CELLS = [
    pytest.param(
        name,
        number,
        marks=() if (name, number) in BY_DEFAULT else pytest.mark.slow,
        id=f"{name}-{number.name}",
    )
    for name in COMMANDS
    for number in NUMBERS
]
INTERPRETER = """#!/bin/sh
case "$1" in -c) echo 3.9 ;; *) sleep 300 & wait ;; esac
"""


class Following(http.server.BaseHTTPRequestHandler):
    """A head with one job that never ends."""

    def do_GET(self) -> None:
        answer = {"status": "RUNNING", "logs": ""}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def head() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Following)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def hears(process: int) -> bool:
    """Whether the process has a handler for SIGTERM."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough videos that every command is at work for a while."""
    folder = tmp_path_factory.mktemp("signals") / "data"
    command = [sys.executable, "-m", "physscale", "simulate", "uniform", "--videos", "1000"]
    subprocess.run([*command, "--size", "32", "--out", str(folder)], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished runs."""
    folder = tmp_path_factory.mktemp("finished")
    code, said = ended(begin(run_words(folder), folder=folder))
    assert code == 0, said
    return folder / "struck"


@pytest.mark.parametrize(("name", "number"), CELLS)
def test_a_long_command_ends_soon_in_one_line(
    name: str, number: signal.Signals, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    places = {"results": tmp_path}
    for place in ("data", "head", "study"):
        if any(f"{{{place}}}" in word for word in COMMANDS[name]):
            places[place] = request.getfixturevalue(place)
    words = [word.format(**places) for word in COMMANDS[name]]
    words += ["--results", str(tmp_path / "results")] * (words[0] in OWN_RESULTS)
    interpreter = tmp_path / "python3.9"
    interpreter.write_text(INTERPRETER)
    interpreter.chmod(0o755)
    with (tmp_path / "said").open("wb") as said, orphans() as left:
        process = subprocess.Popen(
            [sys.executable, "-m", "physscale", *words],
            cwd=ROOT,
            env=os.environ | {"WANDB_MODE": "disabled", "PHYSSCALE_PHYRE_PYTHON": str(interpreter)},
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        while process.poll() is None and not hears(process.pid):
            time.sleep(0.01)
        time.sleep(AFTER_S[name])  # somewhere in its imports or its work
        if number == signal.SIGTERM:
            process.send_signal(number)
        else:  # a terminal tells its children too
            os.killpg(process.pid, number)
        code = process.wait(120)
        assert not left(ORPHANS_S)
    lines = (tmp_path / "said").read_text()
    assert code == 128 + number, lines
    assert "Traceback" not in lines
    for half in ("*.tmp", ".tune-*", ".driver-*", ".job-*", "bin"):
        assert not list(tmp_path.rglob(half)), half
