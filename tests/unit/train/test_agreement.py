"""Several workers go on from one checkpoint, or none does: the first one chooses, and a worker that
sees other files or holds other weights is refused before the first step."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from physscale.records.store import MANIFEST, sha256_of
from physscale.train.loop import train
from physscale.train.spec import CHECKPOINTS_KEPT
from tests.paths import ROOT

from .tasks import Killed, PlainContext, small_task

OLDER, NEWEST = "step_00000010", "step_00000020"
SHARDED = {"parallel": "fsdp"}
PATIENCE_S = 0.5

PAIR: list[dict[str, Any]] = [
    {"name": "healthy"},
    {"name": "healthy sharded", "fields": SHARDED},
    {"name": "stale"},
    {"name": "stale sharded", "fields": SHARDED},
    {"name": "read error"},
    {"name": "never", "patience_s": PATIENCE_S},
    {"name": "another", "patience_s": PATIENCE_S},
    {"name": "faulty", "faulty": 1},
    {"name": "faulty sharded", "faulty": 1, "fields": SHARDED},
    {"name": "odd", "odd": 1},
    {"name": "odd sharded", "odd": 1, "fields": SHARDED},
]
FOUR: list[dict[str, Any]] = [
    {"name": "older"},
    {"name": "torn"},
    {"name": "never", "patience_s": PATIENCE_S},
    {"name": "odd", "odd": 2},
]


@dataclass(frozen=True)
class Group:
    """What the workers made of all jobs."""

    folder: Path
    world: int

    def results(self, name: str) -> list[dict[str, Any]]:
        files = [self.folder / f"{name}.{rank}.json" for rank in range(self.world)]
        return [json.loads(file.read_text()) for file in files]

    def losses(self, name: str) -> torch.Tensor:
        """Of a job, the same from all."""
        first, *others = self.results(name)
        assert all(other == first for other in others)
        return torch.tensor(first["losses"])

    def refusal(self, name: str) -> str:
        """Of a job, the same one line from all; paths are those below a worker's view."""
        first, *others = (
            said["refused"].replace(str(self.view(name, rank)), "")
            for rank, said in enumerate(self.results(name))
        )
        assert all(other == first for other in others)
        assert "\n" not in first
        return str(first)

    def view(self, name: str, rank: int) -> Path:
        return self.folder / name / str(rank)

    def newest(self, name: str, rank: int) -> Path:
        return self.view(name, rank) / "checkpoints" / NEWEST


def run(group: Group, jobs: list[dict[str, Any]]) -> None:
    listed = [{"folder": job["name"], "mounts": True, "fields": {}} | job for job in jobs]
    command = [sys.executable, "-W", "error", "-m", "tests.unit.train.one_worker"]
    workers = [
        subprocess.Popen(
            [*command, str(group.folder), str(rank), str(group.world), json.dumps(listed)],
            cwd=ROOT,
        )
        for rank in range(group.world)
    ]
    assert [worker.wait(timeout=280) for worker in workers] == [0] * group.world


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a training leaves that dies after 25 of 30 steps: checkpoints of steps 10 and 20."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.raises(Killed):
        train(replace(small_task(folder, dies_at=25), checkpoint_every=10), context=PlainContext())
    assert [path.name for path in sorted((folder / "checkpoints").iterdir())] == [OLDER, NEWEST]
    assert CHECKPOINTS_KEPT == 2
    return folder / "checkpoints"


def see(group: Group, jobs: list[dict[str, Any]], *, killed: Path) -> None:
    """Every worker sees everything at first."""
    for job in jobs:
        for rank in range(group.world):
            if "odd" not in job:
                shutil.copytree(killed, group.view(job["name"], rank) / "checkpoints")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, killed: Path) -> Group:
    group = Group(tmp_path_factory.mktemp("pair"), world=2)
    see(group, PAIR, killed=killed)
    for name in ("stale", "stale sharded"):
        (group.view(name, 1) / "late").mkdir()
        group.newest(name, 1).rename(group.view(name, 1) / "late" / NEWEST)
    shutil.copytree(killed / NEWEST, group.view("read error", 1) / "late" / NEWEST)
    unreadable = group.newest("read error", 1) / MANIFEST
    unreadable.unlink()
    unreadable.symlink_to(MANIFEST)
    shutil.rmtree(group.newest("never", 1))
    shutil.rmtree(group.newest("another", 1))
    shutil.copytree(killed / OLDER, group.newest("another", 1))
    run(group, PAIR)
    return group


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory, killed: Path) -> Group:
    group = Group(tmp_path_factory.mktemp("four"), world=4)
    see(group, FOUR, killed=killed)
    for rank in range(4):
        shutil.rmtree(group.newest("older", rank))
    for rank in (0, 2):
        torn = group.newest("torn", rank) / "second.safetensors"
        torn.write_bytes(torn.read_bytes()[:-100])
    for rank in (1, 3):
        shutil.rmtree(group.newest("never", rank))
    run(group, FOUR)
    return group


def test_a_pair_that_sees_all_goes_on_as_one_worker_would(tmp_path: Path, pair: Group) -> None:
    undisturbed = train(small_task(tmp_path), context=PlainContext()).losses
    for name in ("healthy", "healthy sharded"):
        losses = pair.losses(name)
        assert torch.equal(losses[:20], undisturbed[:20])
        torch.testing.assert_close(losses, undisturbed, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("stale", "healthy"),
        ("stale sharded", "healthy sharded"),
        ("read error", "healthy"),
    ],
)
def test_a_worker_waits_for_what_it_does_not_see_yet(pair: Group, name: str, twin: str) -> None:
    assert not list(pair.view(name, 1).glob("late/*")), "the worker missed it, then it came"
    assert pair.results(name) == pair.results(twin)


@pytest.mark.parametrize("name", ["never", "another"])
def test_a_worker_that_never_sees_the_checkpoint_refuses_for_all(
    pair: Group, killed: Path, name: str
) -> None:
    digest = sha256_of(killed / NEWEST / MANIFEST)
    assert pair.refusal(name) == (
        f"/checkpoints/{NEWEST}: workers [1] of 2 did not see it whole with manifest SHA-256 "
        f"{digest} within 0.5 s; look at their file system, then run again"
    )
    assert_untrained(pair, name)


def assert_untrained(group: Group, name: str) -> None:
    for rank in range(group.world):
        assert not (group.view(name, rank) / "metrics.jsonl").exists()
        assert not list(group.view(name, rank).glob("checkpoints/step_00000030"))


def test_four_workers_name_all_that_do_not_see_it(four: Group) -> None:
    assert "workers [1, 3] of 4 did not" in four.refusal("never")
    assert_untrained(four, "never")


def test_a_checkpoint_that_is_torn_for_the_first_worker_is_passed_over_by_all(four: Group) -> None:
    assert four.results("torn") == four.results("older")
    four.losses("torn")


@pytest.mark.parametrize("name", ["faulty", "faulty sharded"])
def test_weights_that_one_worker_reads_otherwise_are_refused(pair: Group, name: str) -> None:
    assert "weights at step 20: workers [1] of 2 differ" in pair.refusal(name)
    assert_untrained(pair, name)


@pytest.mark.parametrize("name", ["odd", "odd sharded"])
def test_weights_that_one_worker_begins_with_otherwise_are_refused(pair: Group, name: str) -> None:
    assert "weights at step 0: workers [1] of 2 differ" in pair.refusal(name)
    assert_untrained(pair, name)


def test_among_four_the_odd_one_is_named(four: Group) -> None:
    assert "weights at step 0: workers [2] of 4 differ" in four.refusal("odd")
