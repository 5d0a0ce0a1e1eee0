"""The VAE's size and cost by formula are those of the VAE itself, counted by torch."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from physscale.codec.kinds import VaeSpec
from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae import VideoVae
from physscale.codec.vae_flops import decode_flops, encode_flops, vae_parameters
from physscale.codec.vae_step import loss_of, recomputed

SPECS = {
    "plain": VaeSpec(),
    "half": VaeSpec(widths=(8, 8, 16), groups=4, levels_back=2, time_factor=2, blocks=2),
    "quarter": VaeSpec(
        widths=(8, 16, 16, 24), groups=4, levels_back=3, time_factor=4, latent_channels=3
    ),
    "Stable Diffusion 1.5": VaeSpec(
        widths=(128, 256, 512, 512), blocks=2, groups=32, levels_back=2
    ),
}
FRAMES, SIZE_PX = 9, 32


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_formula_equals_torch(spec: VaeSpec) -> None:
    with torch.device("meta"):
        vae = VideoVae(spec)
        assert vae_parameters(spec) == sum(parameter.numel() for parameter in vae.parameters())
        with FlopCounterMode(display=False) as encoding:
            latents = vae.encode(torch.empty(1, FRAMES, 3, SIZE_PX, SIZE_PX)).mean
        with FlopCounterMode(display=False) as decoding:
            vae.decode(latents)
    assert encode_flops(spec, frames=FRAMES, size_px=SIZE_PX) == encoding.get_total_flops()
    assert decode_flops(spec, frames=FRAMES, size_px=SIZE_PX) == decoding.get_total_flops()


@pytest.mark.parametrize("recompute", ["none", "block"])
@pytest.mark.parametrize("name", ["plain", "half"])
def test_a_training_is_its_steps(name: str, recompute: Any) -> None:
    """The first convolution needs no gradient of the frames: the formula is a little above."""
    training = VaeTraining(steps=3, batch=2, frames=FRAMES, recompute=recompute)
    frames = torch.rand(2, FRAMES, 3, SIZE_PX, SIZE_PX)
    vae = VideoVae(SPECS[name])
    with recomputed(vae, training=training), FlopCounterMode(display=False) as counted:
        losses, _ = loss_of(
            vae,
            frames,
            rows=slice(0, 2),
            step=0,
            training=training,
            perceptual=None,
            adversaries=None,
        )
        torch.autograd.backward(losses[-1])
    formula = SPECS[name].training_flops(training, size_px=SIZE_PX)
    assert formula / (training.steps * counted.get_total_flops()) == pytest.approx(1.01, abs=0.02)
