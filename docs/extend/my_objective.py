"""An objective from outside the package: all frames at once from the given ones, without chance.

    x = network(given, mask),    loss = mean of (x_k - x0_k)² over the frames that are not given

Videos that the given frames leave open come out as their mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.flow.loss import squared_errors
from physscale.flow.objective import HeldOutErrors, Network, Part, ProbeInput
from physscale.flow.objective_spec import OBJECTIVES
from physscale.records.errors import UserError
from physscale.records.latent_shape import BackboneShape, LatentShape

__all__ = ["OneShot", "OneShotSpec"]

Videos = Float[Tensor, "batch time channels height width"]


@OBJECTIVES.register
@dataclass(frozen=True)
class OneShotSpec:
    """The network predicts every frame in one pass."""

    condition_frames: int = 3

    def __post_init__(self) -> None:
        if self.condition_frames < 1:
            raise UserError(
                f"one-shot condition_frames={self.condition_frames}: must be at least 1"
            )

    @property
    def description(self) -> str:
        return "one-shot"

    def backbone_shape(self, shape: LatentShape) -> BackboneShape:
        """Latents, and a mask that is one on the given frames."""
        if self.condition_frames >= shape.frames:
            raise UserError(
                f"one-shot condition_frames={self.condition_frames}: must be below the videos' "
                f"{shape.frames} frames"
            )
        return BackboneShape(
            frames=shape.frames,
            inputs=shape.channels + 1,
            channels=shape.channels,
            height=shape.height,
            width=shape.width,
        )

    def passes(self, shape: LatentShape) -> int:
        return 1

    @property
    def packs(self) -> bool:
        return True

    def held_out_passes(self, shape: LatentShape) -> int:
        return 1

    def sampling_passes(self, shape: LatentShape) -> int:
        return 1

    def step_bytes(self, shape: LatentShape, *, videos: int) -> int:
        """Videos, input, prediction and error."""
        window = self.backbone_shape(shape)
        return 4 * videos * window.positions * (window.inputs + 3 * window.channels)

    def probed_frame(self, shape: LatentShape) -> int:
        """The last: all are worked out from the given frames."""
        return shape.frames - 1

    def build(self) -> "OneShot":
        return OneShot(self)


@dataclass(frozen=True)
class OneShotShare:
    """A worker's videos of a step (`objective.Share`). The losses of its parts add up to the mean
    over the `scored_videos` videos that each worker has."""

    spec: OneShotSpec
    x0: Videos
    scored_videos: float
    conditioning: Tensor | None = None

    def loss(self, model: Network, *, rows: slice) -> Float[Tensor, ""]:
        read = None if self.conditioning is None else self.conditioning[rows]
        x0, given = self.x0[rows], self.spec.condition_frames
        seen = model_input(x0[:, :given], frames=x0.shape[1])
        error = predicted(model, seen, conditioning=read)[:, given:] - x0[:, given:]
        return error.square().sum() / (self.scored_videos * error[0].numel())


@dataclass(frozen=True)
class OneShot:
    """One-shot prediction at work."""

    spec: OneShotSpec

    def draw(self, x0: Videos, *, part: Part, conditioning: Tensor | None = None) -> OneShotShare:
        """Nothing is drawn."""
        return OneShotShare(self.spec, x0, part.batch / part.world, conditioning)

    @torch.no_grad()
    def held_out(
        self,
        model: Network,
        latents: Videos,
        *,
        indices: Sequence[int],
        conditioning: Tensor | None = None,
    ) -> HeldOutErrors:
        """Training asks for just what is predicted from the given frames: the two errors agree."""
        given = self.spec.condition_frames
        seen = model_input(latents[:, :given], frames=latents.shape[1])
        made = predicted(model, seen, conditioning=conditioning)
        errors = squared_errors(made, x0=latents, condition_frames=given)
        return HeldOutErrors(from_given=errors, as_trained=errors)

    @torch.no_grad()
    def sample(
        self,
        model: Network,
        *,
        given: Videos,
        frames: int,
        indices: Sequence[int],
        seed: int,
        conditioning: Tensor | None = None,
    ) -> Videos:
        count = self.spec.condition_frames
        if given.shape[1] < count:
            raise UserError(
                f"one-shot condition_frames={count}: only {given.shape[1]} frames were given"
            )
        seen = model_input(given[:, :count], frames=frames)
        made = predicted(model, seen, conditioning=conditioning)
        return torch.cat((given[:, :count], made[:, count:]), dim=1)

    def probe_input(self, latents: Videos, *, indices: Sequence[int]) -> ProbeInput:
        frames = latents.shape[1]
        inputs = model_input(latents[:, : self.spec.condition_frames], frames=frames)
        return ProbeInput(inputs=inputs, t=latents.new_ones(len(latents)), frame=frames - 1)


def model_input(given: Videos, *, frames: int) -> Float[Tensor, "batch frames inputs height width"]:
    """The given frames and their mask; zeros after them."""
    known = torch.cat((given, torch.ones_like(given[:, :, :1])), dim=2)
    empty = known.new_zeros(len(known), frames - known.shape[1], *known.shape[2:])
    return torch.cat((known, empty), dim=1)


def predicted(model: Network, seen: Tensor, *, conditioning: Tensor | None) -> Videos:
    """Diffusion time is 1 throughout: nothing of the later frames is known."""
    t = seen.new_ones(len(seen))
    output = model(seen, t) if conditioning is None else model(seen, t, conditioning)
    return output.float()
