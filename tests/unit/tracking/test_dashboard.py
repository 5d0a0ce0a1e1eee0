"""The panels of a study's dashboard, read off its specification: nothing is sent."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from physscale.records.errors import UserError
from physscale.records.metric_table import Metric, write_metric_table
from physscale.records.scores import SCORES
from physscale.records.store import Store

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*Pydantic V1 style:DeprecationWarning"
)  # on import

OWN = Metric(name="path_length_error", words="path length error", unit="m", shown=("dashboard",))


def row(**changes: object) -> dict[str, object]:
    base = dict.fromkeys(SCORES.names, 1) | {
        "study": "planted",
        "run": "a" * 64,
        "group": "g",
        "split": "id",
        "kind": "id",
        "source": "model",
        "metric": "velocity_error",
    }
    return base | changes


def written(root: Path, rows: list[dict[str, object]]) -> Store:
    store = Store(root / "planted")
    store.root.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCORES), store.scores)
    return store


def sections(store: Store) -> dict[str, list[Any]]:
    from physscale.tracking import dashboard

    found = dashboard.measured(store)
    board = dashboard.workspace(found, entity="somebody", project="physscale")
    return {section.name: section.panels for section in board.sections}


def test_an_error_is_drawn_against_the_axes_that_vary(tmp_path: Path) -> None:
    rows = [row(), row(run="b" * 64, videos=9, flops=2.0), row(split="gap"), row(metric="ssim")]
    panels = sections(written(tmp_path, rows))
    assert list(panels) == [
        "Scaling", "Errors: id", "Errors: gap", "Training", "Videos", "Sweep",
    ]  # fmt: skip
    drawn = [(panel.title, panel.x.name, panel.y.name) for panel in panels["Scaling"]]
    assert drawn == [
        (f"{split}: velocity error (m/s) against {symbol}", axis, f"{split}/velocity_error")
        for split in ("id", "gap")
        for axis, symbol in (("videos", "D"), ("flops", "FLOPs"))
    ]
    assert all(panel.log_x and panel.log_y for panel in panels["Scaling"])
    (every_run,) = panels["Sweep"]
    names = [column.display_name for column in every_run.columns[:2]]
    assert names == ["D", "FLOPs"]
    assert len(every_run.columns) == 4


def test_floors_and_baselines_stand_beside_the_model_which_is_first(tmp_path: Path) -> None:
    rows = [row(source="clamp"), row(source="truth"), row(), row(metric="loss")]
    bars = {panel.title: panel for panel in sections(written(tmp_path, rows))["Errors: id"]}
    assert bars["id: velocity error (m/s)"].metrics == [
        "id/velocity_error",
        "id/velocity_error/clamp",
        "id/velocity_error/truth",
    ]
    assert bars["id: held-out loss"].metrics == ["id/loss"]


def test_training_curves_and_videos_of_every_split(tmp_path: Path) -> None:
    panels = sections(written(tmp_path, [row(), row(split="gap")]))
    assert [panel.title for panel in panels["Training"] if panel.log_y] == ["loss", "gradient_norm"]
    (videos,) = panels["Videos"]
    assert videos.media_keys == ["videos/id", "videos/gap"]


def test_a_metric_of_a_plug_in_has_its_words_and_an_unknown_one_its_name(tmp_path: Path) -> None:
    rows = [
        row(metric=name, run=run * 64, videos=size)
        for name in (OWN.name, "somebodys")
        for run, size in (("a", 1), ("b", 2))
    ]
    store = written(tmp_path, rows)
    write_metric_table(store.metric_table, metrics=[OWN])
    panels = sections(store)
    assert [panel.title for panel in panels["Errors: id"]] == [
        "id: path length error (m)",
        "id: somebodys",
    ]
    assert [panel.title for panel in panels["Scaling"]] == ["id: path length error (m) against D"]


def test_the_specification_is_a_function_of_the_files(tmp_path: Path) -> None:
    from physscale.tracking import dashboard

    store = written(tmp_path, [row(), row(run="b" * 64, parameters=7)])
    texts = [
        json.dumps(
            dashboard.specification(
                dashboard.workspace(dashboard.measured(store), entity="e", project="p")
            )
        )
        for _ in range(2)
    ]
    assert texts[0] == texts[1]
    assert "panel0" in texts[0]


def test_a_study_without_scores_is_refused(tmp_path: Path) -> None:
    from physscale.tracking import dashboard

    with pytest.raises(UserError, match=r"no scores.parquet yet; `physscale run planted`"):
        dashboard.measured(Store(tmp_path / "planted"))
