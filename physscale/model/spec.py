"""What a model is, in values: the part of a run's configuration that no torch is needed to read."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from physscale.model.conditioning_spec import Conditioning, TextSpec, check_conditioning
from physscale.records.errors import UserError
from physscale.records.latent_shape import LatentShape

__all__ = ["DiTSpec"]


@dataclass(frozen=True)
class DiTSpec:
    """Width, depth and heads of a diffusion transformer (`model/dit.py`); a token is a square
    `patch` of latent pixels on `time_patch` frames. The projection from the diffusion time to
    scales, shifts and gates is `shared` by all blocks, or each `block` has its own.

    With `conditioning` the model is told more than the first frames (`model/conditioning_spec.py`):
    `numbers` of up to `bodies` bodies, or a `text`."""

    NEUTRAL: ClassVar[dict[str, Any]] = {
        "time_patch": 1,
        "adaln": "shared",
        "conditioning": "none",
        "bodies": 2,
        "text": TextSpec(),
    }

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
            raise UserError(
                f"model width={self.width}: must be a multiple of 2 x heads={2 * self.heads} "
                "(rotary pairs)"
            )
        check_conditioning(self.conditioning, bodies=self.bodies)

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def cells(self) -> int:
        """Latent pixels a token."""
        return self.time_patch * self.patch**2

    @property
    def conditioning_tokens(self) -> int:
        """Tokens beside the video's own."""
        return self.bodies if self.conditioning == "numbers" else 0

    def grid(self, shape: LatentShape) -> tuple[int, int, int]:
        """Tokens along time, height and width. Raises UserError when the patches do not divide the
        video."""
        if shape.height % self.patch or shape.width % self.patch:
            raise UserError(
                f"model patch={self.patch}: must divide the latent frame {shape.height} x "
                f"{shape.width}"
            )
        if shape.frames % self.time_patch:
            raise UserError(
                f"model time_patch={self.time_patch}: must divide the {shape.frames} latent frames"
            )
        return (
            shape.frames // self.time_patch,
            shape.height // self.patch,
            shape.width // self.patch,
        )

    def tokens(self, shape: LatentShape) -> int:
        """How many tokens the model sees."""
        return math.prod(self.grid(shape))
