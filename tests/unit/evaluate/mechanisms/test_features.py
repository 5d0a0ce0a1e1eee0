"""Linear probes: what is linearly there is found, what is not there is not, and layers are read
where they say."""

import numpy as np
import pytest
import torch

from physscale.evaluate.mechanisms.features import (
    fit_probe,
    layer_features,
    over_positions,
    r_squared,
)
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.noise import Stream, torch_seed
from physscale.model.dit import DiT
from physscale.model.dit_spec import DiTSpec
from tests.shapes import denoiser_shape

FLOW = FlowSpec().build()


def made(rng: np.random.Generator, *, count: int, width: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Targets of two columns, and features that hold them in a random basis with noise of a
    tenth."""
    targets = rng.standard_normal((count, 2))
    mixing = np.random.default_rng(7).standard_normal((2, width))
    return targets @ mixing + 0.1 * rng.standard_normal((count, width)), targets


def test_what_is_linearly_there_is_found_on_fresh_rows() -> None:
    rng = np.random.default_rng(0)
    features, targets = made(rng, count=200)
    fresh, true = made(rng, count=200)
    found = r_squared(fit_probe(features, targets=targets).predict(fresh), true=true)
    assert found.low > 0.97
    assert found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize("width", [20, 500])
def test_shuffled_labels_and_random_features_say_nothing(width: int) -> None:
    """Also with more features than rows, where the fit alone would be perfect."""
    rng = np.random.default_rng(0)
    features, targets = made(rng, count=200, width=width)
    fresh, true = made(rng, count=200, width=width)
    shuffled = fit_probe(features, targets=rng.permutation(targets))
    assert r_squared(shuffled.predict(fresh), true=true).value < 0.1
    noise = fit_probe(rng.standard_normal((200, width)), targets=targets)
    assert r_squared(noise.predict(rng.standard_normal((200, width))), true=true).value < 0.1


def test_squares_are_not_linear() -> None:
    rng = np.random.default_rng(0)
    x, fresh = rng.standard_normal((300, 1)), rng.standard_normal((300, 1))
    assert r_squared(fit_probe(x, targets=x**2).predict(fresh), true=fresh**2).value < 0.1


def test_ridge_at_no_strength_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100, 3))
    targets = x @ rng.standard_normal((3, 2)) + 0.5
    np.testing.assert_allclose(fit_probe(x, targets=targets).predict(x), targets, atol=1e-4)


def test_a_target_that_does_not_vary_has_no_score() -> None:
    assert np.isnan(r_squared(np.zeros((10, 1)), true=np.ones((10, 1))).value)


def test_features_of_a_frame_keep_where_things_are() -> None:
    features = torch.zeros(2, 4, 5, 1)
    features[0, 2, 4] = 1.0
    mean, across, down = over_positions(features)[0]
    assert (mean, across, down) == pytest.approx((1 / 20, 1 / 20, (2 / 3 - 1 / 3) / 20))
    assert over_positions(torch.ones(2, 1, 1, 7)).shape == (2, 7)


def test_a_transformer_finds_the_tokens_of_a_frame() -> None:
    spec = DiTSpec(width=8, depth=1, heads=1, time_patch=2)
    model = DiT(spec, shape=denoiser_shape(frames=6, channels=2, height=4, width=5))
    tokens = torch.zeros(2, 3 * 4 * 5 + 1, 8)
    tokens[:, :-1].view(2, 3, 4, 5, 8)[0, 1, 2, 4] = 1.0
    assert model.frame_features(tokens, frame=3)[0, 2, 4].min() == 1.0
    assert model.frame_features(tokens, frame=3).sum() == 8.0
    assert model.frame_features(tokens, frame=1).max() == 0


def test_each_layer_is_read_and_sees_the_given_frames_alone() -> None:
    spec, shape = (
        DiTSpec(width=16, depth=2, heads=1),
        denoiser_shape(frames=8, channels=4, height=1, width=1),
    )
    model = DiT(spec, shape=shape)
    model.initialise(torch_seed(0, stream=Stream.WEIGHTS))
    latents = torch.randn(5, 8, 4, 1, 1, generator=torch.Generator().manual_seed(0))
    found = layer_features(model.eval(), latents, objective=FLOW, indices=range(5))
    assert list(found) == ["embedding", "block 1", "block 2"]
    assert all(features.shape == (5, 16) for features in found.values())
    later, given = latents.clone(), latents.clone()
    later[:, FLOW.flow.condition_frames :] += 1.0
    given[:, 0] += 1.0
    same = layer_features(model, later, objective=FLOW, indices=range(5))
    other = layer_features(model, given, objective=FLOW, indices=range(5))
    np.testing.assert_array_equal(found["block 2"], same["block 2"])
    np.testing.assert_array_equal(found["embedding"], other["embedding"])
    assert np.abs(found["block 2"] - other["block 2"]).max() > 1e-4
    assert not any(block._forward_hooks for block in model.blocks), "hooks are gone"
