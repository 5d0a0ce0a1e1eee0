"""Sampling and held-out loss: a video's numbers are its own, whatever company it keeps and however
often it is asked."""

import pytest
import torch

from physscale.flow.diffusion import held_out_errors
from physscale.flow.flow_spec import HELD_OUT_TIMES, FlowSpec
from physscale.flow.noise import Stream, normal, torch_seed
from physscale.flow.sample import sample
from physscale.model.dit import DiT
from physscale.model.dit_spec import DiTSpec
from physscale.records.errors import UserError
from tests.shapes import denoiser_shape

SHAPE = denoiser_shape(frames=6, channels=3)
FLOW = FlowSpec(condition_frames=2)
LATENTS = normal(0, stream=Stream.NOISE, counter=0, shape=(10, 6, 3, 1, 1))


@pytest.fixture(scope="module")
def model() -> DiT:
    model = DiT(DiTSpec(width=8, depth=2, heads=1), shape=SHAPE)
    model.initialise(torch_seed(0, stream=Stream.WEIGHTS))
    with torch.no_grad():
        model.head.weight.fill_(0.1)
    return model


def test_given_frames_are_kept_and_the_rest_is_generated(model: DiT) -> None:
    samples = sample(model, given=LATENTS[:, :2], indices=range(10), flow=FLOW, seed=0, frames=6)
    assert samples.shape == LATENTS.shape
    assert torch.equal(samples[:, :2], LATENTS[:, :2])
    assert torch.equal(
        samples, sample(model, given=LATENTS, indices=range(10), flow=FLOW, seed=0, frames=6)
    ), "only the first frames are looked at"
    assert samples[:, 2:].std() > 0


def test_a_sample_depends_on_seed_and_index_alone(model: DiT) -> None:
    samples = sample(model, given=LATENTS, indices=range(10), flow=FLOW, seed=0, frames=6)
    backwards = sample(
        model, given=LATENTS.flip(0), indices=range(9, -1, -1), flow=FLOW, seed=0, frames=6
    ).flip(0)
    torch.testing.assert_close(samples, backwards, atol=1e-5, rtol=1e-4)
    assert (
        samples - sample(model, given=LATENTS, indices=range(10), flow=FLOW, seed=1, frames=6)
    ).abs()[:, 2:].max() > 1e-3
    assert (
        samples - sample(model, given=LATENTS, indices=range(1, 11), flow=FLOW, seed=0, frames=6)
    ).abs()[:, 2:].max() > 1e-3


def test_too_few_given_frames_are_refused(model: DiT) -> None:
    with pytest.raises(UserError, match=r"condition_frames=2: only 1 frames were given"):
        sample(model, given=LATENTS[:, :1], indices=range(10), flow=FLOW, seed=0, frames=6)


def test_held_out_loss_has_one_error_a_video_and_time(model: DiT) -> None:
    loss = held_out_errors(model, LATENTS, flow=FLOW, indices=range(10))
    assert loss.shape == (10, len(HELD_OUT_TIMES))
    errors = FLOW.build().held_out(model, LATENTS, indices=range(10))
    assert torch.equal(errors.from_given, loss[:, HELD_OUT_TIMES.index(1.0)])
    torch.testing.assert_close(errors.as_trained, loss.mean(dim=1))


def test_models_meet_the_same_noise(model: DiT) -> None:
    loss = held_out_errors(model, LATENTS, flow=FLOW, indices=range(10))
    part = held_out_errors(model, LATENTS[7:], flow=FLOW, indices=range(7, 10))
    torch.testing.assert_close(part, loss[7:], atol=1e-5, rtol=1e-4)
    other = held_out_errors(model, LATENTS, flow=FLOW, indices=range(1, 11))
    assert (other - loss).abs().max() > 1e-4


@pytest.mark.parametrize("prediction", ["x", "v"])
def test_a_model_that_predicts_zero_errs_by_the_size_of_what_it_should_predict(
    prediction: str,
) -> None:
    zero = DiT(DiTSpec(width=8, depth=1, heads=1), shape=SHAPE)
    zero.initialise(torch_seed(0, stream=Stream.WEIGHTS))
    loss = held_out_errors(
        zero, LATENTS, flow=FlowSpec(prediction=prediction, condition_frames=2), indices=range(10)
    )
    noise = torch.stack(
        [
            normal(0, stream=Stream.HELD_OUT, counter=index, shape=(6, 3, 1, 1))
            for index in range(10)
        ]
    )
    for column, time in enumerate(HELD_OUT_TIMES):
        error = LATENTS if prediction == "x" else time * (noise - LATENTS)
        torch.testing.assert_close(
            loss[:, column],
            error[:, 2:].square().flatten(1).mean(dim=1),
            atol=1e-5,
            rtol=1e-4,
        )
