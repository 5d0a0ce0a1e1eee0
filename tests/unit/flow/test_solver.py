"""The solver, given the exact denoiser of a known distribution, must return that distribution."""

import math

import pytest
import torch
from torch import Tensor

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.noise import Stream, normal
from physscale.flow.path import path_at, sampler_times
from physscale.flow.solver import Denoiser, solve

NOISE = normal(0, stream=Stream.SAMPLE, counter=0, shape=(40_000, 1))
MEANS, SPREAD = torch.tensor([-2.0, 1.0]), 0.2
WEIGHTS = torch.tensor([0.3, 0.7])


EVERY = [
    FlowSpec(path=path, sampler=sampler)
    for path in ("rectified", "cosine")
    for sampler in ("ddim", "euler", "heun")
]
every = pytest.mark.parametrize("flow", EVERY, ids=lambda flow: f"{flow.path}-{flow.sampler}")


def gaussian_denoiser(flow: FlowSpec, *, mean: float, deviation: float) -> Denoiser:
    """E[x0 | x_t] when x0 ~ N(mean, deviation^2)."""

    def denoiser(x_t: Tensor, t: Tensor) -> Tensor:
        path = path_at(t.unsqueeze(1), name=flow.path)
        gain = path.alpha * deviation**2 / (path.alpha**2 * deviation**2 + path.sigma**2)
        return mean + gain * (x_t - path.alpha * mean)

    return denoiser


def mixture_denoiser(flow: FlowSpec) -> Denoiser:
    """E[x0 | x_t] when x0 is a mixture of two narrow Gaussians."""

    def denoiser(x_t: Tensor, t: Tensor) -> Tensor:
        path = path_at(t.unsqueeze(1), name=flow.path)
        variance = path.alpha**2 * SPREAD**2 + path.sigma**2
        distance = x_t - path.alpha * MEANS
        share = torch.softmax(WEIGHTS.log() - distance**2 / (2 * variance), dim=1)
        posterior = MEANS + path.alpha * SPREAD**2 / variance * distance
        return (share * posterior).sum(dim=1, keepdim=True)

    return denoiser


def gaussian_error(flow: FlowSpec, *, steps: int) -> float:
    """Distance of the samples from the exact flow, which maps eps to mean + deviation eps."""
    samples = solve(
        gaussian_denoiser(flow, mean=3.0, deviation=0.5),
        NOISE,
        times=sampler_times(steps, shift=1.0),
        flow=flow,
    )
    return float((samples - (3 + 0.5 * NOISE)).abs().mean())


@every
def test_recovers_a_gaussian_sample_by_sample(flow: FlowSpec) -> None:
    assert gaussian_error(flow, steps=400) < 0.01


@every
def test_error_falls_with_the_order_of_the_sampler(flow: FlowSpec) -> None:
    order = math.log2(gaussian_error(flow, steps=10) / gaussian_error(flow, steps=20))
    assert order == pytest.approx(2 if flow.sampler == "heun" else 1, abs=0.4)


def test_heun_is_ahead_at_equal_cost() -> None:
    heun, ddim = (FlowSpec(sampler=sampler) for sampler in ("heun", "ddim"))
    assert gaussian_error(heun, steps=10) < 0.3 * gaussian_error(ddim, steps=20)


@every
@pytest.mark.parametrize("shift", [1.0, 8.0])
def test_recovers_a_mixture(flow: FlowSpec, shift: float) -> None:
    samples = solve(
        mixture_denoiser(flow), NOISE, times=sampler_times(200, shift=shift), flow=flow
    ).squeeze(1)
    left = samples < -0.5
    assert float(left.float().mean()) == pytest.approx(0.3, abs=0.015)
    for part, mean in ((samples[left], -2.0), (samples[~left], 1.0)):
        assert float(part.mean()) == pytest.approx(mean, abs=0.05)
        assert float(part.std()) == pytest.approx(SPREAD, abs=0.05)


@pytest.mark.parametrize("path", ["rectified", "cosine"])
def test_one_step_is_the_prediction_from_pure_noise(path: str) -> None:
    flow = FlowSpec(path=path)
    samples = solve(mixture_denoiser(flow), NOISE, times=sampler_times(1, shift=8.0), flow=flow)
    torch.testing.assert_close(
        samples, (WEIGHTS * MEANS).sum().expand_as(samples), atol=1e-5, rtol=0
    )


def test_on_the_rectified_path_ddim_is_euler() -> None:
    ddim, euler = (
        solve(
            gaussian_denoiser(flow, mean=3.0, deviation=0.5),
            NOISE,
            times=sampler_times(20, shift=3.0),
            flow=flow,
        )
        for flow in (FlowSpec(), FlowSpec(sampler="euler"))
    )
    torch.testing.assert_close(ddim, euler, atol=1e-4, rtol=1e-4)


def test_a_wrong_denoiser_gives_another_distribution() -> None:
    flow = FlowSpec()
    right = mixture_denoiser(flow)
    samples = solve(
        lambda x, t: 0.9 * right(x, t), NOISE, times=sampler_times(200, shift=1.0), flow=flow
    )
    assert abs(float(samples[samples < -0.5].mean()) + 2.0) > 0.1
