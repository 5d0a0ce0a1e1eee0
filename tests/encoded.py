"""Small runs with latents on disk, in files of four videos."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from physscale.codec.kinds import PcaSpec, VaeSpec
from physscale.codec.spec import CodecSpec
from physscale.codec.training_spec import VaeTraining
from physscale.model.dit_spec import DiTSpec
from physscale.records.store import Store
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.run.context import PlainContext
from physscale.run.encode import encode_unit
from physscale.run.latent_cache import Unit, caches_of
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.simulate.spec import DataSpec
from tests.tiny import tiny_run

VAE = VaeSpec(widths=(8, 8), groups=4, latent_channels=2)


def run_of(spec: CodecSpec = PcaSpec(8), *, videos: int = 10, steps: int = 6) -> RunSpec:  # noqa: B008 - frozen
    """Mirrored videos, files of four."""
    run = tiny_run(videos=videos, steps=steps)
    training = VaeTraining(steps=2, batch=1, frames=2) if isinstance(spec, VaeSpec) else None
    model = DiTSpec(width=8, depth=2, heads=1, patch=4) if isinstance(spec, VaeSpec) else run.model
    recipe = CodecRecipe(spec=spec, corpus=run.codec.corpus, training=training)
    return replace(run, codec=recipe, model=model, train=replace(run.train, flip="horizontal"))


def units_of(run: RunSpec, *, root: Path) -> list[Unit]:
    return [unit for cache in caches_of([run], store=Store(root)) for unit in cache.units]


def encode(run: RunSpec, *, root: Path) -> list[str]:
    return [encode_unit(unit).state for unit in units_of(run, root=root)]


class Blind(PlainContext):
    """Nobody draws a training video."""

    def videos(
        self, data: DataSpec, *, canvas: Canvas, batches: Iterable[np.ndarray]
    ) -> Iterator[Videos]:
        raise AssertionError("the training drew videos of its own")
