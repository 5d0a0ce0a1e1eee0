"""What a codec may compute with: finite floating-point numbers. NaN and overflow would become black
pixels, and the run would go on."""

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from physscale.records.errors import DamagedData, UserError, one_line

__all__ = ["check_weights", "read_weights", "sound"]


def read_weights(file: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file, unchecked. Raises DamagedData for any other file."""
    try:
        return safetensors.torch.load_file(file)
    except (safetensors.SafetensorError, OSError) as error:
        raise DamagedData(f"{file}: not a safetensors file ({one_line(error)[:120]})") from error


def check_weights(weights: Mapping[str, Tensor], *, file: Path) -> None:
    """Raises UserError for weights that are whole numbers (a quantised file), NaN or infinite."""
    for name, tensor in weights.items():
        if not tensor.is_floating_point():
            raise UserError(
                f"{file}: {name} holds {str(tensor.dtype).removeprefix('torch.')}; a codec needs "
                "weights in floating point, not quantised ones"
            )
        if not bool(tensor.isfinite().all()):
            raise UserError(f"{file}: {name} holds NaN or infinity; a codec needs finite weights")


def sound(numbers: Tensor, *, what: str) -> Tensor:
    """The numbers themselves. Raises UserError if one is NaN or infinite."""
    if not bool(torch.isfinite(numbers).all()):
        raise UserError(f"codec: {what} are not finite (NaN or an overflow); use other weights")
    return numbers
