"""What every codec can do: frames to latents and back, and lie in a folder."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from physscale.codec.pca import load_frame_codec
from physscale.codec.vae_codec import from_signed, load_vae_codec, to_signed

__all__ = ["Codec", "PixelCodec", "load_codec"]


@runtime_checkable
class Codec(Protocol):
    """Whole-frame components, a VAE, or the pixels themselves."""

    def encode(
        self, pixels: UInt8[np.ndarray, "batch time height width 3"]
    ) -> Float[Tensor, "batch latent_time channels rows columns"]:
        """Videos u8[B, T, H, W, 3] to latents f32 on the CPU; a video's are the same whatever else
        is in the batch."""
        ...

    def decode(
        self, latents: Float[Tensor, "batch latent_time channels rows columns"]
    ) -> UInt8[np.ndarray, "batch time height width 3"]:
        """Latents to videos."""
        ...

    def save(self, folder: Path) -> None:
        """Write all of it into this folder."""
        ...


class PixelCodec:
    """The frames themselves in -1..1: no error of its own but rounding."""

    def encode(
        self, pixels: UInt8[np.ndarray, "batch time height width 3"]
    ) -> Float[Tensor, "batch time 3 height width"]:
        return to_signed(pixels)

    def decode(
        self, latents: Float[Tensor, "batch time 3 height width"]
    ) -> UInt8[np.ndarray, "batch time height width 3"]:
        return from_signed(latents)

    def save(self, folder: Path) -> None:
        """Nothing to write."""


def load_codec(folder: Path) -> Codec:
    """The codec that was saved into this folder, whichever it is."""
    if (folder / "codec.safetensors").exists():
        return load_frame_codec(folder)
    if (folder / "vae.safetensors").exists():
        return load_vae_codec(folder)
    return PixelCodec()
