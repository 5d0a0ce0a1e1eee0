"""Properties of the path and the objective: endpoints, velocities, times, what is given and what is
scored."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from physscale.flow.condition import keep_given, model_input
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.loss import denoise, guided, squared_errors, training_loss
from physscale.flow.noise import Stream, generator, normal
from physscale.flow.path import path_at, sampler_times, shifted, stratified_times
from physscale.records.errors import UserError

SHIFTS = st.floats(0.1, 20)


def latents(seed: int = 0, *, batch: int = 3) -> torch.Tensor:
    return normal(seed, stream=Stream.NOISE, counter=0, shape=(batch, 5, 2, 3, 4))


PATHS = pytest.mark.parametrize("name", ["rectified", "cosine"])


@PATHS
def test_path_begins_at_the_data_and_ends_at_pure_noise(name: str) -> None:
    x0, noise = latents(0), latents(1)
    assert torch.equal(path_at(torch.tensor(0.0), name=name).mix(x0, noise=noise), x0)
    last = path_at(torch.tensor(1.0), name=name)
    assert last.alpha == 0, "zero terminal signal-to-noise ratio"
    assert torch.equal(last.mix(x0, noise=noise), noise)


@PATHS
@given(time=st.floats(0.01, 0.99))
def test_velocity_is_the_derivative_and_leads_back(name: str, time: float) -> None:
    x0, noise = latents(0).double(), latents(1).double()
    t = torch.tensor(time, dtype=torch.float64)
    path = path_at(t, name=name)
    x_t, velocity = path.mix(x0, noise=noise), path.velocity(x0, noise=noise)
    slope = (
        path_at(t + 1e-5, name=name).mix(x0, noise=noise)
        - path_at(t - 1e-5, name=name).mix(x0, noise=noise)
    ) / 2e-5
    torch.testing.assert_close(path.speed * velocity, slope, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(path.slope(x_t, clean=x0), slope, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(path.clean(x_t, velocity=velocity), x0)
    torch.testing.assert_close(path.noise(x_t, clean=x0), noise)


@given(st.floats(0, 1))
def test_the_cosine_path_keeps_the_variance(time: float) -> None:
    path = path_at(torch.tensor(time, dtype=torch.float64), name="cosine")
    assert float(path.alpha**2 + path.sigma**2) == pytest.approx(1)


@given(SHIFTS)
def test_shift_keeps_ends_and_order_and_its_inverse_undoes_it(shift: float) -> None:
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    moved = shifted(t, shift=shift)
    assert moved[0] == 0
    assert moved[-1] == pytest.approx(1)
    assert (moved.diff() > 0).all()
    torch.testing.assert_close(shifted(moved, shift=1 / shift), t)


@given(st.integers(1, 64), st.integers(0, 2**32))
def test_stratified_times_hit_each_part_once(batch: int, seed: int) -> None:
    t = stratified_times(np.random.default_rng(seed).random(batch))
    assert torch.equal(
        (t.double() * batch + 1e-6).floor().long().clamp(max=batch - 1), torch.arange(batch)
    )


@given(st.integers(1, 50), SHIFTS)
def test_sampler_times_fall_from_one_to_zero(steps: int, shift: float) -> None:
    times = sampler_times(steps, shift=shift)
    assert times[0] == 1
    assert times[-1] == 0
    assert len(times) == steps + 1
    assert (times.diff() < 0).all()


@pytest.mark.parametrize("condition_frames", [0, 1, 3])
def test_the_model_sees_noise_condition_and_mask_side_by_side(condition_frames: int) -> None:
    x_t, clean, c = latents(0), latents(1), condition_frames
    seen = model_input(x_t, clean=clean, condition_frames=c)
    noisy, condition, mask = seen.split((2, 2, 1), dim=2)
    assert torch.equal(noisy, keep_given(x_t, clean=clean, condition_frames=c))
    assert torch.equal(condition[:, :c], clean[:, :c])
    assert not condition[:, c:].any()
    assert (mask[:, :c] == 1).all()
    assert not mask[:, c:].any()


@PATHS
@pytest.mark.parametrize("prediction", ["x", "v"])
def test_a_perfect_network_has_no_loss_and_denoises_exactly(prediction: str, name: str) -> None:
    flow = FlowSpec(prediction=prediction, path=name, condition_frames=2)
    x0, noise, t = latents(0), latents(1), torch.tensor([0.2, 0.7, 1.0])
    path = path_at(t.view(-1, 1, 1, 1, 1), name=name)
    target = x0 if prediction == "x" else path.velocity(x0, noise=noise)
    wrong_where_given = target.clone()
    wrong_where_given[:, :2] += 100
    assert training_loss(lambda x, t: wrong_where_given, x0, noise=noise, t=t, flow=flow) == 0
    assert training_loss(lambda x, t: target + 2, x0, noise=noise, t=t, flow=flow) == pytest.approx(
        4, rel=1e-5
    )

    x_t = path.mix(x0, noise=noise)
    clean = denoise(lambda x, t: target, x_t, t=t, given=x0, flow=flow)
    torch.testing.assert_close(clean, x0, atol=1e-5, rtol=1e-5)
    assert squared_errors(clean + 1, x0=x0, condition_frames=2) == pytest.approx(1, rel=1e-4)


def test_dropped_frames_are_noise_to_the_model_and_are_scored() -> None:
    x_t, clean, dropped = latents(0), latents(1), torch.tensor([False, True, False])
    seen = model_input(x_t, clean=clean, condition_frames=2, dropped=dropped)
    given = model_input(x_t, clean=clean, condition_frames=2)
    assert torch.equal(seen[~dropped], given[~dropped])
    assert torch.equal(seen[dropped][:, :, :2], x_t[dropped])
    assert not seen[dropped][:, :, 2:].any()

    flow, t = FlowSpec(condition_frames=2, condition_dropout=0.5), torch.ones(3)
    target = x_t.clone()
    target[dropped, :2] += 3
    loss = training_loss(lambda x, t: target, x_t, noise=clean, t=t, flow=flow, dropped=dropped)
    assert float(loss) == pytest.approx(9 * 2 / (3 * 3 + 2), rel=1e-4), (
        "one video of three has two more scored frames, all off by 3"
    )
    assert training_loss(lambda x, t: target, x_t, noise=clean, t=t, flow=flow) == 0, (
        "given frames are not scored"
    )


def test_guidance_goes_beyond_what_the_given_frames_change_on_all_channels() -> None:
    flow = FlowSpec(condition_frames=2, condition_dropout=0.1, guidance=3.0)
    x_t, given = latents(0), latents(1)

    def network(inputs: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return inputs[:, :, 4:].mean((1, 2, 3, 4), keepdim=True).expand_as(x_t) * torch.arange(
            1, 3
        ).view(1, 1, 2, 1, 1)

    plain, far = (
        guided(network, x_t, t=torch.ones(3), given=given, flow=f)
        for f in (FlowSpec(condition_frames=2), flow)
    )
    torch.testing.assert_close(far, 3 * plain)
    assert (plain != 0).all(), "every channel"


def test_random_numbers_are_functions_of_seed_stream_and_counter() -> None:
    same = [normal(3, stream=Stream.NOISE, counter=5, shape=(100,)) for _ in range(2)]
    others = [
        normal(4, stream=Stream.NOISE, counter=5, shape=(100,)),
        normal(3, stream=Stream.SAMPLE, counter=5, shape=(100,)),
        normal(3, stream=Stream.NOISE, counter=6, shape=(100,)),
    ]
    assert torch.equal(same[0], same[1])
    assert all(
        abs(float(torch.corrcoef(torch.stack((same[0], other)))[0, 1])) < 0.4 for other in others
    )
    many = normal(0, stream=Stream.NOISE, counter=0, shape=(100_000,))
    assert abs(float(many.mean())) < 0.02
    assert abs(float(many.std()) - 1) < 0.02
    assert (
        generator(0, stream=Stream.ORDER, counter=1).random()
        != generator(0, stream=Stream.ORDER, counter=2).random()
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shift": 0.0}, r"shift=0.0: must be at least 0.001"),
        ({"shift": float("nan")}, r"shift=nan: must be at least 0.001"),
        ({"sampler_steps": 0}, r"sampler_steps=0: must be at least 1"),
        ({"condition_frames": -1}, r"condition_frames=-1: must be at least 0"),
        ({"condition_dropout": 1.0}, r"condition_dropout=1.0: must be at least 0 and below 1"),
        ({"guidance": 2.0}, r"guidance=2.0: needs condition_dropout above 0"),
    ],
)
def test_wrong_values_say_what_is_allowed(fields: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        FlowSpec(**fields)
