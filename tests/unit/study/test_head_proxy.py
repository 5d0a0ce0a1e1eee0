"""The cluster's token goes to the head alone: to no proxy, and to no address that an answer
names."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from physscale.records.errors import UserError
from physscale.study.head import Silent, head_at

TOKEN = "s3cret"


class Recorder(BaseHTTPRequestHandler):
    """Keeps the headers of what it is asked, and sends everybody on if it is told where."""

    heard: list[str]
    onward: str | None

    def do_GET(self) -> None:
        self.heard.append(str(self.headers.get("Authorization")))
        self.send_response(302 if self.onward else 200)
        if self.onward:
            self.send_header("Location", self.onward)
        self.end_headers()
        self.wfile.write(b'{"ray_version": "1"}')

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    def __init__(self, onward: str | None = None) -> None:
        self.heard: list[str] = []
        kind = type("Handler", (Recorder,), {"heard": self.heard, "onward": onward})
        super().__init__(("127.0.0.1", 0), kind)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The proxy that the environment names."""
    server = Server()
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://me:word@127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.3.2.1"])
def test_this_machine_is_asked_without_a_proxy(proxy: Server, host: str) -> None:
    head = Server()
    assert head_at(f"http://{host}:{head.server_port}").proxy is None
    if host == "127.0.0.1":
        assert head_at(head.address).ray_version() == "1"
        assert head.heard == [f"Bearer {TOKEN}"]
    assert not proxy.heard
    head.shutdown()
    head.server_close()


def test_no_proxy_is_heeded(proxy: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "head.example,.lab")
    assert head_at("http://head.example:8265").proxy is None
    assert head_at("http://a.lab:8265").proxy is None


def test_a_proxy_that_could_read_the_token_is_refused_by_name(proxy: Server) -> None:
    with pytest.raises(UserError, match=r"the proxy 127\.0\.0\.1:\d+ .*NO_PROXY") as refused:
        head_at("http://head.example:8265")
    assert "word" not in str(refused.value)
    assert not proxy.heard


def test_without_a_token_or_inside_tls_the_proxy_is_used_and_named(
    proxy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Silent, match=r"through the proxy 127\.0\.0\.1:\d+") as silent:
        head_at("https://head.example:8265").ray_version()
    assert "word" not in str(silent.value)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/nowhere")
    assert head_at("http://head.example:8265").ray_version() == "1"
    assert proxy.heard == ["None"]


def test_an_answer_that_sends_us_elsewhere_is_not_followed(proxy: Server) -> None:
    thief = Server()
    head = Server(onward=f"{thief.address}/api/version")
    with pytest.raises(UserError, match="gave 302"):
        head_at(head.address).ray_version()
    assert not thief.heard
    for server in (thief, head):
        server.shutdown()
        server.server_close()
