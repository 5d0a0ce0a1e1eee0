"""Inflation: the weights of a picture VAE (diffusers' AutoencoderKL, as in Stable Diffusion 1.5)
become a video VAE.

Layers that both have keep their weights. A causal convolution gets the picture's kernel at its last
tap. Layers that only the video VAE has start as the identity or as nearest neighbour. Before
training, the video VAE therefore encodes and decodes each frame as the picture VAE does (arXiv
2411.02385, appendix on the VAE).

FOLDER/config.json, FOLDER/diffusion_pytorch_model.safetensors
"""

from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from physscale.codec.sound import check_weights, read_weights
from physscale.codec.vae import VideoVae
from physscale.codec.vae_blocks import CausalConv
from physscale.codec.vae_spec import VaeSpec
from physscale.records.errors import UserError
from physscale.records.json_value import parsed
from physscale.records.regular import regular

__all__ = ["check_picture", "inflate", "picture_spec"]

OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Names of the attention in checkpoints from before diffusers 0.15. Their weights may be those of
1 x 1 convolutions."""


def picture_spec(config: Path, *, time_factor: Literal[1, 2, 4], levels_back: int) -> VaeSpec:
    """The spec that the picture VAE of this config.json is inflated to. Raises UserError if the
    file describes another class."""
    try:
        values = parsed(regular(config).read_bytes())
        if values.get("_class_name") != "AutoencoderKL":
            raise UserError(
                f"{config}: _class_name={values.get('_class_name')!r}, needed is 'AutoencoderKL'"
            )
        return VaeSpec(
            widths=tuple(values["block_out_channels"]),
            blocks=values["layers_per_block"],
            latent_channels=values["latent_channels"],
            groups=values["norm_num_groups"],
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
    """The video VAE with the picture VAE's weights. Raises UserError if the file is of another
    layout, or is no safetensors file."""
    vae = VideoVae(spec)
    stored = read_weights(weights)
    check_weights(stored, file=weights)
    tensors = {_name(name): tensor.float() for name, tensor in stored.items()}
    ours = {
        name: module
        for name, module in vae.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear | nn.GroupNorm | CausalConv)
    }
    for name, module in ours.items():
        if name.endswith((".expand", ".expand_time", ".time_mix.conv")):
            continue
        try:
            _fill(module, weight=tensors.pop(f"{name}.weight"), bias=tensors.pop(f"{name}.bias"))
        except (KeyError, RuntimeError) as error:
            raise UserError(
                f"{weights}: {name} is not there, or of another shape than {_layout(spec)} has "
                f"({error})"
            ) from error
    if tensors:
        raise UserError(
            f"{weights}: {len(tensors)} weights that an AutoencoderKL of {_layout(spec)} does not "
            f"have: {min(tensors)}"
        )
    return vae


def _layout(spec: VaeSpec) -> str:
    return f"widths={spec.widths}, blocks={spec.blocks}, latent_channels={spec.latent_channels}"


def _name(name: str) -> str:
    parts = name.split(".")
    return ".".join(OLD_NAMES.get(part, part) for part in parts)


def _fill(module: nn.Module, *, weight: Tensor, bias: Tensor) -> None:
    """Raises RuntimeError if the shapes differ."""
    if isinstance(module, CausalConv):
        module.begin_as(weight, bias)
        return
    if isinstance(module, nn.Linear):
        weight = weight.flatten(1)
    module.load_state_dict({"weight": weight, "bias": bias})
