"""A checkpoint of somebody whose manifest is right: weights and state are anybody's."""

import functools
import json
import tempfile
from dataclasses import replace
from pathlib import Path

from physscale.model.dit_spec import DiTSpec
from physscale.records.store import MANIFEST, Store, describe
from physscale.run.context import PlainContext
from physscale.run.execute import execute
from physscale.train.checkpoint import load_model
from tests.fuzz.folders import Whole
from tests.tiny import tiny_run

NAMES = ("state.json", "ema.safetensors", "model.safetensors")


@functools.cache
def whole() -> Whole:
    run = tiny_run(steps=1, videos=8)
    small = replace(run, model=DiTSpec(width=8, depth=1, heads=1, patch=run.model.patch))
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name))
        execute(small, store=store, context=PlainContext())
        (folder,) = store.run(small.fingerprint).checkpoints.iterdir()
        return Whole.of(folder)


def seeds() -> list[bytes]:
    return whole().seeds(NAMES)


def read(data: bytes, folder: Path) -> None:
    checkpoint = folder / "step_00000001"
    whole().write(checkpoint, names=NAMES, data=data)
    files = {name: describe(checkpoint / name) for name in whole().files if name != MANIFEST}
    (checkpoint / MANIFEST).write_text(json.dumps({"files": files}))
    load_model(checkpoint)
