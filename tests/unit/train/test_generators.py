"""The noise of a step, by either generator: a row's bits depend on nothing but its place in the
global batch, and which generator it was is part of what was trained."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from physscale.flow import device_noise
from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.records.errors import UserError
from physscale.train.loop import train
from physscale.train.spec import TrainSpec
from physscale.train.step import part_of

from .tasks import Killed, PlainContext, small_latents, small_task
from .test_parallel import unconnected

BATCH = 10
VIDEOS = small_latents(videos=BATCH)
GENERATORS = ("host", "device")


def noise(objective: Any, *, world: int, **fields: Any) -> torch.Tensor:
    """Of a step's whole batch, put together from the workers' shares."""
    spec, shares = TrainSpec(batch=BATCH, **fields), []
    for rank in range(world):
        workers = unconnected(rank=rank, world=world)
        part = part_of(step=3, seed=1, train=spec, workers=workers)
        share = objective.build().draw(VIDEOS[part.rows], part=part)
        shares.append(share.noise if hasattr(share, "noise") else share.context - share.x0)
    return torch.cat(shares)


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize(
    "objective", [FlowSpec(), AutoregressiveSpec(context_noise=1.0)], ids=["flow", "ahead"]
)
def test_neither_workers_nor_parts_change_a_bit(generator: str, objective: Any) -> None:
    whole = noise(objective, world=1, noise=generator)
    assert whole.std() == pytest.approx(1, abs=0.2)
    for world in (2, 4):
        assert torch.equal(noise(objective, world=world, noise=generator), whole)
        assert torch.equal(noise(objective, world=world, noise=generator, accumulate=2), whole)


def test_rows_drawn_a_few_at_a_time_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = noise(FlowSpec(), world=1, noise="device")
    monkeypatch.setattr(device_noise, "NUMBERS_AT_ONCE", 3 * VIDEOS[0].numel() + 1)
    assert torch.equal(noise(FlowSpec(), world=1, noise="device"), whole)


def test_the_devices_generator_trains_other_noise_and_is_killed_and_run_again_bit_for_bit(
    tmp_path: Path,
) -> None:
    whole = train(small_task(tmp_path / "whole", noise="device"), context=PlainContext())
    host = train(small_task(tmp_path / "host"), context=PlainContext())
    assert not torch.equal(whole.losses, host.losses)
    task = small_task(tmp_path / "killed", noise="device")
    with pytest.raises(Killed):
        train(
            replace(task, latents=small_task(tmp_path, dies_at=17).latents), context=PlainContext()
        )
    assert torch.equal(train(task, context=PlainContext()).losses, whole.losses)
    with pytest.raises(UserError, match="a checkpoint of another training"):
        train(small_task(tmp_path / "killed"), context=PlainContext())
