"""Every metric of the package has words, a unit where it needs one and a direction, and stands
exactly once in each place that it names, and in no other."""

import contextlib
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.data.study import Study, read_study
from analysis.report.findings import Findings
from analysis.report.tables import metric_rows, run_rows
from analysis.report.videos import numbers
from physscale.cli.main import main
from physscale.dataset.file import write_videos
from physscale.evaluate.metrics import METRICS, metrics_of
from physscale.records.metric_table import BUILT_IN, Metric
from physscale.records.scores import SCORES
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.simulate import simulate
from tests.paper_videos import paper_data

SPLITS = {"id": "id", "speed_high": "ood"}
EVERY = pytest.mark.parametrize("metric", BUILT_IN, ids=lambda metric: metric.name)
UNITS = {"_m": "m", "_db": "dB"}
"""The unit that a name's ending stands for."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Runs of two sizes, scored on every metric on two test splits."""
    store = Store(tmp_path_factory.mktemp("results") / "every")
    store.root.mkdir()
    rows = [
        {
            "study": "every",
            "run": str(size) * 64,
            "group": "size",
            "split": split,
            "kind": kind,
            "source": source,
            "metric": metric.name,
            "value": 0.5 / size,
            "low": 0.4 / size,
            "high": 0.6 / size,
            "count": 8,
            "parameters": 1000 * size,
            "videos": 100,
            "combinations": 0,
            "steps": 10,
            "flops": 1e9 * size,
            "seed": 0,
        }
        for size in (1, 2)
        for split, kind in SPLITS.items()
        for metric in BUILT_IN
        for source in ("model", "codec", "truth")
    ]
    scores = pa.Table.from_pylist(rows, schema=SCORES)
    pq.write_table(scores, store.scores)
    pq.write_table(scores, store.frame_scores)
    return store


@pytest.fixture(scope="module")
def known(study: Store) -> Study:
    (study.root / "study.json").write_text(json.dumps({"name": "every", "question": "?"}))
    return read_study(study.root)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The cells of each line that `physscale evaluate FILE` prints for a file of several groups."""
    truth = simulate(paper_data("uniform", part="eval"), indices=np.arange(156, 168))
    frames = render(truth, canvas=Canvas(size_px=64, style="paper"))
    path = tmp_path_factory.mktemp("samples") / "samples.arrow"
    write_videos(path, truth.with_pixels(frames))
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setenv("COLUMNS", "400")
        with pytest.raises(SystemExit) as ended:
            main(["evaluate", str(path)])
    assert not ended.value.code
    lines = out.getvalue().replace("┃", "│").splitlines()
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


@EVERY
def test_it_has_words_a_unit_and_a_direction(metric: Metric) -> None:
    assert metric.words == metric.words.strip()
    assert "_" not in metric.words
    assert metric.direction in ("lower", "higher"), "the package knows which values are better"
    assert not (metric.share and metric.unit), "a share has no unit"
    for ending, unit in UNITS.items():
        assert not metric.name.endswith(ending) or metric.unit == unit
    assert metric.label == (f"{metric.words} ({metric.unit})" if metric.unit else metric.words)


def test_every_computed_metric_is_declared() -> None:
    declared = {metric.name: metric for metric in BUILT_IN}
    for name, entry in METRICS.entries().items():
        assert declared[name] is entry.metric


@EVERY
def test_the_command_line_shows_it(metric: Metric, printed: list[list[str]]) -> None:
    [heads] = [cells for cells in printed if cells[0] == "group"]
    assert heads.count(metric.label) == ("command line" in metric.shown)
    of_a_run = metric.name in {
        entry.name for entry in metrics_of("run") if entry.needs != "official"
    }
    assert sum(cells[0] == metric.label for cells in printed) == of_a_run


@EVERY
@pytest.mark.filterwarnings("ignore:.*Pydantic V1 style:DeprecationWarning")  # on import
def test_the_dashboard_shows_it(metric: Metric, study: Store) -> None:
    from physscale.tracking import dashboard

    board = dashboard.workspace(dashboard.measured(study), entity="somebody", project="physscale")
    panels = {section.name: section.panels for section in board.sections}
    against = [panel.title for panel in panels["Scaling"]]
    columns = [column.metric for column in panels["Sweep"][0].columns]
    for split in SPLITS:
        shown = "dashboard" in metric.shown
        assert against.count(f"{split}: {metric.label} against N") == shown
        assert sum(column.name == f"{split}/{metric.name}" for column in columns) == shown
        bars = [panel.title for panel in panels[f"Errors: {split}"]]
        assert bars.count(f"{split}: {metric.label}") == 1, "it lists every metric"


@EVERY
def test_the_report_shows_it(metric: Metric, known: Study) -> None:
    heads = run_rows(Findings(known, ladders=(), leading=())).heads
    assert heads.count(f"its {metric.words}") == ("report" in metric.shown)
    run = next(iter(known.runs.values()))
    named = [row[0].text for row in metric_rows(known, run).rows]
    assert named.count(metric.label) == 1, "it lists every metric"


@EVERY
def test_the_report_on_frames_shows_it(metric: Metric, known: Study) -> None:
    grid = numbers(known)
    assert grid is not None
    assert grid.heads.count(metric.label) == ("frames report" in metric.shown)
