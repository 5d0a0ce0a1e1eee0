"""The axes along which the runs of a study differ, and which of them always change together."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from physscale.records.spec import fingerprint, short
from physscale.run.cost import cost
from physscale.run.spec import RunSpec

_TOGETHER = 0.95
"""Correlation of two axes' logarithms above which their effects cannot be separated."""


def levels(run: RunSpec) -> dict[str, float | str]:
    """A run's value on every axis but the seed: N, D, C, epochs, steps, batch, px, encoder,
    scenario, workers."""
    seen = run.train.steps * run.train.batch
    return {
        "N": cost(run).parameters,
        "D": run.data.videos,
        "C": run.combinations,
        "epochs": round(seen / run.data.videos, 6),
        "steps": run.train.steps,
        "batch": run.train.batch,
        "px": run.canvas.size_px,
        "encoder": short(run.codec_fingerprint),
        "scenario": run.data.scenario.name,
        "workers": run.workers,
    }


def configuration(run: RunSpec) -> str:
    """A name shared by the runs that differ only in their seed."""
    return fingerprint(replace(run, seed=0, data=replace(run.data, seed=0)))


def together(runs: Sequence[RunSpec]) -> list[str]:
    """Pairs of N, D and C that change together over these runs, in words: no fit can separate their
    effects.

    arXiv 2411.02385 raised templates and videos together; that is such a pair.
    """
    amounts = {
        "N": [cost(run).parameters for run in runs],
        "D": [run.data.videos for run in runs],
        "C": [max(1, run.combinations) for run in runs],
    }
    columns = {axis: np.log(values) for axis, values in amounts.items()}
    moving = {axis: values for axis, values in columns.items() if np.ptp(values) > 0}
    found = []
    for (one, a), (other, b) in itertools.combinations(moving.items(), 2):
        correlation = float(np.corrcoef(a, b)[0, 1])
        if abs(correlation) > _TOGETHER:
            found.append(
                f"{one} and {other} move together (r = {correlation:.2f}): add runs that change "
                "one alone"
            )
    return found
