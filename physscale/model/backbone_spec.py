"""The backbone protocol in values: a run's configuration of its network, and the network's cost by
formula. No torch is needed to read it.

A new backbone is a frozen dataclass that fulfils `BackboneSpec` and is registered in `BACKBONES`,
and a network (`model/backbone.py`) that `build` returns; `docs/extend/my_backbone.md` adds one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from physscale.model.conditioning_spec import ConditioningSpec
from physscale.records.latent_shape import BackboneShape
from physscale.records.registry import Registry
from physscale.records.spec import written_name

if TYPE_CHECKING:
    import physscale.model.backbone

__all__ = ["BACKBONES", "ActivationMemory", "Autocast", "BackboneSpec", "BlockMemory", "Work"]

Autocast = Literal["none", "cpu", "cuda"]
"""Products in float32, or in bfloat16 by the autocast of this kind of device. That of CUDA widens
the operands of more operations (`addcmul` among them) to float32 than that of the CPU."""


@dataclass(frozen=True, kw_only=True)
class BlockMemory:
    """One block, in bytes for all videos that pass at once.

    Attributes:
        kept: what the forward pass keeps for the backward pass.
        input: the block's input alone, which is kept when the block is recomputed.
        matrices: rows and columns of each matrix that Muon moves.
        products: the results of linear layers and attention, which are kept beside the input when
            all else is recomputed.
    """

    kept: int
    input: int
    matrices: tuple[tuple[int, int], ...]
    products: int = 0

    @property
    def numbers(self) -> int:
        """Numbers in the block's matrices."""
        return sum(rows * columns for rows, columns in self.matrices)


@dataclass(frozen=True, kw_only=True)
class ActivationMemory:
    """Memory of a forward and backward pass, in bytes.

    Attributes:
        ends: kept outside the blocks.
        blocks: in the order in which they run.
        passing: gradients in transit, beside what is kept.
        passing_again: the same while a block is recomputed.
    """

    ends: int
    blocks: tuple[BlockMemory, ...]
    passing: int
    passing_again: int


@dataclass(frozen=True, kw_only=True)
class Work:
    """A forward and backward pass beside its products, for the time that plans predict.

    Attributes:
        attention_flops: the part of the forward pass's FLOPs that is attention between tokens.
        bytes: read and written by all operations that are neither products nor attention.
        operations: that the host starts.
    """

    attention_flops: float
    bytes: float
    operations: int


@runtime_checkable
class BackboneSpec(Protocol):
    """What a backbone is, in values: a frozen dataclass."""

    def __hash__(self) -> int: ...

    @property
    def width(self) -> int:
        """The size along which learning rates are transferred, and that muP scales."""

    @property
    def conditioned_on(self) -> ConditioningSpec:
        """What the backbone reads beside the frames."""

    @property
    def description(self) -> str:
        """A word or two for tables, as in "d64"."""

    def build(self, shape: BackboneShape) -> "physscale.model.backbone.Backbone":
        """The network, its weights not yet drawn."""

    def at_width(self, width: int) -> "BackboneSpec":
        """The same backbone at another width. Raises UserError if that width is not possible."""

    def parameters(self, shape: BackboneShape) -> int:
        """Number of trained numbers."""

    def forward_flops(self, shape: BackboneShape) -> int:
        """Floating-point operations of one forward pass on one video (a multiply-add is 2): those
        of matrix products and convolutions."""

    def training_flops(self, shape: BackboneShape) -> int:
        """The same of one forward and backward pass on one video."""

    def memory(self, shape: BackboneShape, *, videos: int, autocast: Autocast) -> ActivationMemory:
        """Memory for `videos` videos at once."""

    def work(self, shape: BackboneShape, *, videos: int, autocast: Autocast) -> Work:
        """What `videos` videos cost in time beside their products; an estimate will do."""


BACKBONES: Registry[type] = Registry(
    "backbone", name_of=written_name, built_in="physscale.model.backbones", protocol=BackboneSpec
)
"""Every kind of backbone, by its class's name."""
