"""No codec turns NaN, an overflow or quantised weights into black pixels."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from physscale.codec.kinds import PcaSpec, PixelSpec, VaeSpec
from physscale.codec.pca import fit_pca
from physscale.codec.vae import VideoVae
from physscale.codec.vae_codec import VaeCodec, load_vae, normalised
from physscale.records.errors import UserError

VAE = VaeSpec(widths=(8, 8), blocks=1, latent_channels=2, groups=4, levels_back=1, time_factor=1)
STILLS = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), np.uint8)


def vae() -> VaeCodec:
    torch.manual_seed(0)
    return normalised(VideoVae(VAE), stills=STILLS)


def broken(folder: Path, *, name: str, tensor: torch.Tensor) -> None:
    """One tensor of the codec in this folder is another one."""
    file = next(folder.glob("*.safetensors"))
    safetensors.torch.save_file(safetensors.torch.load_file(file) | {name: tensor}, file)


@pytest.mark.parametrize(
    ("name", "tensor", "said"),
    [
        ("vae.decoder.conv_out.conv.bias", torch.tensor([0.0, float("nan"), 0.0]), "NaN or inf"),
        ("shift", torch.tensor([float("inf"), 0.0]), "NaN or infinity"),
        ("scale", torch.tensor([0.0, 1.0]), "scale holds 0"),
        ("scale", torch.tensor([-1.0, 1.0]), "scale holds -1"),
        ("shift", torch.tensor([1, 0], dtype=torch.int8), "shift holds int8"),
    ],
)
def test_a_vae_with_such_weights_is_refused_when_it_is_read(
    tmp_path: Path, name: str, tensor: torch.Tensor, said: str
) -> None:
    vae().save(tmp_path)
    broken(tmp_path, name=name, tensor=tensor)
    with pytest.raises(UserError, match=said):
        load_vae(VideoVae(VAE), tmp_path)


def test_half_precision_is_read_as_whole(tmp_path: Path) -> None:
    codec = vae()
    codec.save(tmp_path)
    broken(tmp_path, name="scale", tensor=codec.scale.half())
    assert load_vae(VideoVae(VAE), tmp_path).scale.dtype == torch.float32


def test_components_with_nan_are_refused_when_they_are_read(tmp_path: Path) -> None:
    fit_pca(STILLS, components=4).save(tmp_path)
    broken(tmp_path, name="mean", tensor=torch.full((768,), float("nan")))
    with pytest.raises(UserError, match="mean holds NaN"):
        PcaSpec(4).load(tmp_path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_no_codec_draws_numbers_that_are_not_finite(tmp_path: Path, number: float) -> None:
    codecs = (vae(), fit_pca(STILLS, components=4), PixelSpec().load(tmp_path))
    for codec in codecs:
        latents = codec.encode(STILLS[None, :4])
        latents[0, 0, 0] = number
        with pytest.raises(UserError, match="not finite"):
            codec.decode(latents)


def test_an_overflow_in_the_encoder_is_refused() -> None:
    """As weights do that only hold in another precision."""
    network = VideoVae(VAE)
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(1e30)
    with pytest.raises(UserError, match="not finite"):
        normalised(network, stills=STILLS)
