"""The codec of a run: fitted once on its motion-free corpus, shared by every run of the study that asks for the same one."""

import json

import filelock
import numpy as np

from physscale.model.codec import FrameCodec, fit_codec, load_codec
from physscale.records.errors import DamagedData
from physscale.records.spec import canonical
from physscale.records.store import Store, read_folder, write_folder
from physscale.render.render import render
from physscale.run.spec import RunSpec
from physscale.simulate.simulate import simulate


def codec_of(run: RunSpec, *, store: Store) -> FrameCodec:
    """Reads the run's codec, or fits and keeps it; a damaged one is fitted again (it is a pure function of the description)."""
    folder = store.codec(run.codec_fingerprint)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder.with_suffix(".lock")):
        try:
            return load_codec(read_folder(folder))
        except DamagedData:
            corpus = run.codec.corpus
            still = render(simulate(corpus, indices=np.arange(corpus.videos)), canvas=run.canvas)
            codec = fit_codec(still.reshape(-1, *still.shape[2:]), spec=run.codec.spec)
            with write_folder(folder) as temporary:
                codec.save(temporary)
                (temporary / "codec.json").write_text(json.dumps(json.loads(canonical(run.codec)), indent=1))
            return codec
