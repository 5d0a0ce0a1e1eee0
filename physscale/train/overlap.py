"""The average of the gradients over workers, sent while the backward pass still runs.

The vector of all gradients is cut into buckets. A bucket is sent as soon as the backward pass has
filled it. Buckets leave in one order on every worker, as the backends ask: those that are filled
first, first (S. Li et al. 2020, arXiv 2006.15704)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch.distributed as dist
from torch import Tensor

from physscale.model.backbone import Backbone
from physscale.train.flat import FlatParameters
from physscale.train.parallel import Workers

__all__ = ["Overlap"]

BUCKET_BYTES = 25_000_000


class Overlap:
    """Watches the parameters of a model whose gradients lie in one vector."""

    def __init__(self, model: Backbone, *, flat: FlatParameters, workers: Workers) -> None:
        self._gradients, self._workers = flat.gradients, workers
        met = [name for name, _ in model.named_parameters()]
        self._slices, numbers = buckets(flat, met=met, bucket_bytes=BUCKET_BYTES)
        self._due = [list(numbers.values()).count(bucket) for bucket in range(len(self._slices))]
        self._left: list[int] = []
        self._sent: list[dist.Work] = []
        for name, parameter in model.named_parameters():
            hook = partial(self._filled, numbers[name])
            parameter.register_post_accumulate_grad_hook(hook)  # type: ignore[no-untyped-call]

    @contextmanager
    def averaging(self) -> Iterator[None]:
        """Around the backward pass that completes the gradients; they are averages afterwards."""
        self._left, self._sent = list(self._due), []
        yield
        self._left = [0] * len(self._due)  # what had no gradient stays 0
        self._send()
        for work in self._sent:
            work.wait()
        self._left = []
        self._gradients /= self._workers.world

    def _filled(self, bucket: int, _: Tensor) -> None:
        if self._left:
            self._left[bucket] -= 1
            self._send()

    def _send(self) -> None:
        while len(self._sent) < len(self._slices) and not self._left[len(self._sent)]:
            part = self._gradients[self._slices[len(self._sent)]]
            work = dist.all_reduce(part, async_op=True)
            assert work is not None
            self._sent.append(work)


def buckets(
    flat: FlatParameters, *, met: Sequence[str], bucket_bytes: int
) -> tuple[list[slice], dict[str, int]]:
    """Ranges of the vector, in the order in which they are filled, and the number of each
    parameter's. `met`: the parameters as the forward pass meets them. The backward pass goes the
    other way, and a bucket is full when the first of its parameters has its gradient."""
    size = max(1, bucket_bytes // flat.gradients.itemsize)
    cuts: list[int] = [0]
    members: list[list[str]] = [[]]
    for name, (start, _) in sorted(flat.places.items(), key=lambda place: place[1][0]):
        if start - cuts[-1] >= size:
            cuts.append(start)
            members.append([])
        members[-1].append(name)
    slices = [slice(start, end) for start, end in zip(cuts, [*cuts[1:], flat.total], strict=True)]
    place = {name: number for number, name in enumerate(met)}
    first = [min(place[name] for name in names) for names in members]
    order = sorted(range(len(slices)), key=lambda bucket: -first[bucket])
    return [slices[bucket] for bucket in order], {
        name: number for number, bucket in enumerate(order) for name in members[bucket]
    }
