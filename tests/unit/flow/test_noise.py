"""Noise of a batch: the same rows whoever draws them, and no two alike."""

import pytest
import torch

from physscale.flow.noise import TOGETHER, Stream, batch_normal, normal

SHAPE = (2, 3)


def drawn(rows: slice, *, batch: int, step: int = 5, seed: int = 0) -> torch.Tensor:
    return batch_normal(
        seed, stream=Stream.NOISE, counter=step, rows=rows, batch=batch, shape=SHAPE
    )


@pytest.mark.parametrize("batch", [1, TOGETHER - 1, TOGETHER, TOGETHER + 1, 100])
@pytest.mark.parametrize("world", [1, 2, 3, 7, 100])
def test_shares_put_together_are_the_batch(batch: int, world: int) -> None:
    shares = [slice(rank * batch // world, (rank + 1) * batch // world) for rank in range(world)]
    parts = [drawn(rows, batch=batch) for rows in shares if rows.stop > rows.start]
    assert torch.equal(torch.cat(parts), drawn(slice(0, batch), batch=batch))
    assert len(torch.cat(parts)) == batch


def test_a_batch_that_shares_one_generator_is_one_draw() -> None:
    """What runs of up to 32 videos a step were made with."""
    whole = normal(0, stream=Stream.NOISE, counter=5, shape=(20, *SHAPE))
    assert torch.equal(drawn(slice(3, 9), batch=20), whole[3:9])


def test_no_row_is_drawn_twice() -> None:
    rows = torch.cat(
        [
            drawn(slice(0, 100), batch=100, step=step, seed=seed).flatten(1)
            for step in (0, 1)
            for seed in (0, 1)
        ]
    )
    assert len(rows.unique(dim=0)) == 400
    assert rows.mean().abs() < 0.1
    assert rows.std() == pytest.approx(1, abs=0.05)
