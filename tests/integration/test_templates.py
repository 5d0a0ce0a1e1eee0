"""The paper's combinatorial run, made small: trained on PHYRE scenes, scored in and out of template
by its loss."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from experiments.templates import template_run
from physscale.codec.kinds import PcaSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.model.sizes import SIZES
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.run.spec import CodecRecipe
from physscale.simulate.phyre.templates import SIX
from physscale.train.spec import TrainSpec


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store in which the small run is done."""
    paper = template_run(SIX, size="B")
    small = replace(
        paper,
        data=replace(paper.data, videos=24),
        canvas=Canvas(size_px=32, style="hard"),
        codec=CodecRecipe(spec=PcaSpec(8), corpus=replace(paper.codec.corpus, videos=48)),
        model=SIZES["d16"],
        objective=FlowSpec(condition_frames=1),
        train=TrainSpec(steps=5, batch=4),
        test_splits=tuple(
            replace(split, data=replace(split.data, videos=4)) for split in paper.test_splits
        ),
        workers=1,
    )
    store = Store(tmp_path_factory.mktemp("templates") / "results")
    execute(small, store=store, context=PlainContext())
    return store


def test_the_run_has_losses_in_and_out_of_template_and_no_motion_by_colour(store: Store) -> None:
    (folder,) = (store.root / "runs").iterdir()
    scores = pq.read_table(folder / "scores.parquet").to_pylist()
    assert {(row["split"], row["kind"]) for row in scores} == {
        ("in_template", "id"),
        ("out_of_template", "combinatorial"),
    }
    assert {row["metric"] for row in scores} == {"loss", "loss_grid"}
    assert {row["combinations"] for row in scores} == {len(SIX)}
    assert all(0 < row["value"] < 10 for row in scores)
    assert pq.read_table(folder / "outcomes.parquet").num_rows == 0
    assert {path.name for path in (folder / "samples").iterdir()} == {
        "in_template.arrow",
        "out_of_template.arrow",
    }
