"""What is looked at while a run trains: the loss on held-out videos that no judge uses, and a few
of their samples as a moving picture.

The loss is `evaluate/held_out_loss.py`'s: the same noise and the same times whenever and by
whomever it is measured, so that two lines of a history, or of two runs, differ by their models
alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from physscale.codec.protocol import Codec
from physscale.dataset.mp4 import write_mp4
from physscale.evaluate.held_out_loss import held_out_loss
from physscale.flow.sample import sample
from physscale.model.dit import DiT
from physscale.records.store import RunFolder
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.run.conditioning import conditioning_of
from physscale.run.score import FRAMES_PER_S, SHOWN, beside
from physscale.run.spec import RunSpec
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from physscale.train.task import Observer

VALIDATION_VIDEOS = 96
VALIDATION_SEED = 1_000_003
"""Of the training scenario, drawn with the held-out key and a seed that is no judge's."""


def unseen(run: RunSpec) -> DataSpec:
    """Videos as the run trains on them, none of which it trains or is judged on."""
    return replace(
        run.data,
        videos=VALIDATION_VIDEOS,
        seed=VALIDATION_SEED,
        draw="held_out",
        split="validation",
    )


def observers(run: RunSpec, *, codec: Codec, folder: RunFolder) -> tuple[Observer, ...]:
    """Those that the run asks for; what they look at is made when the first one looks."""
    watch = Watch(run, codec, folder)
    asked = ((run.train.validate_every, watch.validate), (run.train.sample_every, watch.picture))
    return tuple(Observer(every, look) for every, look in asked if every)


@dataclass(frozen=True)
class Watch:
    """The unseen videos, rendered and encoded once."""

    run: RunSpec
    codec: Codec
    folder: RunFolder

    @cached_property
    def rows(self) -> Videos:
        return simulate(unseen(self.run), indices=np.arange(VALIDATION_VIDEOS))

    @cached_property
    def pixels(self) -> np.ndarray:
        return render(self.rows, canvas=self.run.canvas)

    @cached_property
    def conditioning(self) -> torch.Tensor | None:
        return conditioning_of(self.run.model, self.rows)

    @cached_property
    def latents(self) -> torch.Tensor:
        return self.codec.encode(self.pixels)

    def validate(self, model: DiT, step: int) -> Mapping[str, float]:
        """Mean over the videos: at pure noise, and over all of the fixed times."""
        latents = self.latents.to(next(model.parameters()).device)
        indices = np.arange(VALIDATION_VIDEOS).tolist()
        loss = held_out_loss(
            model, latents, flow=self.run.flow, indices=indices, conditioning=self.conditioning
        )
        return {
            "validation_loss": float(loss.grid_mean.double().mean()),
            "validation_loss_at_noise": float(loss.at_noise.double().mean()),
        }

    def picture(self, model: DiT, step: int) -> Mapping[str, float]:
        """`videos/step_XXXXXXXX.mp4`: truth above, sample below."""
        given = self.latents[:SHOWN, : self.run.flow.condition_frames].to(
            next(model.parameters()).device
        )
        told = None if self.conditioning is None else self.conditioning[:SHOWN]
        drawn = sample(
            model,
            given=given,
            indices=range(SHOWN),
            flow=self.run.flow,
            seed=self.run.seed,
            conditioning=told,
        )
        shown = beside(self.pixels[:SHOWN], self.codec.decode(drawn))
        write_mp4(self.folder.video(f"step_{step:08d}"), shown, frames_per_s=FRAMES_PER_S)
        return {}
