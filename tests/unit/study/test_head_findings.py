"""`doctor` finds a head that anybody may use."""

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from physscale.study.head_findings import head_findings
from tests.command_line import said

FAKE = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
host, port = (word.partition("=")[2] for word in sys.argv[1:3])
class Dashboard(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[3]))
        self.end_headers()
    def log_message(self, *_):
        pass
server = HTTPServer((host, int(port)), Dashboard)
print("listens", flush=True)
server.serve_forever()
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def dashboard(folder: Path, *, host: str, status: int) -> Iterator[int]:
    """A process that looks like the dashboard of a head."""
    script, port = folder / "ray" / "dashboard" / "dashboard.py", free_port()
    script.parent.mkdir(parents=True)
    script.write_text(FAKE)
    words = [sys.executable, str(script), f"--host={host}", f"--port={port}", str(status)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listens\n"
        yield port
        process.kill()


@pytest.mark.parametrize(
    ("host", "status", "verdict", "words"),
    [
        ("127.0.0.1", 200, "wrong", "takes jobs without a token"),
        ("127.0.0.1", 401, "fine", "wants a token"),
        ("0.0.0.0", 200, "wrong", "--dashboard-host 127.0.0.1"),
        ("0.0.0.0", 401, "wrong", "--dashboard-host 127.0.0.1"),
    ],
)
def test_a_head_that_anybody_may_use_is_wrong(
    host: str, status: int, verdict: str, words: str, tmp_path: Path
) -> None:
    with dashboard(tmp_path, host=host, status=status) as port:
        (found,) = (one for one in head_findings() if f":{port} " in one.detail)
    assert found.verdict == verdict
    assert words in found.detail


def test_doctor_ends_with_2_where_there_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with dashboard(tmp_path, host="127.0.0.1", status=200) as port:
        code, out, _ = said(["doctor", "--results", str(tmp_path)], capsys)
    assert code == 2
    assert f"wrong ray head: 127.0.0.1:{port} " in out


def test_rays_dashboard_is_still_called_so() -> None:
    (folder,) = importlib.util.find_spec("ray").submodule_search_locations  # type: ignore[union-attr]
    text = (Path(folder) / "dashboard" / "dashboard.py").read_text()
    assert '"--host"' in text
    assert '"--port"' in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "words"), [("disabled", "takes jobs without a token"), ("token", "wants a token")]
)
def test_a_head_of_ray_start(mode: str, words: str, tmp_path: Path) -> None:
    port, agent, dashboard_port = free_port(), free_port(), free_port()
    command = [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
        *("--node-ip-address", "127.0.0.1", "--num-cpus", "1", "--disable-usage-stats"),
        *("--port", str(port), "--dashboard-port", str(dashboard_port)),
        *("--dashboard-agent-listen-port", str(agent), "--temp-dir", f"/tmp/h{port}"),
        *("--object-store-memory", "80000000"),
    ]
    secret = {"RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": "0" * 64}
    with subprocess.Popen(
        command, env=os.environ | secret, stdout=subprocess.PIPE, text=True
    ) as head:
        assert head.stdout is not None
        assert any("--block" in line for line in head.stdout)
        (found,) = (one for one in head_findings() if f":{dashboard_port} " in one.detail)
        head.terminate()
    assert words in found.detail
