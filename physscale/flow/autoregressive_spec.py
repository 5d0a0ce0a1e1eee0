"""Next-frame prediction in latent space, in values (read without torch)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from physscale.flow.objective_spec import OBJECTIVES
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape, LatentShape
from physscale.records.limits import Limits, Range, check_limits

if TYPE_CHECKING:
    import physscale.flow.autoregressive

__all__ = ["AutoregressiveSpec"]


@OBJECTIVES.register
@dataclass(frozen=True)
class AutoregressiveSpec:
    """The network predicts each frame from the `context_frames` before it, trained on true frames
    (teacher forcing); a sample rolls out from the given frames.

    Attributes:
        condition_frames: how many first frames are given.
        context_frames: how many frames the network sees. Those before the video's first are masked.
        context_noise: standard deviation of the noise on the context in training, in latent units.
            It curbs the drift of long roll-outs (arXiv 2002.09405).
    """

    LIMITS: ClassVar[Limits] = {
        "condition_frames": Range(1, 10_000),
        "context_frames": Range(1, 10_000),
        "context_noise": Range(0, 1000),
    }

    condition_frames: int = 3
    context_frames: int = 3
    context_noise: float = 0.0

    def __post_init__(self) -> None:
        check_limits(self, self.LIMITS, what="autoregressive")

    @property
    def description(self) -> str:
        return "next-frame"

    @property
    def packs(self) -> bool:
        return True

    def backbone_shape(self, shape: LatentShape) -> BackboneShape:
        """A window: the context, and one empty frame for the prediction. Latents and a mask, one on
        the frames that are there, lie side by side.

        Raises:
            UserError: for videos that are too short.
        """
        for name in ("condition_frames", "context_frames"):
            if getattr(self, name) >= shape.frames:
                raise UserError(
                    f"autoregressive {name}={getattr(self, name)}: must be below the videos' "
                    f"{shape.frames} frames"
                )
        return BackboneShape(
            frames=self.context_frames + 1,
            inputs=shape.channels + 1,
            channels=shape.channels,
            height=shape.height,
            width=shape.width,
        )

    def passes(self, shape: LatentShape) -> int:
        """One per frame that is not given."""
        return shape.frames - self.condition_frames

    def held_out_passes(self, shape: LatentShape) -> int:
        """A roll-out, and one frame ahead of each true one."""
        return 2 * self.passes(shape)

    def sampling_passes(self, shape: LatentShape) -> int:
        return self.passes(shape)

    def step_bytes(self, shape: LatentShape, *, videos: int) -> int:
        """Videos, padded context and noise; the windows; prediction, target and error."""
        window = self.backbone_shape(shape)
        frame = shape.channels * shape.height * shape.width
        passes = videos * self.passes(shape)
        windows = passes * window.positions * (window.inputs + window.channels)
        return 4 * (3 * videos * shape.frames * frame + windows + 2 * passes * frame)

    def probed_frame(self, shape: LatentShape) -> int:
        """The first that is not given: later ones need those before them."""
        return self.condition_frames

    def build(self) -> "physscale.flow.autoregressive.Autoregressive":
        from physscale.flow.autoregressive import Autoregressive

        return Autoregressive(self)
