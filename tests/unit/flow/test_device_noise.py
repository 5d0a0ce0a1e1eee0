"""Noise with the same bits on every device: Random123's own answers, a twin in NumPy, and the
normal distribution."""

import hashlib
import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import ndtri

from physscale.flow.device_noise import UNIT_BITS, batch_normal, normal_of, philox, quantiles
from physscale.flow.noise import Stream

KNOWN = [  # kat_vectors of Random123: philox 4x32 10
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip
SHAPE = (3, 2, 5)
DIGEST = "73ce9e57a6c1daf263f1a4e7cd5db57a96db5f2d2fac83b83d09ff4c17dab11e"


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def drawn(rows: slice = slice(0, 8), **other: Any) -> torch.Tensor:
    given: dict[str, Any] = {
        "seed": 0, "stream": Stream.NOISE, "counter": 5, "batch": 100, "shape": SHAPE,
        "device": "cpu",
    }  # fmt: skip
    given |= other
    return batch_normal(given.pop("seed"), rows=rows, **given)


def twin(
    seed: int, *, stream: int, counter: int, rows: slice, shape: tuple[int, ...]
) -> np.ndarray:
    """The same numbers by other means: unsigned products of NumPy, one row after the other."""
    size, knots = math.prod(shape), np.array(quantiles(), np.int64)
    found = []
    for row in range(rows.start, rows.stop):
        c = [np.arange(-(-size // 4), dtype=np.uint64)]
        c += [
            np.full_like(c[0], word)
            for word in (row, counter % 2**32, stream * 2**24 + counter // 2**32)
        ]
        k = [seed % 2**32, seed // 2**32]
        for _ in range(10):
            p, q = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
            low, half = np.uint64(2**32 - 1), np.uint64(32)
            c = [
                q >> half ^ c[1] ^ np.uint64(k[0]), q & low,
                p >> half ^ c[3] ^ np.uint64(k[1]), p & low,
            ]  # fmt: skip
            k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
        word = np.stack(c, -1).reshape(-1)[:size].astype(np.int64)
        mantissa, exponent = np.frexp(2.0 * (word % 2**31) + 1)
        place = (mantissa * 2 - 1) * 1024
        at = (exponent.astype(np.int64) - 1) * 1024 + np.floor(place).astype(np.int64)
        part = np.floor((place - np.floor(place)) * 2**20).astype(np.int64)
        size_ = knots[at] - (knots[at] - knots[at + 1]) * part // 2**20
        found.append(np.where(word >= 2**31, -size_, size_) / 2**UNIT_BITS)
    return np.stack(found).reshape(-1, *shape).astype(np.float32)


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_the_generator_gives_the_published_answers(counter: str, key: str, answer: str) -> None:
    given = [torch.tensor([word]) for word in words(counter)]
    first, second = words(key)
    assert [int(word) for word in philox(given, key=(first, second))] == words(answer)


@pytest.mark.parametrize("seed", [0, 7, 2**32 + 1, 2**64 - 1])
@pytest.mark.parametrize("counter", [0, 2**32 + 3, 2**56 - 1])
@pytest.mark.parametrize("shape", [(), (1,), (4,), SHAPE, (3, 7)])
def test_a_twin_in_numpy_draws_the_same_bits(
    seed: int, counter: int, shape: tuple[int, ...]
) -> None:
    rows = slice(3, 9)
    ours = drawn(rows, seed=seed, stream=Stream.MIRROR, counter=counter, shape=shape)
    theirs = twin(seed, stream=Stream.MIRROR, counter=counter, rows=rows, shape=shape)
    assert ours.dtype == torch.float32
    assert np.array_equal(ours.numpy().view(np.uint32), theirs.view(np.uint32))


def test_the_bits_stay_those_of_today() -> None:
    """Runs rest on them: other bits are another recipe."""
    bits = drawn(slice(0, 64), shape=(4, 4, 8, 8)).numpy().tobytes()
    assert hashlib.sha256(bits).hexdigest() == DIGEST


@pytest.mark.parametrize("world", [1, 2, 3, 7, 100])
def test_shares_put_together_are_the_batch(world: int) -> None:
    shares = [slice(rank * 100 // world, (rank + 1) * 100 // world) for rank in range(world)]
    assert torch.equal(torch.cat([drawn(rows) for rows in shares]), drawn(slice(0, 100)))


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"seed": 2**32}, {"stream": Stream.SAMPLE}, {"counter": 6},
              {"counter": 5 + 2**32}],
)  # fmt: skip
def test_another_seed_purpose_or_step_draws_other_rows(other: dict[str, Any]) -> None:
    both = torch.cat([drawn(slice(0, 100)), drawn(slice(0, 100), **other)]).flatten(1)
    assert len(both.unique(dim=0)) == 200
    assert abs(float(torch.corrcoef(torch.stack([both[:100].flatten(), both[100:].flatten()]))[
        0, 1
    ])) < 0.06  # fmt: skip


def test_the_table_is_the_quantile_function() -> None:
    knots = np.array(quantiles(), np.float64) / 2**UNIT_BITS
    p = np.concatenate(
        [2.0 ** (e - 33) * (1 + np.arange(1024) / 1024) for e in range(32)] + [[0.5]]
    )
    assert np.abs(knots + ndtri(p)).max() < 2.0**-UNIT_BITS
    assert (np.diff(knots) < 0).all()
    assert knots[-1] == 0


def test_no_entry_lies_so_near_a_half_that_another_logarithm_would_round_it_otherwise() -> None:
    normal = NormalDist()
    p = [2.0 ** (e - 33) * (1 + j / 1024) for e in range(32) for j in range(1024)]
    exact = np.array([-normal.inv_cdf(each) for each in p]) * 2**UNIT_BITS
    margin = np.abs(exact - np.floor(exact) - 0.5) / 2**UNIT_BITS
    assert (margin > 100 * np.spacing(exact / 2**UNIT_BITS)).all()


def test_a_number_is_the_exact_quantile_of_its_word_within_the_stated_precision() -> None:
    generator = np.random.default_rng(0)
    size = np.concatenate([
        generator.integers(2**31, size=200_000),
        np.exp2(generator.uniform(0, 31, size=200_000)).astype(np.int64) - 1,
        [0, 1, 2, 3, 2**31 - 1],
    ])  # fmt: skip
    found = normal_of(torch.from_numpy(size)).numpy()
    exact = -ndtri((2.0 * size + 1) / 2.0**33)
    assert (np.abs(found - exact) <= 8e-8 + np.spacing(found) / 2).all()
    assert found.max() == pytest.approx(6.34, abs=0.01)
    assert torch.equal(normal_of(torch.from_numpy(size + 2**31)), -torch.from_numpy(found))


def test_the_numbers_are_normal() -> None:
    """Moments, the Kolmogorov distance, and the share beyond 1 to 5 standard deviations, each
    within five standard errors of what the normal distribution has."""
    z = drawn(slice(0, 100), shape=(40_000,)).flatten().double().numpy()
    count = len(z)
    for power, mean, square in ((1, 0, 1), (2, 1, 3), (3, 0, 15), (4, 3, 105)):
        error = math.sqrt((square - mean**2) / count)
        assert abs((z**power).mean() - mean) < 5 * error, power
    assert stats.kstest(z[:1_000_000], "norm").pvalue > 1e-3
    for beyond in (1.0, 2.0, 3.0, 4.0, 5.0):
        expected = count * 2 * stats.norm.sf(beyond)
        assert abs((np.abs(z) > beyond).sum() - expected) < 5 * math.sqrt(expected) + 1


def test_neighbours_in_a_row_and_between_rows_do_not_know_of_each_other() -> None:
    z = drawn(slice(0, 100), shape=(10_000,))
    for one, other in ((z[:, :-1], z[:, 1:]), (z[:, :-4], z[:, 4:]), (z[:-1], z[1:])):
        bound = 5 / math.sqrt(one.numel())
        for power in (1, 2):
            pair = torch.stack([one.flatten() ** power, other.flatten() ** power])
            assert abs(float(torch.corrcoef(pair)[0, 1])) < bound
