"""Standard normal numbers that have the same bits on every device: Philox 4x32-10 and an inverse
CDF in integers.

The generator is that of Random123 (Salmon et al. 2011, doi 10.1145/2063384.2063405) in int64
operations. Logarithms and sines round differently from device to device, and a fused
multiply-add rounds once where two operations round twice. So the normal numbers need none of
them: a word selects a segment of a table of quantiles, and integers interpolate within it. The
only operation that rounds is the last, one conversion from float64 to float32, which IEEE 754
defines. Whatever fuses these operations cannot change a bit; `torch.compile` needs more than ten
minutes for the ten rounds as they stand, so on a GPU they run one by one.

Precision: the interpolated quantile is within 8e-8 of the exact one, and the result is its nearest
float32. Each number takes 32 random bits, so the largest is 6.34 and a normal number beyond
that (one in 4e9) does not occur."""

import functools
import math
from statistics import NormalDist

import torch
from jaxtyping import Float, Int
from torch import Tensor

from physscale.flow.noise import Stream

__all__ = ["batch_normal", "normal_of", "philox", "quantiles"]

WORD = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10

OCTAVES = 32
SEGMENT_BITS = 10
"""Each octave of the tail probability is cut into 2^10 segments."""

FRACTION_BITS = 20
"""How many bits of the position within a segment the interpolation uses."""

UNIT_BITS = 26
"""The table counts in units of 2^-26. No entry then lies within 100 ulp of where it would round the
other way, so a host with another logarithm builds the same table."""

NUMBERS_AT_ONCE = 2**24
"""So many need half a gigabyte of integers."""

MANTISSA_BITS, EXPONENT_BIAS = 52, 1023
"""Of float64."""


def batch_normal(
    seed: int,
    *,
    stream: Stream,
    counter: int,
    rows: slice,
    batch: int,
    shape: tuple[int, ...],
    device: torch.device | str,
) -> Float[Tensor, "rows ..."]:
    """These rows of a batch of standard normal numbers [batch, *shape], float32, on this device.

    A row depends on seed, stream, counter, its own number and the shape alone: neither the device
    nor the choice of rows changes a bit of it. Seeds are below 2^64, counters below 2^56."""
    assert 0 <= rows.start <= rows.stop <= batch <= WORD, f"rows {rows} of {batch}"
    assert 0 <= seed < 1 << 64, seed
    assert 0 <= counter < 1 << 56, counter
    size = math.prod(shape)
    most = max(1, NUMBERS_AT_ONCE // max(1, size))
    if rows.stop - rows.start > most:
        parts = [
            batch_normal(
                seed,
                stream=stream,
                counter=counter,
                rows=slice(start, min(start + most, rows.stop)),
                batch=batch,
                shape=shape,
                device=device,
            )
            for start in range(rows.start, rows.stop, most)
        ]
        return torch.cat(parts)
    blocks = torch.arange(-(-size // 4), device=device)[None]
    numbers = torch.arange(rows.start, rows.stop, device=device)[:, None]
    purpose = (counter & WORD, int(stream) << 24 | counter >> 32)
    place = [
        blocks.expand(len(numbers), -1),
        numbers.expand(-1, blocks.shape[1]),
        *(torch.full_like(blocks, word) for word in purpose),
    ]
    words = philox(place, key=(seed & WORD, seed >> 32))
    drawn = torch.stack([normal_of(word) for word in words], dim=-1)
    return drawn.flatten(1)[:, :size].reshape(-1, *shape)


def philox(counter: list[Int[Tensor, "..."]], *, key: tuple[int, int]) -> list[Int[Tensor, "..."]]:
    """Four random words of 32 bits for four counter words of 32 bits, all held in int64."""
    a, b, c, d = counter
    for turn in range(ROUNDS):
        first, second = ((word + turn * by) & WORD for word, by in zip(key, KEY_STEPS, strict=True))
        high_a, low_a = _product(a, by=MULTIPLIERS[0])
        high_c, low_c = _product(c, by=MULTIPLIERS[1])
        a, b, c, d = high_c ^ b ^ first, low_c, high_a ^ d ^ second, low_a
    return [a, b, c, d]


def quantiles() -> list[int]:
    """The table: the normal quantile z, P(Z > z) = p, in units of 2^-26, at p = 2^(e-33)·(1+j/2^10)
    for e = 0 … 31 and j = 0 … 1023, and at p = 1/2."""
    normal, segments = NormalDist(), 1 << SEGMENT_BITS
    numerators = [
        (segments + j) << e for e in range(OCTAVES) for j in range(segments)
    ]  # of p, over 2^(33 + SEGMENT_BITS)
    numerators.append(segments << OCTAVES)
    scale = 2.0 ** -(OCTAVES + 1 + SEGMENT_BITS)
    return [round(-normal.inv_cdf(scale * numerator) * 2**UNIT_BITS) for numerator in numerators]


def _product(word: Int[Tensor, "..."], *, by: int) -> tuple[Tensor, Tensor]:
    """The upper and the lower half of the 64-bit product of two words; no step exceeds 2^50."""
    low = (word & 0xFFFF) * by
    middle = (word >> 16) * by + (low >> 16)
    return middle >> 16, (middle & 0xFFFF) << 16 | low & 0xFFFF


def normal_of(word: Int[Tensor, "..."]) -> Float[Tensor, "..."]:
    """A normal number for each word: its top bit is the sign, the others the tail probability
    (2v+1)/2^33. The exponent and first bits of that integer as a float64 name the segment."""
    tail = (word & 0x7FFFFFFF) << 1 | 1
    bits = tail.to(torch.float64).view(torch.int64)
    segment = (bits >> (MANTISSA_BITS - SEGMENT_BITS)) - (EXPONENT_BIAS << SEGMENT_BITS)
    position = bits >> (MANTISSA_BITS - SEGMENT_BITS - FRACTION_BITS) & ((1 << FRACTION_BITS) - 1)
    table = _table(word.device)
    upper = table[segment]
    size = upper - ((upper - table[segment + 1]) * position >> FRACTION_BITS)
    signed = torch.where(word >> 31 == 1, -size, size)
    return (signed.to(torch.float64) * 2.0**-UNIT_BITS).to(torch.float32)


@functools.cache
def _table(device: torch.device) -> Int[Tensor, " knots"]:
    """The quantiles on this device, made once."""
    return torch.tensor(quantiles(), dtype=torch.int64, device=device)
