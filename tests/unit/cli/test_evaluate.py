"""`physscale evaluate` as a user types it: every kind of file, both protocols, and what is wrong
said in one line."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from physscale.cli.main import main
from physscale.dataset import hdf5_write
from physscale.dataset.file import write_videos
from physscale.dataset.hdf5_write import write_published
from physscale.dataset.mp4 import write_mp4
from physscale.evaluate.metrics import metrics_of
from physscale.evaluate.motion.paper_protocol import paper_outcomes
from physscale.evaluate.motion.paper_scores import paper_scores
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.named import named_data
from physscale.simulate.simulate import simulate
from tests.paper_videos import paper_data

CANVAS = Canvas(size_px=64, style="paper")


@pytest.fixture(scope="module")
def truth() -> Videos:
    rows = simulate(paper_data("uniform", part="eval"), indices=np.arange(156, 168))
    return rows.with_pixels(render(rows, canvas=CANVAS))


def said(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *map(str, words)])
    printed = capsys.readouterr()
    assert ended.value.code == code, printed.err
    return printed.out if code == 0 else printed.err


def test_samples_are_measured_beside_their_floor(
    tmp_path: Path, truth: Videos, capsys: pytest.CaptureFixture[str]
) -> None:
    assert truth.pixels is not None
    frozen = truth.pixels.copy()
    frozen[:, 3:] = frozen[:, 3:4]
    write_videos(tmp_path / "samples.arrow", truth.with_pixels(frozen))
    answer = json.loads(said(capsys, tmp_path / "samples.arrow", "--json"))
    lines = {(line["metric"], line["group"]): line for line in answer["scores"]}
    assert {metric for metric, _ in lines} == {
        metric.name for metric in metrics_of("run") if metric.needs == "tracks"
    }
    assert {group for _, group in lines} == {"all", "id", "radius_low"}
    speed = float(np.abs(truth.state[:, 0, 0, 3]).mean())
    assert lines["velocity_error", "all"]["value"] == pytest.approx(speed, abs=0.15)
    assert lines["velocity_error", "all"]["floor"] < 0.01
    assert lines["velocity_error", "id"]["count"] == 4
    text = said(capsys, tmp_path / "samples.arrow")
    assert "velocity error (m/s)" in text
    assert "radius_low" in text


def test_published_files_by_the_official_protocol(
    tmp_path: Path, truth: Videos, capsys: pytest.CaptureFixture[str]
) -> None:
    write_published(tmp_path / "eval.hdf5", truth)
    answer = json.loads(said(capsys, tmp_path / "eval.hdf5", "--protocol", "paper", "--json"))
    assert (answer["law"], answer["videos"], answer["size_px"]) == ("uniform", 12, 64)
    found = {(line["metric"], line["group"]): line for line in answer["scores"]}
    assert found["velocity_error", "id"]["count"] == 4
    assert found["velocity_error", "id"]["value"] == pytest.approx(2.5 / 64, rel=0.7), (
        "one part in the width: the protocol's own scale error"
    )
    assert "velocity_error" in said(capsys, tmp_path / "eval.hdf5", "--protocol", "paper")


@pytest.mark.parametrize("panels", [1, 3])
@pytest.mark.parametrize("frames", [31, 32])
def test_mp4_files_by_their_names(
    tmp_path: Path, truth: Videos, capsys: pytest.CaptureFixture[str], panels: int, frames: int
) -> None:
    """As the official script has them: three panels, the model's last, group and row in the
    name."""
    assert truth.pixels is not None
    write_videos(tmp_path / "truth.arrow", truth.with_pixels(None))
    blank = np.full_like(truth.pixels[0], 255)
    for row in (0, 3):
        clip = np.concatenate([blank] * (panels - 1) + [truth.pixels[row]], axis=2)[:frames]
        write_mp4(tmp_path / f"00000-{row:05d}.mp4", clip, frames_per_s=10)
    movies = sorted(tmp_path.glob("*.mp4"))
    given = (*movies, "--truth", tmp_path / "truth.arrow", "--panels", panels, "--json")
    answer = json.loads(said(capsys, *given, "--protocol", "paper"))
    two = truth.take(np.array([0, 3]))
    assert two.pixels is not None
    right = {
        (score.metric, score.group): score.value
        for score in paper_scores(paper_outcomes(two, two.pixels))
    }
    found = {(line["metric"], line["group"]): line["value"] for line in answer["scores"]}
    wanted = right["velocity_error", "id"]
    assert found["velocity_error", "id"] == pytest.approx(wanted, abs=0.02)
    exact = json.loads(said(capsys, *given))
    assert (
        next(line["value"] for line in exact["scores"] if line["metric"] == "velocity_error") < 0.1
    )
    assert found["vanished", "id"] == 0.0


def test_a_row_is_found_by_the_groups_of_its_published_file(
    tmp_path: Path,
    truth: Videos,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Official groups have 1,000 rows, or 100, or fewer where collisions were dropped."""
    monkeypatch.setattr(hdf5_write, "GROUP_ROWS", 5)
    write_published(tmp_path / "truth.hdf5", truth)
    write_videos(tmp_path / "truth.arrow", truth.with_pixels(None))
    assert truth.pixels is not None
    movie = tmp_path / "00001-00003.mp4"
    write_mp4(movie, truth.pixels[8], frames_per_s=10)
    words = (movie, "--protocol", "paper", "--truth")
    answer = json.loads(said(capsys, *words, tmp_path / "truth.hdf5", "--json"))
    assert answer["videos"] == 1
    assert "groups differ in length" in said(capsys, *words, tmp_path / "truth.arrow", code=2)
    for name, held in (("00001-00005", "5 rows"), ("00003-00000", "no such group")):
        missing = movie.rename(tmp_path / f"{name}.mp4")
        told = said(capsys, missing, "--truth", tmp_path / "truth.hdf5", code=2)
        assert f"of which the truth has {held}" in told
        movie = missing.rename(movie)


