"""Every backbone with every objective: trains, resumes bit for bit, is measured and sampled."""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective_spec import OBJECTIVES, ObjectiveSpec
from physscale.model.backbone_spec import ActivationMemory, Autocast, BackboneSpec
from physscale.model.unet import UNet
from physscale.model.unet_spec import UNetSpec
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape, LatentShape
from physscale.records.spec import from_plain, plain
from physscale.train.checkpoint import load_model
from physscale.train.loop import train
from physscale.train.task import TrainTask
from tests.unit.model.test_backbones import SPECS

from .tasks import Killed, MortalSet, PlainContext, small_latents, small_task

OBJECTIVES_HERE: dict[str, ObjectiveSpec] = {
    "FlowSpec": FlowSpec(condition_frames=2, condition_dropout=0.3, guidance=1.5),
    "AutoregressiveSpec": AutoregressiveSpec(
        condition_frames=2, context_frames=3, context_noise=0.1
    ),
}
PAIRS = list(itertools.product(SPECS, OBJECTIVES_HERE))
SHAPE = LatentShape(frames=8, channels=3)

pairs = pytest.mark.parametrize(
    ("backbone", "objective"),
    [(SPECS[backbone], OBJECTIVES_HERE[objective]) for backbone, objective in PAIRS],
    ids=["-".join(pair) for pair in PAIRS],
)


def pair_task(
    folder: Path, backbone: BackboneSpec, objective: ObjectiveSpec, **train: Any
) -> TrainTask:
    task = small_task(folder, steps=4, **train)
    return replace(task, model=backbone, objective=objective, checkpoint_every=2)


def test_there_is_one_of_every_objective() -> None:
    ours = {
        name for name, kind in OBJECTIVES.entries().items() if kind.__module__.startswith("phys")
    }
    assert OBJECTIVES_HERE.keys() == ours


@pairs
@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_killed_and_run_again_equals_undisturbed(
    tmp_path: Path, backbone: BackboneSpec, objective: ObjectiveSpec, optimiser: str
) -> None:
    task = pair_task(tmp_path / "whole", backbone, objective, optimiser=optimiser)
    whole = train(task, context=PlainContext())
    again = pair_task(tmp_path / "killed", backbone, objective, optimiser=optimiser)
    with pytest.raises(Killed):
        train(replace(again, latents=MortalSet(small_latents(), dies_at=3)), context=PlainContext())
    resumed = train(again, context=PlainContext())
    assert torch.equal(resumed.losses, whole.losses)
    assert whole.losses.isfinite().all()
    read = load_model(resumed.checkpoint)
    for (name, value), twin in zip(whole.model.named_parameters(), read.parameters(), strict=True):
        assert torch.equal(value, twin), name


@pairs
def test_is_measured_and_sampled_each_video_for_itself(
    tmp_path: Path, backbone: BackboneSpec, objective: ObjectiveSpec
) -> None:
    model = train(pair_task(tmp_path, backbone, objective), context=PlainContext()).model
    videos, computation = small_latents(videos=5), objective.build()
    errors = computation.held_out(model, videos, indices=range(5))
    drawn = computation.sample(model, given=videos[:, :2], frames=8, indices=range(5), seed=1)
    assert errors.from_given.shape == errors.as_trained.shape == (5,)
    assert errors.from_given.isfinite().all()
    assert drawn.shape == videos.shape
    assert torch.equal(drawn[:, :2], videos[:, :2])
    assert drawn[:, 2:].std() > 0
    alone = computation.sample(model, given=videos[3:4], frames=8, indices=[3], seed=1)
    torch.testing.assert_close(alone, drawn[3:4], atol=1e-5, rtol=1e-4)
    later = computation.held_out(model, videos[3:], indices=[3, 4])
    torch.testing.assert_close(later.from_given, errors.from_given[3:], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(later.as_trained, errors.as_trained[3:], atol=1e-5, rtol=1e-4)


@pairs
def test_probes_see_nothing_but_the_given_frames(
    tmp_path: Path, backbone: BackboneSpec, objective: ObjectiveSpec
) -> None:
    shape, computation = objective.backbone_shape(SHAPE), objective.build()
    videos = small_latents(videos=4)
    later = videos.clone()
    later[:, objective.condition_frames :] += 1
    seen, same = (computation.probe_input(latents, indices=range(4)) for latents in (videos, later))
    assert torch.equal(seen.inputs, same.inputs)
    assert seen.inputs.shape == (4, shape.frames, shape.inputs, 1, 1)
    assert 0 <= seen.frame < shape.frames
    assert objective.condition_frames <= objective.probed_frame(SHAPE) < SHAPE.frames
    assert backbone.build(shape)(seen.inputs, seen.t).shape == (4, shape.frames, 3, 1, 1)


@pytest.mark.parametrize("objective", OBJECTIVES_HERE.values(), ids=OBJECTIVES_HERE)
def test_an_objective_is_written_and_read(objective: ObjectiveSpec) -> None:
    assert from_plain(ObjectiveSpec, plain(objective)) == objective  # type: ignore[type-abstract]


class BareUNet(UNet):
    """It leaves everything to AdamW."""

    def matrices(self) -> dict[str, tuple[int, int]]:
        return {}


@dataclass(frozen=True)
class BareSpec(UNetSpec):
    def build(self, shape: BackboneShape) -> BareUNet:
        return BareUNet(self, shape=shape)

    def memory(self, shape: BackboneShape, *, videos: int, autocast: Autocast) -> ActivationMemory:
        found = super().memory(shape, videos=videos, autocast=autocast)
        return replace(found, blocks=tuple(replace(block, matrices=()) for block in found.blocks))


def test_muon_is_refused_to_a_backbone_that_names_no_matrices(tmp_path: Path) -> None:
    task = pair_task(tmp_path, BareSpec(8), OBJECTIVES_HERE["FlowSpec"])
    with pytest.raises(UserError, match=r"optimiser='muon': backbone unet8x3 names no matrices"):
        train(task, context=PlainContext())
    train(replace(task, train=replace(task.train, optimiser="adamw")), context=PlainContext())
