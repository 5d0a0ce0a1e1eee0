"""Weights in shards (FSDP2, after arXiv 2304.11277): a worker holds a slice of every parameter, of
its gradient, moments and average.

A block's parameters are gathered just before it is used. AdamW and the average work element by
element, so each worker updates its own slice. Muon needs whole matrices: each is gathered by one of
the workers (`train/sharded_muon.py`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from physscale.model.backbone import Backbone
from physscale.train.ema import new_share
from physscale.train.flat import Layout, layout_of
from physscale.train.optim import (
    MUON_MOMENTUM,
    AdamW,
    adamw,
    kept_by_decay,
    muon_rate,
    narrow,
)
from physscale.train.parallel import Workers
from physscale.train.sharded_muon import directions
from physscale.train.spec import TrainSpec
from physscale.train.stored import Tensors
from physscale.train.weights import Read

__all__ = ["ShardedWeights", "shard"]


@dataclass(frozen=True)
class Shard:
    """One parameter: its values, Adam's moments (Muon's momentum in the first) and its average, all
    of them spread over the workers."""

    values: DTensor
    first: DTensor
    second: DTensor
    ema: DTensor
    rate: float

    @property
    def gradient(self) -> Tensor:
        """This worker's slice."""
        gradient = self.values.grad
        assert isinstance(gradient, DTensor)
        return gradient.to_local()

    def adamw(self, adam: AdamW, *, alive: Tensor) -> None:
        first, second = self.first.to_local(), self.second.to_local()
        adam.move(
            self.values.to_local(),
            gradients=self.gradient,
            first=first,
            second=second,
            alive=alive,
            factor=self.rate,
        )

    def nesterov(self, *, alive: Tensor) -> Tensor:
        """This worker's slice of what Muon makes orthogonal; the momentum follows the gradient."""
        momentum = self.first.to_local()
        momentum.lerp_(self.gradient, alive * (1 - MUON_MOMENTUM))
        return self.gradient.lerp(momentum, MUON_MOMENTUM)


