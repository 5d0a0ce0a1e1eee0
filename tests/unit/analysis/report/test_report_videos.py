"""The report's section on videos as frames: the planted shares stand in its table and its figure,
and nothing where nothing was judged."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.data.study import Study, read_study
from analysis.figures import abnormal
from analysis.report.videos import extremes, frame_rows, numbers, rates_drawing
from physscale.records.scores import SCORES
from physscale.records.store import RunFolder, Store

SHARES = {"model": (0.40, 0.31, 0.50), "codec": (0.25, 0.17, 0.34), "truth": (0.0, 0.0, 0.04)}


@pytest.fixture
def study(results: Path, tmp_path: Path) -> Study:
    """The planted study with one run judged on one split: 40 % of its videos break a rule, all of
    them `shape`."""
    root = tmp_path / "study"
    shutil.copytree(results, root)
    scored = pq.read_table(Store(root).scores).to_pylist()
    base = next(row for row in scored if row["split"] == "id" and row["source"] == "model")
    rows = [{**base, "metric": "ssim", "value": 0.95, "low": 0.94, "high": 0.96}]
    for source, (value, low, high) in SHARES.items():
        judged = {**base, "source": source, "value": value, "low": low, "high": high, "count": 96}
        rows += [{**judged, "metric": metric} for metric in ("abnormal_rate", "abnormal_shape")]
        rows.append({**judged, "metric": "abnormal_count", "value": 0.0, "low": 0.0, "high": 0.04})
    rows.append({**rows[0], "run": "0" * 64})
    pq.write_table(pa.Table.from_pylist(rows, schema=SCORES), Store(root).frame_scores)
    return read_study(root)


def test_the_table_has_the_planted_shares_and_no_run_of_elsewhere(study: Study) -> None:
    grid = numbers(study)
    assert grid is not None
    assert grid.heads[2:] == ("SSIM", "abnormal", "true frames after the codec", "true frames")
    [row] = grid.rows
    assert [cell.text for cell in row[2:]] == [
        "0.95 [0.94, 0.96]",
        "40 % [31, 50] of 96",
        "25 % [17, 34] of 96",
        "0 % [0, 4] of 96",
    ]


def test_the_figure_shows_broken_rules_and_leaves_out_kept_ones(study: Study) -> None:
    drawing = rates_drawing(study)
    assert drawing is not None
    assert set(drawing.table["rule"].to_pylist()) == {abnormal.ANY, "shape"}
    assert set(drawing.table["source"].to_pylist()) == set(SHARES)
    [axes] = drawing.figure().axes
    assert [bar.get_width() for bar in axes.patches] == [0.4, 0.4]


def test_clips_are_those_that_are_there(study: Study) -> None:
    run = frame_rows(study)[0]["run"]
    assert extremes(study) == []
    path = RunFolder(study.runs[run].folder).frames("id", suffix=".worst.mp4")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"a video")
    [clip] = extremes(study)
    assert "most abnormal" in clip.caption


def test_a_study_that_was_not_judged_has_no_section(results: Path) -> None:
    known = read_study(results)
    assert numbers(known) is None
    assert rates_drawing(known) is None
