"""A VAE for pictures becomes one for videos: weights of diffusers' AutoencoderKL, as of Stable Diffusion 1.5, from a local folder.

What the picture VAE has is taken as it is; a layer that looks back gets the picture's kernel at its last tap; what only the video VAE has
(time mixes, the expansion to space and time) begins as identity and nearest neighbour. So before training, each frame is encoded as the
picture VAE encodes it, and decoded as it decodes it (arXiv 2411.02385, appendix on the VAE).

FOLDER/config.json, FOLDER/diffusion_pytorch_model.safetensors
"""

import json
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor, nn

from physscale.model.spec import VaeSpec
from physscale.model.vae import VideoVae
from physscale.model.vae_blocks import CausalConv
from physscale.model.vae_codec import VaeCodec
from physscale.records.errors import DamagedData, UserError

__all__ = ["inflate", "picture_spec"]

WEIGHTS = "diffusion_pytorch_model.safetensors"
OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Attention of checkpoints written before diffusers 0.15, whose weights may still be 1 x 1 convolutions."""


def picture_spec(folder: Path, *, time_factor: Literal[1, 2, 4], levels_back: int) -> VaeSpec:
    """The video VAE that this folder's picture VAE becomes. Raises UserError when the folder or its kind does not fit."""
    try:
        config = json.loads((folder / "config.json").read_text())
    except FileNotFoundError as error:
        raise UserError(f"{folder}: needs config.json and {WEIGHTS}, as diffusers writes an AutoencoderKL") from error
    if config.get("_class_name") != "AutoencoderKL":
        raise UserError(f"{folder}/config.json: _class_name={config.get('_class_name')!r}, needed is 'AutoencoderKL'")
    return VaeSpec(
        widths=tuple(config["block_out_channels"]),
        blocks=config["layers_per_block"],
        latent_channels=config["latent_channels"],
        groups=config["norm_num_groups"],
        levels_back=levels_back,
        time_factor=time_factor,
    )


def inflate(folder: Path, *, time_factor: Literal[1, 2, 4], levels_back: int) -> VaeCodec:
    """The video VAE with the picture VAE's weights, as a codec with its `scaling_factor`.

    Raises UserError for another kind of folder, DamagedData when a weight is missing, unknown or of another shape.
    """
    vae = VideoVae(picture_spec(folder, time_factor=time_factor, levels_back=levels_back))
    given = {_name(name): tensor.float() for name, tensor in safetensors.torch.load_file(folder / WEIGHTS).items()}
    ours = {name: module for name, module in vae.named_modules() if isinstance(module, nn.Conv2d | nn.Linear | nn.GroupNorm | CausalConv)}
    for name, module in ours.items():
        if name.endswith((".expand", ".expand_time", ".time_mix.conv")):
            continue
        try:
            _fill(module, weight=given.pop(f"{name}.weight"), bias=given.pop(f"{name}.bias"))
        except (KeyError, RuntimeError) as error:
            raise DamagedData(f"{folder / WEIGHTS}: {name}: {error}") from error
    if given:
        raise DamagedData(f"{folder / WEIGHTS}: {len(given)} weights that an AutoencoderKL of this config does not have: {min(given)}")
    factor = json.loads((folder / "config.json").read_text()).get("scaling_factor", 1.0)
    channels = vae.spec.latent_channels
    return VaeCodec(vae.eval().requires_grad_(False), shift=torch.zeros(channels), scale=torch.full((channels,), 1 / factor))


def _name(name: str) -> str:
    parts = name.split(".")
    return ".".join(OLD_NAMES.get(part, part) for part in parts)


def _fill(module: nn.Module, *, weight: Tensor, bias: Tensor) -> None:
    """Raises RuntimeError when the shapes differ."""
    if isinstance(module, CausalConv):
        module.begin_as(weight, bias)
        return
    if isinstance(module, nn.Linear):
        weight = weight.flatten(1)
    module.load_state_dict({"weight": weight, "bias": bias})
