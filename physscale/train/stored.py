"""The tensors of a checkpoint: how they lie in files, and how each is read back whole.

Format 2: four kinds of tensors, each under the model's own names. A checkpoint of one part has the
files `model`, `ema`, `first` and `second`. One of several parts has `model-00001-of-00004` and so
on, in which every tensor has the rows of one worker; the parts in order are the whole.

Format 1 has one part, and both moments in `moments`, as vectors of `train/flat.py`."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from physscale.model.backbone import Backbone
from physscale.records.errors import DamagedData, one_line
from physscale.records.fault import point
from physscale.records.json_value import parsed
from physscale.records.regular import regular
from physscale.train.flat import layout_of

__all__ = ["FORMAT", "KINDS", "Stored", "Tensors", "read_state", "readable", "write_tensors"]

FORMAT = 2

KINDS = ("model", "ema", "first", "second")
"""Values, their average, and the optimiser's two moments."""

Tensors = Mapping[str, Mapping[str, Tensor]]
"""Tensors by kind, then by the model's name."""


@contextlib.contextmanager
def readable(folder: Path) -> Iterator[None]:
    """A manifest says that files are as they were written, not that they were written by us: what
    cannot be understood inside is a checkpoint of something else."""
    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        safetensors.SafetensorError,
    ) as error:
        raise DamagedData(
            f"{folder}: not a checkpoint that this version reads ({type(error).__name__}: "
            f"{one_line(error)[:160]})"
        ) from error


def read_state(folder: Path) -> dict[str, Any]:
    """What `state.json` says. Raises DamagedData for a format that this version does not know."""
    with readable(folder):
        state: dict[str, Any] = parsed(regular(folder / "state.json").read_text())
        if state["format"] not in range(1, FORMAT + 1):
            raise DamagedData(
                f"{folder}: a checkpoint of format {str(state['format'])[:20]}, this version reads "
                f"1 to {FORMAT}: go on with the version that wrote it"
            )
        return state


@dataclass(frozen=True)
class Stored:
    """A checkpoint whose manifest verifies. Files are mapped into memory, so one tensor is read at
    a time. `model` has the shapes that format 1 needs.

    Raises:
        DamagedData: when it is read and not a checkpoint of ours.
    """

    folder: Path
    model: Backbone

    @cached_property
    def state(self) -> dict[str, Any]:
        """What `state.json` says."""
        return read_state(self.folder)

    def tensor(self, kind: str, name: str) -> Tensor:
        """One tensor, whole, on the CPU."""
        with readable(self.folder):
            if self.state["format"] == 1 and kind in ("first", "second"):
                return self._moments[kind][name]
            parts = [file.get_tensor(name) for file in self._files[kind]]
            return parts[0] if len(parts) == 1 else torch.cat(parts)

    @cached_property
    def losses(self) -> Tensor:
        """[step]"""
        with readable(self.folder):
            return safetensors.torch.load_file(self.folder / "losses.safetensors")["losses"]

    @cached_property
    def _files(self) -> dict[str, list[Any]]:
        parts = self.state.get("parts", 1)
        return {
            kind: [
                safetensors.safe_open(
                    file_of(self.folder, kind=kind, part=part, parts=parts), framework="pt"
                )
                for part in range(parts)
            ]
            for kind in KINDS
            if self.state["format"] > 1 or kind in ("model", "ema")
        }

    @cached_property
    def _moments(self) -> dict[str, dict[str, Tensor]]:
        flat = safetensors.torch.load_file(self.folder / "moments.safetensors")
        layout = layout_of(self.model)
        return {kind: layout.named(vector) for kind, vector in flat.items()}


def write_tensors(folder: Path, tensors: Tensors, *, part: int, parts: int) -> list[Path]:
    """Write one part; its files."""
    files = []
    for kind, named in tensors.items():
        files.append(file_of(folder, kind=kind, part=part, parts=parts))
        safetensors.torch.save_file(dict(named), files[-1])
        point("tensors written")
    return files


def file_of(folder: Path, *, kind: str, part: int, parts: int) -> Path:
    stem = kind if parts == 1 else f"{kind}-{part + 1:05d}-of-{parts:05d}"
    return folder / f"{stem}.safetensors"
