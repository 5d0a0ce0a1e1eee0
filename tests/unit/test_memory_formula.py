"""The memory of a training step by formula is what torch would hold: tensors without contents (FakeTensor) counted as they come and go."""

import weakref
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from physscale.flow.loss import training_loss
from physscale.flow.spec import FlowSpec
from physscale.model.dit import DiT
from physscale.model.sizes import SIZES, parameters
from physscale.model.spec import DiTSpec, LatentShape
from physscale.run.memory import memory
from physscale.train.spec import TrainSpec
from physscale.train.weights import WholeWeights
from physscale.train.wrap import wrap

TOLERANCE = 0.03
"""Of the fullest moment of a step."""

PAPER = LatentShape(32, 4, 16, 16)


class Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes of all storages that are alive, and the most there were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = self.most = 0
        self.seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in self.seen:
                storage = tensor.untyped_storage()
                self.seen.add(storage._cdata)
                self.bytes += storage.nbytes()
                self.most = max(self.most, self.bytes)
                weakref.finalize(storage, self.gone, storage._cdata, storage.nbytes())
        return out

    def gone(self, key: int, count: int) -> None:
        self.seen.discard(key)
        self.bytes -= count


def fullest(model: DiTSpec, *, shape: LatentShape, train: TrainSpec) -> int:
    """Bytes at the fullest moment of a step on one device, weights included."""
    with FakeTensorMode(allow_non_fake_inputs=True), Live() as live:
        network = DiT(model, shape=shape)
        wrap(network, train=train)
        weights = WholeWeights.of(network, spec=train, rates=None)
        x0 = torch.empty(train.batch, shape.frames, shape.channels, shape.height, shape.width)
        noise, t = torch.empty_like(x0), torch.empty(train.batch)
        live.most = live.bytes
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=train.precision == "bf16"):
            loss = training_loss(network, x0, noise=noise, t=t, flow=FlowSpec(prediction="v"))
        torch.autograd.backward(loss)
        weights.update(step=0, factor=1.0)
        return live.most


@pytest.mark.parametrize("recompute", ["none", "block"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("size", "batch"), [("S", 2), ("B", 2), *(pytest.param(size, 4, marks=pytest.mark.slow) for size in ("L", "XL"))])
def test_formula_meets_the_fullest_moment_of_a_step(size: str, batch: int, precision: Any, recompute: Any) -> None:
    train = TrainSpec(batch=batch, optimiser="adamw", precision=precision, recompute=recompute)
    measured = fullest(SIZES[size], shape=PAPER, train=train)
    assert memory(SIZES[size], shape=PAPER, train=train).total == pytest.approx(measured, rel=TOLERANCE)


def test_shards_share_the_weights_and_parts_share_the_activations() -> None:
    train = TrainSpec(batch=256, optimiser="adamw", precision="bf16")
    one = memory(SIZES["XL"], shape=PAPER, train=train, workers=32)
    sharded = memory(SIZES["XL"], shape=PAPER, train=replace(train, parallel="fsdp"), workers=32)
    parts = memory(SIZES["XL"], shape=PAPER, train=replace(train, accumulate=8), workers=32)
    assert one.weights == 20 * parameters(SIZES["XL"], shape=PAPER)
    assert sharded.weights < one.weights / 8
    assert sharded.activations == one.activations
    assert parts.activations < one.activations / 5
