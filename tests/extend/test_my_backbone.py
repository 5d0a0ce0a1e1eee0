"""The drill of `docs/extend/my_backbone.md`: a backbone from outside the package does what every
backbone does, and learns to predict the next frame in a study from its plan to its scores."""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest

from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.model.backbone_spec import ActivationMemory
from physscale.records.errors import UserError
from physscale.records.registry import PLUGINS
from physscale.records.spec import from_plain, plain
from physscale.run.device_memory import memory
from physscale.run.spec import RunSpec
from physscale.train.loop import train
from tests.backbone_checks import CHECKS, SHAPES
from tests.paths import ROOT
from tests.tiny import tiny_run
from tests.unit.train.tasks import PlainContext, small_task

EXTEND = ROOT / "docs" / "extend"
EXPERIMENT = """
from dataclasses import replace
from my_backbone import MixerSpec
from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.study.spec import Study
from tests.tiny import tiny_run

run = replace(tiny_run(steps=20), model=MixerSpec(width=16), objective=AutoregressiveSpec())
study = Study(name="ahead", question="Does it run?", groups={"all": [run]})
"""
BARE = """
from dataclasses import dataclass, replace
from my_backbone import MixerSpec
from physscale.model.backbone_spec import BACKBONES


@BACKBONES.register
@dataclass(frozen=True)
class BareSpec(MixerSpec):
    def memory(self, shape, *, videos, autocast):
        found = super().memory(shape, videos=videos, autocast=autocast)
        return replace(found, blocks=tuple(replace(block, matrices=()) for block in found.blocks))
"""
"""A backbone that leaves everything to AdamW."""


def physscale(
    words: list[str], *, folder: Path, plugins: str = "my_backbone"
) -> subprocess.CompletedProcess[str]:
    """The program in that folder, with `experiments/ahead.py` there and these plug-ins."""
    environment = os.environ | {PLUGINS: plugins, "PYTHONPATH": f"{folder}:{EXTEND}:{ROOT}"}
    return subprocess.run(
        [sys.executable, "-m", "physscale", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def write_experiment(folder: Path, *, text: str = EXPERIMENT) -> None:
    (folder / "experiments").mkdir()
    (folder / "experiments" / "__init__.py").touch()
    (folder / "experiments" / "ahead.py").write_text(text)


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    """The page's module, as the environment variable would import it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXTEND)
        return importlib.import_module("my_backbone")


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_it_does_what_every_backbone_does(plugin: ModuleType, shape: str, check: str) -> None:
    CHECKS[check](plugin.MixerSpec(width=8), SHAPES[shape])


@pytest.mark.parametrize("objective", [FlowSpec(), AutoregressiveSpec()])
@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_it_trains_with_every_objective(
    plugin: ModuleType, tmp_path: Path, objective: Any, optimiser: str
) -> None:
    task = small_task(tmp_path, optimiser=optimiser)
    task = replace(task, model=plugin.MixerSpec(width=8), objective=objective)
    losses = train(task, context=PlainContext()).losses
    assert losses[-5:].mean() < losses[:5].mean()
    assert memory(
        task.model, objective=objective, shape=task.latents.shape, train=task.train, device="cpu"
    ).total > 20 * task.model.parameters(task.backbone_shape)
    assert isinstance(
        task.model.memory(task.backbone_shape, videos=1, autocast="cuda"), ActivationMemory
    )


def test_a_study_runs_from_its_plan_to_its_scores(tmp_path: Path) -> None:
    write_experiment(tmp_path)
    for words in (["plan", "ahead"], ["run", "ahead", "--backend", "plain"]):
        done = physscale(words, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "mixer16x2" in done.stdout
    (folder,) = (tmp_path / "results" / "ahead" / "runs").iterdir()
    rows = pq.read_table(folder / "scores.parquet").to_pylist()
    losses = {row["metric"]: row["value"] for row in rows if row["split"] == "id"}
    assert losses["loss_grid"] > 0
    assert losses["loss"] > 0
    record = json.loads((folder / "run.json").read_text())
    assert record["spec"]["model"] == {"type": "MixerSpec", "width": 16, "depth": 2}
    assert record["spec"]["flow"]["type"] == "AutoregressiveSpec"


@pytest.mark.parametrize("words", [["plan"], ["run", "--backend", "plain"]], ids=" ".join)
def test_muon_without_matrices_is_refused_before_anything_is_spent(
    tmp_path: Path, words: list[str]
) -> None:
    (tmp_path / "bare.py").write_text(BARE)
    write_experiment(
        tmp_path, text=EXPERIMENT.replace("MixerSpec", "BareSpec").replace("my_backbone", "bare")
    )
    command, *options = words
    refused = physscale([command, "ahead", *options], folder=tmp_path, plugins="bare")
    assert refused.returncode == 2
    assert refused.stderr == (
        "physscale: train optimiser='muon': backbone mixer16x2 names no matrices for Muon; use "
        "train.optimiser=adamw\n"
    )
    assert not (tmp_path / "results").exists()
    adamw = physscale(["plan", "ahead", "train.optimiser=adamw"], folder=tmp_path, plugins="bare")
    assert adamw.returncode == 0, adamw.stderr


def test_without_the_plugin_the_description_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PLUGINS, raising=False)
    described = plain(tiny_run()) | {"model": {"type": "NobodysSpec", "width": 8}}
    with pytest.raises(UserError, match=r"backbone 'NobodysSpec' is unknown; there are DiTSpec"):
        from_plain(RunSpec, described)
