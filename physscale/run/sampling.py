"""The test splits of a run through its trained model, dealt out over the workers.

Every worker draws, encodes, measures, samples and decodes its parts; the first worker puts them
together. Between two rounds of parts a request to stop is heard: then what is there is kept on
disk, and the next attempt goes on from it."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from physscale.codec.protocol import Codec
from physscale.records.errors import Diverged, Preempted
from physscale.render.render import render
from physscale.run.conditioning import conditioning_of
from physscale.run.context import Context
from physscale.run.inference import Inference, dealt, parts_of
from physscale.run.sampled import Sampled
from physscale.run.spec import RunSpec, TestSplit
from physscale.simulate.simulate import simulate
from physscale.train.parallel import Workers

__all__ = ["Part", "Sampler"]


class Part(NamedTuple):
    """Rows of a test split."""

    split: TestSplit
    rows: slice


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A trained model, its codec, and the folder where an interrupted split is kept."""

    run: RunSpec
    inference: Inference
    codec: Codec
    folder: Path

    def sampled(
        self, splits: Sequence[TestSplit], *, context: Context
    ) -> Iterator[tuple[TestSplit, Sampled]]:
        """Each split, in order, with what the model made of it: on the first worker. Every worker
        iterates; the others get nothing.

        Raises:
            Diverged: by a model whose numbers are not finite.
            Preempted: on every worker, when the context of any asks to stop.
        """
        workers = Workers(rank=context.rank, world=context.world)
        here = self._interrupted(splits) if workers.rank == 0 else {}
        parts = self._missing(splits, here=here, workers=workers)
        rounds = dealt(parts, workers=workers, work=self.made, like=self._like)
        left = list(splits) if workers.rank == 0 else []
        while True:
            while left and left[0].data.split in here and here[left[0].data.split].done.all():
                split = left.pop(0)
                yield split, here.pop(split.data.split)
                shutil.rmtree(self._place(split), ignore_errors=True)
            if workers.any(context.stop_requested()):
                self._keep(here)
                raise Preempted("stopped between test videos; run again to go on")
            results = next(rounds, None)
            if results is None:
                return
            for part, result in results:
                name = part.split.data.split
                if name not in here:
                    here[name] = Sampled.empty(self.run, part.split)
                here[name].put(part.rows, result)

    def _interrupted(self, splits: Sequence[TestSplit]) -> dict[str, Sampled]:
        return {
            split.data.split: Sampled.read(self._place(split), run=self.run, split=split)
            for split in splits
            if self._place(split).exists()
        }

    def _keep(self, here: dict[str, Sampled]) -> None:
        for name, sampled in here.items():
            sampled.write(self.folder / f"{name}.part")

    def _place(self, split: TestSplit) -> Path:
        return self.folder / f"{split.data.split}.part"

    def _missing(
        self, splits: Sequence[TestSplit], *, here: dict[str, Sampled], workers: Workers
    ) -> list[Part]:
        """The parts that the first worker lacks."""
        own = [
            here[split.data.split].done
            if split.data.split in here
            else np.zeros(split.data.videos, np.bool_)
            for split in splits
        ]
        said = workers.gathered(b"".join(done.tobytes() for done in own))[0]
        done = np.split(
            np.frombuffer(said, np.bool_), np.cumsum([split.data.videos for split in splits])
        )
        return [
            Part(split, rows)
            for split, there in zip(splits, done, strict=False)
            for rows in parts_of(split.data.videos, at_once=self.inference.at_once)
            if not there[rows].all()
        ]

    def made(self, part: Part) -> tuple[Tensor, ...]:
        """Of these rows: samples, recoded truth, and both errors. Raises Diverged if the model
        gives numbers that are not finite."""
        run, rows = self.run, np.arange(part.rows.start, part.rows.stop)
        truth = simulate(part.split.data, indices=rows)
        latents = self.codec.encode(render(truth, canvas=run.canvas))
        conditioning = conditioning_of(run.model.conditioned_on, truth)
        errors = self.inference.held_out(latents, indices=rows.tolist(), conditioning=conditioning)
        drawn = self.inference.sample(
            latents[:, : run.objective.condition_frames],
            frames=latents.shape[1],
            indices=rows.tolist(),
            seed=run.seed,
            conditioning=conditioning,
        )
        for numbers in (drawn, errors.from_given, errors.as_trained):
            if not bool(numbers.isfinite().all()):
                raise Diverged(
                    f"test split {part.split.data.split}: the trained model's numbers are not "
                    "finite; its last steps broke it"
                )
        samples, recoded = (torch.from_numpy(self.codec.decode(one)) for one in (drawn, latents))
        return samples, recoded, errors.from_given, errors.as_trained

    def _like(self, part: Part) -> tuple[Tensor, ...]:
        """Tensors without content, shaped as `made` returns them."""
        count, size = part.rows.stop - part.rows.start, self.run.canvas.size_px
        frames = torch.empty(
            (count, part.split.data.frames, size, size, 3), dtype=torch.uint8, device="meta"
        )
        errors = torch.empty(count, device="meta")
        return frames, frames, errors, errors
