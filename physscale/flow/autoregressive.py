"""Next-frame prediction as an objective (`flow/objective.py`).

    x_k = network(x_{k-K} ... x_{k-1}),    loss = mean over k of (prediction - x_k)^2

K is `context_frames`. In training and in `as_trained` the context is the true frames; in a sample
and in `from_given` it is the given frames and the network's own predictions after them, which is
what diffusion's error at t = 1 is compared with. Sampling has no chance in it. The backbone's
diffusion time is 1 throughout: nothing of the predicted frame is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.loss import squared_errors
from physscale.flow.objective import HeldOutErrors, Network, Part, ProbeInput
from physscale.records.errors import UserError

__all__ = ["Autoregressive", "ContextShare", "windows"]


@dataclass(frozen=True)
class ContextShare:
    """A worker's videos of a step and the context that the network sees of them
    (`objective.Share`). `scored_videos` is the number of videos that the loss is divided by."""

    spec: AutoregressiveSpec
    x0: Float[Tensor, "share time channels height width"]
    context: Float[Tensor, "share time channels height width"]
    scored_videos: float
    conditioning: Tensor | None = None

    def loss(self, model: Network, *, rows: slice) -> Float[Tensor, ""]:
        read = None if self.conditioning is None else self.conditioning[rows]
        predicted = teacher_forced(model, self.context[rows], spec=self.spec, conditioning=read)
        due = self.x0[rows, self.spec.condition_frames :]
        return (predicted - due).square().sum() / (self.scored_videos * due[0].numel())


@dataclass(frozen=True)
class Autoregressive:
    """Next-frame prediction at work."""

    spec: AutoregressiveSpec

    def draw(
        self,
        x0: Float[Tensor, "share time channels height width"],
        *,
        part: Part,
        conditioning: Tensor | None = None,
    ) -> ContextShare:
        """The noise on the context, if there is any."""
        context = x0
        if self.spec.context_noise:
            noise = part.normal(tuple(x0.shape[1:]), device=x0.device)
            context = x0 + self.spec.context_noise * noise
        return ContextShare(self.spec, x0, context, part.batch / part.world, conditioning)

    @torch.no_grad()
    def held_out(
        self,
        model: Network,
        latents: Float[Tensor, "batch time channels height width"],
        *,
        indices: Sequence[int],
        conditioning: Tensor | None = None,
    ) -> HeldOutErrors:
        """Of the roll-out, and one frame ahead of the true ones."""
        given = self.spec.condition_frames
        rolled = roll_out(
            model,
            latents[:, :given],
            frames=latents.shape[1],
            spec=self.spec,
            conditioning=conditioning,
        )
        ahead = teacher_forced(model, latents, spec=self.spec, conditioning=conditioning)
        return HeldOutErrors(
            from_given=squared_errors(rolled, x0=latents, condition_frames=given),
            as_trained=(ahead - latents[:, given:]).square().flatten(1).mean(dim=1),
        )

    @torch.no_grad()
    def sample(
        self,
        model: Network,
        *,
        given: Float[Tensor, "batch given channels height width"],
        frames: int,
        indices: Sequence[int],
        seed: int,
        conditioning: Tensor | None = None,
    ) -> Float[Tensor, "batch time channels height width"]:
        count = self.spec.condition_frames
        if given.shape[1] < count:
            raise UserError(
                f"autoregressive condition_frames={count}: only {given.shape[1]} frames were given"
            )
        return roll_out(
            model, given[:, :count], frames=frames, spec=self.spec, conditioning=conditioning
        )

    def probe_input(
        self,
        latents: Float[Tensor, "batch time channels height width"],
        *,
        indices: Sequence[int],
    ) -> ProbeInput:
        """The window of the first frame that is not given."""
        given, context = self.spec.condition_frames, self.spec.context_frames
        inputs = windows(latents[:, :given], context_frames=context, first=given)[:, 0]
        return ProbeInput(inputs=inputs, t=latents.new_ones(len(latents)), frame=context)


def windows(
    video: Float[Tensor, "batch time channels height width"], *, context_frames: int, first: int
) -> Float[Tensor, "batch predicted window inputs height width"]:
    """What the network sees to predict frames `first` to T (the one after the video's last): the
    context before each, an empty frame, and the mask as the last channel."""
    known = torch.cat((video, torch.ones_like(video[:, :, :1])), dim=2)
    before = known.new_zeros(len(known), context_frames, *known.shape[2:])
    padded = torch.cat((before, known), dim=1)
    starts = range(first, video.shape[1] + 1)
    contexts = torch.stack([padded[:, k : k + context_frames] for k in starts], dim=1)
    return torch.cat((contexts, torch.zeros_like(contexts[:, :, :1])), dim=2)


def teacher_forced(
    model: Network,
    context: Float[Tensor, "batch time channels height width"],
    *,
    spec: AutoregressiveSpec,
    conditioning: Tensor | None,
) -> Float[Tensor, "batch predicted channels height width"]:
    """Every frame that is not given, from the frames before it."""
    seen = windows(context[:, :-1], context_frames=spec.context_frames, first=spec.condition_frames)
    count = seen.shape[1]
    read = None if conditioning is None else conditioning.repeat_interleave(count, dim=0)
    frames = predicted(model, seen.flatten(0, 1), conditioning=read)
    return frames.view(len(context), count, *frames.shape[1:])


def roll_out(
    model: Network,
    given: Float[Tensor, "batch given channels height width"],
    *,
    frames: int,
    spec: AutoregressiveSpec,
    conditioning: Tensor | None,
) -> Float[Tensor, "batch time channels height width"]:
    """Frame by frame, each from what is there by then."""
    video = given
    while video.shape[1] < frames:
        seen = windows(video, context_frames=spec.context_frames, first=video.shape[1])[:, 0]
        following = predicted(model, seen, conditioning=conditioning)
        video = torch.cat((video, following.unsqueeze(1)), dim=1)
    return video


def predicted(
    model: Network, seen: Tensor, *, conditioning: Tensor | None
) -> Float[Tensor, "batch channels height width"]:
    """The window's last frame as the network fills it."""
    t = seen.new_ones(len(seen))
    output = model(seen, t) if conditioning is None else model(seen, t, conditioning)
    return output[:, -1].float()
