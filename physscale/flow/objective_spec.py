"""The objective protocol in values: what a network is trained to predict, and how videos are drawn
from it. No torch is needed to read it.

A new objective is a frozen dataclass that fulfils `ObjectiveSpec` and is registered in
`OBJECTIVES`, and an `Objective` (`flow/objective.py`) that `build` returns:
`docs/extend/my_objective.md`."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from physscale.records.latent_shape import BackboneShape, LatentShape
from physscale.records.registry import Registry
from physscale.records.spec import written_name

if TYPE_CHECKING:
    import physscale.flow.objective

__all__ = ["OBJECTIVES", "ObjectiveSpec"]


@runtime_checkable
class ObjectiveSpec(Protocol):
    """What is learned, in values: a frozen dataclass."""

    @property
    def condition_frames(self) -> int:
        """How many first frames are given."""

    @property
    def description(self) -> str:
        """A word for labels; empty for diffusion, which labels leave out."""

    @property
    def packs(self) -> bool:
        """Whether the losses of several runs can be computed as one (`train/pack.py`): no shape in
        `Share.loss` depends on values that are drawn."""

    def backbone_shape(self, shape: LatentShape) -> BackboneShape:
        """What the backbone maps when the videos have this shape."""

    def passes(self, shape: LatentShape) -> int:
        """Passes through the backbone per training video."""

    def held_out_passes(self, shape: LatentShape) -> int:
        """Forward passes per video whose errors are measured (`Objective.held_out`)."""

    def sampling_passes(self, shape: LatentShape) -> int:
        """Forward passes per video that is sampled."""

    def step_bytes(self, shape: LatentShape, *, videos: int) -> int:
        """Memory of a training step on so many videos, beside the backbone's own."""

    def probed_frame(self, shape: LatentShape) -> int:
        """The latent frame whose state probes look for in the backbone's features: one that the
        backbone works out from the given frames alone."""

    def build(self) -> "physscale.flow.objective.Objective":
        """What trains, measures and samples a backbone."""


OBJECTIVES: Registry[type] = Registry(
    "objective",
    name_of=written_name,
    built_in="physscale.flow.objectives",
    protocol=ObjectiveSpec,
)
"""Every kind of objective, by its class's name."""
