"""Calibration of the detector on videos whose answer is known: thresholds from true videos, false
alarms on other true videos, and the share of each corruption that is detected.

The thresholds call at most `ALARMS` of the true videos that they are set on abnormal, equally many
by each rule. No threshold is below what one can see (`Rules.floors`). False alarms are counted on
other true videos. Every corruption is applied to `CORRUPTED` of those, wherever it can be visible
(`corruption.py`)."""

import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Literal

import numpy as np

from physscale.dataset.file import with_frames
from physscale.evaluate.abnormal.rules import RULES, Scores, Thresholds, rules_of
from physscale.evaluate.calibration.known_videos import (
    ALL_WRONG,
    GROUPS,
    Cell,
    Ranges,
    another_future,
    canvas,
    corrupted,
    noisy,
    ranges_of,
    true_rows,
)
from physscale.records.leaving import end_with, unheard
from physscale.records.rate import Rate, wilson
from physscale.records.store import write_atomic
from physscale.records.video import Videos

ALARMS = 0.005
CORRUPTED = {"free_discs": 80, "phyre": 40}
AT_ONCE = 50
SET_FROM, TEST_FROM = 2_000, 10_000
"""The first true row that thresholds are set on, and the first that they are tested on. Rows before
them were looked at while the rules were written."""

TRUE, FUTURE = ("true", "true, noise"), "another future"
SUFFIX: dict[Ranges, str] = {"trained": "", "unseen": ", unseen ranges"}


@dataclass(frozen=True)
class Part:
    """The unit of work: rows of a cell, either true or with every corruption."""

    cell: Cell
    ranges: Ranges
    start: int
    stop: int
    what: Literal["true", "wrong"]


@dataclass(frozen=True)
class Calibration:
    """What a run of the calibration found.

    Attributes:
        rates: share called abnormal, by (kind, cell's name). Kinds are `TRUE` (with `SUFFIX`),
            `FUTURE` and those of `ALL_WRONG`.
    """

    thresholds: Thresholds
    rates: dict[tuple[str, str], Rate]
    cells: tuple[Cell, ...]


def calibrate(
    cells: tuple[Cell, ...],
    *,
    videos: int,
    thresholds: Thresholds | int,
    processes: int = 1,
    tell: Callable[[str], None],
) -> Calibration:
    """Score `videos` true rows of every cell, and corrupted copies of some of them.

    Args:
        thresholds: the thresholds to test, or on how many other true rows to set them.
        tell: called with each line of progress.
    """
    limits = (
        thresholds
        if isinstance(thresholds, dict)
        else _set(cells, videos=thresholds, processes=processes, tell=tell)
    )
    scores: dict[tuple[str, str], list[Scores]] = {}
    for part, found in _all_scored(
        _test_parts(cells, videos=videos), processes=processes, tell=tell
    ):
        for kind, by_rule in found.items():
            scores.setdefault((kind, part.cell.name), []).append(by_rule)
    by_name, rates = {cell.name: cell for cell in cells}, {}
    for (kind, name), parts in scores.items():
        rules = limits[by_name[name].physics][str(by_name[name].size_px)]
        flags = np.concatenate(
            [
                np.any([values > rules[rule] for rule, values in part.items()], axis=0)
                for part in parts
            ]
        )
        rates[kind, name] = wilson(int(flags.sum()), of=len(flags))
    return Calibration(limits, rates, cells)


def scored(part: Part) -> dict[str, Scores]:
    """The scores of a part's videos, by kind."""
    rows = true_rows(part.cell, start=part.start, stop=part.stop, ranges=part.ranges)
    return {kind: rules_of(shown).scores(shown) for kind, shown in _kinds(rows, part=part)}


def _kinds(rows: Videos, *, part: Part) -> Iterator[tuple[str, Videos]]:
    if part.what == "wrong":
        for kind, corrupt in ALL_WRONG.items():
            wrong = corrupted(rows, corrupt=corrupt, cell=part.cell)
            if wrong is not None:
                yield kind, wrong
        return
    clean = with_frames(rows, canvas=canvas(part.cell))
    for kind, shown in zip(TRUE, (clean, noisy(clean)), strict=True):
        yield f"{kind}{SUFFIX[part.ranges]}", shown
    if part.cell.physics == "phyre":
        yield FUTURE, another_future(rows, cell=part.cell)


