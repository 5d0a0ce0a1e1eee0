"""A small 3-D U-Net in values and by formula (read without torch; its network: `model/unet.py`).

Level l has `width` 2^l channels. On every axis that is longer than one, kernels are 3 wide and each
further level has half the positions (rounded up). A block is

    x = entry(x)
    x = x + conv(silu(film(norm(conv(silu(norm(x)))), t)))

in the order of the levels 0, 1, ..., L - 1, ..., 1, 0. The first entry is the stem. On the way down
it has stride 2; on the way up it mixes channels alone, is enlarged and is added to the level's
skip. For Muon a convolution is a matrix [C, C_in k]. Video diffusion by U-Nets: arXiv
2204.03458."""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from physscale.model.backbone_spec import (
    BACKBONES,
    ActivationMemory,
    Autocast,
    BlockMemory,
    Work,
)
from physscale.model.conditioning_spec import ConditioningSpec
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape
from physscale.records.limits import Limits, Range, check_limits

if TYPE_CHECKING:
    import physscale.model.unet

__all__ = ["Axes", "UNetSpec", "coarser", "kernel"]

Axes = tuple[int, int, int]
"""Along time, height and width."""

FLOAT = 4
HALF = 2


def kernel(grid: Axes) -> Axes:
    """3 on axes that are longer than one."""
    time, height, width = (3 if length > 1 else 1 for length in grid)
    return time, height, width


def coarser(grid: Axes) -> Axes:
    """The next level's positions."""
    time, height, width = ((length + 1) // 2 for length in grid)
    return time, height, width


class Block(NamedTuple):
    """Channels and positions of its input and of itself; weights of the entry and of one of its two
    other convolutions; positions at which the entry multiplies."""

    inputs: int
    before: int
    channels: int
    positions: int
    entry: int
    entry_positions: int
    convolution: int


@BACKBONES.register
@dataclass(frozen=True)
class UNetSpec:
    """A 3-D U-Net of `levels` levels with `width` channels on the finest."""

    LIMITS: ClassVar[Limits] = {"width": Range(2, 100_000), "levels": Range(1, 10)}

    width: int
    levels: int = 3

    def __post_init__(self) -> None:
        check_limits(self, self.LIMITS, what="model")
        if self.width % 2:
            raise UserError(f"model width={self.width}: must be even and at least 2")

    @property
    def conditioned_on(self) -> ConditioningSpec:
        return ConditioningSpec()

    @property
    def description(self) -> str:
        return f"unet{self.width}x{self.levels}"

    def build(self, shape: BackboneShape) -> "physscale.model.unet.UNet":
        from physscale.model.unet import UNet

        return UNet(self, shape=shape)

    def at_width(self, width: int) -> "UNetSpec":
        return replace(self, width=width)

    def grids(self, shape: BackboneShape) -> tuple[Axes, ...]:
        """Positions of each level."""
        grids = [(shape.frames, shape.height, shape.width)]
        while len(grids) < self.levels:
            grids.append(coarser(grids[-1]))
        return tuple(grids)

    def order(self) -> tuple[int, ...]:
        """The level of each block."""
        down = range(self.levels)
        return (*down, *reversed(down[:-1]))

    def parameters(self, shape: BackboneShape) -> int:
        w = self.width
        time = (w + 1) * w + (w + 1) * w
        head = math.prod(kernel(self.grids(shape)[0])) * w * shape.channels + shape.channels
        blocks = self._blocks(shape)
        film = sum((w + 1) * 2 * block.channels for block in blocks)
        biases = sum(3 * block.channels for block in blocks)
        return time + head + film + biases + sum(b.entry + 2 * b.convolution for b in blocks)

    def forward_flops(self, shape: BackboneShape) -> int:
        w, finest = self.width, self.grids(shape)[0]
        head = math.prod(kernel(finest)) * w * shape.channels * math.prod(finest)
        blocks = self._blocks(shape)
        film = sum(2 * w * block.channels for block in blocks)
        products = sum(
            block.entry * block.entry_positions + 2 * block.convolution * block.positions
            for block in blocks
        )
        return 2 * (head + 2 * w * w + film + products)

    def training_flops(self, shape: BackboneShape) -> int:
        """Neither the video nor the features of the time need a gradient."""
        stem = self._blocks(shape)[0]
        no_gradient = stem.entry * stem.entry_positions + self.width**2
        return 3 * self.forward_flops(shape) - 2 * no_gradient

    def memory(self, shape: BackboneShape, *, videos: int, autocast: Autocast) -> ActivationMemory:
        """A block keeps seven tensors of its size and the entry's input, the head three. What the
        head keeps is gone when the last block is recomputed."""
        bf16 = autocast != "none"
        cells = [videos * block.positions * block.channels for block in self._blocks(shape)]
        blocks = []
        for block, size in zip(self._blocks(shape), cells, strict=True):
            entry = videos * block.before * block.inputs * (HALF if bf16 else FLOAT)
            weights = (block.channels, block.convolution // block.channels)
            blocks.append(
                BlockMemory(
                    kept=size * (24 if bf16 else 7 * FLOAT) + entry,
                    input=FLOAT * videos * block.before * block.inputs,
                    matrices=((block.channels, block.entry // block.channels), weights, weights),
                )
            )
        return ActivationMemory(
            ends=(2 * FLOAT + (HALF if bf16 else FLOAT)) * cells[0],
            blocks=tuple(blocks),
            passing=FLOAT * cells[0],
            passing_again=-FLOAT * cells[0],
        )

    def work(self, shape: BackboneShape, *, videos: int, autocast: Autocast) -> Work:
        """As PyTorch's dispatcher counts them: bytes per number of a block, operations per
        block."""
        each, operations = (207, 52) if autocast == "none" else (245, 82)
        blocks = self._blocks(shape)
        numbers = videos * sum(block.positions * block.channels for block in blocks)
        return Work(
            attention_flops=0.0,
            bytes=float(each * numbers),
            operations=operations * len(blocks),
        )

    def _blocks(self, shape: BackboneShape) -> list[Block]:
        grids, order = self.grids(shape), self.order()
        blocks, inputs, before = [], shape.inputs, grids[0]
        for number, level in enumerate(order):
            channels, grid = self.width * 2**level, grids[level]
            upwards = number >= self.levels
            entry = (1 if upwards else math.prod(kernel(before))) * inputs * channels
            blocks.append(
                Block(
                    inputs,
                    math.prod(before),
                    channels,
                    math.prod(grid),
                    entry,
                    math.prod(before if upwards else grid),
                    math.prod(kernel(grid)) * channels**2,
                )
            )
            inputs, before = channels, grid
        return blocks
