"""The real PHYRE inside real Ray: the rows of Ray Data's tasks are those of one plain process."""

from collections.abc import Iterator

import numpy as np
import pytest

from physscale.dataset.file import digest
from physscale.ray_jobs.cluster import cluster
from physscale.ray_jobs.data import Tasks, videos
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.run.context import stream
from physscale.simulate.phyre.scenario import Phyre, phyre_data
from physscale.simulate.phyre.templates import SIX
from tests.physics.phyre_cases import phyre_python

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]

ROWS = 24
DATA = phyre_data(Phyre(templates=SIX, scene_px=128), videos=ROWS, engine="phyre")
CANVAS = Canvas(size_px=32)
BATCHES = np.split(np.arange(ROWS), [5, 6, 13, 20])


@pytest.fixture
def ray_cluster() -> Iterator[None]:
    assert phyre_python().exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with cluster(dashboard="no"):
            yield


@pytest.mark.usefixtures("ray_cluster")
def test_rays_rows_are_those_of_a_plain_process() -> None:
    parts = list(videos(DATA, canvas=CANVAS, batches=BATCHES, tasks=Tasks(0.5)))
    assert [part.index.tolist() for part in parts] == [batch.tolist() for batch in BATCHES]
    (plain,) = stream(DATA, canvas=CANVAS, batches=[np.arange(ROWS)])
    assert digest(Videos.concat(parts)) == digest(plain)
