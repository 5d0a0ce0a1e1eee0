"""The human study without a browser: who is shown what, what is written, who is refused, and what
the answers come to."""

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from physscale.cli.main import main
from physscale.dataset.file import read_videos, with_frames, write_videos
from physscale.dataset.folder import Layout, write_dataset
from physscale.dataset.mp4 import mp4_frames
from physscale.raters.answers import Answer, checked_rater, read_answers, write_answer
from physscale.raters.clips import clips_of, movie, order_of
from physscale.raters.server import POLICY, HumanStudy, StudyServer
from physscale.raters.summary import detector_rows, summarise
from physscale.records.errors import DamagedData, UserError
from physscale.render.canvas import Canvas
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

HOSTILE = "<script>alert(1)<"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources of eight videos each, one with a name that is markup; the second one's balls
    vanish."""
    root = tmp_path_factory.mktemp("raters")
    videos = with_frames(
        simulate(DataSpec(scenario=UniformMotion(), videos=8), indices=np.arange(8)),
        canvas=Canvas(size_px=64),
    )
    assert videos.pixels is not None
    gone = videos.pixels.copy()
    gone[:, 6:] = 255
    (root / HOSTILE).mkdir()
    write_videos(root / HOSTILE / "true.arrow", videos)
    write_videos(root / "gone.arrow", videos.with_pixels(gone))
    write_videos(root / "states.arrow", videos.with_pixels(None))
    return root


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


def test_each_source_gives_so_many_and_its_name_is_not_told(folder: Path) -> None:
    clips = clips_of(folder, each=3, seed=0)
    assert (
        sorted(clip.source for clip in clips) == [f"{HOSTILE}/true.arrow"] * 3 + ["gone.arrow"] * 3
    )
    assert len({clip.name for clip in clips}) == 6
    assert clips == clips_of(folder, each=3, seed=0)
    assert {clip.name for clip in clips}.isdisjoint(
        clip.name for clip in clips_of(folder, each=3, seed=1)
    )
    assert len(clips_of(folder, each=99, seed=0)) == 16


def test_a_data_set_is_shown_and_judged_as_a_file_of_the_same_rows_is(
    folder: Path, tmp_path: Path
) -> None:
    """Its frames lie packed in shards; a set of states has nothing to show."""
    rows = read_videos(folder / "gone.arrow")
    layout = Layout(identity="eight", videos=8, rows_per_shard=5, encoding="rgb")
    write_dataset(tmp_path / "set", layout, make=rows.take)
    write_dataset(
        tmp_path / "states", replace(layout, encoding=None), make=rows.with_pixels(None).take
    )
    clips = clips_of(tmp_path, each=9, seed=0)
    assert [(clip.source, clip.index) for clip in clips] == [
        (f"set/shard_{start:08d}.arrow", row)
        for start, stop in ((0, 5), (5, 8))
        for row in range(start, stop)
    ]
    of_file = next(
        clip
        for clip in clips_of(folder, each=9, seed=0)
        if (clip.source, clip.index) == ("gone.arrow", 6)
    )
    assert movie(tmp_path, clip=clips[6]) == movie(folder, clip=of_file)
    answers = [
        replace(answer, source=clip.source)
        for clip, answer in zip(clips, planted(Ada=[True] * 8), strict=True)
    ]
    assert detector_rows(answers, folder=tmp_path) == {
        (clip.source, clip.index): True for clip in clips
    }


def test_orders_are_the_raters_own_and_stay(folder: Path) -> None:
    clips = clips_of(folder, each=8, seed=0)
    ada, bob = (order_of(clips, rater=name, seed=0) for name in ("Ada", "Bob"))
    assert ada == order_of(clips, rater="Ada", seed=0)
    assert ada != bob
    assert sorted(ada, key=lambda clip: clip.name) == sorted(bob, key=lambda clip: clip.name)
    firsts = [
        order_of(clips, rater=str(number), seed=0)[0].source == "gone.arrow"
        for number in range(200)
    ]
    assert 70 < sum(firsts) < 130, "the first clip tells nothing of its source"


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


def planted(**flags: list[bool]) -> list[Answer]:
    return [
        Answer(f"{row}", "gone.arrow" if row < 4 else "true.arrow", row, rater, flag, 1.0, 0.0, 0)
        for rater, given in flags.items()
        for row, flag in enumerate(given)
    ]


def test_rates_average_over_raters_and_agreement_is_of_shared_clips() -> None:
    answers = planted(Ada=[True] * 4 + [False] * 4, Bob=[True] * 2 + [False] * 6, Eve=[True] * 4)
    summary = summarise(
        answers,
        detections={("gone.arrow", row): True for row in range(4)}
        | {("true.arrow", row): False for row in range(4, 8)},
    )
    assert summary.raters == {"Ada": 8, "Bob": 8, "Eve": 4}
    assert summary.rates["gone.arrow"].value == pytest.approx((3 + 3 + 2 + 2) / 12)
    assert summary.rates["true.arrow"].value == 0
    assert summary.all_raters is not None
    assert summary.all_raters.count == 4
    kappas = {
        (pair.first, pair.second): pair.kappa for pair in [*summary.pairs, *summary.with_detector]
    }
    assert kappas["Ada", "Bob"].value == pytest.approx(0.5)
    assert kappas["Ada", "detector"].value == 1
    assert kappas["Eve", "detector"].value is None
    assert kappas["majority of raters", "detector"].value == 1


def test_the_detector_is_asked_about_the_rated_rows(folder: Path) -> None:
    answers = [replace(answer, source="gone.arrow") for answer in planted(Ada=[True] * 3)]
    answers += [
        replace(answer, source=f"{HOSTILE}/true.arrow") for answer in planted(Ada=[False] * 2)
    ]
    verdicts = detector_rows(answers, folder=folder)
    assert verdicts == {("gone.arrow", row): True for row in range(3)} | {
        (f"{HOSTILE}/true.arrow", row): False for row in range(2)
    }


def test_agreement_as_a_command(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, called = tmp_path / "a.jsonl", tmp_path / "verdicts.parquet"
    for answer in planted(Ada=[True, True, False, False], Bob=[True, False, False, False]):
        write_answer(file, answer)
    pq.write_table(
        pa.table(
            {
                "source": ["gone.arrow"] * 4,
                "index": [0, 1, 2, 3],
                "abnormal": [True, True, False, False],
            }
        ),
        called,
    )
    with pytest.raises(SystemExit) as end:
        main(
            [
                "study-page",
                str(folder),
                "--answers",
                str(file),
                "--agreement",
                "--detector",
                str(called),
                "--json",
            ]
        )
    assert not end.value.code
    facts = json.loads(capsys.readouterr().out)
    assert facts["all_raters"]["count"] == 4
    assert facts["with_detector"][0]["kappa"]["value"] == 1
    with pytest.raises(SystemExit):
        main(["study-page", str(folder), "--answers", str(file), "--agreement"])
    assert "kappa 0.50" in capsys.readouterr().out


def test_mistakes_are_one_line(folder: Path, tmp_path: Path, server: StudyServer) -> None:
    with pytest.raises(UserError, match="no such folder"):
        clips_of(tmp_path / "none", each=3, seed=0)
    with pytest.raises(UserError, match="neither Arrow files"):
        clips_of(tmp_path, each=3, seed=0)
    with pytest.raises(UserError, match="at least one"):
        clips_of(folder, each=0, seed=0)
    with pytest.raises(UserError, match="no answers yet"):
        summarise([])
    with pytest.raises(UserError, match="--port"):
        StudyServer(server.study, port=server.server_port)
    (tmp_path / "x.jsonl").write_text('{"rater": "Ada"}\n')
    with pytest.raises(DamagedData, match="line 1"):
        read_answers(tmp_path / "x.jsonl")
