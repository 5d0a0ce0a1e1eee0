"""What a model is, in values: the part of a run's configuration that no torch is needed to read."""

from dataclasses import dataclass
from typing import Literal

from physscale.records.errors import UserError

__all__ = ["CodecSpec", "DiTSpec", "LatentShape"]


@dataclass(frozen=True)
class CodecSpec:
    """Whole-frame PCA with this many components a frame (`model/codec.py`)."""

    components: int = 32

    def __post_init__(self) -> None:
        if self.components < 1:
            raise UserError(f"codec components={self.components}: must be at least 1")


@dataclass(frozen=True)
class DiTSpec:
    """Width, depth and heads of a diffusion transformer (`model/dit.py`); `patch` is its square patch in latent pixels."""

    width: int
    depth: int
    heads: int
    mlp_ratio: int = 4
    patch: int = 1
    activation: Literal["relu2", "gelu"] = "relu2"

    def __post_init__(self) -> None:
        for name in ("width", "depth", "heads", "mlp_ratio", "patch"):
            if getattr(self, name) < 1:
                raise UserError(f"model {name}={getattr(self, name)}: must be at least 1")
        if self.width % (2 * self.heads):
            raise UserError(f"model width={self.width}: must be a multiple of 2 x heads={2 * self.heads} (rotary pairs)")

    @property
    def head_width(self) -> int:
        return self.width // self.heads


@dataclass(frozen=True)
class LatentShape:
    """Shape of one video in latent space: T frames of C channels on H x W latent pixels."""

    frames: int
    channels: int
    height: int = 1
    width: int = 1

    def tokens(self, patch: int) -> int:
        """How many tokens the model sees. Raises UserError when the patch does not divide the frame."""
        if self.height % patch or self.width % patch:
            raise UserError(f"model patch={patch}: must divide the latent frame {self.height} x {self.width}")
        return self.frames * (self.height // patch) * (self.width // patch)
