"""Whether a model has room for the conditioning of these rows, without torch: a plan asks for the
first ones, and every batch for its own."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from physscale.model.conditioning_spec import ConditioningSpec, TextSpec
from physscale.records.errors import UserError
from physscale.records.video import Videos
from physscale.simulate.describe import mirrored, present, sentences
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

__all__ = ["check_bodies", "check_rows", "check_sentences"]

FIRST_ROWS = 64


@lru_cache
def check_rows(
    spec: ConditioningSpec, data: DataSpec, *, mirror: bool, rows: int = FIRST_ROWS
) -> None:
    """Raises UserError for one of the first rows that the model has no room for, mirrored or
    not."""
    if spec.kind == "none" or (spec.kind == "text" and spec.text.encoder != "characters"):
        return
    first = simulate(replace(data, frames=1), indices=np.arange(min(rows, data.videos)))
    if spec.kind == "numbers":
        check_bodies(first, bodies=spec.bodies)
        return
    check_sentences(spec.text, sentences(first))
    if mirror:
        check_sentences(spec.text, sentences(mirrored(first, coins=np.ones(len(first), np.bool_))))


def check_bodies(videos: Videos, *, bodies: int) -> None:
    """Raises UserError for rows of more bodies than the model takes."""
    most = int(present(videos).sum(axis=1).max())
    if most > bodies:
        raise UserError(
            f"model bodies={bodies}: scenario {videos.scenario[0]} has rows of {most} bodies; use "
            f"model.bodies={most}"
        )


def check_sentences(spec: TextSpec, said: Sequence[str]) -> None:
    """Raises UserError for a sentence of more characters than the model reads."""
    longest = max(said, key=len)
    if len(longest) > spec.tokens:
        raise UserError(
            f"text tokens={spec.tokens}: {longest[:40]!r}... has {len(longest)} characters; raise "
            "model.text.tokens"
        )
