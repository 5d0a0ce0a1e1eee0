"""Following a job through a head that drops, stalls and forgets: what counts is the job's own end,
and no line is lost or doubled."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from physscale.records.errors import ClusterLost, UserError
from physscale.study import submit as submit_module
from physscale.study.head import Head, JobState, head_at
from physscale.study.package import Package
from physscale.study.pins import VARIABLE, check_pins, present
from physscale.study.submit import checked_results, exit_code, follow, submit

PACKAGE = Package(b"zip", "_ray_pkg_0.zip", files=1, bytes=3, commit="abc", changed=0)


@dataclass
class FakeHead:
    """What a head would say: `looks` scripted answers to "how does the job stand", each (status,
    log), repeated from the last."""

    looks: list[tuple[str, str]] = field(default_factory=lambda: [("SUCCEEDED", "")])
    faults: list[str] = field(default_factory=list)
    exit_code: int | None = None
    version: str = field(default_factory=lambda: present()["ray"])
    token: str = "right"
    packages: dict[str, bytes] = field(default_factory=dict)
    jobs: list[dict[str, object]] = field(default_factory=list)
    asked: int = 0

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        if path == "/api/version":
            return 200, {"ray_version": self.version}
        if path.startswith("/api/packages/"):
            return self.package(method, path, body)
        if method == "POST":
            if any(job["submission_id"] == json.loads(body)["submission_id"] for job in self.jobs):
                return 400, {"error": "Job with submission_id X already exists"}
            self.jobs.append(json.loads(body))
            return 200, {"submission_id": json.loads(body)["submission_id"]}
        status, log = self.looks[min(self.asked, len(self.looks) - 1)]
        if path.endswith("/logs"):
            self.asked += 1
            return 200, {"logs": log}
        return 200, {"status": status, "message": "", "driver_exit_code": self.exit_code}

    def package(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        if method == "PUT":
            self.packages[path] = body
        return (200, {}) if path in self.packages else (404, {})


@contextmanager
def serving(fake: FakeHead) -> Iterator[Head]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = fake.faults.pop(0) if fake.faults else ""
            if fault == "drop":
                self.connection.close()
                return
            if self.headers.get("Authorization") != f"Bearer {fake.token}":
                self.reply(401, {"error": "Unauthorized"})
                return
            status, content = fake.answer(self.command, self.path, body)
            if fault == "lost":  # done, but the answer never arrives
                self.connection.close()
            elif fault == "garbage":
                self.reply(200, "<html>")
            elif fault:
                self.reply(int(fault), {"error": "No available agent"})
            else:
                self.reply(status, content)

        do_GET = do_POST = do_PUT = handle_one  # noqa: N815

        def reply(self, status: int, content: object) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(
                content.encode() if isinstance(content, str) else json.dumps(content).encode()
            )

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Head(f"http://127.0.0.1:{server.server_port}", token="right")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_module, "_LOOK_S", 0.01)
    monkeypatch.setattr(submit_module, "_FIRST_ANSWER_S", 0.3)


def followed(fake: FakeHead, *, patience_s: float = 20.0) -> tuple[JobState, str]:
    said: list[str] = []
    with serving(fake) as head:
        state = follow(head, job="j", patience_s=patience_s, say=said.append)
    return state, "".join(said)


GROWING = [
    ("PENDING", ""),
    ("RUNNING", "one\n"),
    ("RUNNING", "one\ntwo\n"),
    ("SUCCEEDED", "one\ntwo\nthree\n"),
]


@pytest.mark.parametrize(
    "faults",
    [[], ["drop"] * 5, ["500", "garbage", "drop", "", "500"], ["", "drop", "", "garbage"] * 3],
    ids=str,
)
def test_every_line_once_and_the_real_end_through_every_fault(faults: list[str]) -> None:
    state, said = followed(FakeHead(looks=GROWING, faults=faults))
    assert state.status == "SUCCEEDED"
    assert said == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("SUCCEEDED", 0, 0),
        ("SUCCEEDED", None, 0),
        ("FAILED", 4, 4),
        ("FAILED", None, 1),
        ("FAILED", 0, 1),
        ("STOPPED", None, 143),
    ],
)
def test_the_exit_code_is_the_jobs(status: str, code: int | None, expected: int) -> None:
    state, _ = followed(FakeHead(looks=[(status, "")], exit_code=code))
    assert exit_code(state) == expected


def test_a_log_that_cannot_be_read_is_no_reason_to_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit_module, "_LAST_LINES_S", 0.2)
    looks = iter(["RUNNING", "RUNNING", "SUCCEEDED"])
    fake = FakeHead()
    monkeypatch.setattr(
        fake,
        "answer",
        lambda _method, path, _body: (
            (503, {}) if "logs" in path else (200, {"status": next(looks)})
        ),
    )
    state, said = followed(fake, patience_s=1.0)
    assert (state.status, said) == ("SUCCEEDED", "")


def test_a_head_that_stays_silent_is_given_up_with_a_code_of_its_own() -> None:
    with pytest.raises(ClusterLost, match="no answer for") as caught:
        followed(FakeHead(looks=[("RUNNING", "")], faults=["drop"] * 1000), patience_s=0.5)
    assert caught.value.exit_code == 6


def sent(fake: FakeHead, *, pinned: bool = True) -> str:
    with serving(fake) as head:
        return submit(
            head,
            study="motion",
            arguments=["--only", "a b"],
            package=PACKAGE,
            pinned=pinned,
            patience_s=5.0,
        ).job


def test_a_lost_answer_starts_no_second_job() -> None:
    fake = FakeHead(faults=["", "", "", "lost"])
    job = sent(fake)
    assert [entry["submission_id"] for entry in fake.jobs] == [job]
    assert fake.jobs[0]["entrypoint"] == "python -m experiments.motion --only 'a b'"


def test_equal_files_are_sent_once() -> None:
    fake = FakeHead()
    first, second = sent(fake), sent(fake)
    assert first != second
    assert list(fake.packages.values()) == [b"zip"]


def test_another_ray_is_refused_before_anything_is_sent() -> None:
    fake = FakeHead(version="2.55.0")
    with pytest.raises(UserError, match=r"runs Ray 2\.55\.0, here is .*--any-versions"):
        sent(fake)
    assert not fake.packages
    assert sent(fake, pinned=False)
    assert VARIABLE not in str(fake.jobs[0]["runtime_env"])


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PHYSSCALE_WEIGHTS", "/shared/sd15"), ("PHYSSCALE_PLUGINS", "of_the_cluster.pendulum")],
)
def test_the_job_knows_where_weights_lie_and_which_plugins_to_import(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    fake = FakeHead()
    sent(fake)
    assert fake.jobs[0]["runtime_env"]["env_vars"][variable] == value


def test_a_wrong_token_is_one_line_and_no_token_another() -> None:
    with serving(FakeHead(token="other")) as head:
        for token, said in (
            ("wrong", "the token is not this cluster's"),
            (None, "there is none here"),
        ):
            with pytest.raises(UserError, match=said) as caught:
                Head(head.address, token=token).ray_version()
            assert caught.value.exit_code == 2
            assert "wrong" not in str(caught.value), "a token is never shown"
    assert "right" not in repr(head)


def test_nobody_at_the_address_is_a_wrong_address(unused_port: int) -> None:
    with pytest.raises(UserError, match="is the head up") as caught:
        submit(
            Head(f"http://127.0.0.1:{unused_port}", None),
            study="s",
            arguments=[],
            package=PACKAGE,
            pinned=True,
            patience_s=9.0,
        )
    assert caught.value.exit_code == 2


@pytest.fixture
def unused_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return int(server.server_port)


@pytest.mark.parametrize(
    "address",
    ["ftp://x", "http://", "", "http:///x", "http://[::1", "http://x:99999", "http://x:port"],
)
def test_an_address_that_is_none_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t")
    with pytest.raises(UserError, match="--address"):
        head_at(address)
    assert head_at("127.0.0.1:8265/").address == "http://127.0.0.1:8265"


def test_a_token_that_others_can_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o644)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    with pytest.raises(UserError, match="chmod 600") as caught:
        head_at("http://x")
    assert "secret" not in str(caught.value)
    token.chmod(0o600)
    assert head_at("http://x").token == "secret"


def test_results_must_be_seen_by_every_node() -> None:
    assert checked_results("/shared/x") == "/shared/x"
    for wrong in (None, "", "results"):
        with pytest.raises(UserError, match="--results"):
            checked_results(wrong)
    with pytest.raises(UserError, match="physscale push"):
        checked_results("s3://bucket/x")


def test_a_cluster_of_other_versions_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    check: Callable[[], None] = check_pins
    check()
    monkeypatch.setenv(VARIABLE, json.dumps(present()))
    check()
    monkeypatch.setenv(VARIABLE, json.dumps(present() | {"torch": "1.0.0"}))
    with pytest.raises(UserError, match=re.escape(f"torch {present()['torch']} instead of 1.0.0")):
        check()