@pytest.mark.parametrize(
    ("shape", "words", "reason"),
    [
        ((64, 128), (), r"128 × 64 px is not square; use --panels 2 if it is a row of panels"),
        ((64, 128), ("--panels", "3"), r"128 × 64 px is no row of 3 square panels"),
        ((64, 64), ("--panels", "2"), r"64 × 64 px is no row of 2 square panels"),
        ((64, 96), (), r"96 × 64 px is not square; give square frames"),
        ((96, 64), (), r"64 × 96 px is not square; give square frames"),
    ],
)
def test_panels_are_never_guessed(
    tmp_path: Path,
    truth: Videos,
    capsys: pytest.CaptureFixture[str],
    shape: tuple[int, int],
    words: tuple[str, ...],
    reason: str,
) -> None:
    """The right half of a wide clip was measured, as if it were a second panel."""
    write_videos(tmp_path / "truth.arrow", truth.with_pixels(None))
    clip = np.full((32, *shape, 3), 255, np.uint8)
    write_mp4(tmp_path / "0.mp4", clip, frames_per_s=10)
    given = ["evaluate", str(tmp_path / "0.mp4"), "--truth", str(tmp_path / "truth.arrow"), *words]
    with pytest.raises(SystemExit, match="2"):
        main(given)
    assert re.search(reason, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("words", "reason", "code"),
    [
        (("states.arrow", "--panels", "2"), "for mp4 files; states.arrow is none", 2),
        (("nowhere.arrow",), "no such file or data set", 2),
        (("states.arrow",), "holds states and no frames", 2),
        (("a.mp4",), "--truth FILE", 2),
        (("a.mp4", "--truth", "states.arrow"), "name mp4 files by their rows", 2),
        (("12.mp4", "--truth", "states.arrow"), "row 12 of a truth with 12 rows", 2),
        (("2.mp4", "--truth", "states.arrow"), "not a readable mp4", 5),
        (("short.mp4", "--truth", "states.arrow"), "frames where the truth has 32", 2),
        (("states.arrow", "--truth", "states.arrow"), "leave it out", 2),
        (("states.arrow", "--protocol", "official"), "exact", 2),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path,
    truth: Videos,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    reason: str,
    code: int,
) -> None:
    assert truth.pixels is not None
    monkeypatch.chdir(tmp_path)
    write_videos(Path("states.arrow"), truth.with_pixels(None))
    for name in ("a", "12"):
        write_mp4(Path(f"{name}.mp4"), truth.pixels[0], frames_per_s=10)
    write_mp4(Path("1.mp4"), truth.pixels[0, :9], frames_per_s=10)
    Path("2.mp4").write_bytes(b"not a film")
    words = tuple("1.mp4" if word == "short.mp4" else word for word in words)
    message = said(capsys, *words, code=code)
    assert reason in message
    assert message.count("\n") == 1


def others(truth: Videos, *, how: str) -> Videos:
    """Frames that do not belong to these rows."""
    pixels = truth.pixels
    assert pixels is not None
    match how:
        case "other rows":
            pixels = pixels[::-1]
        case "other colours":
            pixels = pixels[..., ::-1]
        case "a border":
            pixels = np.pad(
                pixels, ((0, 0), (0, 0), (16, 16), (16, 16), (0, 0)), constant_values=255
            )
        case "another frame rate":
            times = np.minimum(np.arange(32) * 4 // 10, 31)
            pixels = pixels[:, times]
        case "positions in pixels":
            state = truth.state.copy()
            state[..., :2] = state[..., :2] * 6.4 + 10
            truth = dataclasses.replace(truth, state=state)
    return truth.with_pixels(np.ascontiguousarray(pixels))


@pytest.mark.parametrize(
    "how",
    ["other rows", "other colours", "a border", "another frame rate", "positions in pixels"],
)
@pytest.mark.parametrize("protocol", ["exact", "paper"])
def test_frames_that_do_not_belong_to_their_rows_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str, protocol: str
) -> None:
    """They would be scored as a bad model."""
    rows = simulate(paper_data("uniform", part="eval"), indices=np.arange(190, 230, 5))
    rows = rows.with_pixels(render(rows, canvas=CANVAS))
    write_videos(tmp_path / "samples.arrow", others(rows, how=how))
    message = said(capsys, tmp_path / "samples.arrow", "--protocol", protocol, code=2)
    assert "in view" in message if how == "positions in pixels" else "do not show" in message
    assert message.count("\n") == 1
    write_videos(tmp_path / "samples.arrow", others(rows, how="nothing"))
    said(capsys, tmp_path / "samples.arrow", "--protocol", protocol)


def test_parts_do_not_change_a_score(
    tmp_path: Path,
    truth: Videos,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert truth.pixels is not None
    write_videos(tmp_path / "samples.arrow", truth)
    for protocol in ("exact", "paper"):
        words = (tmp_path / "samples.arrow", "--protocol", protocol, "--json")
        whole = said(capsys, *words)
        with monkeypatch.context() as patched:
            patched.setattr("physscale.dataset.file.BATCH_BYTES", 5 * truth.pixels[0].nbytes)
            assert said(capsys, *words) == whole


@pytest.mark.parametrize("frames", [32, 33])
def test_given_frames_leave_some_to_measure(
    tmp_path: Path, truth: Videos, capsys: pytest.CaptureFixture[str], frames: int
) -> None:
    write_videos(tmp_path / "samples.arrow", truth)
    message = said(capsys, tmp_path / "samples.arrow", "--condition-frames", frames, code=2)
    assert "leaves none of the 32 frames" in message


def test_two_files_of_one_row_are_refused(
    tmp_path: Path, truth: Videos, capsys: pytest.CaptureFixture[str]
) -> None:
    assert truth.pixels is not None
    write_videos(tmp_path / "truth.arrow", truth.with_pixels(None))
    for name in ("3", "00000-00003"):
        write_mp4(tmp_path / f"{name}.mp4", truth.pixels[3], frames_per_s=10)
    movies = sorted(tmp_path.glob("*.mp4"))
    assert "two files of one row" in said(
        capsys, *movies, "--truth", tmp_path / "truth.arrow", code=2
    )


def test_bodies_whose_colours_make_one_another_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PHYRE's grey and black."""
    rows = simulate(named_data("phyre", videos=2), indices=np.arange(2))
    write_videos(tmp_path / "a.arrow", rows.with_pixels(render(rows, canvas=Canvas(size_px=32))))
    assert "cannot be told apart" in said(capsys, tmp_path / "a.arrow", code=2)


def test_two_samples_of_one_scene_count_as_two(
    tmp_path: Path, truth: Videos, capsys: pytest.CaptureFixture[str]
) -> None:
    write_videos(tmp_path / "a.arrow", truth.take(np.array([3, 3, 4, 4])))
    answer = json.loads(said(capsys, tmp_path / "a.arrow", "--json"))
    lines = {(line["metric"], line["group"]): line["count"] for line in answer["scores"]}
    assert lines["velocity_error", "all"] == 4
