"""A data set whose description or manifest is anybody's."""

import functools
import tempfile
from pathlib import Path

import numpy as np

from physscale.dataset.damage import DESCRIPTION
from physscale.dataset.folder import Layout, write_dataset
from physscale.dataset.source import read_whole
from physscale.records.store import MANIFEST
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.fuzz.folders import Whole
from tests.tiny import UNIFORM

NAMES = (DESCRIPTION, MANIFEST)


@functools.cache
def whole() -> Whole:
    data = DataSpec(scenario=UNIFORM, videos=3, frames=2)
    with tempfile.TemporaryDirectory() as name:
        layout = Layout(identity="{}", videos=3, rows_per_shard=2)
        write_dataset(Path(name), layout, make=lambda rows: simulate(data, indices=np.array(rows)))
        return Whole.of(Path(name))


def seeds() -> list[bytes]:
    return whole().seeds(NAMES)


def read(data: bytes, folder: Path) -> None:
    whole().write(folder / "data", names=NAMES, data=data)
    read_whole(folder / "data")
