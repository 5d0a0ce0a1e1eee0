"""A step reads nothing back from the device: on a device whose tensors have no numbers (torch's
meta device), whoever asks for one raises."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from physscale.train import wrap
from physscale.train.parallel import Workers
from physscale.train.prefetch import Prefetch
from physscale.train.spec import TrainSpec
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


@pytest.mark.parametrize(
    ("device", "steps", "tools", "compiled"),
    [
        ("cuda", 2000, True, "block"),
        ("cuda", 1999, True, "none"),
        ("cuda", 2000, False, "none"),
        ("cpu", 2000, True, "none"),
    ],
)
def test_blocks_of_long_trainings_are_compiled_on_a_gpu_that_can(
    monkeypatch: pytest.MonkeyPatch, device: str, steps: int, tools: bool, compiled: str
) -> None:
    monkeypatch.setattr(wrap, "_can_compile", lambda: tools)
    assert wrap.as_computed_on(device, train=TrainSpec(steps=steps)).compile == compiled
