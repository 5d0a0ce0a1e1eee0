"""A backbone from outside the package: an MLP-Mixer over the frames of a video (arXiv 2105.01601).

Each frame is a vector. A block mixes frames, then channels:

    x + W_time norm(x) + b,    then    x + W_down silu(W_up norm(x))
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, silu

from physscale.model.backbone import Backbone
from physscale.model.backbone_spec import (
    BACKBONES,
    ActivationMemory,
    Autocast,
    BlockMemory,
    Work,
)
from physscale.model.conditioning_spec import ConditioningSpec
from physscale.model.time_embedding import time_embedding
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape

__all__ = ["Mixer", "MixerSpec"]


@BACKBONES.register
@dataclass(frozen=True)
class MixerSpec:
    """`depth` blocks of `width` channels per frame."""

    width: int
    depth: int = 2

    def __post_init__(self) -> None:
        if self.width < 2 or self.width % 2 or self.depth < 1:
            raise UserError(
                f"model width={self.width}, depth={self.depth}: width must be even, depth at "
                "least 1"
            )

    @property
    def conditioned_on(self) -> ConditioningSpec:
        return ConditioningSpec()  # it reads nothing beside the frames

    @property
    def description(self) -> str:
        return f"mixer{self.width}x{self.depth}"

    def build(self, shape: BackboneShape) -> "Mixer":
        return Mixer(self, shape)

    def at_width(self, width: int) -> "MixerSpec":
        return replace(self, width=width)

    def parameters(self, shape: BackboneShape) -> int:
        d, frames, pixels = self.width, shape.frames, shape.height * shape.width
        block = (frames + 1) * frames + (d + 1) * 2 * d + (2 * d + 1) * d
        ends = (shape.inputs * pixels + 1) * d + (d + 1) * shape.channels * pixels
        return self.depth * block + ends + (d + 1) * d

    def forward_flops(self, shape: BackboneShape) -> int:
        d, frames, pixels = self.width, shape.frames, shape.height * shape.width
        block = frames * frames * d + 4 * d * d * frames
        ends = (shape.inputs + shape.channels) * pixels * d * frames
        return 2 * (self.depth * block + ends + d * d)

    def training_flops(self, shape: BackboneShape) -> int:
        """The video and the features of the time need no gradient."""
        first = shape.inputs * shape.height * shape.width * self.width * shape.frames
        return 3 * self.forward_flops(shape) - 2 * (first + self.width**2)

    def memory(self, shape: BackboneShape, *, videos: int, autocast: Autocast) -> ActivationMemory:
        """An upper bound: float32 whatever the products are. A block keeps two inputs, two normed
        ones, and the MLP's hidden layer twice."""
        d, frames = self.width, shape.frames
        size = 4 * videos * frames * d
        matrices = ((frames, frames), (2 * d, d), (d, 2 * d))
        block = BlockMemory(kept=8 * size, input=size, matrices=matrices)
        return ActivationMemory(
            ends=3 * size, blocks=(block,) * self.depth, passing=3 * size, passing_again=0
        )

    def work(self, shape: BackboneShape, *, videos: int, autocast: Autocast) -> Work:
        """No attention; a block reads and writes about fifty times its input, in about 40
        operations."""
        size = 4 * videos * shape.frames * self.width
        return Work(attention_flops=0.0, bytes=50.0 * self.depth * size, operations=40 * self.depth)


class Mixer(Backbone):
    """`forward` maps x [B, T, I, H, W] and t [B] to [B, T, C, H, W]."""

    def __init__(self, spec: MixerSpec, shape: BackboneShape) -> None:
        super().__init__()
        self.shape, self.width = shape, spec.width
        pixels = shape.height * shape.width
        self.embed = nn.Linear(shape.inputs * pixels, spec.width)
        self.time = nn.Linear(spec.width, spec.width)
        self.blocks = nn.ModuleList([Block(spec.width, shape.frames) for _ in range(spec.depth)])
        self.head = nn.Linear(spec.width, shape.channels * pixels)

    def forward(self, x: Tensor, t: Tensor, conditioning: None = None) -> Tensor:
        hidden = self.embed(x.flatten(2))
        hidden = hidden + self.time(time_embedding(t, features=self.width)).unsqueeze(1)
        for block in self.blocks:
            hidden = block(hidden)
        output: Tensor = self.head(layer_norm(hidden, hidden.shape[-1:]))
        return output.view(len(x), *self.shape_of_video)

    def initialise(self, generator: torch.Generator) -> None:
        for name, parameter in self.named_parameters():
            nn.init.zeros_(parameter)
            if parameter.ndim == 2 and not name.startswith("head"):
                nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5, generator=generator)

    def matrices(self) -> dict[str, tuple[int, int]]:
        return {
            name: (parameter.shape[0], parameter.shape[1])
            for name, parameter in self.named_parameters()
            if name.startswith("blocks.") and parameter.ndim == 2
        }

    def fan_in(self) -> dict[str, int]:
        return {
            name: parameter.shape[1]
            for name, parameter in self.named_parameters()
            if parameter.ndim == 2
        }

    def frame_features(self, output: Tensor, *, frame: int) -> Tensor:
        return output[:, frame, None, None]


class Block(nn.Module):
    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.frames = nn.Linear(frames, frames)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.frames(layer_norm(x, x.shape[-1:]).mT).mT
        moved: Tensor = x + self.down(silu(self.up(layer_norm(x, x.shape[-1:]))))
        return moved
