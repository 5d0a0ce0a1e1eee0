"""Data parallelism: each worker takes its slice of the global batch, and gradients are averaged
before they are used.

All randomness belongs to the global batch, so the number of workers changes a result by rounding
only. A run may be resumed with any number of workers up to the batch; shares need not be equal. The
caller that starts the processes also starts the process group: gloo, or `cpu:gloo,cuda:nccl`. What
the hosts tell each other (`any`, `gathered`, `collected`) goes by gloo, and no host waits for its
GPU."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from physscale.records.errors import DamagedData, UserError

__all__ = ["ALONE", "Workers", "digest_of"]


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
        return self.votes(answer)[0]

    def votes(self, *answers: bool) -> list[bool]:
        """For each question, whether any worker says yes; one message for all of them."""
        if self.world == 1:
            return list(answers)
        votes = torch.tensor(answers, dtype=torch.float32)
        dist.all_reduce(votes)
        return [vote > 0 for vote in votes.tolist()]

    def gathered(self, said: bytes) -> list[bytes]:
        """What every worker says, by rank; all say equally many bytes."""
        if self.world == 1:
            return [said]
        own = torch.tensor(list(said), dtype=torch.uint8)
        every = [torch.empty_like(own) for _ in range(self.world)]
        dist.all_gather(every, own)
        return [bytes(tensor.tolist()) for tensor in every]

    def collected(
        self, own: Sequence[Tensor], *, likes: Sequence[Sequence[Tensor]]
    ) -> list[tuple[Tensor, ...]]:
        """On the first worker, on the CPU, what each of the first `len(likes)` workers has; nothing
        on the others.

        Args:
            likes: for each of these workers, tensors of the shapes and types of its own.
        """
        if self.rank:
            for tensor in own:
                dist.send(tensor.cpu().contiguous(), dst=0)
            return []
        every = [tuple(tensor.cpu() for tensor in own)]
        for source, expected in enumerate(likes[1:], start=1):
            received = [torch.empty_like(tensor, device="cpu") for tensor in expected]
            for tensor in received:
                dist.recv(tensor, src=source)
            every.append(tuple(tensor.cpu() for tensor in received))
        return every

    def check_same(self, digest: bytes, *, what: str) -> None:
        """Compare a digest over the workers.

        Raises:
            DamagedData: on every worker, naming those whose digest is not the most frequent one (of
                equally frequent ones, the first worker's).
        """
        digests = self.gathered(digest)
        usual, _ = Counter(digests).most_common(1)[0]
        differing = [rank for rank, own in enumerate(digests) if own != usual]
        if differing:
            raise DamagedData(
                f"{what}: workers {differing} of {self.world} differ from the others (SHA-256 "
                f"{usual.hex()[:12]}, worker {differing[0]} has "
                f"{digests[differing[0]].hex()[:12]}); run again, on machines of one kind with the "
                "same versions of Python and torch"
            )


ALONE = Workers()
"""One worker that meets nobody."""


def digest_of(tensors: Mapping[str, Tensor]) -> bytes:
    """SHA-256 of the names, shapes and values of tensors on the CPU."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.digest()
