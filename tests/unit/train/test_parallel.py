"""Two gloo processes with half the batch each equal one process with the whole batch, up to
rounding, whole or in shards."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.model.on_cpu import NARROWEST
from physscale.records.errors import UserError
from physscale.records.metrics import read_metrics
from physscale.train.checkpoint import load_model
from physscale.train.loop import train
from physscale.train.parallel import Workers
from physscale.train.stored import KINDS, Stored
from physscale.train.task import TrainResult
from tests.paths import ROOT

from .tasks import PlainContext, small_task

STEPS = 20
MUON = {"steps": STEPS, "weight_decay": 0.1}
ADAMW = MUON | {"optimiser": "adamw"}
SHARDED = {"parallel": "fsdp"}
UNEVEN = {"steps": 8, "batch": 7}
DROPPED = {"condition_dropout": 0.4}
AHEAD = {"condition_frames": 2, "context_frames": 3, "context_noise": 0.1}
NARROW = {"steps": STEPS, "precision": "bf16"}
WIDE = {"steps": 5, "width": NARROWEST}
TEXT, NUMBERS = (
    {"steps": 10, "batch": 7, "conditioning": source} for source in ("text", "numbers")
)

JOBS: list[dict[str, Any]] = [
    {"name": "muon", "folder": "muon", "fields": MUON},
    {"name": "adamw", "folder": "adamw", "fields": ADAMW},
    {"name": "buckets", "folder": "buckets", "fields": MUON, "bucket_bytes": 1},
    {"name": "parts", "folder": "parts", "fields": ADAMW | {"accumulate": 2}, "bucket_bytes": 99},
    {
        "name": "noise sharded",
        "folder": "noise sharded",
        "fields": UNEVEN | SHARDED | {"noise": "device"},
    },
    {"name": "muon sharded", "folder": "muon sharded", "fields": MUON | SHARDED},
    {"name": "adamw sharded", "folder": "adamw sharded", "fields": ADAMW | SHARDED},
    {
        "name": "adamw sharded resumed",
        "folder": "adamw sharded",
        "fields": ADAMW | SHARDED,
        "forgets": STEPS,
    },
    {"name": "never", "folder": "killed", "fields": MUON | SHARDED, "dies_at": 13},
    {"name": "killed", "folder": "killed", "fields": MUON | SHARDED},
    {"name": "uneven", "folder": "uneven", "fields": UNEVEN | {"accumulate": 2}, "flow": DROPPED},
    {
        "name": "uneven sharded",
        "folder": "uneven sharded",
        "fields": UNEVEN | SHARDED | {"accumulate": 3},
        "flow": DROPPED,
    },
    {"name": "narrow", "folder": "narrow", "fields": NARROW | SHARDED | {"recompute": "block"}},
    {"name": "wide sharded", "folder": "wide sharded", "fields": WIDE | SHARDED},
    {"name": "text", "folder": "text", "fields": TEXT, "flow": DROPPED},
    {"name": "text sharded", "folder": "text sharded", "fields": TEXT | SHARDED, "flow": DROPPED},
    {"name": "ahead", "folder": "ahead", "fields": UNEVEN, "ahead": AHEAD},
    {
        "name": "ahead sharded",
        "folder": "ahead sharded",
        "fields": UNEVEN | SHARDED | {"accumulate": 2},
        "ahead": AHEAD,
    },
    {
        "name": "numbers sharded",
        "folder": "numbers sharded",
        "fields": NUMBERS | SHARDED | {"recompute": "block"},
    },
]


@dataclass(frozen=True)
class Pair:
    """What two workers made of all jobs."""

    folder: Path

    def result(self, name: str) -> dict[str, torch.Tensor]:
        """Of a job, the same from both."""
        first, second = (
            json.loads((self.folder / f"{name}.{rank}.json").read_text()) for rank in range(2)
        )
        assert first == second, "both report the mean loss and hold the same weights"
        return {key: torch.tensor(values) for key, values in first.items()}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("pair")
    command = [sys.executable, "-W", "error", "-m", "tests.unit.train.one_worker", str(folder)]
    workers = [
        subprocess.Popen([*command, str(rank), "2", json.dumps(JOBS)], cwd=ROOT)
        for rank in range(2)
    ]
    assert [worker.wait(timeout=280) for worker in workers] == [0, 0]
    return Pair(folder)


def alone(folder: Path, *, flow: dict[str, Any] | None = None, **fields: Any) -> TrainResult:
    task = small_task(folder, **fields)
    return train(
        replace(task, objective=replace(task.objective, **(flow or {}))), context=PlainContext()
    )


def assert_equal(worker: dict[str, torch.Tensor], one: TrainResult) -> None:
    """The losses, and the averaged weights to 1e-5."""
    weights = torch.cat([parameter.flatten() for parameter in one.model.parameters()])
    torch.testing.assert_close(worker["losses"], one.losses, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(worker["weights"], weights, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("fields", [MUON, ADAMW], ids=["muon", "adamw"])
def test_two_workers_and_two_shards_equal_one_device(
    tmp_path: Path, pair: Pair, fields: dict[str, Any]
) -> None:
    one = alone(tmp_path, **fields)
    name = fields.get("optimiser", "muon")
    assert_equal(pair.result(name), one)
    assert_equal(pair.result(f"{name} sharded"), one)
    assert len(read_metrics(pair.folder / name / "metrics.jsonl")) == 4
    assert len((pair.folder / name / "metrics.jsonl").read_text().splitlines()) == 4, (
        "one worker writes the history"
    )


def test_gradients_sent_in_buckets_during_the_backward_pass_are_those_sent_at_once(
    tmp_path: Path, pair: Pair
) -> None:
    one, other = pair.result("muon"), pair.result("buckets")
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert_equal(pair.result("parts"), alone(tmp_path, **ADAMW))


def test_noise_of_the_devices_generator_is_the_same_batch(tmp_path: Path, pair: Pair) -> None:
    assert_equal(pair.result("noise sharded"), alone(tmp_path, noise="device", **UNEVEN))


def test_shards_leave_the_checkpoint_that_one_device_leaves(tmp_path: Path, pair: Pair) -> None:
    read = load_model(pair.folder / "muon sharded" / "checkpoints" / f"step_{STEPS:08d}")
    assert torch.equal(
        torch.cat([parameter.flatten() for parameter in read.parameters()]),
        pair.result("muon sharded")["weights"],
    )
    whole = Stored(alone(tmp_path, **MUON).checkpoint, read)
    sharded = Stored(pair.folder / "muon sharded" / "checkpoints" / whole.folder.name, read)
    assert sharded.state == whole.state | {"parts": 2}
    for kind in KINDS:
        for name, _ in read.named_parameters():
            ours, theirs = sharded.tensor(kind, name), whole.tensor(kind, name)
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-3)


def test_shards_go_on_from_a_checkpoint_and_one_device_may_finish_alone(
    tmp_path: Path, pair: Pair
) -> None:
    assert_equal(pair.result("adamw sharded resumed"), alone(tmp_path, **ADAMW))
    for name, fields in (("muon", MUON), ("muon sharded", MUON | SHARDED)):
        folder = tmp_path / name
        shutil.copytree(
            pair.folder / name / "checkpoints" / "step_00000010",
            folder / "checkpoints" / "step_00000010",
        )
        assert_equal(pair.result(name), alone(folder, **fields))


def test_shards_killed_and_run_again_equal_undisturbed_shards_bit_for_bit(pair: Pair) -> None:
    killed, whole = pair.result("killed"), pair.result("muon sharded")
    assert all(torch.equal(killed[name], whole[name]) for name in whole)


@pytest.mark.parametrize("name", ["uneven", "uneven sharded"])
def test_unequal_shares_in_parts_with_frames_withheld_from_some_are_the_same_batch(
    tmp_path: Path, pair: Pair, name: str
) -> None:
    assert_equal(pair.result(name), alone(tmp_path, flow=DROPPED, **UNEVEN))


@pytest.mark.parametrize(
    ("name", "fields"), [("text", TEXT), ("text sharded", TEXT), ("numbers sharded", NUMBERS)]
)
def test_workers_and_shards_of_a_model_with_conditioning_equal_one_device(
    tmp_path: Path, pair: Pair, name: str, fields: dict[str, Any]
) -> None:
    assert_equal(
        pair.result(name), alone(tmp_path, flow=DROPPED if fields is TEXT else None, **fields)
    )


@pytest.mark.parametrize("name", ["ahead", "ahead sharded"])
def test_next_frame_prediction_is_the_same_batch(tmp_path: Path, pair: Pair, name: str) -> None:
    task = replace(small_task(tmp_path, **UNEVEN), objective=AutoregressiveSpec(**AHEAD))
    assert_equal(pair.result(name), train(task, context=PlainContext()))


def test_narrow_products_are_the_same_in_shards(tmp_path: Path, pair: Pair) -> None:
    one, wide = alone(tmp_path / "narrow", **NARROW), alone(tmp_path / "wide", steps=STEPS)
    sharded = pair.result("narrow")["losses"]
    apart, narrowed = (sharded - one.losses).abs().max(), (wide.losses - one.losses).abs().max()
    assert narrowed > 0
    assert apart < 2e-3


def test_products_by_other_kernels_are_the_same_in_shards(tmp_path: Path, pair: Pair) -> None:
    assert_equal(pair.result("wide sharded"), alone(tmp_path, **WIDE))


def test_a_batch_that_leaves_a_worker_without_work_is_refused() -> None:
    with pytest.raises(UserError, match=r"batch=3: must be at least the number of workers \(4\)"):
        unconnected(rank=1, world=4).rows(3)


@pytest.mark.parametrize("batch", [4, 12, 13, 15, 31])
def test_rows_of_all_workers_are_the_batch(batch: int) -> None:
    rows = [unconnected(rank=rank, world=4).rows(batch) for rank in range(4)]
    assert [row for part in rows for row in range(batch)[part]] == list(range(batch))
    sizes = [part.stop - part.start for part in rows]
    assert max(sizes) - min(sizes) <= 1


def unconnected(*, rank: int, world: int) -> Workers:
    """Workers that never meet: enough to deal out rows."""
    workers = object.__new__(Workers)
    object.__setattr__(workers, "rank", rank)
    object.__setattr__(workers, "world", world)
    return workers
