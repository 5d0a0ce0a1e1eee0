"""Every command that may take long hears SIGINT, SIGTERM and SIGHUP: it ends soon, in one line,
with 130, 143 or 129, and leaves no half of a file."""

import http.server
import itertools
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
}
OWN_RESULTS = ("run", "encode", "tune")


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


@pytest.mark.parametrize(
    ("name", "number"),
    list(zip(COMMANDS, itertools.cycle(NUMBERS), strict=False)),
)
def test_a_long_command_ends_soon_in_one_line(
    name: str, number: signal.Signals, tmp_path: Path, data: Path, head: str
) -> None:
    places = {"results": tmp_path, "data": data, "head": head}
    words = [word.format(**places) for word in COMMANDS[name]]
    words += ["--results", str(tmp_path / "results")] * (name in OWN_RESULTS)
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "physscale", *words],
            cwd=ROOT,
            env=os.environ | {"WANDB_MODE": "disabled"},
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
    try:
        while process.poll() is None and not hears(process.pid):
            time.sleep(0.01)
        time.sleep(0.5 if name == "evaluate" else 1.5)  # somewhere in its imports or its work
        process.send_signal(number)
        code = process.wait(120)
    finally:
        process.kill()
    lines = (tmp_path / "said").read_text()
    assert code == 128 + number, lines
    assert "Traceback" not in lines
    assert not list(tmp_path.rglob("*.tmp"))
    assert not list(tmp_path.rglob(".tune-*"))
    assert not list(tmp_path.rglob(".driver-*"))
