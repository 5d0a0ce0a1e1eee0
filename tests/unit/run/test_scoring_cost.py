"""What scoring and validation cost by formula is what the objectives ask of a network."""

from dataclasses import replace

import pytest
import torch

from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective_spec import ObjectiveSpec
from physscale.records.latent_shape import LatentShape
from physscale.run.cost import backbone_shape, scoring_flops, validation_flops
from tests.tiny import tiny_run

SHAPE = LatentShape(frames=7, channels=2)
VIDEOS = 3
GUIDED = {"guidance": 1.5, "condition_dropout": 0.1}
OBJECTIVES: dict[str, ObjectiveSpec] = {
    "ddim": FlowSpec(),
    "heun": FlowSpec(sampler="heun", sampler_steps=4),
    "guided": FlowSpec(sampler="euler", sampler_steps=4, **GUIDED),  # type: ignore[arg-type]
    "next-frame": AutoregressiveSpec(),
}


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_passes_are_those_that_a_network_sees(objective: ObjectiveSpec) -> None:
    seen: list[int] = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return x[:, :, : SHAPE.channels]

    computation, rows = objective.build(), range(VIDEOS)
    latents = torch.zeros(VIDEOS, SHAPE.frames, SHAPE.channels, 1, 1)
    computation.held_out(network, latents, indices=rows)
    assert sum(seen) == VIDEOS * objective.held_out_passes(SHAPE)
    seen.clear()
    given = latents[:, : objective.condition_frames]
    computation.sample(network, given=given, frames=SHAPE.frames, indices=rows, seed=0)
    assert sum(seen) == VIDEOS * objective.sampling_passes(SHAPE)


def test_a_tiny_run_by_hand() -> None:
    """Two splits of 4 videos, six held-out times and five steps of the sampler: 88 passes. Every 10
    of 24 steps and at the end: 3 looks at 96 videos, six times each. Once, at the end: 6 videos
    sampled in five steps."""
    run = tiny_run(steps=24)
    forward = run.model.forward_flops(backbone_shape(run))
    assert scoring_flops(run) == 88 * forward
    assert validation_flops(run) == 0
    watched = replace(run, train=replace(run.train, validate_every=10, sample_every=24))
    assert validation_flops(watched) == (3 * 96 * 6 + 6 * 5) * forward
