"""The kinds of codec that come with the package; importing this module registers them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from physscale.codec.spec import CODECS, CodecInputs, CodecSpec
from physscale.codec.vae_spec import VaeSpec
from physscale.records.errors import UserError
from physscale.records.latent_shape import LatentShape
from physscale.records.limits import Limits, Range, check_limits

if TYPE_CHECKING:
    from physscale.codec.pca import PcaCodec
    from physscale.codec.pixels import PixelCodec

__all__ = ["KINDS", "PcaSpec", "PixelSpec", "VaeSpec", "check_components"]


def check_components(components: int, *, frames: int, pixels: int) -> None:
    """Raises UserError for fewer frames or pixel values than components."""
    if min(frames, pixels) < components:
        raise UserError(
            f"codec components={components}: needs as many frames and pixels, got {frames} and "
            f"{pixels}"
        )


@dataclass(frozen=True)
class PcaSpec(CodecSpec):
    """Whole-frame principal components: `components` latent channels per frame (`codec/pca.py`)."""

    WRITTEN_AS: ClassVar[str] = "CodecSpec"

    components: int = 32

    LIMITS: ClassVar[Limits] = {"components": Range(1, 100_000)}

    def __post_init__(self) -> None:
        check_limits(self, self.LIMITS, what="codec")

    def latents(self, *, frames: int, size_px: int) -> LatentShape:
        return LatentShape(frames=frames, channels=self.components)

    def encoding_flops(self, *, frames: int, size_px: int) -> float:
        return 2.0 * frames * 3 * size_px**2 * self.components

    def build(self, inputs: CodecInputs) -> "PcaCodec":
        from physscale.codec.pca import fit_pca

        return fit_pca(inputs.stills, components=self.components)

    def check_stills(self, *, stills: int, size_px: int) -> None:
        check_components(self.components, frames=stills, pixels=3 * size_px**2)

    def load(self, folder: Path) -> "PcaCodec":
        from physscale.codec.pca import load_pca

        return load_pca(folder)


@dataclass(frozen=True)
class PixelSpec(CodecSpec):
    """No compression: the latents are the frames, in -1..1. The model's patches make tubelets of
    them (x-prediction: arXiv 2511.13720)."""

    def latents(self, *, frames: int, size_px: int) -> LatentShape:
        return LatentShape(frames=frames, channels=3, height=size_px, width=size_px)

    def encoding_flops(self, *, frames: int, size_px: int) -> float:
        return 0.0

    def build(self, inputs: CodecInputs) -> "PixelCodec":
        from physscale.codec.pixels import PixelCodec

        return PixelCodec()

    def load(self, folder: Path) -> "PixelCodec":
        from physscale.codec.pixels import PixelCodec

        return PixelCodec()


KINDS = (PcaSpec, PixelSpec, VaeSpec)
for _kind in KINDS:
    CODECS.register(_kind)
