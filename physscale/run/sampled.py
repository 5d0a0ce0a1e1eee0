"""What a trained model made of a test split's videos, part by part, and how an interrupted split is
kept on disk."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from jaxtyping import Bool, Float32, UInt8

from physscale.records.errors import DamagedData
from physscale.records.store import read_folder, write_folder
from physscale.run.spec import RunSpec, TestSplit

__all__ = ["Sampled"]

_FILE = "rows.safetensors"


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """One row per video of the split; only those of `done` are there.

    Attributes:
        samples, recoded: frames of the model's videos, and of the true ones after the codec.
        from_given, as_trained: as `flow.objective.HeldOutErrors`.
    """

    done: Bool[np.ndarray, " videos"]
    samples: UInt8[np.ndarray, "videos time size size 3"]
    recoded: UInt8[np.ndarray, "videos time size size 3"]
    from_given: Float32[np.ndarray, " videos"]
    as_trained: Float32[np.ndarray, " videos"]

    @staticmethod
    def empty(run: RunSpec, split: TestSplit) -> "Sampled":
        """No row is there."""
        videos, size = split.data.videos, run.canvas.size_px
        frames = (videos, split.data.frames, size, size, 3)
        return Sampled(
            done=np.zeros(videos, np.bool_),
            samples=np.zeros(frames, np.uint8),
            recoded=np.zeros(frames, np.uint8),
            from_given=np.zeros(videos, np.float32),
            as_trained=np.zeros(videos, np.float32),
        )

    @staticmethod
    def read(folder: Path, *, run: RunSpec, split: TestSplit) -> "Sampled":
        """The rows that `write` kept in this folder; none where it is missing or damaged."""
        try:
            return Sampled(**safetensors.numpy.load_file(read_folder(folder) / _FILE))
        except DamagedData:
            return Sampled.empty(run, split)

    def write(self, folder: Path) -> None:
        """Keep the rows in this folder, whole or not at all."""
        with write_folder(folder) as temporary:
            safetensors.numpy.save_file(
                {name: np.ascontiguousarray(getattr(self, name)) for name in _NAMES},
                temporary / _FILE,
            )

    def put(self, rows: slice, result: tuple[torch.Tensor, ...]) -> None:
        """These rows are there: samples, recoded, from_given, as_trained."""
        for name, tensor in zip(_NAMES[1:], result, strict=True):
            getattr(self, name)[rows] = tensor.numpy()
        self.done[rows] = True


_NAMES = ("done", "samples", "recoded", "from_given", "as_trained")
