"""Frames as numbers in -1..1, and the codec that is nothing else."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from physscale.codec.sound import sound

__all__ = ["PixelCodec", "from_signed", "to_signed"]


def to_signed(
    pixels: UInt8[np.ndarray, "batch time height width 3"],
) -> Float[Tensor, "batch time 3 height width"]:
    """Frames u8[B, T, H, W, 3] to f32[B, T, 3, H, W] in -1..1."""
    copied = pixels.astype(np.float32)  # a stream's frames are read-only
    return torch.from_numpy(copied).movedim(-1, 2).div_(127.5).sub_(1)


def from_signed(
    frames: Float[Tensor, "batch time 3 height width"],
) -> UInt8[np.ndarray, "batch time height width 3"]:
    """The inverse of `to_signed`, rounded and clipped. Raises UserError for numbers that are not
    finite."""
    levels = (
        ((sound(frames, what="decoded frames") + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    )
    return levels.movedim(2, -1).contiguous().cpu().numpy()


class PixelCodec:
    """Latents are the frames in -1..1; encoding and decoding lose nothing."""

    def encode(
        self, pixels: UInt8[np.ndarray, "batch time height width 3"]
    ) -> Float[Tensor, "batch time 3 height width"]:
        return to_signed(pixels)

    def decode(
        self, latents: Float[Tensor, "batch time 3 height width"]
    ) -> UInt8[np.ndarray, "batch time height width 3"]:
        return from_signed(latents)

    def on(self, device: str) -> "PixelCodec":
        """Itself: there is nothing to move."""
        return self

    def save(self, folder: Path) -> None:
        """There is nothing to write."""
