"""A trained VAE as a codec: uint8 frames to normalised latents and back, saved beside its
description.

latents = (posterior mean - shift) / scale, with one shift and one scale a channel, measured on the
corpus, so that latents have mean 0 and mean square 1 there (Stable Diffusion's one factor .18215 is
the case shift = 0, scale = 1 / .18215)."""

import copy
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from physscale.codec.spec import VaeSpec
from physscale.codec.vae import VideoVae
from physscale.records.spec import from_plain, plain

__all__ = ["VaeCodec", "from_signed", "load_vae_codec", "to_signed"]

FRAMES_AT_ONCE = 256


def to_signed(
    pixels: UInt8[np.ndarray, "batch time height width 3"],
) -> Float[Tensor, "batch time 3 height width"]:
    """u8 frames [B, T, H, W, 3] to f32 in -1..1 [B, T, 3, H, W]."""
    return (
        torch.from_numpy(pixels.astype(np.float32)).movedim(-1, 2).div_(127.5).sub_(1)
    )  # a stream's frames are read-only


def from_signed(
    frames: Float[Tensor, "batch time 3 height width"],
) -> UInt8[np.ndarray, "batch time height width 3"]:
    """The other way, rounded and clipped."""
    return (
        ((frames + 1) * 127.5)
        .round()
        .clamp(0, 255)
        .to(torch.uint8)
        .movedim(2, -1)
        .contiguous()
        .cpu()
        .numpy()
    )


@dataclass(frozen=True)
class VaeCodec:
    """`vae` with `shift` and `scale` [C] of its latents."""

    vae: VideoVae
    shift: Float[Tensor, " channels"]
    scale: Float[Tensor, " channels"]

    @torch.no_grad()
    def encode(
        self, pixels: UInt8[np.ndarray, "batch time height width 3"]
    ) -> Float[Tensor, "batch latent_time channels rows columns"]:
        """Videos u8[B, T, H, W, 3] to latents f32[B, 1 + (T - 1) / k, C, h, w]. Raises UserError
        when these do not fit."""
        for side in pixels.shape[2:4]:
            self.vae.spec.latents(frames=pixels.shape[1], size_px=side)
        parts = [
            self.vae.encode(to_signed(video[None]).to(self.shift.device)).mean for video in pixels
        ]  # alone: the same in any batch
        return ((torch.cat(parts) - self._column(self.shift)) / self._column(self.scale)).cpu()

    @torch.no_grad()
    def decode(
        self, latents: Float[Tensor, "batch latent_time channels rows columns"]
    ) -> UInt8[np.ndarray, "batch time height width 3"]:
        """Latents to videos u8[B, T, H, W, 3], rounded and clipped."""
        raw = latents.to(self.shift.device) * self._column(self.scale) + self._column(self.shift)
        return np.concatenate([from_signed(self.vae.decode(part)) for part in _portions(raw)])

    def on(self, device: str) -> "VaeCodec":
        """The same on this device; this one stays where it is."""
        if self.shift.device.type == device:
            return self
        return VaeCodec(
            copy.deepcopy(self.vae).to(device), self.shift.to(device), self.scale.to(device)
        )

    def save(self, folder: Path) -> None:
        """Write `vae.safetensors` and `vae.json` into this folder."""
        tensors = {
            f"vae.{name}": tensor.contiguous().cpu()
            for name, tensor in self.vae.state_dict().items()
        }
        safetensors.torch.save_file(
            tensors | {"shift": self.shift.cpu(), "scale": self.scale.cpu()},
            folder / "vae.safetensors",
        )
        (folder / "vae.json").write_text(json.dumps(plain(self.vae.spec), indent=1))

    @staticmethod
    def _column(channels: Tensor) -> Tensor:
        return channels.view(1, 1, -1, 1, 1)


def load_vae_codec(folder: Path) -> VaeCodec:
    """The codec that `VaeCodec.save` wrote into this folder."""
    vae = VideoVae(from_plain(VaeSpec, json.loads((folder / "vae.json").read_text())))
    tensors = safetensors.torch.load_file(folder / "vae.safetensors")
    shift, scale = tensors.pop("shift"), tensors.pop("scale")
    vae.load_state_dict({name.removeprefix("vae."): tensor for name, tensor in tensors.items()})
    return VaeCodec(vae.eval().requires_grad_(False), shift, scale)


def _portions(videos: Tensor) -> list[Tensor]:
    """Whole videos, about `FRAMES_AT_ONCE` frames at a time."""
    return list(torch.split(videos, max(1, FRAMES_AT_ONCE // videos.shape[1])))
