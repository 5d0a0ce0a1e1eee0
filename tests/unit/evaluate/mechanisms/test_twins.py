"""Twins that break the law, and what a denoiser prefers: one that knows, one that believes the
twin, one that knows nothing."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from physscale.codec.pixels import PixelCodec
from physscale.evaluate.mechanisms.twins import TWINS, Pairs, Twin, preference, twins
from physscale.flow.flow_spec import FlowSpec
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

MOMENT, FLOW = 6, FlowSpec()
MADE = {
    "uniform": ("faster", "turned", "stopped"),
    "collision": ("turned", "stopped", "through"),
    "parabola": ("stopped", "weightless"),
}
SCENARIOS: dict[str, Scenario] = {
    "uniform": UniformMotion(),
    "collision": Collision(),
    "parabola": Parabola(),
}


def rows(name: str, *, count: int = 60) -> Videos:
    return simulate(
        DataSpec(scenario=SCENARIOS[name], videos=count, draw="held_out"), indices=np.arange(count)
    )


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, kinds in MADE.items() for kind in kinds]
)
def test_twins_share_the_beginning_and_part_from_the_truth(name: str, kind: Twin) -> None:
    pairs = twins(rows(name), kind=kind, moment=MOMENT)
    assert len(pairs.valid) == len(pairs.invalid) > 5
    apart = np.linalg.norm(pairs.invalid.state[..., :2] - pairs.valid.state[..., :2], axis=-1).max(
        2
    )
    np.testing.assert_array_equal(pairs.valid.index, pairs.invalid.index)
    assert apart[:, : MOMENT + 1].max() < 1e-5
    assert (apart.max(1) >= 0.3 - 1e-5).all()


def test_there_is_no_twin_without_the_law_to_break() -> None:
    assert len(twins(rows("uniform"), kind="weightless", moment=MOMENT).valid) == 0
    assert len(twins(rows("parabola"), kind="through", moment=MOMENT).valid) == 0


def test_through_goes_on_as_if_nothing_were_there() -> None:
    pairs = twins(rows("collision"), kind="through", moment=2)
    velocity = np.diff(pairs.invalid.state[:, :, :, 0], axis=1) / 0.1
    np.testing.assert_allclose(
        velocity[:, 5:], velocity[:, :1].repeat(velocity.shape[1] - 5, axis=1), atol=1e-2
    )


@pytest.mark.parametrize("kind", TWINS)
def test_no_twin_leaves_the_view_alone(kind: Twin) -> None:
    for name in SCENARIOS:
        pairs = twins(rows(name), kind=kind, moment=MOMENT)
        radius = pairs.valid.body[:, None, :, 1]
        ins = [
            ((p.state[..., 0] >= radius - 1e-3) & (p.state[..., 0] <= 10 - radius + 1e-3))
            for p in (pairs.valid, pairs.invalid)
        ]
        assert (ins[1] | ~ins[0]).all()


def losses(
    pairs: Pairs, *, believes: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """Of a denoiser that always expects `believes(true latents, twin's latents)`."""
    canvas = Canvas(size_px=16)
    true, twin = (
        PixelCodec().encode(render(rows, canvas=canvas)) for rows in (pairs.valid, pairs.invalid)
    )
    expected = believes(true, twin)
    made = [
        FLOW.build()
        .held_out(lambda _x, _t: expected, part, indices=pairs.valid.index.tolist())
        .as_trained.double()
        .numpy()
        for part in (true, twin)
    ]
    return made[0], made[1]


def test_a_denoiser_that_knows_the_law_prefers_it_and_one_that_believes_the_twin_does_not() -> None:
    pairs = twins(rows("uniform", count=24), kind="turned", moment=MOMENT)
    true, twin = losses(pairs, believes=lambda true, twin: 0.9 * true + 0.1 * twin)
    knows = preference(true, invalid=twin)
    assert (knows.rate.value, knows.log_ratio.low > 0) == (1.0, True)
    true, twin = losses(pairs, believes=lambda true, twin: 0.1 * true + 0.9 * twin)
    fooled = preference(true, invalid=twin)
    assert (fooled.rate.value, fooled.log_ratio.high < 0) == (0.0, True)


def test_chance_is_one_half_and_ties_are_no_preference() -> None:
    rng = np.random.default_rng(0)
    blind = preference(rng.uniform(1, 2, 400), invalid=rng.uniform(1, 2, 400))
    assert blind.rate.low < 0.5 < blind.rate.high
    assert blind.log_ratio.low < 0 < blind.log_ratio.high
    assert preference(np.ones(10), invalid=np.ones(10)).rate.value == 0.0
