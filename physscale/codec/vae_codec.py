"""A trained VAE as a codec: uint8 frames to normalised latents and back.

latents = (posterior mean - shift) / scale

Each channel has a shift and a scale, measured on the corpus, so that latents have mean 0 and mean
square 1 there. Stable Diffusion's factor 0.18215 is the case shift = 0, scale = 1 / 0.18215."""

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from physscale.codec.pixels import from_signed, to_signed
from physscale.codec.sound import check_weights, read_weights, sound
from physscale.codec.vae import Vae
from physscale.records.errors import DamagedData, UserError, one_line

__all__ = ["VaeCodec", "load_vae", "normalised"]

STILLS_AT_ONCE = 64
SMALLEST_SCALE = 1e-6
"""A channel that is constant on the corpus is not divided by zero."""


@dataclass(frozen=True)
class VaeCodec:
    """A VAE with the shift and scale f32[C] of its latents."""

    vae: Vae
    shift: Float[Tensor, " channels"]
    scale: Float[Tensor, " channels"]

    @torch.no_grad()
    def encode(
        self, pixels: UInt8[np.ndarray, "batch time height width 3"]
    ) -> Float[Tensor, "batch latent_time channels rows columns"]:
        """Videos u8[B, T, H, W, 3] to latents f32[B, 1 + (T - 1) / k, C, h, w], k frames per
        latent frame. Raises UserError if this size or number of frames does not fit."""
        for side in pixels.shape[2:4]:
            self.vae.spec.latents(frames=pixels.shape[1], size_px=side)
        # each video alone, so that its latents are the same in any batch
        parts = [
            self.vae.encode(to_signed(video[None]).to(self.shift.device)).mean for video in pixels
        ]
        latents = (torch.cat(parts) - self._column(self.shift)) / self._column(self.scale)
        return sound(latents, what="latents").cpu()

    @torch.no_grad()
    def decode(
        self, latents: Float[Tensor, "batch latent_time channels rows columns"]
    ) -> UInt8[np.ndarray, "batch time height width 3"]:
        """Latents to videos u8[B, T, H, W, 3], rounded and clipped."""
        raw = latents.to(self.shift.device) * self._column(self.scale) + self._column(self.shift)
        # each video alone, as above: a larger batch takes more memory and no less time
        return np.concatenate([from_signed(self.vae.decode(video[None])) for video in raw])

    def on(self, device: str) -> "VaeCodec":
        """A copy on this device."""
        if self.shift.device.type == device:
            return self
        return VaeCodec(
            copy.deepcopy(self.vae).to(device), self.shift.to(device), self.scale.to(device)
        )

    def save(self, folder: Path) -> None:
        """Write `vae.safetensors` into this folder."""
        tensors = {
            f"vae.{name}": tensor.contiguous().cpu()
            for name, tensor in self.vae.state_dict().items()
        }
        safetensors.torch.save_file(
            tensors | {"shift": self.shift.cpu(), "scale": self.scale.cpu()},
            folder / "vae.safetensors",
        )

    @staticmethod
    def _column(channels: Tensor) -> Tensor:
        return channels.view(1, 1, -1, 1, 1)


def load_vae(vae: Vae, folder: Path) -> VaeCodec:
    """The codec that `VaeCodec.save` wrote into this folder; `vae` is of the same layout and
    receives its weights.

    Raises:
        UserError: for weights that are not finite, no floating-point numbers, or a scale of 0.
        DamagedData: for a file of another layout.
    """
    file = folder / "vae.safetensors"
    tensors = read_weights(file)
    check_weights(tensors, file=file)
    if any(getattr(tensors.get(name), "ndim", 0) != 1 for name in ("shift", "scale")):
        raise DamagedData(f"{file}: needs vectors shift and scale")
    if not bool((tensors["scale"] > 0).all()):
        raise UserError(
            f"{file}: scale holds {float(tensors['scale'].min()):g}; it must be above 0"
        )
    shift, scale = tensors.pop("shift"), tensors.pop("scale")
    try:
        vae.load_state_dict({name.removeprefix("vae."): tensor for name, tensor in tensors.items()})
    except RuntimeError as error:  # names and shapes
        raise DamagedData(f"{file}: of another layout ({one_line(error)[:120]})") from error
    return VaeCodec(vae.eval().requires_grad_(False), shift.float(), scale.float())


@torch.no_grad()
def normalised(vae: Vae, *, stills: UInt8[np.ndarray, "stills height width 3"]) -> VaeCodec:
    """The codec whose latents have mean 0 and mean square 1 per channel on these stills."""
    vae.eval().requires_grad_(False)
    device = next(vae.parameters()).device
    means = [
        vae.encode(to_signed(stills[start : start + STILLS_AT_ONCE, None]).to(device)).mean
        for start in range(0, len(stills), STILLS_AT_ONCE)
    ]
    by_channel = sound(torch.cat(means), what="latents of the corpus").movedim(2, 0)
    by_channel = by_channel.flatten(1).double()
    scale = by_channel.std(1).clamp_min(SMALLEST_SCALE).float()
    return VaeCodec(vae, shift=by_channel.mean(1).float(), scale=scale)
