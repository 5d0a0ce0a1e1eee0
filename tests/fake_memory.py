"""Bytes that a training step holds on a device that is not there: tensors without contents
(FakeTensor), counted as they come and go."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.model.conditioning_spec import NUMBERS_A_BODY
from physscale.records.latent_shape import LatentShape
from physscale.scheduling.gpus import Device
from physscale.train.parallel import Workers
from physscale.train.sharded import ShardedWeights
from physscale.train.spec import TrainSpec
from physscale.train.step import backward, part_of
from physscale.train.weights import Weights, WholeWeights
from physscale.train.wrap import wrap

ALONE = Workers()
DIFFUSION = FlowSpec(prediction="v")


class Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes of all storages that are alive, and the most there were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = self.most = 0
        self.seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            tensor = leaf.to_local() if isinstance(leaf, DTensor) else leaf
            if (
                isinstance(tensor, torch.Tensor)
                and tensor.untyped_storage()._cdata not in self.seen
            ):
                storage = tensor.untyped_storage()
                self.seen.add(storage._cdata)
                self.bytes += storage.nbytes()
                self.most = max(self.most, self.bytes)
                weakref.finalize(storage, self.gone, storage._cdata, storage.nbytes())
        return out

    def gone(self, key: int, count: int) -> None:
        self.seen.discard(key)
        self.bytes -= count


class LiveShards(Live):
    """The same where FSDP2 empties storages and fills them again."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            tensor = leaf.to_local() if isinstance(leaf, DTensor) else leaf
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                self.alive.setdefault(
                    storage._cdata,
                    weakref.ref(storage, lambda _, key=storage._cdata: self.alive.pop(key)),
                )
        self.bytes = sum(
            storage.nbytes()
            for reference in list(self.alive.values())
            if (storage := reference()) is not None
        )
        self.most = max(self.most, self.bytes)
        return out


@contextmanager
def cuda_autocast() -> Iterator[None]:
    """The CPU's autocast with what CUDA's widens to float32 besides. Of its lists ("ops that
    autocast to float32", "that promote to the widest input type", torch.amp), our networks call
    `addcmul`, and norms of what is float32 already. CUDA's own autocast needs a driver, even for
    tensors without contents."""
    own = torch.addcmul

    def widened(*tensors: torch.Tensor) -> torch.Tensor:
        if torch.is_autocast_enabled("cpu"):
            tensors = tuple(tensor.float() for tensor in tensors)
        return own(*tensors)

    with patch.object(torch, "addcmul", widened):
        yield


def fullest(
    model: BackboneSpec,
    *,
    shape: LatentShape,
    train: TrainSpec,
    workers: Workers = ALONE,
    objective: ObjectiveSpec = DIFFUSION,
    device: Device = "cuda",
) -> int:
    """Bytes at the fullest moment of a step on one device, weights included. On "cuda", more than
    1024 tokens: for fewer, bfloat16 attention is the CPU's own (`model/on_cpu.py`)."""
    with (
        FakeTensorMode(allow_non_fake_inputs=True),
        cuda_autocast() if device == "cuda" else nullcontext(),
        LiveShards() if workers.world > 1 else Live() as live,
    ):
        network = model.build(objective.backbone_shape(shape))
        wrap(network, train=train)
        weights: Weights
        if workers.world > 1:
            weights = ShardedWeights.of(
                network, spec=train, rates=None, workers=workers, device="cpu"
            )
        else:
            weights = WholeWeights.of(network, spec=train, rates=None)
        share = len(range(train.batch)[workers.rows(train.batch)])
        x0 = torch.empty(share, shape.frames, shape.channels, shape.height, shape.width)
        drawn = objective.build().draw(
            x0,
            part=part_of(step=0, seed=0, train=train, workers=workers),
            conditioning=fake_conditioning(model, batch=share),
        )
        live.most = live.bytes
        backward(network, drawn, train=train, averaging=weights.averaging)
        weights.update(step=0, factor=1.0, alive=torch.ones(()))
        return live.most


def fake_conditioning(model: BackboneSpec, *, batch: int) -> torch.Tensor | None:
    """Of the shape that the model reads."""
    spec = model.conditioned_on
    if spec.kind == "text":
        return torch.empty(batch, spec.text.tokens, dtype=torch.int64)
    return torch.empty(batch, spec.bodies, NUMBERS_A_BODY) if spec.kind == "numbers" else None
