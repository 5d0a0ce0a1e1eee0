"""What a frame looks like: its size and its style."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from physscale.records.errors import UserError
from physscale.records.limits import Limits, Range, check_limits

Style = Literal["exact", "paper", "hard"]


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """A square white canvas of `size_px`; pixel (col, row) covers [col, col+1) × [row, row+1), row
    0 on top.

    `exact` blends every pixel by the area that a body covers of it. `paper` draws as the official
    generator of arXiv 2411.02385 does: pixel centres at linspace(0, 1, size), discs with a soft
    edge inside them, squares with a hard one; kept so that its numbers can be met. `hard` gives a
    pixel the colour of the last body that covers its centre, as PHYRE's painter does: few colours,
    which a palette holds."""

    LIMITS: ClassVar[Limits] = {"size_px": Range(8, 2048)}

    size_px: int = 32
    style: Style = "exact"

    def __post_init__(self) -> None:
        check_limits(self, self.LIMITS, what="canvas")
        if self.style not in get_args(Style):
            raise UserError(f"canvas style={self.style!r}: use one of {', '.join(get_args(Style))}")
