"""Rates, intervals and rows of the detector; distances between sets of states."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from physscale.cli.main import main
from physscale.dataset.file import with_frames, write_videos
from physscale.dataset.folder import Layout, write_dataset
from physscale.dataset.frames import open_frames
from physscale.evaluate.abnormal.detector import Detections, abnormal_rates, detect
from physscale.evaluate.abnormal.rules import RULES, THRESHOLDS
from physscale.evaluate.calibration.calibrate import ALARMS, limits_of
from physscale.evaluate.calibration.corruptions_development import jitter, speed_up
from physscale.evaluate.calibration.corruptions_paper import vanish
from physscale.evaluate.calibration.known_videos import Cell, canvas, corrupted, true_rows
from physscale.evaluate.motion.state_frechet import state_frechet
from physscale.evaluate.scores import RunColumns
from physscale.records.errors import UserError
from physscale.records.rate import wilson
from physscale.records.scores import SCORES
from physscale.records.video import Videos

CELL = Cell("collision", 32)
COLUMNS: RunColumns = {
    "study": "s",
    "run": "r",
    "group": "g",
    "parameters": 1,
    "videos": 1,
    "combinations": 0,
    "steps": 1,
    "flops": 1.0,
    "seed": 0,
}


def shown(start: int, stop: int, *, cell: Cell = CELL) -> Videos:
    return with_frames(true_rows(cell, start=start, stop=stop), canvas=canvas(cell))


@pytest.fixture(scope="module")
def half_wrong() -> Videos:
    """Ten true videos, and ten in which a ball vanishes."""
    wrong = corrupted(shown(10, 20), corrupt=vanish, cell=CELL)
    assert wrong is not None
    return Videos.concat([shown(0, 10), wrong])


@pytest.mark.parametrize(("count", "of"), [(0, 18), (3, 18), (12, 18), (18, 18), (1, 1000)])
def test_wilsons_interval_is_statsmodels(count: int, of: int) -> None:
    rate = wilson(count, of=of)
    assert (rate.low, rate.high) == pytest.approx(
        proportion_confint(count, of, method="wilson"), abs=1e-12
    )
    assert rate.value == count / of


def test_nothing_tried_is_no_rate() -> None:
    rate = wilson(0, of=0)
    assert np.isnan(rate.value)
    assert (rate.low, rate.high) == (0.0, 1.0)


def test_rates_are_rows_of_scores(half_wrong: Videos) -> None:
    rows = abnormal_rates(
        detect(half_wrong), columns=COLUMNS, split="id", kind="id", source="model"
    )
    assert rows.schema.equals(SCORES)
    by_metric = {row["metric"]: row for row in rows.to_pylist()}
    assert by_metric["abnormal_rate"]["value"] == 0.5
    assert by_metric["abnormal_permanence"]["value"] == 0.5
    assert by_metric["abnormal_energy"]["value"] == 0.0
    assert by_metric["abnormal_rate"]["low"] < 0.5 < by_metric["abnormal_rate"]["high"]


@pytest.mark.parametrize(
    ("law", "unasked"), [("uniform", 4), ("parabola", 4), ("collision", 0), ("composition", 0)]
)
def test_a_rule_that_is_not_asked_could_not_be_broken(law: str, unasked: int) -> None:
    cell = Cell(law, 32)
    true = shown(0, 20, cell=cell)
    for corrupt in (vanish, speed_up, jitter):
        wrong = corrupted(true, corrupt=corrupt, cell=cell)
        assert wrong is not None
        found = detect(wrong)
        silent = set(found.scores) - set(found.asked)
        assert len(silent) == unasked
        assert all((found.scores[rule] == 0.0).all() for rule in silent)
        metrics = abnormal_rates(found, columns=COLUMNS, split="id", kind="id", source="model")[
            "metric"
        ].to_pylist()
        assert set(metrics) == {"abnormal_rate", *(f"abnormal_{rule}" for rule in found.asked)}


def test_no_threshold_lies_below_what_one_can_see() -> None:
    for rules in RULES.entries().values():
        for size_px in (32, 100, 512):
            limits = rules.thresholds(size_px=size_px)
            assert set(limits) == set(rules.floors)
            assert all(limits[rule] >= rules.floors[rule] for rule in limits)


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
        ("torn", 5, "not a readable"),
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


def test_detections_of_two_physics_are_not_joined(half_wrong: Videos) -> None:
    found = detect(half_wrong)
    with pytest.raises(UserError, match="give them one by one"):
        Detections.joined([found, replace(found, physics="phyre")])


@pytest.mark.parametrize("videos", [3, 200, 3000])
def test_thresholds_spend_their_alarms_evenly_and_no_more(videos: int) -> None:
    """Two rules with long tails, one of them a hundred times as large, and one that no true video
    comes near."""
    rng = np.random.Generator(np.random.Philox(key=videos))
    scores = {
        "size": rng.pareto(3.0, videos),
        "force": 100.0 * rng.pareto(3.0, videos),
        "tunnel": rng.uniform(0.0, 0.1, videos),
    }
    limits = limits_of(scores, floor={"size": 0.1, "force": 0.1, "tunnel": 0.2})
    above = {rule: int((scores[rule] > limits[rule]).sum()) for rule in limits}
    together = np.any([scores[rule] > limits[rule] for rule in limits], axis=0).sum()
    assert together <= ALARMS * videos < together + 2
    assert abs(above["size"] - above["force"]) <= 1
    assert limits["tunnel"] == 0.2, "never below what one can see"


def test_calibration_is_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written, thresholds, only = (
        tmp_path / "table.md",
        tmp_path / "thresholds.json",
        ["--only", "parabola:32"],
    )
    with pytest.raises(SystemExit, match="0"):
        main(
            [
                "calibrate-detector",
                "--videos",
                "4",
                "--set-on",
                "4",
                *only,
                "--table",
                str(written),
                "--thresholds",
                str(thresholds),
            ]
        )
    assert "| vanish | 100 " in written.read_text()
    assert set(json.loads(thresholds.read_text())["free_discs"]["32"]) == set(
        RULES.named("free_discs").floors
    )
    with pytest.raises(SystemExit, match="0"):
        main(
            [
                "calibrate-detector",
                "--videos",
                "2",
                "--processes",
                "2",
                *only,
                "--thresholds",
                str(thresholds),
            ]
        )
    assert json.loads(thresholds.read_text()) == json.loads(THRESHOLDS.read_text()), (
        "tested, not set"
    )
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate-detector", "--only", "parabola:33"])
    assert "--only parabola:33: use one of" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate-detector", "--videos", "0"])
    assert "give --set-on N" in capsys.readouterr().err


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


def test_a_wrong_speed_is_far_in_violations_alone() -> None:
    real, again = shown(0, 40), shown(40, 80)
    wrong = corrupted(again, corrupt=speed_up, cell=CELL)
    assert wrong is not None
    same, other = state_frechet(real, fake=again), state_frechet(real, fake=wrong)
    assert other.violations.value > 20 * same.violations.value
    assert same.limit < same.state.value, "the raw value is too large by its sample size"
    assert state_frechet(real, fake=real).state.value == pytest.approx(0.0, abs=1e-6)


def test_states_without_frames_are_refused() -> None:
    rows = true_rows(CELL, start=0, stop=4)
    with pytest.raises(UserError, match="no frames"):
        state_frechet(rows, fake=rows)
