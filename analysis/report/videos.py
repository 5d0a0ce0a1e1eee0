"""The section on videos as frames: similarity per video, distance between sets, abnormal videos by
rule, and the worst and best videos beside the truth."""

import base64
from typing import Any

from analysis.data.study import Study
from analysis.figures import abnormal
from analysis.figures.drawing import Drawing
from analysis.figures.style import split_words
from analysis.report.clips import Clip
from analysis.report.tables import Cell, Grid
from physscale.records.metric_table import shown_in
from physscale.records.regular import regular
from physscale.records.store import RunFolder, Store
from physscale.records.tables import read_scores

_RATE = "abnormal_rate"
_SHARES = {"model": "abnormal", "codec": "true frames after the codec", "truth": "true frames"}
"""The abnormal rate stands last, beside the rates of the true frames."""

EXTREMES = {"worst": "most abnormal", "best": "least abnormal"}


def frame_rows(study: Study) -> list[dict[str, Any]]:
    """What `physscale evaluate STUDY` found about runs of this study; empty if it did not run."""
    path = Store(study.root).frame_scores
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = read_scores(path).to_pylist()
    return [row for row in rows if row["run"] in study.runs]


def rates_drawing(study: Study) -> Drawing | None:
    """The figure of abnormal rates, if any scenario has rules."""
    rows = [row for row in frame_rows(study) if row["metric"].startswith("abnormal_")]
    if not rows:
        return None
    table = abnormal.table(rows, labels=_labels(study, rows))
    words = (
        "Share of abnormal videos by rule and split, with 95 % Wilson intervals, beside the share "
        "of true frames and of true frames after the codec"
    )
    return Drawing("abnormal", table, abnormal.draw, words)


def numbers(study: Study) -> Grid | None:
    """One row per run and split."""
    rows = frame_rows(study)
    labels = _labels(study, rows)
    found = {(row["run"], row["split"], row["source"], row["metric"]): row for row in rows}
    measured = {row["metric"] for row in rows}
    shown = shown_in("frames report", table=study.metrics)
    columns = [metric for metric in shown if metric.name in measured - {_RATE}]
    heads = ("run", "split", *(metric.label for metric in columns), *_SHARES.values())
    lines = [
        (
            Cell(labels[run]),
            Cell(split_words(split)),
            *(_number(found.get((run, split, "model", metric.name))) for metric in columns),
            *(_share(found.get((run, split, source, _RATE))) for source in _SHARES),
        )
        for run, split in dict.fromkeys((row["run"], row["split"]) for row in rows)
    ]
    return Grid("frames", heads, lines) if lines else None


def extremes(study: Study) -> list[Clip]:
    """The worst and the best videos of each evaluated run, on its most abnormal split."""
    rows = [row for row in frame_rows(study) if row["metric"] == _RATE and row["source"] == "model"]
    labels, clips = _labels(study, rows), []
    for run in dict.fromkeys(row["run"] for row in rows):
        split = max((row for row in rows if row["run"] == run), key=lambda row: row["value"])[
            "split"
        ]
        for name, words in EXTREMES.items():
            path = RunFolder(study.runs[run].folder).frames(split, suffix=f".{name}.mp4")
            if path.exists():
                uri = (
                    "data:video/mp4;base64," + base64.b64encode(regular(path).read_bytes()).decode()
                )
                clips.append(Clip(split, f"{labels[run]}, {split_words(split)}: {words}", uri))
    return clips


def _labels(study: Study, rows: list[dict[str, Any]]) -> dict[str, str]:
    return {run: study.label(study.runs[run]) for run in dict.fromkeys(row["run"] for row in rows)}


def _number(row: dict[str, Any] | None) -> Cell:
    if row is None:
        return Cell("–", None)
    interval = f" [{row['low']:.3g}, {row['high']:.3g}]" if row["low"] is not None else ""
    return Cell(f"{row['value']:.3g}{interval}", row["value"])


def _share(row: dict[str, Any] | None) -> Cell:
    if row is None:
        return Cell("no rules", None)
    return Cell(
        f"{100 * row['value']:.0f} % [{100 * row['low']:.0f}, {100 * row['high']:.0f}] of "
        f"{row['count']}",
        row["value"],
    )
