"""The codec of a run: built once from its recipe, and shared by every run of the study that has the
same one."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import numpy as np
from torch import Tensor

from physscale.codec.protocol import RECIPE, Codec, load_codec
from physscale.codec.spec import CodecInputs
from physscale.codec.training_spec import VaeTraining
from physscale.records.errors import DamagedData, Preempted
from physscale.records.json_value import parsed
from physscale.records.metrics import MetricLog
from physscale.records.spec import canonical
from physscale.records.store import Store, read_folder, remove_folder, write_folder
from physscale.render.render import render
from physscale.run.context import Context, PlainContext
from physscale.run.spec import RunSpec
from physscale.run.weights import kept_weights
from physscale.scheduling.gpus import Device
from physscale.simulate.simulate import simulate
from physscale.train.parallel import Workers
from physscale.train.same_folder import same_folder

ALONE = PlainContext()

LOCK_LOOK_S = 1.0
"""How often one that waits for its turn looks whether it is asked to stop."""

LINE_EVERY_S = 2.0


def codec_of(run: RunSpec, *, store: Store, context: Context = ALONE) -> Codec:
    """The run's codec, on this device: read from the results, or built there and kept. Every
    worker of the run calls it. One process at a time looks and builds, with its workers; all of
    these take the very folder that the first one has.

    A damaged folder is built again, because a codec is a pure function of its recipe.

    Raises:
        DamagedData: on every worker, when some do not see the first one's folder.
        Diverged, Preempted: as a training does.
        UserError: if the codec cannot be built, or the folder is of a kind that nothing registered.
    """
    folder = store.codec(run.codec_fingerprint)
    workers = Workers(rank=context.rank, world=context.world)
    with _turn(folder.with_suffix(".lock"), workers=workers, context=context):
        found = same_folder(
            _whole(folder, run=run) if workers.rank == 0 else None,
            parent=folder.parent,
            workers=workers,
        )
        if found is None:
            codec = _built(run, store=store, context=context)
            if workers.rank == 0:
                _keep(codec, run=run, store=store)
                found = folder
            same_folder(found, parent=folder.parent, workers=workers)
    return load_codec(folder).on(context.device)


@contextmanager
def _turn(lock: Path, *, workers: Workers, context: Context) -> Iterator[None]:
    """The first worker holds the lock. The others wait with it, so that none is left alone in a
    message, and all hear the request to stop. Raises Preempted."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = filelock.FileLock(lock)
    try:
        while True:
            mine = workers.rank == 0 and _acquired(held)
            votes = workers.gathered(bytes([mine, not mine and context.stop_requested()]))
            if votes[0][0]:
                break
            if any(vote[1] for vote in votes):
                raise Preempted("stopped while it waited for its codec; run again to go on")
        yield
    finally:
        held.release()


def _acquired(lock: filelock.FileLock) -> bool:
    try:
        lock.acquire(timeout=LOCK_LOOK_S)
    except filelock.Timeout:
        return False
    return True


def _whole(folder: Path, *, run: RunSpec) -> Path | None:
    """The folder, if it is undamaged and holds this run's codec."""
    try:
        written = parsed((read_folder(folder) / RECIPE).read_bytes())
    except (DamagedData, OSError, ValueError):
        return None
    return folder if written == _recipe(run) else None


def _recipe(run: RunSpec) -> Any:  # noqa: ANN401 - JSON
    return parsed(canonical(run.codec))


def _keep(codec: Codec, *, run: RunSpec, store: Store) -> None:
    with write_folder(store.codec(run.codec_fingerprint)) as temporary:
        codec.save(temporary)
        (temporary / RECIPE).write_text(json.dumps(_recipe(run), indent=1))
    training = store.codec_training(run.codec_fingerprint)
    if training.exists():
        remove_folder(training)


def _built(run: RunSpec, *, store: Store, context: Context) -> Codec:
    """The codec on the stills of its corpus; its training is logged in the run's folder."""
    recipe = run.codec
    corpus = simulate(recipe.corpus, indices=np.arange(recipe.corpus.videos))
    stills = render(corpus, canvas=run.canvas)
    progress = FitProgress(store.run(run.fingerprint).codec_fit)
    inputs = CodecInputs(
        stills=stills.reshape(-1, *stills.shape[2:]),
        device=context.device,
        report=progress if context.rank == 0 else _unheard,
        training=recipe.training,
        weights=kept_weights(recipe.weights, store=store) if recipe.weights else None,
        context=context,
        checkpoints=store.codec_training(run.codec_fingerprint),
        perceptual=_perceptual(recipe.training, store=store, device=context.device),
    )
    return recipe.spec.build(inputs)


def _unheard(done: int, steps: int, parts: Mapping[str, float]) -> None:
    """The first worker's report is enough."""


def _perceptual(
    training: VaeTraining | None, *, store: Store, device: Device
) -> Callable[[Tensor, Tensor], Tensor] | None:
    """The mean distance of two batches of frames f32[n, 3, H, W], if the training asks for one."""
    if training is None or not training.perceptual_weight:
        return None
    from physscale.evaluate.frames.perceptual import lpips, st_lpips  # torchvision: only here

    named = training.perceptual
    network = st_lpips() if named == "st_lpips" else lpips(kept_weights(named, store=store))
    placed = network.on(device)
    return lambda drawn, real: placed.distance(drawn, real).mean()


@dataclass
class FitProgress:
    """Writes a line of the history every `LINE_EVERY_S` seconds, and one at the end."""

    history: Path
    last_line_s: float = 0.0

    def __call__(self, done: int, steps: int, parts: Mapping[str, float]) -> None:
        now_s = time.monotonic()
        if done < steps and now_s - self.last_line_s < LINE_EVERY_S:
            return
        self.last_line_s = now_s
        MetricLog(self.history).append(step=done, steps=steps, **parts)
