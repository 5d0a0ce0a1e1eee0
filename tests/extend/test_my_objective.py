"""The drill of `docs/extend/my_objective.md`: an objective from outside the package trains every
backbone, and a study with it goes from its plan to its scores."""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pyarrow.parquet as pq
import pytest
import torch

from physscale.flow.objective import Part
from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.records.errors import UserError
from physscale.records.latent_shape import LatentShape
from physscale.records.registry import PLUGINS
from physscale.records.spec import from_plain, plain
from physscale.run.spec import RunSpec
from physscale.train.loop import train
from tests.paths import ROOT
from tests.tiny import tiny_run
from tests.unit.model.test_backbones import SPECS
from tests.unit.train.tasks import PlainContext, small_latents, small_task

EXTEND = ROOT / "docs" / "extend"
SHAPE = LatentShape(frames=8, channels=3)
EXPERIMENT = """
from dataclasses import replace
from my_objective import OneShotSpec
from physscale.study.spec import Study
from tests.tiny import tiny_run

run = replace(tiny_run(steps=20), objective=OneShotSpec())
study = Study(name="at_once", question="Does it run?", groups={"all": [run]})
"""


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    """The page's module, as the environment variable would import it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXTEND)
        return importlib.import_module("my_objective")


@pytest.fixture(scope="module")
def objective(plugin: ModuleType) -> ObjectiveSpec:
    made: ObjectiveSpec = plugin.OneShotSpec(condition_frames=2)
    return made


def test_it_is_written_and_read(objective: ObjectiveSpec) -> None:
    assert from_plain(ObjectiveSpec, plain(objective)) == objective  # type: ignore[type-abstract]


@pytest.mark.parametrize("backbone", SPECS.values(), ids=SPECS)
def test_it_trains_measures_and_samples_every_backbone(
    objective: ObjectiveSpec, backbone: BackboneSpec, tmp_path: Path
) -> None:
    task = replace(small_task(tmp_path), model=backbone, objective=objective)
    trained = train(task, context=PlainContext())
    assert trained.losses[-5:].mean() < trained.losses[:5].mean()
    model, videos = trained.model, small_latents(videos=5)
    computation = objective.build()
    drawn = computation.sample(model, given=videos[:, :2], frames=8, indices=range(5), seed=1)
    assert torch.equal(drawn[:, :2], videos[:, :2])
    errors = computation.held_out(model, videos, indices=range(5))
    made = (drawn[:, 2:] - videos[:, 2:]).square().flatten(1).mean(dim=1)
    torch.testing.assert_close(errors.from_given, made)


def test_the_losses_of_parts_add_up_to_that_of_the_share(
    objective: ObjectiveSpec, tmp_path: Path
) -> None:
    model = train(replace(small_task(tmp_path), objective=objective), context=PlainContext()).model
    part = Part(step=0, seed=0, batch=6, rows=slice(0, 6))
    share = objective.build().draw(small_latents(videos=6), part=part)
    whole = share.loss(model, rows=slice(0, 6))
    parts = share.loss(model, rows=slice(0, 2)) + share.loss(model, rows=slice(2, 6))
    torch.testing.assert_close(parts, whole)


def test_the_given_frames_alone_are_seen(objective: ObjectiveSpec) -> None:
    videos, computation = small_latents(videos=4), objective.build()
    later = videos.clone()
    later[:, objective.condition_frames :] += 1
    seen, same = (computation.probe_input(latents, indices=range(4)) for latents in (videos, later))
    assert torch.equal(seen.inputs, same.inputs)
    assert seen.frame == objective.probed_frame(SHAPE)


def test_what_leaves_no_frame_to_predict_is_refused(plugin: ModuleType) -> None:
    with pytest.raises(UserError, match="one-shot condition_frames=8: must be below the videos' 8"):
        plugin.OneShotSpec(condition_frames=8).backbone_shape(SHAPE)
    computation = plugin.OneShotSpec(condition_frames=3).build()
    given = small_latents(videos=1)[:, :2]
    with pytest.raises(UserError, match="condition_frames=3: only 2 frames were given"):
        computation.sample(torch.nn.Identity(), given=given, frames=8, indices=[0], seed=0)


def test_a_study_runs_from_its_plan_to_its_scores(tmp_path: Path) -> None:
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "at_once.py").write_text(EXPERIMENT)
    environment = {PLUGINS: "my_objective", "PYTHONPATH": f"{tmp_path}:{EXTEND}:{ROOT}"}
    for words in (["plan", "at_once"], ["run", "at_once", "--backend", "plain"]):
        done = subprocess.run(
            [sys.executable, "-m", "physscale", *words],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "one-shot" in done.stdout
    (run,) = (tmp_path / "results" / "at_once" / "runs").iterdir()
    rows = pq.read_table(run / "scores.parquet").to_pylist()
    losses = {row["metric"]: row["value"] for row in rows if row["split"] == "id"}
    assert losses["loss"] == losses["loss_grid"] > 0
    record = json.loads((run / "run.json").read_text())
    assert record["spec"]["flow"] == {"type": "OneShotSpec", "condition_frames": 3}


def test_without_the_plugin_the_description_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PLUGINS, raising=False)
    described = plain(tiny_run()) | {"flow": {"type": "NobodysSpec", "condition_frames": 3}}
    with pytest.raises(UserError, match=r"objective 'NobodysSpec' is unknown; there are"):
        from_plain(RunSpec, described)
