"""One SHA-256 a data set, whoever makes it: workers {1, 2, 4} × block sizes {7, 16, 64} × {plain,
Ray Data}, simulated, stored or mixed."""

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import ray.data

from physscale.dataset.file import digest
from physscale.dataset.folder import Layout, open_dataset, write_dataset
from physscale.ray_jobs.cluster import cluster
from physscale.ray_jobs.data import Source, Tasks, ordered
from physscale.records.errors import UserError
from physscale.records.spec import canonical
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.run.context import stream
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

pytestmark = [
    pytest.mark.filterwarnings("default"),  # Ray's own, in threads of Ray
    pytest.mark.timeout(600),
]

ROWS = 96
CPUS = 2
CANVAS = Canvas(size_px=32)
DATA = DataSpec(scenario=Collision(), videos=ROWS)


def simulated(batches: Iterable[np.ndarray]) -> Iterator[Videos]:
    return stream(DATA, canvas=CANVAS, batches=batches)


@dataclass(frozen=True)
class Stored:
    """Rows of a data set on disk, with its frames."""

    path: Path

    def __call__(self, batches: Iterable[np.ndarray]) -> Iterator[Videos]:
        folder = open_dataset(self.path)
        for indices in batches:
            yield folder.rows(indices, canvas=CANVAS)


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        with cluster(dashboard="no"):
            yield


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    path = tmp_path_factory.mktemp("shards") / "set"
    layout = Layout(identity=canonical(DATA), videos=ROWS, rows_per_shard=40, encoding="rgb")
    write_dataset(path, layout, make=lambda indices: one_batch(indices))
    return Stored(path)


@pytest.fixture(scope="module")
def right() -> str:
    videos = simulate(DATA, indices=np.arange(ROWS))
    return digest(videos.with_pixels(render(videos, canvas=CANVAS)))


def one_batch(indices: np.ndarray) -> Videos:
    return next(iter(simulated([indices])))


def blocks(size: int) -> list[np.ndarray]:
    return [np.arange(start, min(start + size, ROWS)) for start in range(0, ROWS, size)]


def through_ray(source: Source, *, workers: int, size: int) -> str:
    video_bytes = 16_000_000 // (2 * size)  # two blocks a task
    parts = list(
        ordered(source, batches=blocks(size), video_bytes=video_bytes, tasks=Tasks(CPUS / workers))
    )
    return digest(Videos.concat(parts))


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("size", [7, 16, 64])
def test_plain_processes_make_one_data_set(workers: int, size: int, right: str) -> None:
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("forkserver")) as pool:
        assert digest(Videos.concat(list(pool.map(one_batch, blocks(size))))) == right


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("size", [7, 16, 64])
def test_ray_data_makes_the_same_one(workers: int, size: int, right: str) -> None:
    assert through_ray(simulated, workers=workers, size=size) == right


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("size", [7, 16, 64])
def test_shards_give_what_the_simulator_gives(
    stored: Stored, workers: int, size: int, right: str
) -> None:
    assert digest(Videos.concat(list(stored(blocks(size))))) == right
    assert through_ray(stored, workers=workers, size=size) == right


@pytest.mark.usefixtures("ray_cluster")
def test_a_batch_larger_than_one_of_rays_blocks_comes_whole(
    right: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred videos of 128 px are more than the 128 MB at which Ray Data cuts."""
    monkeypatch.setattr(ray.data.DataContext.get_current(), "target_max_block_size", 500_000)
    assert through_ray(simulated, workers=1, size=ROWS) == right


def test_an_index_outside_a_stored_set_is_refused(stored: Stored) -> None:
    assert Path(stored.path).is_dir()
    with pytest.raises(UserError, match="rows 0 to 95"):
        list(stored([np.array([ROWS])]))
