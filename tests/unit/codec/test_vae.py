"""The video VAE: shapes, causality, where it begins as a VAE for pictures, what training does, and
the codec made of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from physscale.codec.kinds import VaeSpec
from physscale.codec.pixels import PixelCodec
from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_training import fit_vae, fresh_vae, vae_steps
from physscale.records.errors import Diverged, UserError
from tests.unit.codec.test_pca import discs

TINY = VaeSpec(widths=(8, 8), groups=4)
SPECS = {
    "frames": TINY,
    "half": VaeSpec(widths=(8, 8, 16), groups=4, levels_back=2, time_factor=2),
    "quarter": VaeSpec(
        widths=(8, 8, 8, 16), groups=4, levels_back=3, time_factor=4, latent_channels=3
    ),
}
every = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


def videos(spec: VaeSpec, *, count: int = 2, seed: int = 0) -> np.ndarray:
    """u8[count, 9, 16, 16, 3]"""
    return discs(9 * count, seed=seed).reshape(count, 9, 16, 16, 3)


def frames_of(spec: VaeSpec) -> torch.Tensor:
    return torch.rand(2, 9, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@every
def test_latents_have_the_shape_that_the_spec_says_and_decode_to_the_frames_shape(
    spec: VaeSpec,
) -> None:
    vae = fresh_vae(spec, seed=0)
    shape = spec.latents(frames=9, size_px=16)
    mean = vae.encode(frames_of(spec)).mean
    assert mean.shape == (2, shape.frames, shape.channels, shape.height, shape.width)
    assert vae.decode(mean).shape == (2, 9, 3, 16, 16)


@every
def test_it_begins_as_a_vae_for_pictures(spec: VaeSpec) -> None:
    """Only the layers that halve time look back at first, and these too once they begin as a
    picture's layer."""
    vae = fresh_vae(spec, seed=0)
    for level in vae.encoder.down_blocks:
        for down in level.downsamplers:
            if hasattr(down.conv, "begin_as"):
                down.conv.begin_as(down.conv.weight[:, :, -1].detach().clone(), down.conv.bias)
    frames, k = frames_of(spec), spec.time_factor
    whole = vae.encode(frames).mean
    alone = torch.stack(
        [vae.encode(frames[:, i : i + 1]).mean[:, 0] for i in range(0, 9, k)], dim=1
    )
    torch.testing.assert_close(whole, alone, rtol=1e-4, atol=1e-5)
    drawn = vae.decode(whole)
    pictures = torch.stack(
        [vae.decode(whole[:, i : i + 1])[:, 0] for i in range(whole.shape[1])], dim=1
    )
    nearest = [0] + [1 + (i - 1) // k for i in range(1, 9)]
    torch.testing.assert_close(drawn, pictures[:, nearest], rtol=1e-4, atol=1e-5)


@every
def test_nothing_looks_ahead(spec: VaeSpec) -> None:
    vae = fresh_vae(spec, seed=0)
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter += 0.1 * torch.randn(
                parameter.shape, generator=torch.Generator().manual_seed(1)
            )
    frames, k = frames_of(spec), spec.time_factor
    changed = frames.clone()
    changed[:, 5:] = 0
    before, after = vae.encode(frames).mean, vae.encode(changed).mean
    known = 1 + 4 // k
    assert torch.equal(before[:, :known], after[:, :known])
    assert not torch.allclose(before[:, known:], after[:, known:])
    other = before.clone()
    other[:, known:] = 0
    shown = 1 + (known - 1) * k
    assert torch.equal(vae.decode(before)[:, :shown], vae.decode(other)[:, :shown])
    assert not torch.equal(vae.decode(before), vae.decode(other))


def test_training_rebuilds_better_and_is_the_same_every_time() -> None:
    stills = discs(64)
    training = VaeTraining(steps=30, batch=2, frames=3, learning_rate=3e-3, warmup_steps=5)
    first = [
        step.reconstruction
        for step in vae_steps(fresh_vae(TINY, seed=0), stills=stills, training=training)
    ]
    again = [
        step.reconstruction
        for step in vae_steps(fresh_vae(TINY, seed=0), stills=stills, training=training)
    ]
    assert first == again
    assert np.mean(first[-5:]) < 0.6 * np.mean(first[:5])


def test_adversaries_and_a_perceptual_distance_take_part() -> None:
    stills, seen = discs(32), []
    training = VaeTraining(
        steps=4, batch=2, frames=3, perceptual_weight=0.5, adversary_weight=0.1, adversary_from=2
    )

    def perceptual(drawn: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        seen.append(drawn.shape)
        return (drawn - real).square().mean()

    steps = list(
        vae_steps(fresh_vae(TINY, seed=0), stills=stills, training=training, perceptual=perceptual)
    )
    assert seen == [(6, 3, 16, 16)] * 4
    assert all(step.perceptual > 0 for step in steps)
    assert [step.adversary != 0 for step in steps] == [False, False, True, True]
    with pytest.raises(UserError, match=r"perceptual_weight=0\.5: name the weights"):
        next(vae_steps(fresh_vae(TINY, seed=0), stills=stills, training=training))


def test_discriminators_are_the_same_every_time() -> None:
    """Their first weights were once drawn from torch's global generator."""
    training = VaeTraining(steps=3, batch=2, frames=3, adversary_weight=0.1)
    stills = discs(32)
    before = torch.random.get_rng_state()
    first = list(vae_steps(fresh_vae(TINY, seed=0), stills=stills, training=training))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(1)
    again = list(vae_steps(fresh_vae(TINY, seed=0), stills=stills, training=training))
    torch.random.set_rng_state(before)
    assert first == again
    other = replace(training, seed=1)
    assert (
        first[0].adversary
        != next(vae_steps(fresh_vae(TINY, seed=0), stills=stills, training=other)).adversary
    )


def test_a_training_that_blows_up_stops_before_the_step() -> None:
    vae = fresh_vae(TINY, seed=0)
    with torch.no_grad():
        vae.encoder.conv_in.weight.fill_(float("nan"))
    with pytest.raises(Diverged, match="vae step 0"):
        next(vae_steps(vae, stills=discs(8), training=VaeTraining(steps=1, batch=1, frames=2)))


@every
def test_codec_is_normalised(spec: VaeSpec) -> None:
    stills = discs(48)
    codec = fit_vae(
        fresh_vae(spec, seed=0), stills=stills, training=VaeTraining(steps=2, batch=1, frames=5)
    )
    latents = codec.encode(stills[:, None])
    assert torch.allclose(latents.mean((0, 1, 3, 4)), torch.zeros(spec.latent_channels), atol=1e-3)
    assert torch.allclose(
        latents.square().mean((0, 1, 3, 4)), torch.ones(spec.latent_channels), atol=0.05
    )


def test_pixels_are_a_codec_without_error() -> None:
    codec, frames = PixelCodec(), videos(TINY)
    assert np.array_equal(codec.decode(codec.encode(frames)), frames)


def test_wrong_cases_say_what_is_allowed() -> None:
    with pytest.raises(UserError, match=r"widths=\(8, 10\)"):
        VaeSpec(widths=(8, 10))
    with pytest.raises(UserError, match="levels_back=1: must be above 2 and at most 3"):
        VaeSpec(time_factor=4)
    with pytest.raises(UserError, match=r"needs 1 \+ 2 n frames, got 8"):
        SPECS["half"].latents(frames=8, size_px=16)
    with pytest.raises(UserError, match="15 px must be a multiple of its factor 2"):
        TINY.latents(frames=9, size_px=15)
    with pytest.raises(UserError, match=r"kl_weight=-1\.0"):
        VaeTraining(kl_weight=-1.0)
