"""The codec of a run: fitted once on its motion-free corpus, shared by every run of the study that asks for the same one."""

import json

import filelock
import numpy as np

from physscale.model.codec import fit_codec
from physscale.model.codecs import Codec, PixelCodec, load_codec
from physscale.model.spec import CodecSpec, VaeSpec
from physscale.records.errors import DamagedData
from physscale.records.spec import canonical
from physscale.records.store import Store, read_folder, write_folder
from physscale.render.render import render
from physscale.run.spec import CodecRecipe, RunSpec
from physscale.simulate.simulate import simulate
from physscale.train.vae import fit_vae, fresh_vae


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
            codec = _fitted(run.codec, stills=still.reshape(-1, *still.shape[2:]))
            with write_folder(folder) as temporary:
                codec.save(temporary)
                (temporary / "codec.json").write_text(json.dumps(json.loads(canonical(run.codec)), indent=1))
            return codec


def _fitted(recipe: CodecRecipe, *, stills: np.ndarray) -> Codec:
    """The codec of this recipe on stills u8[n, H, W, 3]."""
    if isinstance(recipe.spec, CodecSpec):
        return fit_codec(stills, spec=recipe.spec)
    if isinstance(recipe.spec, VaeSpec):
        assert recipe.training is not None
        return fit_vae(fresh_vae(recipe.spec, seed=recipe.training.seed), stills=stills, training=recipe.training)
    return PixelCodec()