def _test_parts(cells: tuple[Cell, ...], *, videos: int) -> list[Part]:
    parts = _true_parts(cells, start=TEST_FROM, stop=TEST_FROM + videos)
    for cell in cells:
        for ranges in ranges_of(cell):
            stop = TEST_FROM + min(videos, CORRUPTED[cell.physics] // len(ranges_of(cell)))
            parts += _cut(Part(cell, ranges, TEST_FROM, stop, "wrong"), each=AT_ONCE // 5)
    return parts


def _true_parts(cells: tuple[Cell, ...], *, start: int, stop: int) -> list[Part]:
    return [
        part
        for cell in cells
        for ranges in ranges_of(cell)
        for part in _cut(Part(cell, ranges, start, stop, "true"), each=AT_ONCE)
    ]


def _cut(whole: Part, *, each: int) -> list[Part]:
    return [
        replace(whole, start=first, stop=min(first + each, whole.stop))
        for first in range(whole.start, whole.stop, each)
    ]


def _all_scored(
    parts: list[Part], *, processes: int, tell: Callable[[str], None]
) -> Iterator[tuple[Part, dict[str, Scores]]]:
    """Parts with their scores, PHYRE's first. With several processes, in the order of
    completion."""
    ordered = sorted(parts, key=lambda part: part.cell.physics == "free_discs")
    found = (
        ((part, scored(part)) for part in ordered)
        if processes == 1
        else _pooled_scores(ordered, processes=processes)
    )
    for number, (part, scores) in enumerate(found, start=1):
        tell(
            f"{number} of {len(parts)}: {part.cell.name}, rows {part.start} to {part.stop - 1}, "
            f"{part.what}"
        )
        yield part, scores


def _pooled_scores(
    parts: list[Part], *, processes: int
) -> Iterator[tuple[Part, dict[str, Scores]]]:
    others = active_children()
    with unheard():
        pool = ProcessPoolExecutor(
            processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(os.getpid(),)
        )
        waiting = {pool.submit(scored, part): part for part in parts}
    with pool:
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BaseException:  # a signal too: nobody waits for the parts that are left
            for process in active_children():
                if process not in others:
                    process.kill()
            raise


def _begin(driver: int) -> None:
    """In a process of the pool: Ctrl-C is for the driver."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end_with(driver)


def write_thresholds(thresholds: Thresholds, *, path: Path) -> None:
    """As JSON."""
    write_atomic(path, (json.dumps(thresholds, indent=1) + "\n").encode())


def table(found: Calibration) -> str:
    """Markdown with kinds as rows and cells as columns: the share called abnormal, its Wilson
    interval, and the number of videos."""
    names = [cell.name for cell in found.cells]
    lines = [
        "| called abnormal, % (95 % interval; of) | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    true = [f"{kind}{suffix}" for suffix in SUFFIX.values() for kind in TRUE] + [FUTURE]
    for title, kinds in (("true videos", true), *GROUPS.items()):
        lines.append(f"| *{title}* |" + " |" * len(names))
        lines += [
            f"| {kind} | "
            + " | ".join(_cell(found.rates.get((kind, name))) for name in names)
            + " |"
            for kind in kinds
        ]
    for title, kinds in GROUPS.items():
        lines.append(
            f"| **all: {title}** | "
            + " | ".join(_cell(_pooled(found, kinds=kinds, name=name)) for name in names)
            + " |"
        )
    return "\n".join(lines)


def _pooled(found: Calibration, *, kinds: Iterable[str], name: str) -> Rate:
    rates = [found.rates[kind, name] for kind in kinds if (kind, name) in found.rates]
    return wilson(
        sum(round(rate.value * rate.count) for rate in rates), of=sum(rate.count for rate in rates)
    )


def _cell(rate: Rate | None) -> str:
    if rate is None or rate.count == 0:
        return "–"
    return f"{100 * rate.value:.3g} ({100 * rate.low:.0f}–{100 * rate.high:.0f}; {rate.count})"


def _set(
    cells: tuple[Cell, ...], *, videos: int, processes: int, tell: Callable[[str], None]
) -> Thresholds:
    """Thresholds from `videos` true rows of every cell and range, per physics and frame size."""
    parts = _true_parts(cells, start=SET_FROM, stop=SET_FROM + videos)
    scores: dict[tuple[str, int], list[Scores]] = {}
    for part, found in _all_scored(parts, processes=processes, tell=tell):
        scores.setdefault((part.cell.physics, part.cell.size_px), []).extend(found.values())
    limits: Thresholds = {}
    for (physics, size_px), all_scores in scores.items():
        floors = RULES.named(physics).floors
        joined = {
            rule: np.concatenate([by_rule[rule] for by_rule in all_scores]) for rule in floors
        }
        limits.setdefault(physics, {})[str(size_px)] = limits_of(joined, floor=floors)
    return limits


def limits_of(scores: Mapping[str, np.ndarray], *, floor: Mapping[str, float]) -> dict[str, float]:
    """The lowest limits with at most `ALARMS` of the true videos above any of them. Each rule has
    the same number of videos above its limit, or fewer where the limit is its floor. Limits have
    three digits, rounded up."""
    ordered = {rule: np.sort(scores[rule])[::-1] for rule in floor}
    videos, found = len(next(iter(ordered.values()))), {}
    for above in range(videos):
        limits = {
            rule: max(floor[rule], float(f"{1.005 * values[above]:.3g}"))
            for rule, values in ordered.items()
        }
        if np.any([scores[rule] > limits[rule] for rule in limits], axis=0).sum() > ALARMS * videos:
            break
        found = limits
        if limits == floor:
            break
    return found
