"""Two gloo processes with half the batch each equal one process with the whole batch, up to rounding, whole or in shards."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from physscale.records.errors import UserError
from physscale.records.metrics import read_metrics
from physscale.train.checkpoint import load_model
from physscale.train.loop import train
from physscale.train.parallel import Workers
from physscale.train.task import TrainResult

from .tasks import PlainContext, small_task

ROOT = Path(__file__).parents[3]
STEPS = 20


def together(folder: Path, *, world: int = 2, **fields: Any) -> list[dict[str, torch.Tensor]]:
    """What every worker of a training returns; empty when they died."""
    folder.mkdir(exist_ok=True)
    (folder / "meeting").unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.unit.train.one_worker", str(folder)]
    workers = [subprocess.Popen([*command, str(rank), str(world), json.dumps(fields)], cwd=ROOT) for rank in range(world)]
    assert [worker.wait(timeout=240) for worker in workers] == [0] * world
    said = [json.loads(file.read_text()) for file in sorted(folder.glob("rank_*.json"))]
    return [{name: torch.tensor(values) for name, values in facts.items()} for facts in said]


def alone(folder: Path, **fields: Any) -> TrainResult:
    flow = fields.pop("flow", {})
    task = small_task(folder, **fields)
    return train(replace(task, flow=replace(task.flow, **flow)), context=PlainContext())


def assert_equal(worker: dict[str, torch.Tensor], one: TrainResult) -> None:
    """The losses, and the averaged weights to 1e-5."""
    weights = torch.cat([parameter.flatten() for parameter in one.model.parameters()])
    torch.testing.assert_close(worker["losses"], one.losses, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(worker["weights"], weights, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_two_workers_equal_one_and_one_may_finish_alone(tmp_path: Path, optimiser: str) -> None:
    one = alone(tmp_path / "one", steps=STEPS, optimiser=optimiser)
    pair = tmp_path / "two"
    facts = together(pair, steps=STEPS, optimiser=optimiser)
    assert all(torch.equal(facts[0][name], facts[1][name]) for name in facts[0]), "both report the mean loss and hold the same weights"
    assert_equal(facts[0], one)
    assert len(read_metrics(pair / "metrics.jsonl")) == 4
    assert len((pair / "metrics.jsonl").read_text().splitlines()) == 4, "one worker writes the history"

    (pair / "checkpoints" / "step_00000020" / "manifest.json").unlink()
    finished = alone(pair, steps=STEPS, optimiser=optimiser)
    torch.testing.assert_close(finished.losses, one.losses, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_shards_equal_one_device_and_leave_the_same_checkpoint(tmp_path: Path, optimiser: str) -> None:
    one = alone(tmp_path / "one", steps=STEPS, optimiser=optimiser, weight_decay=0.1)
    pair = tmp_path / "two"
    fields = {"steps": STEPS, "optimiser": optimiser, "weight_decay": 0.1, "parallel": "fsdp"}
    facts = together(pair, **fields)
    assert torch.equal(facts[0]["weights"], facts[1]["weights"])
    assert_equal(facts[0], one)
    read = torch.cat([parameter.flatten() for parameter in load_model(pair / "checkpoints" / "step_00000020").parameters()])
    assert torch.equal(read, facts[0]["weights"]), "sampling reads it as it reads any other"

    (pair / "checkpoints" / "step_00000020" / "manifest.json").unlink()
    assert_equal(together(pair, **fields)[0], one)
    (pair / "checkpoints" / "step_00000020" / "manifest.json").unlink()
    finished = alone(pair, **fields)
    torch.testing.assert_close(finished.losses, one.losses, atol=1e-6, rtol=1e-5)


def test_shards_killed_and_run_again_equal_undisturbed_shards_bit_for_bit(tmp_path: Path) -> None:
    fields = {"steps": STEPS, "parallel": "fsdp"}
    whole = together(tmp_path / "whole", **fields)
    assert together(tmp_path / "two", dies_at=13, **fields) == []
    again = together(tmp_path / "two", **fields)
    assert all(torch.equal(again[0][name], whole[0][name]) for name in again[0])


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_shares_that_are_not_equal_and_frames_withheld_from_some_give_the_same_batch(tmp_path: Path, parallel: str) -> None:
    fields = {"steps": 8, "batch": 7, "accumulate": 2, "flow": {"condition_dropout": 0.4}}
    one = alone(tmp_path / "one", **fields | {"accumulate": 1})
    assert_equal(together(tmp_path / "two", **fields, parallel=parallel)[0], one)


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
