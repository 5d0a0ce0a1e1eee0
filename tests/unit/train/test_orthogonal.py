"""Muon's directions: dealt out over workers they keep their bits, in bfloat16 they stay close, and
their operations are counted; gradients are cut into buckets."""

from itertools import pairwise

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from physscale.flow.noise import Stream, normal
from physscale.model.dit import DiT
from physscale.train.flat import flatten
from physscale.train.muon_flops import muon_flops
from physscale.train.orthogonal import orthogonalise
from physscale.train.overlap import buckets
from tests.shapes import denoiser_shape

from .tasks import small_model


def stack(count: int, rows: int, columns: int) -> torch.Tensor:
    return normal(0, stream=Stream.SAMPLE, counter=7, shape=(count, rows, columns))


@pytest.mark.parametrize("shape", [(6, 8, 8), (5, 32, 8), (12, 64, 64), (3, 128, 128)], ids=str)
def test_a_part_of_a_stack_has_the_bits_of_the_whole(shape: tuple[int, int, int]) -> None:
    given = stack(*shape)
    whole, half = orthogonalise(given), shape[0] // 2
    assert torch.equal(orthogonalise(given[:half]), whole[:half])
    assert torch.equal(orthogonalise(given[half:]), whole[half:])
    assert torch.equal(orthogonalise(given[:1]), whole[:1])


@pytest.mark.parametrize("shape", [(2, 128, 128), (2, 64, 256), (2, 256, 64)], ids=str)
def test_in_bfloat16_a_direction_is_nearly_the_same(shape: tuple[int, int, int]) -> None:
    given = stack(*shape)
    wide, narrow = orthogonalise(given), orthogonalise(given, narrow=True)
    assert narrow.dtype == torch.float32
    assert 1e-3 < (narrow - wide).norm() / wide.norm() < 0.02, "bfloat16 has 8 bits"
    assert torch.linalg.svdvals(narrow).max() < 1.3


@pytest.mark.parametrize("narrow", [False, True])
def test_operations_by_formula_are_torchs_count(narrow: bool) -> None:
    shapes = [(16, 16)] * 3 + [(64, 16)] * 2 + [(16, 64)]
    counted = 0
    for shape in set(shapes):
        with FlopCounterMode(display=False) as counter:
            orthogonalise(stack(shapes.count(shape), *shape), narrow=narrow)
        counted += counter.get_total_flops()
    assert muon_flops(shapes, narrow=narrow) == counted
    assert muon_flops(shapes, workers=2, narrow=narrow) == muon_flops(
        [(16, 16)] * 2 + [(64, 16), (16, 64)], narrow=narrow
    )


@pytest.mark.parametrize("bucket_bytes", [1, 500, 10**9])
def test_buckets_are_the_vector_and_the_last_layers_come_first(bucket_bytes: int) -> None:
    model = DiT(small_model(), shape=denoiser_shape(8, 3, 1, 1))
    flat, met = flatten(model), [name for name, _ in model.named_parameters()]
    slices, numbers = buckets(flat, met=met, bucket_bytes=bucket_bytes)
    covered = sorted((part.start, part.stop) for part in slices)
    assert covered[0][0] == 0
    assert covered[-1][1] == flat.total
    assert all(one[1] == other[0] for one, other in pairwise(covered))
    for name, (start, shape) in flat.places.items():
        part = slices[numbers[name]]
        assert part.start <= start
        assert start + shape.numel() <= part.stop
    assert numbers[met[0]] == len(slices) - 1, "the first parameter is met last"
