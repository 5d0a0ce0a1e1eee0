"""Validation while a run trains: the loss on held-out videos of no test split, and a few of their
samples as a video.

The loss is the objective's (`flow/objective.py`) with common random numbers. So two lines of a
history, or of two runs, differ only by their models."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from physscale.codec.protocol import Codec
from physscale.dataset.mp4 import write_mp4
from physscale.flow.objective import Objective
from physscale.model.backbone import Backbone
from physscale.records.store import RunFolder
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.run.conditioning import conditioning_of
from physscale.run.score import FRAMES_PER_S, PICTURED_VIDEOS, beside
from physscale.run.spec import RunSpec
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from physscale.train.task import Observer

VALIDATION_VIDEOS = 96
VALIDATION_SEED = 1_000_003
"""The seed of the validation videos: the training scenario with the held-out key, and a seed of no
test split."""


def unseen(run: RunSpec) -> DataSpec:
    """Videos like the training videos, which the run neither trains on nor is scored on."""
    return replace(
        run.data,
        videos=VALIDATION_VIDEOS,
        seed=VALIDATION_SEED,
        draw="held_out",
        split="validation",
    )


def observers(run: RunSpec, *, codec: Codec, folder: RunFolder) -> tuple[Observer, ...]:
    """The observers that the run asks for. Their videos are made when the first one is called."""
    watch = Watch(run, codec, folder, run.objective.build())
    asked = ((run.train.validate_every, watch.validate), (run.train.sample_every, watch.picture))
    return tuple(Observer(every, look) for every, look in asked if every)


@dataclass(frozen=True)
class Watch:
    """The unseen videos, rendered and encoded once."""

    run: RunSpec
    codec: Codec
    folder: RunFolder
    objective: Objective

    @cached_property
    def rows(self) -> Videos:
        return simulate(unseen(self.run), indices=np.arange(VALIDATION_VIDEOS))

    @cached_property
    def pixels(self) -> np.ndarray:
        return render(self.rows, canvas=self.run.canvas)

    @cached_property
    def conditioning(self) -> torch.Tensor | None:
        return conditioning_of(self.run.model.conditioned_on, self.rows)

    @cached_property
    def latents(self) -> torch.Tensor:
        return self.codec.encode(self.pixels)

    def validate(self, model: Backbone, step: int) -> Mapping[str, float]:
        """Mean losses over the videos: as trained, and from the given frames alone."""
        latents = self.latents.to(next(model.parameters()).device)
        indices = np.arange(VALIDATION_VIDEOS).tolist()
        errors = self.objective.held_out(
            model, latents, indices=indices, conditioning=self.conditioning
        )
        return {
            "validation_loss": float(errors.as_trained.double().mean()),
            "validation_loss_at_noise": float(errors.from_given.double().mean()),
        }

    def picture(self, model: Backbone, step: int) -> Mapping[str, float]:
        """`videos/step_XXXXXXXX.mp4`: truth above, sample below."""
        given = self.latents[:PICTURED_VIDEOS, : self.run.objective.condition_frames].to(
            next(model.parameters()).device
        )
        read = None if self.conditioning is None else self.conditioning[:PICTURED_VIDEOS]
        drawn = self.objective.sample(
            model,
            given=given,
            frames=self.latents.shape[1],
            indices=range(PICTURED_VIDEOS),
            seed=self.run.seed,
            conditioning=read,
        )
        shown = beside(self.pixels[:PICTURED_VIDEOS], self.codec.decode(drawn))
        write_mp4(self.folder.video(f"step_{step:08d}"), shown, frames_per_s=FRAMES_PER_S)
        return {}
