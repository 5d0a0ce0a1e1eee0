"""The drill of `docs/extend/my_metric.md`: a metric from outside the package scores a finished run
and stands on the command line and in the report with its words."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from physscale.finished.tables import write_study_tables
from physscale.records.registry import PLUGINS
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from tests.paths import ROOT
from tests.tiny import tiny_run

NAME, LABEL = "path_length_error", "path length error (m)"
SOURCES = {"model", "truth", "codec", "clamp", "mean_speed", "extrapolate", "nearest"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A study of one run that was scored without the plug-in."""
    store, run = Store(tmp_path_factory.mktemp("results") / "tiny"), tiny_run(steps=300)
    execute(run, store=store, context=PlainContext())
    write_study_tables(store, groups={run.fingerprint: "all"})
    return store


def said(*words: object, plugin: bool = True, code: int = 0) -> str:
    """What a command says, in a process of its own."""
    folders = os.pathsep.join([str(ROOT), str(ROOT / "docs" / "extend")])
    environment = os.environ | {"PYTHONPATH": folders, "COLUMNS": "200"}
    environment |= {PLUGINS: "my_metric"} if plugin else {}
    command = [sys.executable, "-m", *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_a_metric_of_a_plug_in_reaches_every_place(finished: Store, tmp_path: Path) -> None:
    before = pq.read_table(finished.scores)
    place = ("tiny", "--results", finished.root.parent)
    printed = json.loads(said("physscale", "score", *place, "--json"))
    assert list(printed["missing"].values()) == [[NAME]]

    after = pq.read_table(finished.scores)
    added = pc.equal(after["metric"], NAME)
    assert (
        after.filter(pc.invert(added)).drop_columns("group").equals(before.drop_columns("group"))
    ), "nothing else changes, bit for bit"
    rows = after.filter(added).to_pylist()
    assert {row["source"] for row in rows} == SOURCES
    values = {(row["split"], row["source"]): row["value"] for row in rows}
    for split in ("id", "speed_high"):
        assert 2 * values[split, "truth"] < values[split, "model"]
    assert values["speed_high", "clamp"] > values["id", "clamp"], "it knows no such speed"

    samples = next(finished.root.glob("runs/*/samples/id.arrow"))
    assert said("physscale", "evaluate", samples).count(LABEL) == 1

    page = tmp_path / "page.html"
    said("analysis", "report", finished.root, "--out", page, plugin=False)
    shown = page.read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert shown.count(f">{LABEL}<") == 1, "the words come from metrics.json, without the plug-in"


def test_without_the_plug_in_its_name_is_refused(finished: Store) -> None:
    place = ("tiny", "--results", finished.root.parent, "--only", NAME)
    message = said("physscale", "score", *place, plugin=False, code=2)
    assert f"metric '{NAME}' is unknown" in message
    assert message.count("\n") == 1
