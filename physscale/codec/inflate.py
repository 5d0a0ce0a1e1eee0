"""A VAE for pictures becomes one for videos: weights of diffusers' AutoencoderKL, as of Stable
Diffusion 1.5, from its safetensors file.

What the picture VAE has is taken as it is; a layer that looks back gets the picture's kernel at its
last tap; what only the video VAE has (time mixes, the expansion to space and time) begins as
identity and nearest neighbour. So before training, each frame is encoded as the picture VAE encodes
it, and decoded as it decodes it (arXiv 2411.02385, appendix on the VAE).

FOLDER/config.json, FOLDER/diffusion_pytorch_model.safetensors
"""

import json
from pathlib import Path
from typing import Literal

import safetensors
import safetensors.torch
from torch import Tensor, nn

from physscale.codec.vae import VideoVae
from physscale.codec.vae_blocks import CausalConv
from physscale.codec.vae_spec import VaeSpec
from physscale.records.errors import UserError

__all__ = ["check_picture", "inflate", "picture_spec"]

OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Attention of checkpoints written before diffusers 0.15, whose weights may still be 1 x 1
convolutions."""


def picture_spec(config: Path, *, time_factor: Literal[1, 2, 4], levels_back: int) -> VaeSpec:
    """The video VAE that the picture VAE of this config.json becomes. Raises UserError when it is
    of another kind."""
    try:
        said = json.loads(config.read_bytes())
        if said.get("_class_name") != "AutoencoderKL":
            raise UserError(
                f"{config}: _class_name={said.get('_class_name')!r}, needed is 'AutoencoderKL'"
            )
        return VaeSpec(
            widths=tuple(said["block_out_channels"]),
            blocks=said["layers_per_block"],
            latent_channels=said["latent_channels"],
            groups=said["norm_num_groups"],
            levels_back=levels_back,
            time_factor=time_factor,
        )
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UserError(
            f"{config}: not as diffusers describes an AutoencoderKL ({type(error).__name__}: "
            f"{error})"
        ) from error


def check_picture(weights: Path, *, spec: VaeSpec) -> None:
    """Raises UserError unless this file holds a picture VAE of the spec's layout, and the
    config.json beside it, if there is one, says the same."""
    config = weights.with_name("config.json")
    if config.exists():
        described = picture_spec(config, time_factor=spec.time_factor, levels_back=spec.levels_back)
        if described != spec:
            raise UserError(f"codec spec={spec}: {config} says {described}")
    inflate(weights, spec=spec)


def inflate(weights: Path, *, spec: VaeSpec) -> VideoVae:
    """The video VAE with the picture VAE's weights; raises UserError when they are of another
    layout, or no safetensors file."""
    vae = VideoVae(spec)
    try:
        given = {
            _name(name): tensor.float()
            for name, tensor in safetensors.torch.load_file(weights).items()
        }
    except safetensors.SafetensorError as error:
        raise UserError(f"{weights}: not a safetensors file ({error})") from error
    ours = {
        name: module
        for name, module in vae.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear | nn.GroupNorm | CausalConv)
    }
    for name, module in ours.items():
        if name.endswith((".expand", ".expand_time", ".time_mix.conv")):
            continue
        try:
            _fill(module, weight=given.pop(f"{name}.weight"), bias=given.pop(f"{name}.bias"))
        except (KeyError, RuntimeError) as error:
            raise UserError(
                f"{weights}: {name} is not there, or of another shape than {_layout(spec)} has "
                f"({error})"
            ) from error
    if given:
        raise UserError(
            f"{weights}: {len(given)} weights that an AutoencoderKL of {_layout(spec)} does not "
            f"have: {min(given)}"
        )
    return vae


def _layout(spec: VaeSpec) -> str:
    return f"widths={spec.widths}, blocks={spec.blocks}, latent_channels={spec.latent_channels}"


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
