"""The raters' page without a browser: what it sends, what it writes, and whom it refuses."""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from physscale.dataset.mp4 import mp4_frames
from physscale.raters.answers import checked_rater, read_answers
from physscale.raters.clips import clips_of
from physscale.raters.server import POLICY, HumanStudy, StudyServer
from physscale.records.errors import UserError


@pytest.fixture
def server(folder: Path, tmp_path: Path) -> Iterator[StudyServer]:
    study = HumanStudy(folder, clips_of(folder, each=3, seed=0), tmp_path / "answers.jsonl", 0)
    with StudyServer(study, port=0) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


def asked(
    server: StudyServer, path: str, *, say: Any = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    line = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    body = None if say is None else say if isinstance(say, bytes) else json.dumps(say).encode()
    kind = {} if body is None else {"Content-Type": "application/json"}
    line.request(
        "GET" if body is None else "POST",
        path,
        body,
        {**kind, **{name.replace("_", "-"): value for name, value in headers.items()}},
    )
    response = line.getresponse()
    data = response.read()
    line.close()
    return response, data


def test_a_session_is_resumed_and_rows_hold_all(server: StudyServer) -> None:
    for _ in range(6):
        screen = json.loads(asked(server, "/screen?rater=Ada")[1])
        assert set(screen) == {"rater", "clips", "done", "all"}
        response, data = asked(
            server,
            "/answer",
            say={"rater": "Ada", "clip": screen["clips"][0], "obeys": False, "seconds": 1.5},
        )
        assert (response.status, json.loads(data)) == (200, {"written": True})
    assert json.loads(asked(server, "/screen?rater=Ada")[1]) == {
        "rater": "Ada",
        "clips": [],
        "done": 6,
        "all": 6,
    }
    assert json.loads(asked(server, "/screen?rater=Bob")[1])["done"] == 0
    rows = read_answers(server.study.answers)
    assert {(row.source, row.index) for row in rows} == {
        (clip.source, clip.index) for clip in server.study.clips
    }
    assert all(row.abnormal and row.seconds == 1.5 and row.rater == "Ada" for row in rows)


def test_a_changed_mind_counts_and_a_torn_line_does_not(server: StudyServer) -> None:
    name = server.study.clips[0].name
    for obeys in (True, False):
        asked(server, "/answer", say={"rater": "Ada", "clip": name, "obeys": obeys, "seconds": 1})
    with server.study.answers.open("ab") as file:
        file.write(b'{"clip": "torn')
    asked(server, "/answer", say={"rater": "Bob", "clip": name, "obeys": True, "seconds": 1})
    assert [(row.rater, row.abnormal) for row in read_answers(server.study.answers)] == [
        ("Ada", True),
        ("Bob", False),
    ]


def test_a_clip_is_a_movie_without_a_name_in_it(server: StudyServer) -> None:
    clip = next(clip for clip in server.study.clips if clip.source != "gone.arrow")
    response, data = asked(server, f"/clip/{clip.name}")
    assert response.headers["Content-Type"] == "video/mp4"
    assert mp4_frames(data).shape[1:] == (384, 384, 3)
    assert b"script" not in data
    assert b"arrow" not in data


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/page.js",
        "/page.css",
        "/screen?rater=Ada",
        "/nothing",
        "/../answers.jsonl",
        "/clip/../gone.arrow",
    ],
)
def test_every_answer_carries_the_policy_and_no_path_leads_out(
    server: StudyServer, path: str
) -> None:
    response, data = asked(server, path)
    assert response.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert b"http://" not in data
    assert b"https://" not in data
    assert (response.status == 404) == (
        path not in ("/", "/page.js", "/page.css", "/screen?rater=Ada")
    )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"clip": "../gone.arrow"}, "clip"),
        ({"obeys": 1}, "obeys"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"rater": "  "}, "name"),
        ({"rater": "a\nb"}, "name"),
        ({"rater": "x" * 41}, "name"),
        ({"rater": ["Ada"]}, "name"),
    ],
)
def test_what_is_no_answer_is_not_written(
    server: StudyServer, change: dict[str, Any], word: str
) -> None:
    said = {
        "rater": "Ada",
        "clip": server.study.clips[0].name,
        "obeys": True,
        "seconds": 1.0,
    } | change
    response, data = asked(server, "/answer", say=said)
    assert response.status == 400
    assert word in json.loads(data)["error"]
    assert not server.study.answers.exists()


def test_no_json_too_much_or_another_type_is_refused(server: StudyServer) -> None:
    assert asked(server, "/answer", say=b"{")[0].status == 400
    assert asked(server, "/answer", say=b"[]")[0].status == 400
    assert asked(server, "/answer", say=b'"' + b"x" * 5000 + b'"')[0].status == 400
    assert asked(server, "/answer", say=b"{}", Content_Type="text/plain")[0].status == 400
    assert not server.study.answers.exists()


def test_other_hosts_and_origins_are_refused(server: StudyServer) -> None:
    assert asked(server, "/", Host=f"evil.example:{server.server_port}")[0].status == 403
    assert asked(server, "/", Origin="http://evil.example")[0].status == 403
    assert (
        asked(
            server,
            "/",
            Host=f"localhost:{server.server_port}",
            Origin=f"http://localhost:{server.server_port}",
        )[0].status
        == 200
    )


def test_names_are_normalised() -> None:
    assert checked_rater("  Zoe\u0308 ") == "Zo\u00eb"
    assert checked_rater("<b>Ada</b>") == "<b>Ada</b>"


def test_a_taken_port_is_refused(server: StudyServer) -> None:
    with pytest.raises(UserError, match="--port"):
        StudyServer(server.study, port=server.server_port)