@dataclass(frozen=True)
class ShardedWeights:
    """The shards by the parameters' names, and where each would lie in one vector."""

    spec: TrainSpec
    layout: Layout
    shards: dict[str, Shard]
    root: FSDPModule
    workers: Workers
    device: str

    @staticmethod
    @torch.no_grad()
    def of(
        model: Backbone,
        *,
        spec: TrainSpec,
        rates: dict[str, float] | None,
        workers: Workers,
        device: str,
    ) -> "ShardedWeights":
        """Cuts up a whole model, the same on every worker, in place; `rates` multiplies AdamW's
        learning rate."""
        layout = layout_of(model)
        shard(model, workers=workers, train=spec, device=device)
        shards = {}
        for name, values in model.named_parameters():
            assert isinstance(values, DTensor)
            ema = _zeros(values)
            ema.to_local().copy_(values.to_local())
            shards[name] = Shard(
                values,
                _zeros(values),
                _zeros(values),
                ema,
                rate=1.0 if rates is None else rates[name],
            )
        assert isinstance(model, FSDPModule)
        model.set_requires_gradient_sync(False)
        return ShardedWeights(spec, layout, shards, model, workers, device)

    def zero_gradients(self) -> None:
        for part in self.shards.values():
            part.values.grad = None

    @contextmanager
    def averaging(self) -> Iterator[None]:
        """FSDP2 averages gradients when it scatters them: once per step, whatever the number of
        parts. Until then each worker holds its own sum, whole."""
        self.root.set_requires_gradient_sync(True)
        yield
        self.root.set_requires_gradient_sync(False)

    def gradient_norm(self) -> Float[Tensor, ""]:
        squares = torch.stack([part.gradient.square().sum() for part in self.shards.values()]).sum()
        dist.all_reduce(squares)
        return squares.sqrt()

    def scale_gradients(self, factor: Float[Tensor, ""]) -> None:
        for part in self.shards.values():
            part.gradient.mul_(factor).nan_to_num_(0, 0, 0)

    @torch.no_grad()
    def update(self, *, step: int, factor: float, alive: Float[Tensor, ""]) -> None:
        adam, rate = (
            adamw(self.spec, step=step, factor=factor),
            factor * self.spec.muon_learning_rate,
        )
        weight = alive * new_share(step, decay=self.spec.ema_decay)
        matrices = self.layout.matrices if self.spec.optimiser == "muon" else {}
        self._muon(matrices, rate=rate, alive=alive)
        for name, part in self.shards.items():
            if name not in matrices:
                part.adamw(adam, alive=alive)
            part.ema.to_local().lerp_(part.values.to_local(), weight)

    def _muon(
        self, matrices: dict[str, tuple[int, int]], *, rate: float, alive: Float[Tensor, ""]
    ) -> None:
        """As `optim.Optimiser` updates a stack: as many parameters of one shape together as
        there are workers."""
        alike: dict[tuple[torch.Size, tuple[int, int]], list[Shard]] = {}
        for name, matrix in matrices.items():
            part = self.shards[name]
            alike.setdefault((part.values.shape, matrix), []).append(part)
        kept = kept_by_decay(rate * self.spec.weight_decay, alive=alive)
        for (shape, matrix), parts in alike.items():
            for start in range(0, len(parts), self.workers.world):
                group = parts[start : start + self.workers.world]
                made = directions(
                    [part.nesterov(alive=alive) for part in group],
                    shape=shape,
                    matrix=matrix,
                    workers=self.workers,
                    narrow=narrow(self.spec, device=torch.device(self.device)),
                )
                for part, direction in zip(group, made, strict=True):
                    values = part.values.to_local()
                    values.mul_(kept)
                    values.add_(direction.mul_(alive), alpha=-muon_rate(*matrix, rate=rate))

    @torch.no_grad()
    def averages(self) -> dict[str, Tensor]:
        return {name: part.ema.full_tensor().clone() for name, part in self.shards.items()}

    def parts(self, workers: Workers) -> int:
        return workers.world

    @torch.no_grad()
    def tensors(self) -> Tensors:
        return {
            kind: {name: own.to_local() for name, own in named.items()}
            for kind, named in self._spread().items()
        }

    @torch.no_grad()
    def load(self, read: Read) -> None:
        for kind, named in self._spread().items():
            for name, own in named.items():
                own.to_local().copy_(_slice(read(kind, name).to(self.device), like=own))

    def _spread(self) -> dict[str, dict[str, DTensor]]:
        """Tensors by kind and name; a worker's slice of each is some of its rows."""
        shards = self.shards.items()
        return {
            "model": {name: part.values for name, part in shards},
            "ema": {name: part.ema for name, part in shards},
            "first": {name: part.first for name, part in shards},
            "second": {name: part.second for name, part in shards},
        }


def shard(model: Backbone, *, workers: Workers, train: TrainSpec, device: str) -> None:
    """Shard the parameters over the workers, in place: each block is one unit, everything else is
    another. Blocks are gathered in bfloat16 if products are computed in it; shards, gradients and
    moments are float32."""
    mesh = init_device_mesh(torch.device(device).type, (workers.world,))
    narrow = MixedPrecisionPolicy(
        param_dtype=torch.bfloat16, reduce_dtype=torch.float32, cast_forward_inputs=False
    )
    policy = narrow if train.precision == "bf16" else MixedPrecisionPolicy()
    for block in model.blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    model.register_forward_hook(_own_memory)
    fully_shard(model, mesh=mesh)


def _zeros(like: DTensor) -> DTensor:
    made = torch.zeros_like(like)
    assert isinstance(made, DTensor)
    return made


def _own_memory(_: object, __: object, output: Tensor) -> Tensor:
    """FSDP2 warns of a root that returns a view."""
    return output.clone()


def _slice(whole: Tensor, *, like: DTensor) -> Tensor:
    """This worker's slice of a tensor that all workers hold whole; nothing is sent."""
    return distribute_tensor(
        whole, like.device_mesh, like.placements, src_data_rank=None
    ).to_local()
