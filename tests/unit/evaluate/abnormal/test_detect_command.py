"""`physscale detect` and `physscale compare-videos`, on files and data sets, whole and damaged."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from physscale.cli.main import main
from physscale.dataset.file import write_videos
from physscale.dataset.folder import Layout, write_dataset
from physscale.dataset.frames import open_frames
from physscale.evaluate.abnormal.detector import detect
from physscale.evaluate.calibration.known_videos import canvas
from physscale.evaluate.frames.likeness import compare_sets
from physscale.evaluate.motion.state_frechet import motions
from physscale.records.video import COLOUR, Videos
from tests.known_videos import CELL, half_wrong_videos, shown


@pytest.fixture(scope="module")
def half_wrong() -> Videos:
    return half_wrong_videos()


def test_the_command_tells_what_was_found(
    half_wrong: Videos, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "samples.arrow"
    write_videos(path, half_wrong)
    with pytest.raises(SystemExit, match="0"):
        main(["detect", str(path), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["rate"]["value"] == 0.5
    assert [bool(video["abnormal"]) for video in found["videos"]] == [False] * 10 + [True] * 10
    with pytest.raises(SystemExit, match="0"):
        main(["detect", str(path)])
    assert "10 of 20 abnormal: 50 %" in capsys.readouterr().out


def test_a_data_set_is_scored_part_by_part_and_so_is_one_of_its_shards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three shards of frames; all at once, joined and by the first shard alone the same
    detections."""
    rows = shown(0, 10)
    write_dataset(
        tmp_path / "data",
        Layout(identity="ten", videos=10, rows_per_shard=4, encoding="rgb"),
        make=rows.take,
        canvas=canvas(CELL),
    )
    found = {}
    for name, path in (
        ("all", tmp_path / "data"),
        ("first", next((tmp_path / "data").glob("*00000.arrow"))),
    ):
        with pytest.raises(SystemExit, match="0"):
            main(["detect", str(path), "--json"])
        found[name] = json.loads(capsys.readouterr().out)
    whole = detect(rows)
    assert found["all"]["videos"] == [{"index": int(index), "abnormal": []} for index in rows.index]
    assert found["first"]["videos"] == found["all"]["videos"][:4]
    for rule, scores in found["all"]["scores"].items():
        np.testing.assert_allclose(scores, whole.scores[rule], rtol=1e-5)
        assert found["first"]["scores"][rule] == scores[:4]


@pytest.mark.parametrize(
    ("made", "code", "said"),
    [
        ("nothing", 2, "no such file"),
        ("states", 2, "no frames"),
        ("torn", 5, "torn or altered"),
        ("a set of states", 2, "no frames"),
        ("a set without a shard", 5, "shard_00000002.arrow: missing"),
        ("a set with a torn shard", 5, "shard_00000002.arrow"),
        ("a set with an altered frame", 5, "shard_00000002.arrow: not what"),
        ("an unfinished set", 5, "write the data set again to finish it"),
        ("any folder", 5, "this is no data set"),
    ],
)
def test_what_has_no_rules_is_one_line(
    made: str, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "videos.arrow"
    spoil(path, made=made)
    with pytest.raises(SystemExit, match=str(code)):
        main(["detect", str(path)])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert said in err


def spoil(path: Path, *, made: str) -> None:
    """A file, or a data set of two shards, that has no rules."""
    rows = shown(0, 4)
    if made.startswith(("a set", "an unfinished")):
        layout = Layout(
            identity="four",
            videos=4,
            rows_per_shard=2,
            encoding=None if made == "a set of states" else "rgb",
        )
        write_dataset(path, layout, make=rows.with_pixels(None).take, canvas=canvas(CELL))
    shard = path / "shard_00000002.arrow"
    match made:
        case "states" | "torn":
            write_videos(path, rows.with_pixels(None))
            path.write_bytes(path.read_bytes()[: 2000 if made == "torn" else None])
        case "a set without a shard":
            shard.unlink()
        case "a set with a torn shard":
            shard.write_bytes(shard.read_bytes()[:-100])
        case "a set with an altered frame":
            blob = open_frames(shard).blobs[1].as_buffer().to_pybytes()
            shard.write_bytes(
                shard.read_bytes().replace(blob, blob[:40] + bytes([blob[40] ^ 1]) + blob[41:])
            )
        case "an unfinished set":
            (path / "manifest.json").unlink()
        case "any folder":
            path.mkdir()


def test_compare_names_every_number(
    half_wrong: Videos, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    true, wrong = tmp_path / "true.arrow", tmp_path / "wrong.arrow"
    rows = np.arange(5, 15)
    write_videos(true, shown(0, 20).take(rows))
    write_videos(wrong, half_wrong.take(rows))
    with pytest.raises(SystemExit, match="0"):
        main(["compare-videos", str(true), str(wrong), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert {
        "ssim",
        "psnr_db",
        "st_lpips",
        "state_frechet",
        "violation_frechet",
        "state_frechet_limit",
    } <= set(found)
    assert not any(name.startswith(("lpips", "fvd")) for name in found)
    assert found["ssim"] < 1.0
    with pytest.raises(SystemExit, match="2"):
        main(["compare-videos", str(true), str(true), "--fvd-weights", str(tmp_path / "none.pt")])
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize("other", ["another seed's rows", "another colour", "another clock"])
def test_rows_with_the_same_numbers_are_not_the_same_scenes(
    other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    true, wrong = tmp_path / "true.arrow", tmp_path / "wrong.arrow"
    rows = shown(0, 8)
    match other:
        case "another seed's rows":
            changed = dataclasses.replace(shown(8, 16), index=rows.index)
        case "another colour":
            body = rows.body.copy()
            body[3, 0, COLOUR] = body[3, 0, COLOUR][::-1] + 1
            changed = dataclasses.replace(rows, body=body)
        case _:
            changed = dataclasses.replace(rows, time_s=rows.time_s * np.float32(0.4))
    write_videos(true, rows)
    write_videos(wrong, changed)
    with pytest.raises(SystemExit, match="2"):
        main(["compare-videos", str(true), str(wrong)])
    assert "is another scene in each file" in capsys.readouterr().err


def test_a_limit_below_zero_is_explained() -> None:
    ours, theirs = motions(shown(0, 10)), motions(shown(10, 20))
    found = compare_sets(ours, fake=theirs)
    assert ("below 0" in found["state_frechet_note"]) == (found["state_frechet_limit"] < 0)
    same = compare_sets(ours, fake=ours)
    assert ("below 0" in same["state_frechet_note"]) == (same["state_frechet_limit"] < 0)
