"""The paper's video VAE on a card: a training step, and encoding from scenes to files."""

import multiprocessing
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.paper import SD_LAYOUT, VAE_TRAINING, study
from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_spec import VaeSpec
from physscale.codec.vae_training import fresh_vae, vae_steps
from physscale.records.store import Store
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.run.codec import codec_of
from physscale.run.context import PlainContext
from physscale.run.encode import encode_unit
from physscale.run.latent_cache import Unit, caches_of
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.scheduling.gpus import Device
from physscale.simulate.simulate import simulate
from tests.gpu.row import Bench, Reading, Row
from tests.tiny import tiny_run

SMALL = VaeSpec(widths=(8, 16), groups=4, latent_channels=4)
STEPS = 2


def vae(bench: Bench) -> Iterator[Reading]:
    """Peak of a training step; FLOP/s of encoding; the bytes of files made side by side."""
    run = tiny(steps=STEPS) if bench.tiny else paper()
    recipe = run.codec
    assert isinstance(recipe.spec, VaeSpec)
    assert recipe.training is not None
    held = bench.peak_bytes(lambda: step(bench, run, spec=recipe.spec, training=recipe.training))
    yield Reading(
        name="training step",
        value=held / 1e9,
        at_most=None if bench.device == "cpu" else 70.0,
        unit="GB",
    )
    store = Store(bench.folder / "alone")
    codec = codec_of(run, store=store, context=PlainContext(device=bench.device))
    pixels = render(simulate(run.data, indices=np.arange(2)), canvas=run.canvas)
    codec.encode(pixels)  # warm
    cache = caches_of([run], store=store)[0]
    (unit,) = cache.units
    begun_s = time.perf_counter()
    encode_unit(unit, device=bench.device)
    seconds = time.perf_counter() - begun_s
    flops = len(unit) * recipe.spec.encoding_flops(
        frames=run.data.frames, size_px=run.canvas.size_px
    )
    yield Reading(
        name="draw, encode, write",
        value=flops / seconds / 1e12,
        at_least=None if bench.tiny else 40.0,
        unit="TFLOP/s",
    )
    differing = [made != unit.path.read_bytes() for made in beside(bench, unit)]
    yield Reading(name="files that differ", value=sum(differing), at_most=0)


def paper() -> RunSpec:
    """The smallest run of `paper`, its codec trained for two steps."""
    run = study.groups["laws"][0]
    training = replace(VAE_TRAINING, steps=STEPS)
    return replace(
        run,
        data=replace(run.data, videos=256),
        codec=replace(run.codec, spec=SD_LAYOUT, training=training),
    )


def tiny(*, steps: int) -> RunSpec:
    run = replace(tiny_run(), canvas=Canvas(size_px=16))
    training = VaeTraining(steps=steps, batch=2, frames=2)
    return replace(run, codec=CodecRecipe(spec=SMALL, corpus=run.codec.corpus, training=training))


def step(bench: Bench, run: RunSpec, *, spec: VaeSpec, training: VaeTraining) -> None:
    """Two steps of the codec's training, from its first weights."""
    corpus = replace(run.codec.corpus, videos=64)
    stills = render(simulate(corpus, indices=np.arange(corpus.videos)), canvas=run.canvas)[:, 0]
    model = fresh_vae(spec, seed=training.seed).to(bench.device)
    for _ in vae_steps(model, stills=stills, training=training):
        pass


def beside(bench: Bench, unit: Unit) -> list[bytes]:
    """The same file, made by two processes at the same time."""
    roots = [bench.folder / name for name in ("one", "other")]
    for root in roots:
        shutil.copytree(unit.cache.root, root, ignore=shutil.ignore_patterns("shard_*"))
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        made = [
            pool.submit(file_of, replace(unit, cache=replace(unit.cache, root=root)), bench.device)
            for root in roots
        ]
        return [file.result() for file in made]


def file_of(unit: Unit, device: Device) -> bytes:
    encode_unit(unit, device=device)
    return Path(unit.path).read_bytes()


ROWS = (
    Row(
        name="vae",
        item="two training steps of `paper`'s VAE; draw → encode → file; the same file made by two "
        "processes side by side",
        passes="≤ 70 GB; ≥ 40 TFLOP/s; same bytes",
        measure=vae,
    ),
)
