"""A step reads nothing back from the device: on a device whose tensors have no numbers (torch's
meta device), whoever asks for one raises."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from physscale.train.parallel import Workers
from physscale.train.prefetch import Prefetch
from physscale.train.step import begin, learn

from .tasks import small_task


@pytest.mark.parametrize(
    "fields",
    [
        {"optimiser": "muon"},
        {"optimiser": "adamw", "accumulate": 2},
        {"recompute": "block", "parametrisation": "mup", "noise": "device"},
    ],
    ids=str,
)
def test_no_number_of_a_step_is_read_by_the_host(tmp_path: Path, fields: dict[str, Any]) -> None:
    task = replace(small_task(tmp_path, steps=3, **fields), device="meta")
    state = begin(task.model, train=task.train, shape=task.backbone_shape, seed=5, device="meta")
    with Prefetch(task, start=0, workers=Workers()) as shares:
        for _ in range(3):
            done = learn(state, next(shares), train=task.train, workers=Workers())
    assert state.step == 3
    assert done.loss.is_meta
    with pytest.raises((RuntimeError, NotImplementedError)):
        state.guard.check()
    assert torch.is_tensor(done.gradient_norm)
