"""Two gloo processes with half the batch each equal one process with the whole batch, up to rounding."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from physscale.records.errors import UserError
from physscale.records.metrics import read_metrics
from physscale.train.loop import train
from physscale.train.parallel import Workers

from .tasks import PlainContext, small_task

ROOT = Path(__file__).parents[3]
STEPS = 20


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_two_workers_equal_one_and_one_may_finish_alone(tmp_path: Path, optimiser: str) -> None:
    one = train(small_task(tmp_path / "one", steps=STEPS, optimiser=optimiser), context=PlainContext())
    together = tmp_path / "two"
    together.mkdir()
    command = [sys.executable, "-m", "tests.unit.train.one_worker", str(together)]
    workers = [subprocess.Popen([*command, str(rank), "2", str(STEPS), optimiser], cwd=ROOT) for rank in range(2)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]

    facts = [json.loads((together / f"rank_{rank}.json").read_text()) for rank in range(2)]
    assert facts[0] == facts[1], "both workers report the mean loss and hold the same weights"
    weights = torch.cat([parameter.flatten() for parameter in one.model.parameters()])
    torch.testing.assert_close(torch.tensor(facts[0]["losses"]), one.losses, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(torch.tensor(facts[0]["weights"]), weights, atol=1e-5, rtol=1e-3)
    assert len(read_metrics(together / "metrics.jsonl")) == 4
    assert len((together / "metrics.jsonl").read_text().splitlines()) == 4, "one worker writes the history"

    (together / "checkpoints" / "step_00000020" / "manifest.json").unlink()
    alone = train(small_task(together, steps=STEPS, optimiser=optimiser), context=PlainContext())
    torch.testing.assert_close(alone.losses, one.losses, atol=1e-6, rtol=1e-5)


def test_a_batch_that_cannot_be_dealt_out_is_refused() -> None:
    with pytest.raises(UserError, match=r"batch=7: must be a multiple of the number of workers \(2\)"):
        unconnected(rank=1, world=2).rows(7)


def test_rows_of_all_workers_are_the_batch() -> None:
    rows = [unconnected(rank=rank, world=4).rows(12) for rank in range(4)]
    assert [row for part in rows for row in range(12)[part]] == list(range(12))


def unconnected(*, rank: int, world: int) -> Workers:
    """Workers that never meet: enough to deal out rows."""
    workers = object.__new__(Workers)
    object.__setattr__(workers, "rank", rank)
    object.__setattr__(workers, "world", world)
    return workers
