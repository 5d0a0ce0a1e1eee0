"""Data parallelism: each worker takes its slice of the global batch, and gradients are averaged
before they are used.

All randomness belongs to the global batch, so the number of workers changes a result by rounding
only. A run may be resumed with any number of workers up to the batch; shares need not be equal. The
caller that starts the processes also starts the process group (gloo or NCCL)."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from physscale.records.errors import UserError

__all__ = ["Workers"]


@dataclass(frozen=True)
class Workers:
    """This worker's number and how many there are."""

    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        assert 0 <= self.rank < self.world
        assert self.world == 1 or dist.get_world_size() == self.world

    def rows(self, batch: int) -> slice:
        """This worker's rows of a global batch: shares differ by one at most. Raises UserError when
        a worker would get none."""
        if batch < self.world:
            raise UserError(
                f"train batch={batch}: must be at least the number of workers ({self.world})"
            )
        return slice(self.rank * batch // self.world, (self.rank + 1) * batch // self.world)

    def deals_evenly(self, batch: int) -> bool:
        """Whether all shares are equal."""
        return batch % self.world == 0

    def average(self, tensor: Tensor) -> None:
        """Mean over the workers, in place."""
        if self.world > 1:
            dist.all_reduce(tensor)
            tensor /= self.world

    def any(self, answer: bool) -> bool:
        """Whether any worker says yes."""
        if self.world == 1:
            return answer
        votes = torch.tensor(
            float(answer), device="cuda" if dist.get_backend() == "nccl" else "cpu"
        )
        dist.all_reduce(votes)
        return bool(votes > 0)
