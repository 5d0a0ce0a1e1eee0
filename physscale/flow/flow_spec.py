"""Diffusion, or flow matching, in values (read without torch)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from physscale.flow.objective_spec import OBJECTIVES
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape, LatentShape
from physscale.records.limits import Limits, Range, check_limits

if TYPE_CHECKING:
    import physscale.flow.diffusion

__all__ = ["HELD_OUT_TIMES", "FlowSpec", "PathName", "SamplerName"]

HELD_OUT_TIMES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Where the held-out error is measured."""

PathName = Literal["rectified", "cosine"]
SamplerName = Literal["ddim", "euler", "heun"]


@OBJECTIVES.register
@dataclass(frozen=True)
class FlowSpec:
    """The network denoises all frames of a video at once.

    With `guidance` w other than 1, a sample follows x0(nothing given) + w (x0(given) - x0(nothing
    given)), on all channels (arXiv 2207.12598). Guidance needs `condition_dropout`: the share of
    training videos whose given frames and conditioning are dropped.

    Attributes:
        prediction: what the network predicts: the clean latents (`x`) or the velocity (`v`).
        shift: above 1, training and sampling dwell at high noise (`flow/path.py`).
        sampler, sampler_steps: how a sample is drawn (`flow/solver.py`).
        condition_frames: how many first frames are given.
        path: from the clean latents to noise (`flow/path.py`).
    """

    NEUTRAL: ClassVar[dict[str, Any]] = {
        "path": "rectified",
        "sampler": "ddim",
        "guidance": 1.0,
        "condition_dropout": 0.0,
    }
    LIMITS: ClassVar[Limits] = {
        "shift": Range(0.001, 1000),
        "sampler_steps": Range(1, 100_000),
        "condition_frames": Range(0, 10_000),
        "guidance": Range(0, 1000),
        "condition_dropout": Range(0, 1, "high"),
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
        check_limits(self, self.LIMITS, what="flow")
        if self.guidance != 1 and not self.condition_dropout:
            raise UserError(
                f"flow guidance={self.guidance}: needs condition_dropout above 0, so that the "
                "model knows both cases"
            )

    @property
    def description(self) -> str:
        return ""

    @property
    def packs(self) -> bool:
        """Which given frames are dropped changes how many frames are scored."""
        return not self.condition_dropout

    def backbone_shape(self, shape: LatentShape) -> BackboneShape:
        """Noisy latents, given frames (zero elsewhere) and the mask of the given frames,
        side by side (`flow/condition.py`).

        Raises:
            UserError: where no frame is left to generate.
        """
        if self.condition_frames >= shape.frames:
            raise UserError(
                f"flow condition_frames={self.condition_frames}: must be below the videos' "
                f"{shape.frames} frames"
            )
        return BackboneShape(
            frames=shape.frames,
            inputs=2 * shape.channels + 1,
            channels=shape.channels,
            height=shape.height,
            width=shape.width,
        )

    def passes(self, shape: LatentShape) -> int:
        return 1

    def held_out_passes(self, shape: LatentShape) -> int:
        return len(HELD_OUT_TIMES)

    def sampling_passes(self, shape: LatentShape) -> int:
        """Heun looks twice at each step but the last; guidance asks with and without the given
        frames."""
        steps = self.sampler_steps
        times = 2 * steps - 1 if self.sampler == "heun" else steps
        return times if self.guidance == 1 else 2 * times

    def step_bytes(self, shape: LatentShape, *, videos: int) -> int:
        """The model's input; clean and noisy latents, noise, prediction and its error."""
        ports = self.backbone_shape(shape)
        return 4 * videos * ports.positions * (ports.inputs + 5 * shape.channels)

    def probed_frame(self, shape: LatentShape) -> int:
        """The last one: the network works out all of them at once."""
        return shape.frames - 1

    def build(self) -> "physscale.flow.diffusion.Diffusion":
        from physscale.flow.diffusion import Diffusion

        return Diffusion(self)
