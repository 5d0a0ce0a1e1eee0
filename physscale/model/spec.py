"""What a model is, in values: the part of a run's configuration that no torch is needed to read."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from physscale.model.facts import Conditioning, TextSpec, check_conditioning
from physscale.records.errors import UserError

__all__ = ["AnyCodecSpec", "CodecSpec", "DiTSpec", "LatentShape", "PixelSpec", "VaeSpec"]


@dataclass(frozen=True)
class CodecSpec:
    """Whole-frame PCA with this many components a frame (`model/codec.py`)."""

    components: int = 32

    def __post_init__(self) -> None:
        if self.components < 1:
            raise UserError(f"codec components={self.components}: must be at least 1")

    def latents(self, *, frames: int, size_px: int) -> "LatentShape":
        """Shape of the latents of one video."""
        return LatentShape(frames=frames, channels=self.components)


@dataclass(frozen=True)
class PixelSpec:
    """No codec: the frames themselves, in -1..1; the model's patches make tubelets of them (x-prediction: arXiv 2511.13720)."""

    def latents(self, *, frames: int, size_px: int) -> "LatentShape":
        """Shape of the latents of one video."""
        return LatentShape(frames=frames, channels=3, height=size_px, width=size_px)


@dataclass(frozen=True)
class VaeSpec:
    """A causal video VAE (`model/vae.py`): one width a level, each level half the size of the last; `blocks` residual blocks a level; the
    deepest `levels_back` levels look back in time, and 1 + `time_factor` n frames become 1 + n latents."""

    widths: tuple[int, ...] = (16, 32, 64)
    blocks: int = 1
    latent_channels: int = 4
    groups: int = 8
    levels_back: int = 1
    time_factor: Literal[1, 2, 4] = 1

    def __post_init__(self) -> None:
        if not self.widths or any(width < 1 or width % self.groups for width in self.widths):
            raise UserError(f"vae widths={self.widths}: one or more, each a multiple of groups={self.groups}")
        for name in ("blocks", "latent_channels", "groups"):
            if getattr(self, name) < 1:
                raise UserError(f"vae {name}={getattr(self, name)}: must be at least 1")
        if self.time_factor not in (1, 2, 4):
            raise UserError(f"vae time_factor={self.time_factor}: allowed are 1, 2, 4")
        if not self._halvings < self.levels_back <= len(self.widths):
            raise UserError(f"vae levels_back={self.levels_back}: must be above {self._halvings} and at most {len(self.widths)} levels")

    def latents(self, *, frames: int, size_px: int) -> "LatentShape":
        """Shape of the latents of one video. Raises UserError when its size or number of frames does not fit."""
        if size_px % self.space_factor:
            raise UserError(f"vae: frames of {size_px} px must be a multiple of its factor {self.space_factor}")
        if (frames - 1) % self.time_factor:
            raise UserError(f"vae time_factor={self.time_factor}: needs 1 + {self.time_factor} n frames, got {frames}")
        side = size_px // self.space_factor
        return LatentShape(frames=1 + (frames - 1) // self.time_factor, channels=self.latent_channels, height=side, width=side)

    @property
    def _halvings(self) -> int:
        return self.time_factor.bit_length() - 1

    @property
    def space_factor(self) -> int:
        """Pixels a latent pixel, along each side."""
        return 1 << (len(self.widths) - 1)

    def looks_back(self, level: int) -> bool:
        return level >= len(self.widths) - self.levels_back

    def time_stride(self, level: int) -> int:
        """Frames in for a frame out on the way from this level to the next deeper one: the deepest ways halve."""
        last = len(self.widths) - 2
        return 2 if last - self._halvings < level <= last else 1


AnyCodecSpec = CodecSpec | VaeSpec | PixelSpec


@dataclass(frozen=True)
class DiTSpec:
    """Width, depth and heads of a diffusion transformer (`model/dit.py`); a token is a square `patch` of latent pixels on `time_patch`
    frames. The projection from the diffusion time to scales, shifts and gates is `shared` by all blocks, or each `block` has its own.

    With `conditioning` the model is told more than the first frames (`model/facts.py`): `numbers` of up to `bodies` bodies, or a `text`.
    """

    NEUTRAL: ClassVar[dict[str, Any]] = {"time_patch": 1, "adaln": "shared", "conditioning": "none", "bodies": 2, "text": TextSpec()}

    width: int
    depth: int
    heads: int
    mlp_ratio: int = 4
    patch: int = 1
    activation: Literal["relu2", "gelu"] = "relu2"
    time_patch: int = 1
    adaln: Literal["shared", "block"] = "shared"
    conditioning: Conditioning = "none"
    bodies: int = 2
    text: TextSpec = field(default_factory=TextSpec)

    def __post_init__(self) -> None:
        for name in ("width", "depth", "heads", "mlp_ratio", "patch", "time_patch"):
            if getattr(self, name) < 1:
                raise UserError(f"model {name}={getattr(self, name)}: must be at least 1")
        if self.adaln not in ("shared", "block"):
            raise UserError(f"model adaln={self.adaln!r}: allowed are shared, block")
        if self.width % (2 * self.heads):
            raise UserError(f"model width={self.width}: must be a multiple of 2 x heads={2 * self.heads} (rotary pairs)")
        check_conditioning(self.conditioning, bodies=self.bodies)

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def cells(self) -> int:
        """Latent pixels a token."""
        return self.time_patch * self.patch**2

    @property
    def told_tokens(self) -> int:
        """Tokens beside the video's own."""
        return self.bodies if self.conditioning == "numbers" else 0


@dataclass(frozen=True)
class LatentShape:
    """Shape of one video in latent space: T frames of C channels on H x W latent pixels."""

    frames: int
    channels: int
    height: int = 1
    width: int = 1

    def grid(self, model: DiTSpec) -> tuple[int, int, int]:
        """Tokens along time, height and width. Raises UserError when the model's patches do not divide the video."""
        if self.height % model.patch or self.width % model.patch:
            raise UserError(f"model patch={model.patch}: must divide the latent frame {self.height} x {self.width}")
        if self.frames % model.time_patch:
            raise UserError(f"model time_patch={model.time_patch}: must divide the {self.frames} latent frames")
        return self.frames // model.time_patch, self.height // model.patch, self.width // model.patch

    def tokens(self, model: DiTSpec) -> int:
        """How many tokens the model sees."""
        return math.prod(self.grid(model))
