"""The judge on videos of which the answer is known: thresholds from true ones, false alarms on others, detection of every corruption.

True videos are drawn as the frames come, and once more with the noise of a codec (σ = `NOISE` of 255); those of a law also with the sizes
and speeds that no run is trained on, those of PHYRE also in another future (`another_future`), on which no threshold is set. Thresholds
are `MARGIN` above the largest score of the first half of them, but for the `STRANGE` worst ones, and never below what one can see
(`verdict.FLOOR`). False alarms are counted on the second half, and in `CORRUPTED` of its videos everything is made wrong that gets an
occasion at visible strength (`abnormal/altered.py`).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from physscale.evaluate.abnormal.altered import Corruption, drawn
from physscale.evaluate.abnormal.corruptions import CORRUPTIONS
from physscale.evaluate.abnormal.further import FURTHER
from physscale.evaluate.abnormal.held_out import HELD_OUT
from physscale.evaluate.abnormal.held_out_anew import HELD_OUT_ANEW
from physscale.evaluate.abnormal.seen import SEEN
from physscale.evaluate.abnormal.verdict import FLOOR, Family, Thresholds, judge, scores_of
from physscale.records.rate import Rate, wilson
from physscale.records.store import write_atomic
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.phyre.rollout import rollout
from physscale.simulate.phyre.scenario import Phyre
from physscale.simulate.phyre.simulate import phyre_data
from physscale.simulate.phyre.templates import SIXTY
from physscale.simulate.scenarios.registry import scenario_named
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

NOISE = 4.0
MARGIN = 1.15
STRANGE = 0.004
CORRUPTED: dict[Family, int] = {"laws": 80, "phyre": 20}
FRAMES = 32
AT_ONCE = 50
LAWS = ("uniform", "collision", "parabola", "composition")
TRUE = ("true", "true, noise")
FIRST_ROW = 1000
"""Of the true videos; some before it were looked at while rules were written."""

FUTURE = "another future"
NUDGE_M = 0.02
"""Deviation of the places from which PHYRE's engine makes another future of a scene: a quarter of a pixel, which chaos does the rest to."""

Ranges = Literal["trained", "unseen"]
SIZES_M, SLOW_OR_FAST_M_S, FAST_M_S = ((0.3, 0.6), (1.5, 2.0)), ((0.0, 0.8), (4.5, 6.0)), ((4.5, 6.0),)
UNSEEN: dict[str, dict[str, Any]] = {
    "uniform": {"radius_m": SIZES_M, "speed_m_s": SLOW_OR_FAST_M_S},
    "parabola": {"radius_m": SIZES_M, "speed_m_s": SLOW_OR_FAST_M_S},
    "collision": {"left_radius_m": SIZES_M, "right_radius_m": SIZES_M, "left_speed_m_s": FAST_M_S, "right_speed_m_s": FAST_M_S},
}
"""What the studies judge out of distribution, all at once."""

SUFFIX: dict[Ranges, str] = {"trained": "", "unseen": ", unseen ranges"}
MENDED_ON = {**FURTHER, **SEEN}
GROUPS: dict[str, dict[str, Corruption]] = {
    "the paper's kinds": CORRUPTIONS,
    "further kinds": MENDED_ON,
    "held out before": HELD_OUT,
    "held out": HELD_OUT_ANEW,
}
ALL_WRONG = {kind: corrupt for kinds in GROUPS.values() for kind, corrupt in kinds.items()}


@dataclass(frozen=True)
class Cell:
    """A scenario at a frame size; PHYRE's frames are hard-edged as its own."""

    scenario: str
    size_px: int

    @property
    def family(self) -> Family:
        return "phyre" if self.scenario == "phyre" else "laws"

    @property
    def name(self) -> str:
        return f"{self.scenario} {self.size_px}"


CELLS = (*(Cell(law, size) for size in (32, 128) for law in LAWS), Cell("phyre", 128))


@dataclass(frozen=True)
class Calibration:
    """What a run of the calibration found.

    Attributes:
        rates: by (kind, cell's name); kinds are `TRUE` (with `SUFFIX`) and those of `ALL_WRONG`.
    """

    thresholds: Thresholds
    rates: dict[tuple[str, str], Rate]
    cells: tuple[Cell, ...]


