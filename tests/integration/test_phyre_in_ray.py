"""The real PHYRE inside real Ray: an actor pool gives the rows of one plain process, and a killed
child costs one retry and a line."""

import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import ray

from physscale.dataset.file import digest
from physscale.ray_jobs.cluster import cluster
from physscale.ray_jobs.pool import Filmed, pooled
from physscale.ray_jobs.sources import Simulated
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.simulate.phyre.scenario import Phyre, phyre_data
from physscale.simulate.phyre.simulate import process_worker
from physscale.simulate.phyre.templates import SIX
from tests.physics.phyre_cases import phyre_python

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default"), pytest.mark.timeout(600)]

SIDE, ROWS = 128, 24
DATA = phyre_data(Phyre(templates=SIX, scene_px=SIDE), videos=ROWS, engine="phyre")
BATCHES = np.split(np.arange(ROWS), [5, 6, 13, 20])


@dataclass(frozen=True)
class Killing:
    """Kills its own PHYRE child once, in the middle of a batch of its own (`told` is there from
    then on)."""

    source: Filmed
    told: Path

    def __call__(self, batches: Iterable[np.ndarray]) -> Iterator[Videos]:
        for indices in batches:
            part = next(self.source([indices]))
            if not self.told.exists():
                child = process_worker(SIDE)._child
                assert child is not None
                self.told.write_text(str(child.process.pid))
                os.kill(child.process.pid, signal.SIGKILL)
                part = next(self.source([indices]))
            yield part


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[None]:
    assert phyre_python().exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with cluster(dashboard="no"):
            yield


@pytest.fixture(scope="module")
def plain() -> str:
    assert phyre_python().exists()
    return digest(Videos.concat(list(Filmed(data=DATA)(BATCHES))))


@pytest.mark.usefixtures("ray_cluster")
def test_a_killed_child_in_a_pool_costs_one_retry_and_a_line(plain: str, tmp_path: Path) -> None:
    source = Killing(Filmed(data=DATA), tmp_path / "told")
    parts = list(pooled(source, batches=BATCHES, actors=2, cpus=0.5))
    assert [part.index.tolist() for part in parts] == [batch.tolist() for batch in BATCHES]
    assert digest(Videos.concat(parts)) == plain
    assert (tmp_path / "told").exists(), "no child was killed"
    logs = Path(ray._private.worker._global_node.get_logs_dir_path())
    lines = [
        line
        for path in logs.glob("worker-*.err")
        for line in path.read_text().splitlines()
        if "PHYRE child restarted" in line
    ]
    assert len(lines) == 1, lines
    assert "task asked again" in lines[0]


@pytest.mark.usefixtures("ray_cluster")
def test_states_of_a_pool_are_drawn_like_plain_ones() -> None:
    source = Simulated(data=DATA, canvas=Canvas(size_px=32))
    pool = Videos.concat(list(pooled(source, batches=BATCHES, actors=1, cpus=0.5)))
    assert digest(pool) == digest(Videos.concat(list(source([np.arange(ROWS)]))))
