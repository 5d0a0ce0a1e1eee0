"""The parts of a step: data order, flat vectors, Muon, AdamW, schedule, average."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from physscale.flow.noise import Stream, torch_seed
from physscale.model.dit import DiT
from physscale.model.dit_spec import DiTSpec
from physscale.train.ema import new_share
from physscale.train.flat import flatten
from physscale.train.latents import LatentSet, order
from physscale.train.optim import Optimiser
from physscale.train.orthogonal import orthogonalise
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec, learning_rate_factor
from tests.shapes import denoiser_shape

SHAPE = denoiser_shape(frames=4, channels=3)


def small_model() -> DiT:
    model = DiT(DiTSpec(width=8, depth=2, heads=1), shape=SHAPE)
    model.initialise(torch_seed(0, stream=Stream.WEIGHTS))
    return model


def small_loss(model: DiT) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 4, 7, 1, 1, generator=generator)
    return (model(x, torch.rand(4, generator=generator)) - x[:, :, :3]).square().mean()


@given(st.integers(0, 2**40), st.integers(1, 50), st.integers(1, 40))
def test_order_is_a_permutation_of_all_videos_every_epoch(
    seed: int, videos: int, batch: int
) -> None:
    rows = np.concatenate(
        [
            order(seed, videos=videos, batch=batch, step=step)
            for step in range(3 * videos // batch + 1)
        ]
    )
    for epoch in range(len(rows) // videos):
        assert sorted(rows[epoch * videos : (epoch + 1) * videos]) == list(range(videos))


def test_order_differs_by_seed_and_epoch() -> None:
    first, second = (order(0, videos=100, batch=100, step=step) for step in (0, 1))
    assert (first != second).any()
    assert (first != order(1, videos=100, batch=100, step=0)).any()


def test_workers_share_the_global_batch_of_any_start() -> None:
    latents = LatentSet(torch.arange(10.0).view(-1, 1, 1, 1, 1))
    whole = latents.batches(4, seed=0, batch=6, workers=Workers())
    assert next(whole).flatten().tolist() == order(0, videos=10, batch=6, step=4).tolist()
    assert next(whole).flatten().tolist() == order(0, videos=10, batch=6, step=5).tolist()


def test_flat_vectors_are_the_model() -> None:
    model, twin = small_model(), small_model()
    flat = flatten(model)
    loss, twin_loss = small_loss(model), small_loss(twin)
    assert torch.equal(loss, twin_loss)
    loss.backward()
    twin_loss.backward()
    named = flat.named(flat.gradients)
    for name, parameter in twin.named_parameters():
        assert torch.equal(named[name], parameter.grad), name
    flat.values.zero_()
    assert not any(parameter.any() for parameter in model.parameters())


def test_stacks_hold_every_matrix_of_the_blocks_once() -> None:
    model = small_model()
    flat = flatten(model)
    matrices = [
        parameter
        for name, parameter in model.named_parameters()
        if name.startswith("blocks.") and parameter.ndim == 2
    ]
    stacked = torch.cat([stack.of(flat.values).flatten() for stack in flat.stacks])
    assert torch.equal(
        stacked.sort().values, torch.cat([matrix.flatten() for matrix in matrices]).sort().values
    )
    assert {(stack.count, stack.rows, stack.columns) for stack in flat.stacks} == {
        (8, 8, 8),
        (2, 32, 8),
        (2, 8, 32),
    }
    square = next(stack for stack in flat.stacks if stack.rows == stack.columns).of(flat.values)
    assert torch.equal(square[:3], model.blocks[0].attention.qkv.weight.view(3, 8, 8)), (
        "query, key and value are matrices of their own"
    )


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 8, 32), (2, 32, 8)])
def test_muon_direction_is_nearly_orthogonal_with_the_same_singular_vectors(
    shape: tuple[int, int, int],
) -> None:
    u, s, v = torch.linalg.svd(
        torch.randn(*shape, generator=torch.Generator().manual_seed(0)), full_matrices=False
    )
    s = torch.linspace(1, 0.1, s.shape[1]).expand_as(s)
    direction = orthogonalise(u * s.unsqueeze(1) @ v)
    diagonal = u.mT @ direction @ v.mT
    singular = diagonal.diagonal(dim1=1, dim2=2)
    assert ((singular > 0.6) & (singular < 1.3)).all()
    torch.testing.assert_close(diagonal, torch.diag_embed(singular), atol=1e-4, rtol=0)
    torch.testing.assert_close(
        orthogonalise(1e-3 * (u * s.unsqueeze(1) @ v)), direction, atol=1e-3, rtol=0
    )


def test_adamw_is_torchs_adamw() -> None:
    spec = TrainSpec(optimiser="adamw", learning_rate=3e-3)
    model, twin = small_model(), small_model()
    flat = flatten(model)
    ours = Optimiser.create(spec, flat=flat)
    theirs = torch.optim.AdamW(
        twin.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=spec.weight_decay
    )
    for step in range(10):
        flat.gradients.zero_()
        theirs.zero_grad()
        small_loss(model).backward()
        small_loss(twin).backward()
        ours.update(step=step, factor=1.0, alive=torch.ones(()))
        theirs.step()
    for parameter, other in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(parameter, other, atol=1e-5, rtol=1e-4)


def test_a_parameters_own_rate_leaves_what_it_shrinks_by() -> None:
    spec = TrainSpec(optimiser="adamw", learning_rate=3e-3)
    model, twin = small_model(), small_model()
    rates = {name: 0.25 if "mlp" in name else 1.0 for name, _ in model.named_parameters()}
    flat = flatten(model)
    ours = Optimiser.create(spec, flat=flat, rates=rates)
    assert len(ours.stretches) > 2
    groups = [
        {
            "params": [parameter],
            "lr": 3e-3 * rates[name],
            "weight_decay": spec.weight_decay / rates[name],
        }
        for name, parameter in twin.named_parameters()
    ]
    theirs = torch.optim.AdamW(groups, betas=(0.9, 0.95))
    small_loss(model).backward()
    small_loss(twin).backward()
    ours.update(step=0, factor=1.0, alive=torch.ones(()))
    theirs.step()
    for parameter, other in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(parameter, other, atol=1e-6, rtol=1e-5)


def test_muon_moves_matrices_by_its_own_rate_and_the_rest_as_adamw_would() -> None:
    model, spec = small_model(), TrainSpec(weight_decay=0.0)
    flat = flatten(model)
    flat.named(flat.values)["head.weight"].fill_(0.1)
    before = flat.values.clone()
    small_loss(model).backward()
    Optimiser.create(spec, flat=flat).update(step=0, factor=0.5, alive=torch.ones(()))
    change = flat.values - before
    for stack in flat.stacks:
        tall = math.sqrt(max(1, stack.rows / stack.columns))
        moved = [change for change in stack.of(change) if change.any()]
        assert moved
        for matrix in moved:
            assert float(torch.linalg.matrix_norm(matrix, ord=2)) == pytest.approx(
                0.5 * 0.02 * tall, rel=0.4
            )
    head = flat.named(change)["head.weight"]
    assert float(head.abs().median()) == pytest.approx(0.5 * 2e-3, rel=0.01)


def test_rate_rises_holds_and_falls_to_nothing() -> None:
    spec = TrainSpec(steps=100, warmup_steps=10, decay_fraction=0.4)
    factors = [learning_rate_factor(spec, step=step) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9:61] == pytest.approx([1.0] * 52)
    assert factors[80] == pytest.approx(0.5)
    assert factors[99] == pytest.approx(1 / 40)


def test_average_forgets_its_start_and_follows() -> None:
    ema, values = torch.zeros(3), torch.ones(3)
    for step in range(2000):
        ema.lerp_(values, new_share(step, decay=0.99))
    torch.testing.assert_close(ema, values)
    assert new_share(0, decay=0.99) == pytest.approx(0.9)
    assert new_share(10**6, decay=0.99) == pytest.approx(0.01)
