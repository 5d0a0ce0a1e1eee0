"""A picture VAE inflated to videos: before training it is the picture VAE, frame by frame (the
oracle is diffusers' own)."""

import json
from pathlib import Path
from typing import Literal

import pytest
import safetensors.torch
import torch

from physscale.codec.inflate import inflate, picture_spec
from physscale.codec.kinds import VaeSpec
from physscale.codec.vae import VideoVae
from physscale.codec.vae_blocks import CausalConv
from physscale.records.errors import UserError

diffusers = pytest.importorskip(
    "diffusers", reason="diffusers is the oracle of the picture VAE: pip install diffusers"
)


WEIGHTS = "diffusion_pytorch_model.safetensors"
"""As diffusers calls them."""


def inflated(folder: Path, *, time_factor: Literal[1, 2, 4] = 1, levels_back: int = 1) -> VideoVae:
    spec = picture_spec(folder / "config.json", time_factor=time_factor, levels_back=levels_back)
    return inflate(folder / WEIGHTS, spec=spec).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def pictures() -> torch.nn.Module:
    """A small random VAE in the layout of Stable Diffusion 1.5."""
    torch.manual_seed(0)
    down, up = ("DownEncoderBlock2D",) * 3, ("UpDecoderBlock2D",) * 3
    vae = diffusers.AutoencoderKL(
        down_block_types=down,
        up_block_types=up,
        block_out_channels=(8, 16, 16),
        layers_per_block=2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=32,
        scaling_factor=0.18215,
    )
    return vae.eval().requires_grad_(False)


@pytest.fixture
def folder(pictures: torch.nn.Module, tmp_path: Path) -> Path:
    pictures.save_pretrained(tmp_path)
    return tmp_path


def frames() -> torch.Tensor:
    return torch.rand(2, 5, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize(("time_factor", "levels_back"), [(1, 1), (1, 3), (2, 2), (4, 3)])
def test_inflated_it_is_the_picture_vae_frame_by_frame(
    pictures: torch.nn.Module, folder: Path, time_factor: Literal[1, 2, 4], levels_back: int
) -> None:
    vae = inflated(folder, time_factor=time_factor, levels_back=levels_back)
    posterior = vae.encode(frames())
    seen = frames()[:, ::time_factor]
    expected = pictures.encode(seen.flatten(0, 1)).latent_dist
    torch.testing.assert_close(posterior.mean.flatten(0, 1), expected.mean, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        posterior.log_variance.flatten(0, 1), expected.logvar, rtol=1e-4, atol=1e-4
    )

    nearest = [0] + [1 + (i - 1) // time_factor for i in range(1, 5)]
    drawn = pictures.decode(posterior.mean.flatten(0, 1)).sample.unflatten(0, (2, -1))[:, nearest]
    torch.testing.assert_close(vae.decode(posterior.mean), drawn, rtol=1e-4, atol=1e-4)


def test_names_of_old_checkpoints_are_known(folder: Path) -> None:
    new = inflated(folder).state_dict()
    old_of = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    renamed = {}
    for name, tensor in safetensors.torch.load_file(folder / WEIGHTS).items():
        for now, once in old_of.items():
            if f".{now}." in name:
                name = name.replace(now, once)
                tensor = tensor[..., None, None].contiguous() if name.endswith("weight") else tensor
        renamed[name] = tensor
    safetensors.torch.save_file(renamed, folder / WEIGHTS)
    for name, tensor in inflated(folder).state_dict().items():
        assert torch.equal(tensor, new[name]), name


def test_the_size_of_stable_diffusion() -> None:
    """83.65M, and what looks back or expands on top."""
    with torch.device("meta"):
        vae = VideoVae(VaeSpec(widths=(128, 256, 512, 512), blocks=2, groups=32))
    ours = {
        name: p.numel()
        for name, p in vae.named_parameters()
        if "time_mix" not in name and "expand" not in name
    }
    backs = [
        name
        for name, module in vae.named_modules()
        if isinstance(module, CausalConv) and "time_mix" not in name
    ]
    assert not backs, "the deepest level has no way down"
    assert sum(ours.values()) / 1e6 == pytest.approx(83.65, abs=0.01)


def test_training_may_leave_the_pictures(folder: Path) -> None:
    """The layers that look back are there to be trained: their gradients are not zero."""
    vae = inflated(folder, time_factor=2, levels_back=2).requires_grad_(True)
    vae.decode(vae.encode(frames()).mean).square().mean().backward()
    mixes = {
        name: p.grad for name, p in vae.named_parameters() if "time_mix" in name or "expand" in name
    }
    assert mixes
    assert all(gradient is not None and gradient.any() for gradient in mixes.values())


def test_what_does_not_fit_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere: not as diffusers .*FileNotFound"):
        picture_spec(tmp_path / "nowhere", time_factor=1, levels_back=1)
    weights = safetensors.torch.load_file(folder / WEIGHTS)
    first = weights.pop("encoder.conv_in.weight")
    safetensors.torch.save_file(weights, folder / WEIGHTS)
    with pytest.raises(
        UserError,
        match=r"encoder\.conv_in is not there, or of another shape than widths=\(8, 16, 16\)",
    ):
        inflated(folder)
    safetensors.torch.save_file(
        weights | {"encoder.conv_in.weight": first[:4].clone()}, folder / WEIGHTS
    )
    with pytest.raises(UserError, match=r"encoder\.conv_in is not there, or of another shape"):
        inflated(folder)
    safetensors.torch.save_file(
        weights | {"encoder.conv_in.weight": first, "more.weight": first.clone()}, folder / WEIGHTS
    )
    with pytest.raises(
        UserError, match=r"1 weights that an AutoencoderKL of .* does not have: more\.weight"
    ):
        inflated(folder)
    (folder / WEIGHTS).write_bytes(b"no weights")
    with pytest.raises(UserError, match="not a safetensors file"):
        inflated(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"_class_name": "UNet2DModel"}))
    with pytest.raises(UserError, match="_class_name='UNet2DModel'"):
        inflated(folder)
