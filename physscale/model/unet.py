"""A small 3-D U-Net over video latents, the plain alternative to a transformer.
`model/unet_spec.py` has formulas and structure.

Letters: B videos, T frames, I input channels, C latent channels, H W latent pixels, D width."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import group_norm, interpolate, silu

from physscale.model.backbone import Backbone
from physscale.model.time_embedding import time_embedding
from physscale.model.unet_spec import Axes, UNetSpec, kernel
from physscale.records.latent_shape import BackboneShape

__all__ = ["UNet"]


class UNet(Backbone):
    """`forward` maps x_BTIHW and t_B to [B, T, C, H, W]."""

    def __init__(self, spec: UNetSpec, *, shape: BackboneShape) -> None:
        super().__init__()
        self.spec, self.shape = spec, shape
        self.grids, self.order = spec.grids(shape), spec.order()
        d = spec.width
        self.time = nn.Sequential(nn.Linear(d, d), nn.SiLU(), nn.Linear(d, d), nn.SiLU())
        self.blocks = nn.ModuleList()
        inputs, above = shape.inputs, None
        for level in self.order:
            channels = d * 2**level
            entry = entry_of(inputs, channels, grid=self.grids[level], above=above)
            self.blocks.append(Block(entry, channels, grid=self.grids[level], features=d))
            inputs, above = channels, self.grids[level]
        self.head = convolution(d, shape.channels, size=kernel(self.grids[0]))

    def initialise(self, generator: torch.Generator) -> None:
        """Normal with variance 1 / fan-in; the second convolution of each block, the scales that
        depend on t and the head start at zero, so that the first prediction is zero."""
        for name, parameter in self.named_parameters():
            nn.init.zeros_(parameter)
            zero = name.startswith("head") or ".film." in name or ".second." in name
            if parameter.ndim > 1 and not zero:
                fan_in = parameter[0].numel()
                nn.init.normal_(parameter, std=fan_in**-0.5, generator=generator)

    def forward(
        self,
        x_BTIHW: Float[Tensor, "batch time inputs height width"],
        t_B: Float[Tensor, " batch"],
        conditioning: None = None,
    ) -> Float[Tensor, "batch time channels height width"]:
        x = x_BTIHW.transpose(1, 2)
        skips: list[Tensor] = []
        t_BD = self.time(time_embedding(t_B, features=self.spec.width))
        for number, block in enumerate(self.blocks):
            upwards = number >= self.spec.levels
            x = block(x, t_BD, skips.pop() if upwards else None)
            if number < self.spec.levels - 1:
                skips.append(x)
        x_BCTHW = self.head(silu(normalised(x)))
        return x_BCTHW.transpose(1, 2)

    def matrices(self) -> dict[str, tuple[int, int]]:
        """The blocks' convolutions, each as one matrix."""
        return {
            name: (len(parameter), parameter[0].numel())
            for name, parameter in self.named_parameters()
            if name.startswith("blocks.") and parameter.ndim == 5
        }

    def fan_in(self) -> dict[str, int]:
        return {
            name: parameter[0].numel()
            for name, parameter in self.named_parameters()
            if parameter.ndim > 1
        }

    def frame_features(
        self, output: Tensor, *, frame: int
    ) -> Float[Tensor, "batch rows columns features"]:
        """The number of channels tells the block's level."""
        level = int(math.log2(output.shape[1] // self.spec.width))
        return output[:, :, frame >> level].permute(0, 2, 3, 1)


class Block(nn.Module):
    """An entry from another level (or the stem), then x + conv(conv(x)); shift and scale come from
    the diffusion time."""

    def __init__(self, entry: nn.Module, channels: int, *, grid: Axes, features: int) -> None:
        super().__init__()
        self.grid, self.entry = grid, entry
        self.first = convolution(channels, channels, size=kernel(grid))
        self.film = nn.Linear(features, 2 * channels)
        self.second = convolution(channels, channels, size=kernel(grid))

    def forward(self, x: Tensor, t_BD: Tensor, skip: Tensor | None) -> Tensor:
        x = self.entry(x)
        if skip is not None:
            x = skip + interpolate(x, size=self.grid, mode="nearest")
        shift, scale = self.film(t_BD)[:, :, None, None, None].chunk(2, dim=1)
        hidden = normalised(self.first(silu(normalised(x))))
        moved: Tensor = x + self.second(silu(torch.addcmul(hidden + shift, hidden, scale)))
        return moved


def entry_of(inputs: int, channels: int, *, grid: Axes, above: Axes | None) -> nn.Module:
    """The entry: from the video, from a finer level with stride 2, or from a coarser level by a
    product over channels (before enlarging, which is equivalent and cheaper)."""
    if above is None:
        return convolution(inputs, channels, size=kernel(grid))
    if channels > inputs:
        return convolution(inputs, channels, size=kernel(above), stride=2)
    return convolution(inputs, channels, size=(1, 1, 1))


def convolution(inputs: int, outputs: int, *, size: Axes, stride: int = 1) -> nn.Conv3d:
    """Zeros around the video keep its size (or its half, rounded up)."""
    padding = (size[0] // 2, size[1] // 2, size[2] // 2)
    return nn.Conv3d(inputs, outputs, size, stride=stride, padding=padding)


def normalised(x: Tensor) -> Tensor:
    """Mean 0 and variance 1 over channels and positions of each video."""
    return group_norm(x.float(), 1)
