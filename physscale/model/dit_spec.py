"""A diffusion transformer in values (read without torch)."""

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from physscale.model.backbone_spec import BACKBONES, ActivationMemory, Autocast, Work
from physscale.model.conditioning_spec import (
    Conditioning,
    ConditioningSpec,
    TextSpec,
    check_conditioning,
)
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape
from physscale.records.limits import Limits, Range, check_limits

if TYPE_CHECKING:
    import physscale.model.dit

__all__ = ["DiTSpec"]

HEAD_WIDTH = 32
"""Of a model that is widened from one with a single head."""


@BACKBONES.register
@dataclass(frozen=True)
class DiTSpec:
    """Width, depth and heads of a diffusion transformer (`model/dit.py`).

    A token is a square `patch` of latent pixels on `time_patch` frames. The projection from the
    diffusion time to scales, shifts and gates is `shared` by all blocks, or each `block` has its
    own. With `conditioning` the model reads more than the first frames
    (`model/conditioning_spec.py`): `numbers` of up to `bodies` bodies, or a `text`.
    """

    NEUTRAL: ClassVar[dict[str, Any]] = {
        "time_patch": 1,
        "adaln": "shared",
        "conditioning": "none",
        "bodies": 2,
        "text": TextSpec(),
    }
    LIMITS: ClassVar[Limits] = {
        "width": Range(1, 100_000),
        "depth": Range(1, 10_000),
        "heads": Range(1, 10_000),
        "mlp_ratio": Range(1, 100),
        "patch": Range(1, 2048),
        "time_patch": Range(1, 10_000),
        "bodies": Range(1, 1000),
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
        check_limits(self, self.LIMITS, what="model")
        if self.adaln not in ("shared", "block"):
            raise UserError(f"model adaln={self.adaln!r}: allowed are shared, block")
        if self.width % (2 * self.heads):
            raise UserError(
                f"model width={self.width}: must be a multiple of 2 x heads={2 * self.heads} "
                "(rotary pairs)"
            )
        check_conditioning(self.conditioning)

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def cells(self) -> int:
        """Latent pixels per token."""
        return self.time_patch * self.patch**2

    @property
    def conditioning_tokens(self) -> int:
        """Tokens beside the video's own."""
        return self.bodies if self.conditioning == "numbers" else 0

    @property
    def conditioned_on(self) -> ConditioningSpec:
        return ConditioningSpec(self.conditioning, bodies=self.bodies, text=self.text)

    @property
    def description(self) -> str:
        """Its name among `sizes.SIZES`, or width and depth; and what it reads beside the frames."""
        from physscale.model.sizes import SIZES  # it names sizes of every kind

        reset = {name: self.NEUTRAL[name] for name in ("conditioning", "bodies", "text")}
        plain = replace(self, **reset)
        names = [name for name, size in SIZES.items() if size == plain]
        name = names[0] if names else f"d{self.width}x{self.depth}"
        return name if self.conditioning == "none" else f"{name}+{self.conditioning}"

    def build(self, shape: BackboneShape) -> "physscale.model.dit.DiT":
        from physscale.model.dit import DiT

        return DiT(self, shape=shape)

    def at_width(self, width: int) -> "DiTSpec":
        """With heads of the same width."""
        head_width = self.head_width if self.heads > 1 else HEAD_WIDTH
        return replace(self, width=width, heads=max(1, width // head_width))

    def grid(self, shape: BackboneShape) -> tuple[int, int, int]:
        """Tokens along time, height and width.

        Raises:
            UserError: where the patches do not divide the video.
        """
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

    def tokens(self, shape: BackboneShape) -> int:
        """Tokens of the video, without those of the conditioning."""
        return math.prod(self.grid(shape))

    def parameters(self, shape: BackboneShape) -> int:
        from physscale.model.dit_cost import parameters

        return parameters(self, shape=shape)

    def forward_flops(self, shape: BackboneShape) -> int:
        from physscale.model.dit_cost import forward_flops

        return forward_flops(self, shape=shape)

    def training_flops(self, shape: BackboneShape) -> int:
        from physscale.model.dit_cost import training_flops

        return training_flops(self, shape=shape)

    def memory(self, shape: BackboneShape, *, videos: int, autocast: Autocast) -> ActivationMemory:
        from physscale.model.dit_memory import memory

        return memory(self, shape=shape, videos=videos, autocast=autocast)

    def work(self, shape: BackboneShape, *, videos: int, autocast: Autocast) -> Work:
        from physscale.model.dit_cost import work

        return work(self, shape=shape, videos=videos, autocast=autocast)
