"""The protocol of a codec: it maps frames to latents and back, moves to a device, and is saved in a
folder. `codec.json` in that folder holds the recipe, and so says which kind of codec it is."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from physscale.codec.spec import CODECS, CodecSpec
from physscale.records.errors import UserError
from physscale.records.json_value import parsed
from physscale.records.regular import regular
from physscale.records.spec import from_plain

__all__ = ["RECIPE", "Codec", "load_codec"]

RECIPE = "codec.json"


@runtime_checkable
class Codec(Protocol):
    """What a codec's spec builds and loads."""

    def encode(
        self, pixels: UInt8[np.ndarray, "batch time height width 3"]
    ) -> Float[Tensor, "batch latent_time channels rows columns"]:
        """Videos u8[B, T, H, W, 3] to latents f32[B, t, C, h, w] on the CPU. The other videos of a
        batch do not change a video's latents."""
        ...

    def decode(
        self, latents: Float[Tensor, "batch latent_time channels rows columns"]
    ) -> UInt8[np.ndarray, "batch time height width 3"]:
        """Latents f32[B, t, C, h, w] to videos u8[B, T, H, W, 3]."""
        ...

    def on(self, device: str) -> "Codec":
        """A codec that computes on this device ("cpu" or "cuda"); this one stays where it is."""
        ...

    def save(self, folder: Path) -> None:
        """Write everything that the spec's `load` needs into this folder."""
        ...


def load_codec(folder: Path) -> Codec:
    """The codec of the kind that the folder's `codec.json` names.

    Raises:
        UserError: if there is no such file, or it names a kind that nothing registered.
    """
    file = folder / RECIPE
    try:
        written = parsed(regular(file).read_bytes())["spec"]
        spec: CodecSpec = from_plain(CODECS.named(written["type"]), written)
    except UserError as error:
        raise UserError(f"{file}: {error}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file}: does not say which kind of codec lies here ({type(error).__name__}); run "
            "the study again, which makes a damaged codec again"
        ) from error
    return spec.load(folder)
