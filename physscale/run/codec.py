"""The codec of a run: fitted once on its motion-free corpus, shared by every run of the study that
asks for the same one."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import filelock
import numpy as np
import torch

from physscale.codec.inflate import inflate
from physscale.codec.pca import fit_codec
from physscale.codec.protocol import Codec, PixelCodec, load_codec
from physscale.codec.spec import CodecSpec, VaeSpec, VaeTraining
from physscale.codec.vae_codec import VaeCodec
from physscale.codec.vae_training import Perceptual, VaeStep, fit_vae, fresh_vae, normalised
from physscale.records.errors import DamagedData, UserError
from physscale.records.metrics import MetricLog
from physscale.records.spec import canonical
from physscale.records.store import Store, read_folder, write_folder
from physscale.render.render import render
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.run.weights import kept_weights
from physscale.simulate.simulate import simulate

LINE_EVERY_S = 2.0


def codec_of(run: RunSpec, *, store: Store) -> Codec:
    """Reads the run's codec, or fits and keeps it; a damaged one is fitted again (it is a pure
    function of the description). A VAE lies on the GPU where there is one."""
    folder = store.codec(run.codec_fingerprint)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.with_suffix(".lock")):
        try:
            codec = load_codec(read_folder(folder))
        except DamagedData:
            codec = _fitted(run, store=store)
            with write_folder(folder) as temporary:
                codec.save(temporary)
                (temporary / "codec.json").write_text(
                    json.dumps(json.loads(canonical(run.codec)), indent=1)
                )
    return codec.on(_device()) if isinstance(codec, VaeCodec) else codec


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _fitted(run: RunSpec, *, store: Store) -> Codec:
    """The codec on the stills of its corpus; a training says how far it is in the run's history."""
    recipe = run.codec
    corpus = render(
        simulate(recipe.corpus, indices=np.arange(recipe.corpus.videos)), canvas=run.canvas
    )
    stills = corpus.reshape(-1, *corpus.shape[2:])
    if isinstance(recipe.spec, CodecSpec):
        return fit_codec(stills, spec=recipe.spec)
    if isinstance(recipe.spec, VaeSpec):
        return _vae(
            recipe,
            stills=stills,
            spec=recipe.spec,
            store=store,
            history=store.run(run.fingerprint).codec_fit,
        )
    return PixelCodec()


def _vae(
    recipe: CodecRecipe, *, stills: np.ndarray, spec: VaeSpec, store: Store, history: Path
) -> VaeCodec:
    """From the weights that the recipe names, or from nothing; trained, or as it is."""
    training = recipe.training
    if recipe.weights is not None:
        vae = inflate(kept_weights(recipe.weights, store=store), spec=spec)
    else:
        assert training is not None, "a recipe without weights has a training"
        vae = fresh_vae(spec, seed=training.seed)
    vae = vae.to(_device())
    if training is None:
        return normalised(vae.eval().requires_grad_(False), stills=stills)
    perceptual = _perceptual(training, size_px=stills.shape[1], store=store)
    return fit_vae(
        vae,
        stills=stills,
        training=training,
        perceptual=perceptual,
        report=FitProgress(history, steps=training.steps),
    )


def _perceptual(training: VaeTraining, *, size_px: int, store: Store) -> Perceptual | None:
    """The distance of two batches of frames that the training asks for, as a mean over them."""
    if not training.perceptual_weight:
        return None
    from physscale.evaluate.frames.perceptual import (
        SMALLEST_PX,
        lpips,
        st_lpips,
    )  # torchvision: only here

    if size_px < SMALLEST_PX:
        raise UserError(
            f"vae perceptual_weight={training.perceptual_weight}: its network needs frames of "
            f"{SMALLEST_PX} px, not {size_px}"
        )
    named = training.perceptual
    network = (st_lpips() if named == "st_lpips" else lpips(kept_weights(named, store=store))).on(
        _device()
    )
    return lambda drawn, real: network.distance(drawn, real).mean()


@dataclass
class FitProgress:
    """A line of the history every few seconds, and at the end."""

    history: Path
    steps: int
    told_s: float = 0.0

    def __call__(self, step: VaeStep) -> None:
        done = step.step + 1
        if done < self.steps and time.monotonic() - self.told_s < LINE_EVERY_S:
            return
        self.told_s = time.monotonic()
        parts = {name: value for name, value in asdict(step).items() if name != "step"}
        MetricLog(self.history).append(step=done, steps=self.steps, **parts)
