"""The backbone protocol as a network: what training, checkpoints and probes need.

Nothing outside `physscale/model` knows which backbone it holds."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from physscale.records.latent_shape import BackboneShape

__all__ = ["Backbone"]


class Backbone(nn.Module, ABC):
    """`forward(x, t, conditioning=None)` maps x [B, T, inputs, H, W] and t [B] to [B, T, channels,
    H, W]. The videos of a batch do not affect each other.

    Attributes:
        shape: the latents that it reads and predicts.
        blocks: the parts that are compiled, recomputed and sharded, each as one, in the order in
            which they run.
    """

    shape: BackboneShape
    blocks: nn.ModuleList

    @abstractmethod
    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights from the generator. The first prediction should be zero."""

    @abstractmethod
    def matrices(self) -> dict[str, tuple[int, int]]:
        """Rows and columns of the matrices that Muon updates, by the parameter's name. A parameter
        may hold several matrices, one after another. AdamW updates all other parameters."""

    @abstractmethod
    def fan_in(self) -> dict[str, int]:
        """Fan-in of each matrix whose learning rate muP scales, by the parameter's name."""

    @abstractmethod
    def frame_features(
        self, output: Tensor, *, frame: int
    ) -> Float[Tensor, "batch rows columns features"]:
        """The part of one layer's output that belongs to a frame."""

    def layers(self) -> dict[str, nn.Module]:
        """The layers whose outputs probes read, in the order in which they run."""
        return {f"block {number}": block for number, block in enumerate(self.blocks, 1)}

    @property
    def shape_of_video(self) -> tuple[int, int, int, int]:
        """T, C, H, W."""
        shape = self.shape
        return shape.frames, shape.channels, shape.height, shape.width