def calibrate(cells: tuple[Cell, ...], *, videos: int, tell: Callable[[str], None], known: Thresholds | None = None) -> Calibration:
    """All cells, on `videos` true rows each (half of them for the thresholds).

    Args:
        tell: called with a line of progress.
        known: thresholds to test instead of making them.
    """
    thresholds = known if known is not None else _thresholds(cells, videos=videos, tell=tell)
    rates: dict[tuple[str, str], Rate] = {}
    for cell in cells:
        limits = thresholds[cell.family][str(cell.size_px)]
        counts: dict[str, list[bool]] = {}
        for ranges in ranges_of(cell):
            fresh = true_rows(cell, start=FIRST_ROW + videos // 2, stop=FIRST_ROW + videos, ranges=ranges)
            for part in _parts(fresh):
                clean = part.with_pixels(render(part, canvas=canvas(cell)))
                for kind, shown in zip(TRUE, (clean, noisy(clean)), strict=True):
                    counts.setdefault(f"{kind}{SUFFIX[ranges]}", []).extend(judge(shown, thresholds=limits).abnormal.tolist())
                if cell.family == "phyre":
                    other = judge(another_future(part, cell=cell), thresholds=limits)
                    counts.setdefault(FUTURE, []).extend(other.abnormal.tolist())
                tell(f"{cell.name}: {len(counts[TRUE[0]])} true videos judged")
            for part in _parts(fresh.take(slice(0, CORRUPTED[cell.family] // len(ranges_of(cell))))):
                for kind, corrupt in ALL_WRONG.items():
                    wrong = corrupted(part, corrupt=corrupt, cell=cell)
                    if wrong is not None:
                        counts.setdefault(kind, []).extend(judge(wrong, thresholds=limits).abnormal.tolist())
                    tell(f"{cell.name}: {kind}")
        for kind, flags in counts.items():
            rates[kind, cell.name] = wilson(sum(flags), of=len(flags))
        tell(f"{cell.name}: " + ", ".join(f"{kind} {rates[kind, cell.name].value:.2f}" for kind in counts))
    return Calibration(thresholds, rates, cells)


def calibrate_in_processes(
    cells: tuple[Cell, ...], *, videos: int, processes: int, tell: Callable[[str], None], known: Thresholds | None = None
) -> Calibration:
    """The same, the cells of one family and size in one process; `tell` must be a function of a module."""
    if processes == 1:
        return calibrate(cells, videos=videos, tell=tell, known=known)
    groups: dict[tuple[Family, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.family, cell.size_px), []).append(cell)
    ordered = sorted(groups.values(), key=lambda group: group[0].family == "laws")
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        parts = [
            part.result() for part in [pool.submit(calibrate, tuple(group), videos=videos, tell=tell, known=known) for group in ordered]
        ]
    thresholds: Thresholds = {}
    for part in reversed(parts):
        for family, sizes in part.thresholds.items():
            thresholds.setdefault(family, {}).update(sizes)
    return Calibration(thresholds, {key: rate for part in parts for key, rate in part.rates.items()}, cells)


def ranges_of(cell: Cell) -> tuple[Ranges, ...]:
    """PHYRE and composition have one kind of scenes."""
    return ("trained", "unseen") if cell.scenario in UNSEEN else ("trained",)


def true_rows(cell: Cell, *, start: int, stop: int, ranges: Ranges = "trained") -> Videos:
    """Rows without frames; any two with different numbers differ."""
    if cell.family == "phyre":
        scenes = Phyre(templates=SIXTY, seed=1)
        numbers = np.random.Generator(np.random.Philox(key=7)).permutation(scenes.count)[start:stop]
        return simulate(phyre_data(scenes), indices=np.sort(numbers))
    scenario = type(scenario_named(cell.scenario))(**(UNSEEN[cell.scenario] if ranges == "unseen" else {}))
    data = DataSpec(scenario=scenario, videos=stop, frames=FRAMES, seed=7, draw="held_out")
    return simulate(data, indices=np.arange(start, stop))


def canvas(cell: Cell) -> Canvas:
    """What its frames are drawn on."""
    return Canvas(size_px=cell.size_px, style="hard" if cell.family == "phyre" else "exact")


def noisy(videos: Videos) -> Videos:
    """With the noise of a codec."""
    assert videos.pixels is not None
    rng = np.random.Generator(np.random.Philox(key=int(videos.index[0]) + 1))
    noise = rng.normal(0.0, NOISE, videos.pixels.shape).astype(np.float32)
    return videos.with_pixels(np.clip(videos.pixels + noise, 0, 255).round().astype(np.uint8))


def another_future(videos: Videos, *, cell: Cell) -> Videos:
    """Frames of what PHYRE's engine makes of the same scenes a little displaced; the rows keep their own states, as generated videos do."""
    shown = []
    for row in range(len(videos)):
        start = videos.state[row, 0].astype(np.float64)
        moving = videos.body[row, :, BODY.index("mass_kg")] > 0
        rng = np.random.Generator(np.random.Philox(key=int(videos.index[row])))
        start[moving, :2] += rng.normal(0.0, NUDGE_M, (int(moving.sum()), 2))
        shown.append(rollout(videos.body[row], start=start, time_s=videos.time_s[row]).astype(np.float32))
    return videos.with_pixels(render(replace(videos, state=np.stack(shown)), canvas=canvas(cell)))


def corrupted(videos: Videos, *, corrupt: Corruption, cell: Cell) -> Videos | None:
    """The rows that give an occasion, with corrupted frames; None where none does."""
    frames, rows = [], []
    for row in range(len(videos)):
        rng = np.random.Generator(np.random.Philox(key=int(videos.index[row])))
        altered = corrupt(videos, row, rng)
        if altered is not None:
            rows.append(row)
            frames.append(drawn(altered, canvas=canvas(cell)))
    return videos.take(np.array(rows)).with_pixels(np.stack(frames)) if rows else None


def write_thresholds(thresholds: Thresholds, *, path: Path) -> None:
    """As JSON, three digits."""
    rounded = {
        family: {size: {rule: float(f"{value:.3g}") for rule, value in rules.items()} for size, rules in sizes.items()}
        for family, sizes in thresholds.items()
    }
    write_atomic(path, (json.dumps(rounded, indent=1) + "\n").encode())


def table(found: Calibration) -> str:
    """Markdown: kinds as rows, cells as columns, the share judged abnormal with its Wilson interval and how many were tried."""
    names = [cell.name for cell in found.cells]
    lines = ["| judged abnormal, % (95 % interval; of) | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    true = [f"{kind}{suffix}" for suffix in SUFFIX.values() for kind in TRUE] + [FUTURE]
    for title, kinds in (("true videos", true), *GROUPS.items()):
        lines.append(f"| *{title}* |" + " |" * len(names))
        lines += [f"| {kind} | " + " | ".join(_cell(found.rates.get((kind, name))) for name in names) + " |" for kind in kinds]
    for title, kinds in GROUPS.items():
        lines.append(f"| **all: {title}** | " + " | ".join(_cell(_pooled(found, kinds=kinds, name=name)) for name in names) + " |")
    return "\n".join(lines)


def _pooled(found: Calibration, *, kinds: Iterable[str], name: str) -> Rate:
    rates = [found.rates[kind, name] for kind in kinds if (kind, name) in found.rates]
    return wilson(sum(round(rate.value * rate.count) for rate in rates), of=sum(rate.count for rate in rates))


def _cell(rate: Rate | None) -> str:
    if rate is None or rate.count == 0:
        return "–"
    return f"{100 * rate.value:.3g} ({100 * rate.low:.0f}–{100 * rate.high:.0f}; {rate.count})"


def _thresholds(cells: tuple[Cell, ...], *, videos: int, tell: Callable[[str], None]) -> Thresholds:
    scores: dict[tuple[Family, int], dict[str, list[np.ndarray]]] = {}
    for cell in cells:
        by_rule = scores.setdefault((cell.family, cell.size_px), {rule: [] for rule in FLOOR[cell.family]})
        for ranges in ranges_of(cell):
            for part in _parts(true_rows(cell, start=FIRST_ROW, stop=FIRST_ROW + videos // 2, ranges=ranges)):
                clean = part.with_pixels(render(part, canvas=canvas(cell)))
                for shown in (clean, noisy(clean)):
                    for rule, values in scores_of(shown, family=cell.family).items():
                        by_rule[rule].append(values)
        tell(f"{cell.name}: thresholds from {len(ranges_of(cell)) * (videos // 2)} true videos")
    found: Thresholds = {}
    for (family, size_px), by_rule in scores.items():
        all_scores = {rule: np.concatenate(values) for rule, values in by_rule.items()}
        found.setdefault(family, {})[str(size_px)] = limits_of(all_scores, floor=FLOOR[family])
    return found


def limits_of(scores: Mapping[str, np.ndarray], *, floor: Mapping[str, float]) -> dict[str, float]:
    """`MARGIN` above the largest score of each rule, without the `STRANGE` share of videos that are worst by any rule."""
    over = np.max([scores[rule] / floor[rule] for rule in floor], axis=0)
    calm = np.argsort(over, kind="stable")[: len(over) - int(STRANGE * len(over))]
    return {rule: max(floor[rule], MARGIN * float(scores[rule][calm].max())) for rule in floor}


def _parts(videos: Videos) -> Iterable[Videos]:
    return (videos.take(slice(start, start + AT_ONCE)) for start in range(0, len(videos), AT_ONCE))
