"""The diffusion formalism of a run, in values (read without torch)."""

from dataclasses import dataclass
from typing import Literal

from physscale.records.errors import UserError

__all__ = ["FlowSpec"]


@dataclass(frozen=True)
class FlowSpec:
    """What the network predicts (`x`: the clean latents, `v`: the velocity eps - x0), how much training and sampling dwell at high noise
    (`shift`), how many Euler steps a sample takes, and how many first frames are given."""

    prediction: Literal["x", "v"] = "x"
    shift: float = 8.0
    sampler_steps: int = 5
    condition_frames: int = 3

    def __post_init__(self) -> None:
        if self.prediction not in ("x", "v"):
            raise UserError(f"flow prediction={self.prediction!r}: allowed are 'x' and 'v'")
        if not self.shift > 0:
            raise UserError(f"flow shift={self.shift}: must be above 0 (1 leaves times as they are)")
        if self.sampler_steps < 1:
            raise UserError(f"flow sampler_steps={self.sampler_steps}: must be at least 1")
        if self.condition_frames < 0:
            raise UserError(f"flow condition_frames={self.condition_frames}: must be at least 0")
