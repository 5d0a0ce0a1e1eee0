"""The codec of a run: fitted once on its motion-free corpus, shared by every run of the study that asks for the same one."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import filelock
import numpy as np

from physscale.model.codec import fit_codec
from physscale.model.codecs import Codec, PixelCodec, load_codec
from physscale.model.spec import CodecSpec, VaeSpec
from physscale.records.errors import DamagedData
from physscale.records.metrics import MetricLog
from physscale.records.spec import canonical
from physscale.records.store import Store, read_folder, write_folder
from physscale.render.render import render
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.simulate.simulate import simulate
from physscale.train.vae import VaeStep, fit_vae, fresh_vae

LINE_EVERY_S = 2.0


def codec_of(run: RunSpec, *, store: Store) -> Codec:
    """Reads the run's codec, or fits and keeps it; a damaged one is fitted again (it is a pure function of the description)."""
    folder = store.codec(run.codec_fingerprint)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.with_suffix(".lock")):
        try:
            return load_codec(read_folder(folder))
        except DamagedData:
            corpus = run.codec.corpus
            still = render(simulate(corpus, indices=np.arange(corpus.videos)), canvas=run.canvas)
            history = store.run(run.fingerprint).codec_fit
            codec = _fitted(run.codec, stills=still.reshape(-1, *still.shape[2:]), history=history)
            with write_folder(folder) as temporary:
                codec.save(temporary)
                (temporary / "codec.json").write_text(json.dumps(json.loads(canonical(run.codec)), indent=1))
            return codec


def _fitted(recipe: CodecRecipe, *, stills: np.ndarray, history: Path) -> Codec:
    """The codec of this recipe on stills u8[n, H, W, 3]; a training says how far it is in `history`."""
    if isinstance(recipe.spec, CodecSpec):
        return fit_codec(stills, spec=recipe.spec)
    if isinstance(recipe.spec, VaeSpec):
        assert recipe.training is not None
        progress = FitProgress(history, steps=recipe.training.steps)
        return fit_vae(fresh_vae(recipe.spec, seed=recipe.training.seed), stills=stills, training=recipe.training, report=progress)
    return PixelCodec()


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
