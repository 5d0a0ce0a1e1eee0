"""The conditioning of a run's model beside the first frames: numbers or a sentence that describe
each row's true first state.

It depends on the first state alone. So the conditioning of a training video is made from (scenario,
seed, index), without its frames and wherever its latents come from. For a mirrored video it
describes the mirrored state.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float32, Shaped
from torch import Tensor

from physscale.model.conditioning_spec import (
    CHARACTERS,
    NUMBERS_A_BODY,
    ConditioningSpec,
    TextSpec,
)
from physscale.records.errors import UserError
from physscale.records.video import Videos
from physscale.run.conditioning_room import check_bodies, check_sentences
from physscale.run.spec import RunSpec
from physscale.simulate.describe import mirrored, scaled_numbers, sentences
from physscale.simulate.simulate import simulate
from physscale.train.latents import mirrors, order
from physscale.train.parallel import Workers

__all__ = ["TextEncoder", "TrainingConditioning", "conditioning_of", "conditioning_source"]

HELD_BYTES = 1_000_000_000
"""Conditioning of all training videos is held in memory up to this size, and otherwise made step by
step."""


class TextEncoder(Protocol):
    """A text encoder of the user's own, named by `TextSpec.encoder`. It must always give the same
    features for the same sentence."""

    def __call__(
        self, sentences: Sequence[str], /
    ) -> Float32[np.ndarray, "batch tokens features"]: ...


def conditioning_source(run: RunSpec) -> "TrainingConditioning | None":
    """The conditioning of the run's training videos; None for a model without conditioning."""
    return None if run.model.conditioned_on.kind == "none" else TrainingConditioning(run)


def conditioning_of(
    spec: ConditioningSpec, videos: Videos
) -> Shaped[Tensor, "batch tokens *features"] | None:
    """Of these rows: numbers f32[B, bodies, 19], characters i64[B, tokens], or features
    f32[B, tokens, F]; None for a model without conditioning.

    Raises:
        UserError: for more bodies, or longer sentences, than the model takes, or a text encoder
            that is not there or gives another shape.
    """
    if spec.kind == "none":
        return None
    if spec.kind == "numbers":
        return _numbers(videos, bodies=spec.bodies)
    return _text(spec.text, sentences(videos))


def _numbers(videos: Videos, *, bodies: int) -> Tensor:
    check_bodies(videos, bodies=bodies)
    values = scaled_numbers(videos)
    there = values[:, :, 0] > 0
    first = np.take_along_axis(
        values, np.argsort(~there, axis=1, kind="stable")[:, :bodies, None], axis=1
    )
    conditioning = torch.zeros(len(videos), bodies, NUMBERS_A_BODY)
    conditioning[:, : first.shape[1]] = torch.from_numpy(first)
    return conditioning


def _text(spec: TextSpec, said: list[str]) -> Tensor:
    return _characters(spec, said) if spec.encoder == "characters" else _features(spec, said)


def _characters(spec: TextSpec, said: list[str]) -> Tensor:
    check_sentences(spec, said)
    conditioning = np.zeros((len(said), spec.tokens), np.int64)
    for row, sentence in enumerate(said):
        characters = np.frombuffer(sentence.encode("ascii"), np.uint8)
        conditioning[row, : len(characters)] = characters
    assert conditioning.max(initial=0) < CHARACTERS
    return torch.from_numpy(conditioning)


def _features(spec: TextSpec, said: list[str]) -> Tensor:
    module, _, function = spec.encoder.partition(":")
    try:
        encoder: TextEncoder = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"text encoder={spec.encoder!r}: {error}; name a function that python can import here"
        ) from error
    features = np.asarray(encoder(said))
    due = (len(said), spec.tokens, spec.features)
    if features.shape != due or features.dtype != np.float32:
        raise UserError(
            f"text encoder={spec.encoder!r}: gave {features.dtype}{list(features.shape)}, "
            f"float32{list(due)} is due"
        )
    return torch.from_numpy(features)


@dataclass(frozen=True)
class TrainingConditioning:
    """A run's `train.task.ConditioningSource`: conditioning of its training videos, step by
    step."""

    run: RunSpec

    def batch(
        self, step: int, *, seed: int, batch: int, workers: Workers
    ) -> Shaped[Tensor, "share tokens *features"]:
        """The conditioning of this worker's share of the step's batch."""
        rows = workers.rows(batch)
        indices = order(seed, videos=self.run.data.videos, batch=batch, step=step)[rows]
        flips = self.run.train.flip == "horizontal"
        coins = (
            mirrors(seed, batch=batch, step=step)[rows]
            if flips
            else np.zeros(len(indices), np.bool_)
        )
        if self._held is None:
            return self._made(indices, coins=coins)
        return self._held[torch.from_numpy(coins.astype(np.int64)), torch.from_numpy(indices)]

    @cached_property
    def _held(self) -> Tensor | None:
        """The conditioning of all videos [1 or 2, D, ...]: plain, and mirrored too if the run
        mirrors videos. None if it exceeds `HELD_BYTES`."""
        every = np.arange(self.run.data.videos)
        copies = 2 if self.run.train.flip == "horizontal" else 1
        if (
            copies * len(every) * self._made(every[:1], coins=np.zeros(1, np.bool_)).nbytes
            > HELD_BYTES
        ):
            return None
        return torch.stack(
            [self._made(every, coins=np.full(len(every), bool(copy))) for copy in range(copies)]
        )

    def _made(self, indices: np.ndarray, *, coins: Bool[np.ndarray, " batch"]) -> Tensor:
        first = simulate(replace(self.run.data, frames=1), indices=indices)
        conditioning = conditioning_of(self.run.model.conditioned_on, mirrored(first, coins=coins))
        assert conditioning is not None
        return conditioning
