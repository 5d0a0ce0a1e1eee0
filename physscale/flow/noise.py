"""Random numbers as pure functions: (seed, stream, counters) -> values, by the counter-based
generator Philox.

Nothing here has a state, so a resumed, sliced or re-ordered computation draws what the undisturbed
one would have drawn."""

from enum import IntEnum

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Stream", "batch_normal", "generator", "normal", "torch_seed"]

TOGETHER = 32
"""Rows of a batch that share a generator."""


class Stream(IntEnum):
    """What a number is drawn for; no two purposes share one."""

    WEIGHTS = 0
    ORDER = 1
    TIMES = 2
    NOISE = 3
    SAMPLE = 4
    HELD_OUT = 5
    DROPPED = 6
    MIRROR = 7
    DISCRIMINATORS = 8


def generator(seed: int, *, stream: Stream, counter: int = 0, part: int = 0) -> np.random.Generator:
    """The generator of this seed, purpose, counter (a step, an epoch, a video) and part. Seed and
    counters are at least 0, below 2^64."""
    return np.random.Generator(
        np.random.Philox(
            key=np.array([seed, stream], np.uint64),
            counter=np.array([0, 0, part, counter], np.uint64),
        )
    )


def normal(
    seed: int, *, stream: Stream, counter: int, shape: tuple[int, ...], part: int = 0
) -> Float[Tensor, "..."]:
    """Standard normal numbers of this shape, float32."""
    return torch.from_numpy(
        generator(seed, stream=stream, counter=counter, part=part).standard_normal(
            shape, dtype=np.float32
        )
    )


def batch_normal(
    seed: int, *, stream: Stream, counter: int, rows: slice, batch: int, shape: tuple[int, ...]
) -> Float[Tensor, "rows ..."]:
    """These rows of a batch of standard normal numbers [batch, *shape], which no other choice of
    rows changes; what is drawn for them is at most `TOGETHER` - 1 rows too many at either end."""
    first = rows.start // TOGETHER
    parts = [
        normal(
            seed,
            stream=stream,
            counter=counter,
            shape=(min(TOGETHER, batch - TOGETHER * part), *shape),
            part=part,
        )
        for part in range(first, -(-rows.stop // TOGETHER))
    ]
    return torch.cat(parts)[rows.start - TOGETHER * first : rows.stop - TOGETHER * first]


def torch_seed(seed: int, *, stream: Stream) -> torch.Generator:
    """A torch generator on the CPU that starts at this seed and purpose."""
    return torch.Generator().manual_seed(int(generator(seed, stream=stream).integers(2**63)))
