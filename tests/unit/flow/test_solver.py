"""The solver, given the exact denoiser of a known distribution, must return that distribution."""

import math

import pytest
import torch
from torch import Tensor

from physscale.flow.noise import Stream, normal
from physscale.flow.path import sampler_times
from physscale.flow.solver import euler

NOISE = normal(0, stream=Stream.SAMPLE, counter=0, shape=(40_000, 1))
MEANS, SPREAD = torch.tensor([-2.0, 1.0]), 0.2
WEIGHTS = torch.tensor([0.3, 0.7])


def gaussian_denoiser(x_t: Tensor, t: Tensor, *, mean: float, deviation: float) -> Tensor:
    """E[x0 | x_t] when x0 ~ N(mean, deviation^2) and x_t = (1 - t) x0 + t eps."""
    a, s = (1 - t).unsqueeze(1), t.unsqueeze(1)
    gain = a * deviation**2 / (a**2 * deviation**2 + s**2)
    return mean + gain * (x_t - a * mean)


def mixture_denoiser(x_t: Tensor, t: Tensor) -> Tensor:
    """E[x0 | x_t] when x0 is a mixture of two narrow Gaussians."""
    a, s = (1 - t).unsqueeze(1), t.unsqueeze(1)
    variance = a**2 * SPREAD**2 + s**2
    distance = x_t - a * MEANS
    share = torch.softmax(WEIGHTS.log() - distance**2 / (2 * variance), dim=1)
    posterior = MEANS + a * SPREAD**2 / variance * distance
    return (share * posterior).sum(dim=1, keepdim=True)


def test_recovers_a_gaussian_sample_by_sample() -> None:
    """The exact flow maps eps to mean + deviation eps."""
    samples = euler(lambda x, t: gaussian_denoiser(x, t, mean=3.0, deviation=0.5), NOISE, times=sampler_times(400, shift=1.0))
    torch.testing.assert_close(samples, 3 + 0.5 * NOISE, atol=0.02, rtol=0)


def test_error_falls_in_proportion_to_the_step() -> None:
    def error(steps: int) -> float:
        samples = euler(lambda x, t: gaussian_denoiser(x, t, mean=3.0, deviation=0.5), NOISE, times=sampler_times(steps, shift=1.0))
        return float((samples - (3 + 0.5 * NOISE)).abs().mean())

    order = math.log2(error(40) / error(80))
    assert order == pytest.approx(1, abs=0.15), "Euler's method is of first order"


@pytest.mark.parametrize("shift", [1.0, 8.0])
def test_recovers_a_mixture(shift: float) -> None:
    samples = euler(mixture_denoiser, NOISE, times=sampler_times(200, shift=shift)).squeeze(1)
    left = samples < -0.5
    assert float(left.float().mean()) == pytest.approx(0.3, abs=0.015)
    for part, mean in ((samples[left], -2.0), (samples[~left], 1.0)):
        assert float(part.mean()) == pytest.approx(mean, abs=0.03)
        assert float(part.std()) == pytest.approx(SPREAD, abs=0.03)


def test_one_step_is_the_prediction_from_pure_noise() -> None:
    samples = euler(mixture_denoiser, NOISE, times=sampler_times(1, shift=8.0))
    torch.testing.assert_close(samples, (WEIGHTS * MEANS).sum().expand_as(samples), atol=1e-5, rtol=0)


def test_a_wrong_denoiser_gives_another_distribution() -> None:
    samples = euler(lambda x, t: 0.9 * mixture_denoiser(x, t), NOISE, times=sampler_times(200, shift=1.0))
    assert abs(float(samples[samples < -0.5].mean()) + 2.0) > 0.1
