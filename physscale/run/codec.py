"""The codec of a run: built once from its recipe, and shared by every run of the study that has the
same one."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np
from torch import Tensor

from physscale.codec.protocol import RECIPE, Codec, load_codec
from physscale.codec.spec import CodecInputs
from physscale.codec.training_spec import VaeTraining
from physscale.records.errors import DamagedData
from physscale.records.metrics import MetricLog
from physscale.records.spec import canonical
from physscale.records.store import Store, read_folder, write_folder
from physscale.render.render import render
from physscale.run.spec import RunSpec
from physscale.run.weights import kept_weights
from physscale.scheduling.gpus import Device
from physscale.simulate.simulate import simulate

LINE_EVERY_S = 2.0


def codec_of(run: RunSpec, *, store: Store, device: Device = "cpu") -> Codec:
    """The run's codec, on this device: read from the results, or built there and kept.

    A damaged folder is built again, because a codec is a pure function of its recipe.

    Raises:
        UserError: if the codec cannot be built, or the folder is of a kind that nothing registered.
    """
    folder = store.codec(run.codec_fingerprint)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.with_suffix(".lock")):
        try:
            codec = load_codec(read_folder(folder))
        except DamagedData:
            codec = _built(run, store=store, device=device)
            with write_folder(folder) as temporary:
                codec.save(temporary)
                recipe = json.dumps(json.loads(canonical(run.codec)), indent=1)
                (temporary / RECIPE).write_text(recipe)
    return codec.on(device)


def _built(run: RunSpec, *, store: Store, device: Device) -> Codec:
    """The codec on the stills of its corpus; its training is logged in the run's folder."""
    recipe = run.codec
    corpus = simulate(recipe.corpus, indices=np.arange(recipe.corpus.videos))
    stills = render(corpus, canvas=run.canvas)
    inputs = CodecInputs(
        stills=stills.reshape(-1, *stills.shape[2:]),
        device=device,
        report=FitProgress(store.run(run.fingerprint).codec_fit),
        training=recipe.training,
        weights=kept_weights(recipe.weights, store=store) if recipe.weights else None,
        perceptual=_perceptual(recipe.training, store=store, device=device),
    )
    return recipe.spec.build(inputs)


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
