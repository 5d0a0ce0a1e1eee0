"""The protocol of a codec's spec: what a codec is, as values, and what it can say without torch.

A codec of your own is one module: a frozen dataclass below `CodecSpec`, registered in `CODECS`, and
the codec that it builds (`codec/protocol.py`). `docs/extend/video_vae.md` shows one."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from physscale.codec.training_spec import VaeTraining
from physscale.records.errors import UserError
from physscale.records.latent_shape import LatentShape
from physscale.records.registry import Registry
from physscale.records.spec import written_name
from physscale.train.context import ALONE, Context

if TYPE_CHECKING:
    from torch import Tensor

    from physscale.codec.protocol import Codec

__all__ = ["CODECS", "CodecInputs", "CodecSpec"]

Report = Callable[[int, int, Mapping[str, float]], None]
"""Receives the number of steps done, the number of all steps, and the parts of the loss."""


@dataclass(frozen=True, kw_only=True)
class CodecInputs:
    """What a codec is built from.

    Attributes:
        stills: the frames of the motion-free corpus, u8[n, H, W, 3].
        device: where to build it, "cpu" or "cuda".
        report: receives every training step.
        training: how to train; None if the recipe names no training.
        weights: the file whose SHA-256 the recipe names, if it names one.
        context: the workers that build it together, and who asks them to stop.
        checkpoints: where a training by steps is saved, so that a killed one goes on.
        perceptual: maps two batches of frames f32[n, 3, H, W] in -1..1 to their mean distance, if
            the training asks for one.
    """

    stills: UInt8[np.ndarray, "stills height width 3"]
    device: str
    report: Report
    training: VaeTraining | None = None
    weights: Path | None = None
    context: Context = ALONE
    checkpoints: Path | None = None
    perceptual: "Callable[[Tensor, Tensor], Tensor] | None" = None


@runtime_checkable
class CodecSpec(Protocol):
    """What a codec is: a frozen dataclass whose methods import torch only where they need it."""

    @abstractmethod
    def latents(self, *, frames: int, size_px: int) -> LatentShape:
        """The shape of one video's latents. Raises UserError if the codec cannot encode this
        size or number of frames."""

    def video_frames(self, latent_frames: int) -> int:
        """How many first frames of a video these first latent frames hold. A codec that compresses
        time must answer."""
        return latent_frames

    @abstractmethod
    def encoding_flops(self, *, frames: int, size_px: int) -> float:
        """Floating-point operations of the matrix products that encode one video (a multiply-add
        counts as 2)."""

    def training_flops(self, training: VaeTraining, *, size_px: int) -> float:
        """The same of the whole training that makes the codec. 0 unless the spec trains by
        steps."""
        return 0.0

    def training_memory(self, training: VaeTraining, *, size_px: int, workers: int = 1) -> int:
        """Bytes on one device at the fullest moment of that training, which this many workers
        share. 0 unless the spec trains by steps."""
        return 0

    def trained_parameters(self) -> int:
        """How many numbers that training changes. 0 unless the spec trains by steps."""
        return 0

    @abstractmethod
    def build(self, inputs: CodecInputs) -> "Codec":
        """The codec, fitted or trained. The same inputs on the same machine give the same codec.
        Every worker of the context calls it; what the first one gets is kept."""

    @abstractmethod
    def load(self, folder: Path) -> "Codec":
        """The codec that its `save` wrote into this folder."""

    def check_recipe(self, *, training: VaeTraining | None, weights: str | None) -> None:
        """Raises UserError for a recipe that gives this codec what it does not take, or lacks what
        it needs. Unless a spec says otherwise, it takes neither training nor weights."""
        if training is not None or weights is not None:
            raise UserError(
                f"codec training, weights: {type(self).__name__} takes neither; leave them out, or "
                "choose a codec that is trained"
            )

    def check_stills(self, *, stills: int, size_px: int) -> None:
        """Raises UserError if this codec cannot be made of so many still frames of this size.
        Unless a spec says otherwise, any will do."""
        return

    def check_weights(self, file: Path) -> None:
        """Raises UserError if this file of weights does not fit the spec. Called before a run
        spends anything; a spec whose recipe takes weights must answer."""
        raise AssertionError(f"{type(self).__name__} takes no weights, {file.name}")


CODECS: Registry[type] = Registry(
    "codec", name_of=written_name, built_in="physscale.codec.kinds", protocol=CodecSpec
)
"""Every kind of codec spec, by the name under which it is written."""
