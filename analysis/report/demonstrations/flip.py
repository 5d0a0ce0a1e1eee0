"""The flip: slow balls reverse where training holds fast balls in both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.data.study import Study, StudyRun
from analysis.figures import flip
from analysis.figures.drawing import Drawing
from analysis.report.clips import clips_of
from analysis.report.section import Section
from analysis.report.words import percent
from physscale.records.rate import wilson

_BOTH, _ONE = "trained in both directions", "trained in one direction"


@dataclass(frozen=True)
class Flip:
    """Which way does a ball move that is slower than every trained ball?"""

    name: str = "flip"

    def objection(self, study: Study, runs: Sequence[StudyRun]) -> str | None:
        """A run trained in both directions, and test balls slower than every trained one."""
        series = _series(runs)
        if _BOTH not in series:
            return "none of its runs was trained on balls of both directions"
        drawn = flip.table(study, runs=series)
        if any(not _slower(drawn, name) for name in series):
            return "its runs were not tested on balls slower than every trained one"
        return None

    def section(self, study: Study, runs: Sequence[StudyRun]) -> Section:
        """The share of reversed balls by true speed."""
        series = _series(runs)
        drawing = Drawing(
            "flip",
            flip.table(study, runs=series),
            flip.draw,
            "Share of balls that move the other way, by true speed",
        )
        clips = []
        for name, run in series.items():
            kinds = study.splits(run)
            clips += [clip for clip in clips_of(run, label=name) if kinds.get(clip.split) != "id"]
        return Section(
            "flip",
            "The flip: slow balls turn round",
            (
                "Only fast balls are trained, and the test balls are slow. If the training set "
                "also holds the mirror image of every motion, a slow ball is as near to a fast "
                "ball that comes as to one that goes.",
                *_sentences(drawing.table),
            ),
            (drawing,),
            clips,
        )


def _series(runs: Sequence[StudyRun]) -> dict[str, StudyRun]:
    """The first run of each kind. Runs of a scenario without directions are left out."""
    found: dict[str, StudyRun] = {}
    for run in runs:
        if "direction" in run.scenario:
            found.setdefault(_BOTH if run.scenario["direction"] == "both" else _ONE, run)
    return {name: found[name] for name in (_BOTH, _ONE) if name in found}


def _slower(drawn: pa.Table, series: str) -> list[dict[str, Any]]:
    """The bins of balls slower than every trained ball."""
    rows = [row for row in drawn.to_pylist() if row["series"] == series]
    edge = min((row["speed_low_m_s"] for row in rows if row["role"] == "band"), default=-np.inf)
    return [row for row in rows if row["role"] == "bin" and row["speed_high_m_s"] <= edge]


def _sentences(drawn: pa.Table) -> list[str]:
    sentences = []
    for series in dict.fromkeys(drawn["series"].to_pylist()):
        slower = _slower(drawn, series)
        videos = sum(row["videos"] for row in slower)
        share = wilson(sum(row["reversed"] for row in slower), of=videos)
        sentences.append(
            f"{series.capitalize()}: {percent(share)} of {videos} balls slower than every "
            "trained one move the other way."
        )
    return sentences
