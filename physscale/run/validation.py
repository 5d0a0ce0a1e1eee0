"""Validation while a run trains: the loss on held-out videos of no test split, and a few of their
samples as a video.

The loss is the objective's (`flow/objective.py`) with common random numbers. So two lines of a
history, or of two runs, differ only by their models."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from physscale.codec.protocol import Codec
from physscale.dataset.mp4 import write_mp4
from physscale.model.backbone import Backbone
from physscale.records.store import RunFolder
from physscale.records.video import Videos
from physscale.render.render import render
from physscale.run.conditioning import conditioning_of
from physscale.run.cost import PICTURED_VIDEOS, VALIDATION_VIDEOS
from physscale.run.inference import dealt, inference_of, parts_of
from physscale.run.inference_memory import videos_at_once
from physscale.run.pictures import FRAMES_PER_S, beside
from physscale.run.spec import RunSpec
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from physscale.train.parallel import Workers
from physscale.train.task import Observer

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


def observers(
    run: RunSpec, *, codec: Codec, folder: RunFolder, workers: Workers
) -> tuple[Observer, ...]:
    """The observers that the run asks for. Their videos are made when the first one is called."""
    watch = Watch(run, codec, folder, workers)
    asked = ((run.train.validate_every, watch.validate), (run.train.sample_every, watch.picture))
    return tuple(Observer(every, look) for every, look in asked if every)


@dataclass(frozen=True)
class _Seen:
    """Some of the unseen videos, as the model takes them."""

    rows: Videos
    pixels: np.ndarray
    latents: Tensor
    conditioning: Tensor | None


@dataclass(frozen=True)
class Watch:
    """The unseen videos, rendered and encoded once; each worker holds those that it looks at."""

    run: RunSpec
    codec: Codec
    folder: RunFolder
    workers: Workers

    @cached_property
    def parts(self) -> list[slice]:
        return parts_of(VALIDATION_VIDEOS, at_once=videos_at_once(self.run))

    @cached_property
    def own(self) -> dict[int, _Seen]:
        """This worker's parts, by their first rows."""
        mine = self.parts[self.workers.rank :: self.workers.world]
        return {part.start: self._seen(part) for part in mine}

    @cached_property
    def pictured(self) -> _Seen:
        return self._seen(slice(0, PICTURED_VIDEOS))

    def validate(self, model: Backbone, step: int) -> Mapping[str, float]:
        """Mean losses over the videos: as trained, and from the given frames alone. Every worker
        measures its parts; the first one has the means."""
        inference = inference_of(self.run, model)

        def errors(part: slice) -> tuple[Tensor, ...]:
            seen = self.own[part.start]
            found = inference.held_out(
                seen.latents, indices=seen.rows.index.tolist(), conditioning=seen.conditioning
            )
            return found.as_trained, found.from_given

        def like(part: slice) -> tuple[Tensor, ...]:
            return (torch.empty(part.stop - part.start, device="meta"),) * 2

        rounds = dealt(self.parts, workers=self.workers, work=errors, like=like)
        results = [result for done in rounds for _, result in done]
        if not results:
            return {}
        as_trained, from_given = (torch.cat(found).double() for found in zip(*results, strict=True))
        return {
            "validation_loss": float(as_trained.mean()),
            "validation_loss_at_noise": float(from_given.mean()),
        }

    def picture(self, model: Backbone, step: int) -> Mapping[str, float]:
        """`videos/step_XXXXXXXX.mp4`: truth above, sample below; by the first worker."""
        if self.workers.rank == 0:
            seen = self.pictured
            drawn = inference_of(self.run, model).sample(
                seen.latents[:, : self.run.objective.condition_frames],
                frames=seen.latents.shape[1],
                indices=seen.rows.index.tolist(),
                seed=self.run.seed,
                conditioning=seen.conditioning,
            )
            shown = beside(seen.pixels, self.codec.decode(drawn))
            write_mp4(self.folder.video(f"step_{step:08d}"), shown, frames_per_s=FRAMES_PER_S)
        return {}

    def _seen(self, part: slice) -> _Seen:
        rows = simulate(unseen(self.run), indices=np.arange(part.start, part.stop))
        pixels = render(rows, canvas=self.run.canvas)
        conditioning = conditioning_of(self.run.model.conditioned_on, rows)
        return _Seen(rows, pixels, self.codec.encode(pixels), conditioning)
