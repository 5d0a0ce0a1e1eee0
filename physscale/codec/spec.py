"""What a codec is and how it is trained, in values (read without torch)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from physscale.records.errors import UserError
from physscale.records.latent_shape import LatentShape
from physscale.records.spec import is_sha256

__all__ = ["AnyCodecSpec", "CodecSpec", "PixelSpec", "VaeSpec", "VaeTraining"]


@dataclass(frozen=True)
class CodecSpec:
    """Whole-frame PCA with this many components a frame (`codec/pca.py`)."""

    components: int = 32

    def __post_init__(self) -> None:
        if self.components < 1:
            raise UserError(f"codec components={self.components}: must be at least 1")

    def latents(self, *, frames: int, size_px: int) -> LatentShape:
        """Shape of the latents of one video."""
        return LatentShape(frames=frames, channels=self.components)


@dataclass(frozen=True)
class PixelSpec:
    """No codec: the frames themselves, in -1..1; the model's patches make tubelets of them
    (x-prediction: arXiv 2511.13720)."""

    def latents(self, *, frames: int, size_px: int) -> LatentShape:
        """Shape of the latents of one video."""
        return LatentShape(frames=frames, channels=3, height=size_px, width=size_px)


@dataclass(frozen=True)
class VaeSpec:
    """A causal video VAE (`codec/vae.py`): one width a level, each level half the size of the last;
    `blocks` residual blocks a level; the deepest `levels_back` levels look back in time, and 1 +
    `time_factor` n frames become 1 + n latents."""

    widths: tuple[int, ...] = (16, 32, 64)
    blocks: int = 1
    latent_channels: int = 4
    groups: int = 8
    levels_back: int = 1
    time_factor: Literal[1, 2, 4] = 1

    def __post_init__(self) -> None:
        if not self.widths or any(width < 1 or width % self.groups for width in self.widths):
            raise UserError(
                f"vae widths={self.widths}: one or more, each a multiple of groups={self.groups}"
            )
        for name in ("blocks", "latent_channels", "groups"):
            if getattr(self, name) < 1:
                raise UserError(f"vae {name}={getattr(self, name)}: must be at least 1")
        if self.time_factor not in (1, 2, 4):
            raise UserError(f"vae time_factor={self.time_factor}: allowed are 1, 2, 4")
        if not self._halvings < self.levels_back <= len(self.widths):
            raise UserError(
                f"vae levels_back={self.levels_back}: must be above {self._halvings} and at most "
                f"{len(self.widths)} levels"
            )

    def latents(self, *, frames: int, size_px: int) -> LatentShape:
        """Shape of the latents of one video. Raises UserError when its size or number of frames
        does not fit."""
        if size_px % self.space_factor:
            raise UserError(
                f"vae: frames of {size_px} px must be a multiple of its factor {self.space_factor}"
            )
        if (frames - 1) % self.time_factor:
            raise UserError(
                f"vae time_factor={self.time_factor}: needs 1 + {self.time_factor} n frames, got "
                f"{frames}"
            )
        side = size_px // self.space_factor
        return LatentShape(
            frames=1 + (frames - 1) // self.time_factor,
            channels=self.latent_channels,
            height=side,
            width=side,
        )

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
        """Frames in for a frame out on the way from this level to the next deeper one: the deepest
        ways halve."""
        last = len(self.widths) - 2
        return 2 if last - self._halvings < level <= last else 1


AnyCodecSpec = CodecSpec | VaeSpec | PixelSpec


@dataclass(frozen=True)
class VaeTraining:
    """How a VAE is trained (`codec/vae_training.py`): steps of `batch` clips of `frames` stills;
    the weights of the parts of its loss; adversaries enter at step `adversary_from`. `perceptual`
    is the network that says how alike two frames look: `st_lpips`, which comes with the
    installation, or LPIPS on torchvision's AlexNet, VGG-16 or SqueezeNet, named by its file's
    SHA-256."""

    NEUTRAL: ClassVar[dict[str, Any]] = {"perceptual": "st_lpips"}

    steps: int = 2000
    batch: int = 4
    frames: int = 8
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    clip_norm: float = 1.0
    kl_weight: float = 3e-4
    perceptual_weight: float = 0.0
    perceptual: str = "st_lpips"
    adversary_weight: float = 0.0
    adversary_from: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "frames"):
            if getattr(self, name) < 1:
                raise UserError(f"vae {name}={getattr(self, name)}: must be at least 1")
        for name in ("learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise UserError(f"vae {name}={getattr(self, name)}: must be above 0")
        for name in (
            "kl_weight",
            "perceptual_weight",
            "adversary_weight",
            "adversary_from",
            "warmup_steps",
            "seed",
        ):
            if getattr(self, name) < 0:
                raise UserError(f"vae {name}={getattr(self, name)}: must be at least 0")
        if self.perceptual != "st_lpips" and not is_sha256(self.perceptual):
            raise UserError(
                f"vae perceptual={self.perceptual[:80]!r}: must be st_lpips, or the SHA-256 of "
                "torchvision's file"
            )
