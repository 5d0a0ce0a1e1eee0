"""The diffusion formalism of a run, in values (read without torch)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from physscale.records.errors import UserError

__all__ = ["FlowSpec", "PathName", "SamplerName"]

PathName = Literal["rectified", "cosine"]
SamplerName = Literal["ddim", "euler", "heun"]


@dataclass(frozen=True)
class FlowSpec:
    """What the network predicts (`x`: the clean latents, `v`: the velocity), on which path
    (`flow/path.py`); how much training and sampling dwell at high noise (`shift`); how a sample is
    drawn and in how many steps; how many first frames are given.

    With `guidance` w other than 1 a sample follows x0(nothing given) + w (x0(given) - x0(nothing
    given)), on all channels, for which the given frames must have been dropped from a share
    `condition_dropout` of the training videos (arXiv 2207.12598); what a model is told beside the
    frames is dropped with them."""

    NEUTRAL: ClassVar[dict[str, Any]] = {
        "path": "rectified",
        "sampler": "ddim",
        "guidance": 1.0,
        "condition_dropout": 0.0,
    }

    prediction: Literal["x", "v"] = "x"
    shift: float = 8.0
    sampler_steps: int = 5
    condition_frames: int = 3
    path: PathName = "rectified"
    sampler: SamplerName = "ddim"
    guidance: float = 1.0
    condition_dropout: float = 0.0

    def __post_init__(self) -> None:
        for name, allowed in (
            ("prediction", ("x", "v")),
            ("path", get_args(PathName)),
            ("sampler", get_args(SamplerName)),
        ):
            if getattr(self, name) not in allowed:
                raise UserError(
                    f"flow {name}={getattr(self, name)!r}: allowed are {', '.join(allowed)}"
                )
        if not self.shift > 0:
            raise UserError(
                f"flow shift={self.shift}: must be above 0 (1 leaves times as they are)"
            )
        if self.sampler_steps < 1:
            raise UserError(f"flow sampler_steps={self.sampler_steps}: must be at least 1")
        if self.condition_frames < 0:
            raise UserError(f"flow condition_frames={self.condition_frames}: must be at least 0")
        if not 0 <= self.condition_dropout < 1:
            raise UserError(
                f"flow condition_dropout={self.condition_dropout}: must be at least 0 and below 1"
            )
        if self.guidance != 1 and not self.condition_dropout:
            raise UserError(
                f"flow guidance={self.guidance}: needs condition_dropout above 0, so that the "
                "model knows both cases"
            )
