"""Muon's directions of parameters in shards: each worker gathers its share of the matrices whole,
makes them orthogonal and sends the slices back. A worker sends and receives each parameter's slices
once, whatever the number of workers."""

import math
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from physscale.train.orthogonal import orthogonalise
from physscale.train.parallel import Workers

__all__ = ["directions"]


def directions(
    slices: Sequence[Tensor],
    *,
    shape: Sequence[int],
    matrix: tuple[int, int],
    workers: Workers,
    narrow: bool,
) -> list[Tensor]:
    """This worker's slices of the directions. Every worker calls it.

    Args:
        slices: this worker's, of at most as many parameters as there are workers. The k-th is
            gathered by the k-th worker. All have one whole shape, and FSDP2 has cut them along the
            first axis: `ceil(shape[0] / world)` for the first workers, what is left for the next.
        matrix: rows and columns of the matrices that a parameter consists of, one after another.
    """
    each, row = -(-shape[0] // workers.world), math.prod(shape[1:])
    sizes = [row * min(each, max(0, shape[0] - rank * each)) for rank in range(workers.world)]
    stacked, mine = torch.stack(list(slices)), workers.rank < len(slices)
    assert stacked[0].numel() == sizes[workers.rank], "cut otherwise than FSDP2 cuts"
    out = [stacked[0].numel() if rank < len(slices) else 0 for rank in range(workers.world)]
    back = sizes if mine else [0] * workers.world
    whole, returned = stacked.new_empty(sum(back)), stacked.new_empty(stacked.numel())
    dist.all_to_all_single(whole, stacked.flatten(), back, out)
    if mine:
        whole = orthogonalise(whole.view(-1, *matrix), narrow=narrow).flatten()
    dist.all_to_all_single(returned, whole, out, back)
    return list(returned.view_as(stacked).unbind())
