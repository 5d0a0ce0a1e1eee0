"""Questions about a table before anything is fitted to it: each is one sentence that names the
option that answers it. Nothing is changed without that option."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from analysis.data.configurations import configurations
from analysis.data.shown import short

__all__ = ["Asked", "away_from_other_seeds", "first_of_equal", "is_state", "questions"]

_STATES = {"state", "status", "run_state"}
_ENDED = {"", "finished", "completed", "complete", "done", "success", "succeeded"}
_SIZES = {"n", "d", "c", "params", "parameters", "tokens", "flops", "compute", "videos", "samples"}
_LARGEST_LOG = 60.0
"""No model, data set or budget is as small as this, and no logarithm of one is larger."""

_JUMP = 1000.0
"""Two units lie this far apart, two sizes next to each other hardly."""

_FAR, _LEAST_FAR = 8.0, 1.25
"""Robust standard deviations and a ratio: nearer to the other seeds, a run is no surprise."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The rows that are used.

    Attributes:
        axes: by column.
        seed: empty texts without a seed column.
        states: the texts of each column that may tell how a run ended.
    """

    axes: Mapping[str, Float[np.ndarray, " rows"]]
    response: Float[np.ndarray, " rows"]
    split: np.ndarray
    seed: np.ndarray
    states: Mapping[str, np.ndarray]

    def only(self, chosen: Bool[np.ndarray, " rows"]) -> "Asked":
        """These rows."""
        return Asked(
            axes={name: values[chosen] for name, values in self.axes.items()},
            response=self.response[chosen],
            split=self.split[chosen],
            seed=self.seed[chosen],
            states={name: texts[chosen] for name, texts in self.states.items()},
        )

    def groups(self, *more: np.ndarray) -> Int[np.ndarray, " rows"]:
        """A number for each row, the same for rows with equal axes, split and these columns."""
        columns = [*self.axes.values(), self.split, *more]
        places = [np.unique(column.astype(str), return_inverse=True)[1] for column in columns]
        return np.unique(np.stack(places, axis=1), axis=0, return_inverse=True)[1].reshape(-1)


def first_of_equal(rows: Asked) -> np.ndarray:
    """Bool[rows]: whether no earlier row has the same axes, split, seed and response."""
    first = np.zeros(len(rows.response), dtype=bool)
    first[np.unique(rows.groups(rows.seed, rows.response), return_index=True)[1]] = True
    return first


def questions(rows: Asked) -> tuple[str, ...]:
    """What a reader should know before trusting a fit of these rows."""
    return (
        *_repeated(rows),
        *_seeds(rows),
        *_unfinished(rows),
        *_logarithms(rows),
        *_units(rows),
        *_far_from_other_seeds(rows),
    )


def is_state(column: str) -> bool:
    """Whether a column of this name may tell how a run ended."""
    return column.lower() in _STATES


def _repeated(rows: Asked) -> Iterator[str]:
    again = int((~first_of_equal(rows)).sum())
    if again:
        rows_repeat = "1 row repeats" if again == 1 else f"{again} rows repeat"
        yield f"{rows_repeat} another one in every named column; --once counts equal rows once"


def _seeds(rows: Asked) -> Iterator[str]:
    """One seed with two results: something differs that nobody named."""
    once = np.flatnonzero((rows.seed != "") & first_of_equal(rows))
    _, first, count = np.unique(rows.groups(rows.seed)[once], return_index=True, return_counts=True)
    several = count > 1
    if several.any():
        place = _place(rows, int(once[first[several].min()]))
        yield (
            f"one seed has several results ({place}; so in {int(several.sum())} of "
            f"{len(several)}); is there an axis or a --split that was not named?"
        )


def _unfinished(rows: Asked) -> Iterator[str]:
    for column, texts in rows.states.items():
        others = Counter(text for text in texts.tolist() if text.lower() not in _ENDED)
        if others:
            kinds = ", ".join(f"{count} {short(text)}" for text, count in others.most_common(3))
            sound = (text for text in texts.tolist() if text and text not in others)
            yield (
                f"runs may not have finished ({column}: {kinds}); "
                f"--where \"{column} == '{short(next(sound, 'finished'))}'\" leaves them out"
            )


def _logarithms(rows: Asked) -> Iterator[str]:
    for column, values in rows.axes.items():
        words = re.split("[^a-z0-9]+", column.lower())
        of_size = bool(_SIZES & set(words)) or words[0].startswith("log")
        whole = (values == np.round(values)).all()
        if of_size and not whole and values.max() <= _LARGEST_LOG:
            yield (
                f"{column} looks like a logarithm ({values.min():g} to {values.max():g}); "
                f"--log10 {column} reads it as one"
            )


def _units(rows: Asked) -> Iterator[str]:
    for column, values in rows.axes.items():
        levels = np.unique(values)
        if len(levels) < 3:
            continue
        jumps = levels[1:] / levels[:-1]
        place = int(jumps.argmax())
        if jumps[place] >= _JUMP:
            low, high = levels[place : place + 2]
            yield (
                f"{column} has no value between {low:g} and {high:g}; are these two units? --where "
                "chooses rows"
            )


def _far_from_other_seeds(rows: Asked) -> Iterator[str]:
    away = away_from_other_seeds(rows)
    far = away != 0
    if far.any():
        row = int(np.abs(away).argmax())
        runs, them = ("1 run lies", "it") if far.sum() == 1 else (f"{far.sum()} runs lie", "them")
        yield (
            f"{runs} far from the other seeds of the configuration ({np.exp(away[row]):.3g} times "
            f"theirs at {_place(rows, row)}); --drop-outliers leaves {them} out"
        )


def away_from_other_seeds(rows: Asked) -> Float[np.ndarray, " rows"]:
    """The distance in log response of each run that lies far from the others of its configuration:
    one that diverged, above all. Zero for all other runs."""
    group = rows.groups()
    points = configurations({"group": group + 1.0}, rows.response)
    logs, member = points.run_log, points.member
    places = range(len(points.seeds))
    lowest = np.array([logs[member == place].min() for place in places])
    middle = np.array([np.median(logs[member == place]) for place in places])
    several = points.seeds[member] >= 2
    if not several.any():
        return np.zeros(len(logs))
    # of two seeds, the higher one diverged
    away = logs - np.where(points.seeds == 2, lowest, middle)[member]
    usual = float(np.median(np.abs(away[several]))) / 0.6745
    return np.where(np.abs(away) > max(_FAR * usual, np.log(_LEAST_FAR)), away, 0.0)


def _place(rows: Asked, row: int) -> str:
    axes = [f"{column} {values[row]:g}" for column, values in rows.axes.items()]
    seed = [f"seed {rows.seed[row]}"] if rows.seed[row] else []
    return ", ".join([*axes, *seed])
