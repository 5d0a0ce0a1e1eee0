"""A trained model at work on videos: a few at a time, and dealt out to a run's workers.

The parts depend on the run alone (`run/inference_memory.py`), and a video's noise on its row. So
one worker and many make the same numbers. Another size of the parts would change float32 results by
rounding alone: on CPUs not at all from 16 videos on, and by less than 1e-6 of the largest number
below (measured; smaller matrices meet other kernels)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from physscale.flow.objective import HeldOutErrors, Objective
from physscale.model.backbone import Backbone
from physscale.run.inference_memory import videos_at_once
from physscale.run.spec import RunSpec
from physscale.train.parallel import Workers

__all__ = ["Inference", "dealt", "inference_of", "parts_of"]

Unit = TypeVar("Unit")
Result = tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class Inference:
    """A model with its objective. Results are on the CPU, in float32.

    Attributes:
        at_once: how many videos pass through the model together, at most.
        precision: of the model's products.
    """

    model: Backbone
    objective: Objective
    at_once: int
    precision: Literal["fp32", "bf16"] = "fp32"

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def held_out(
        self,
        latents: Float[Tensor, "batch time channels height width"],
        *,
        indices: Sequence[int],
        conditioning: Tensor | None = None,
    ) -> HeldOutErrors:
        """As `Objective.held_out`, of any number of videos on any device."""
        errors = [
            self.objective.held_out(
                self._predict,
                latents[part].to(self.device),
                indices=indices[part],
                conditioning=self._there(conditioning, part=part),
            )
            for part in parts_of(len(latents), at_once=self.at_once)
        ]
        return HeldOutErrors(
            from_given=torch.cat([part.from_given.cpu() for part in errors]),
            as_trained=torch.cat([part.as_trained.cpu() for part in errors]),
        )

    def sample(
        self,
        given: Float[Tensor, "batch given channels height width"],
        *,
        frames: int,
        indices: Sequence[int],
        seed: int,
        conditioning: Tensor | None = None,
    ) -> Float[Tensor, "batch time channels height width"]:
        """As `Objective.sample`, of any number of videos on any device."""
        drawn = [
            self.objective.sample(
                self._predict,
                given=given[part].to(self.device),
                frames=frames,
                indices=indices[part],
                seed=seed,
                conditioning=self._there(conditioning, part=part),
            ).cpu()
            for part in parts_of(len(given), at_once=self.at_once)
        ]
        return torch.cat(drawn)

    def _predict(self, *inputs: Tensor) -> Tensor:
        """Only the model's products are narrow: the path and the sampler's sums are float32."""
        with torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"
        ):
            output: Tensor = self.model(*inputs)
        return output.float()

    def _there(self, conditioning: Tensor | None, *, part: slice) -> Tensor | None:
        return None if conditioning is None else conditioning[part].to(self.device)


def inference_of(run: RunSpec, model: Backbone) -> Inference:
    """The run's trained model, in the run's parts and precision."""
    return Inference(
        model=model,
        objective=run.objective.build(),
        at_once=videos_at_once(run),
        precision=run.score_precision,
    )


def parts_of(count: int, *, at_once: int) -> list[slice]:
    """So many videos in as few parts as possible, whose sizes differ by one at most."""
    parts = -(-count // at_once)
    ends = [number * count // parts for number in range(parts + 1)]
    return [slice(first, last) for first, last in pairwise(ends)]


def dealt(
    units: Sequence[Unit],
    *,
    workers: Workers,
    work: Callable[[Unit], Result],
    like: Callable[[Unit], Result],
) -> Iterator[list[tuple[Unit, Result]]]:
    """Rounds in which each worker does one unit. The first worker gets each round's units with
    their results, in order; the others get empty lists. Every worker takes part in every round.

    Args:
        like: empty tensors of the shapes and types of a unit's result.
    """
    for first in range(0, len(units), workers.world):
        chosen = units[first : first + workers.world]
        own = work(chosen[workers.rank]) if workers.rank < len(chosen) else ()
        results = workers.collected(own, likes=[like(unit) for unit in chosen])
        yield list(zip(chosen, results, strict=True)) if workers.rank == 0 else []
