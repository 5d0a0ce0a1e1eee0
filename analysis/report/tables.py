"""The tables of a report. A cell holds its text and the number that it is sorted by."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.data.study import Study, StudyRun
from analysis.design.ladders import Ladder
from analysis.figures.marks import probability
from analysis.figures.style import SOURCE_WORDS, short_number, split_words
from analysis.fit.selection import lack_of_fit
from analysis.report.findings import Findings, leading_metrics

_SOURCES = ("model", "truth", "codec", "extrapolate", "clamp", "nearest", "mean_speed")
VERDICT_HEADS = (
    "verdict",
    "change over the range",
    "per decade",
    "p",
    "p (Holm)",
    "p (permutation)",
)


@dataclass(frozen=True)
class Cell:
    """Text, and the number that it is sorted by (None: by its text)."""

    text: str
    order: float | int | None = None


@dataclass(frozen=True)
class Grid:
    """A table: its name, heads and rows, and a description in words."""

    name: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    title: str = ""


def run_rows(findings: Findings) -> Grid:
    """One row per run, with its errors on the first split in distribution and on the first other
    split."""
    study = findings.study
    first, shown = leading_metrics(study, kind="id")[0], findings.shown_metrics
    heads = (
        "run",
        "group",
        "N",
        "D",
        "C",
        "seed",
        "workers",
        f"ID {first.label}",
        "other split",
        *(f"its {metric.words}" for metric in shown),
        "state",
        "seconds",
    )
    rows = []
    for run in study.runs.values():
        splits = study.splits(run)
        inside = next((split for split, kind in splits.items() if kind == "id"), None)
        outside = next((split for split, kind in splits.items() if kind != "id"), None)
        entry = study.ledger.get(run.fingerprint)
        rows.append(
            (
                Cell(study.label(run)),
                Cell(", ".join(study.groups_of(run))),
                Cell(f"{run.parameters:,}", run.parameters),
                Cell(f"{run.videos:,}", run.videos),
                Cell(str(run.combinations or "–"), run.combinations),
                Cell(str(run.seed), run.seed),
                Cell(str(run.workers), run.workers),
                _score(study, run, inside, first.name),
                Cell(split_words(outside) if outside else "–"),
                *(_score(study, run, outside, metric.name) for metric in shown),
                Cell(entry.state.value if entry else "–"),
                _number(_seconds(study, run), "{:.0f}"),
            )
        )
    return Grid("runs", heads, rows)


def verdict_rows(ladders: Sequence[Ladder]) -> Grid:
    """One row per ladder."""
    heads = ("axis", "split", "metric", *VERDICT_HEADS, "exponent", "lack of fit", "floor")
    rows = []
    for ladder in ladders:
        verdict = ladder.verdict
        change = "–"
        if verdict.change is not None and verdict.low is not None and verdict.high is not None:
            factors = np.exp([verdict.change, verdict.low, verdict.high])
            change = "×{:.2g} [{:.2g}, {:.2g}]".format(*factors)
        exponent, interval = "–", None
        lack = lack_of_fit(ladder.fit) if verdict.word == "scales" else None
        if verdict.word == "scales":
            found, interval = ladder.fit.parameters["alpha"], ladder.fit.profiles.get("alpha")
            low, high = (
                ("open", "open")
                if interval is None
                else tuple(
                    "open" if end is None else f"{end:.2f}" for end in (interval.low, interval.high)
                )
            )
            exponent = f"{found.value:.2f} [{low}, {high}]"
        rows.append(
            (
                Cell(ladder.axis),
                Cell(split_words(ladder.split)),
                Cell(ladder.metric.words),
                Cell(verdict.word),
                Cell(change, verdict.change),
                Cell(
                    "–" if verdict.per_decade is None else f"×{np.exp(verdict.per_decade):.2g}",
                    verdict.per_decade,
                ),
                p_cell(verdict.p_change),
                p_cell(verdict.p_change_holm),
                p_cell(verdict.p_permutation),
                Cell(
                    exponent,
                    ladder.fit.parameters["alpha"].value if verdict.word == "scales" else None,
                ),
                p_cell(lack.p if lack is not None else None),
                Cell(
                    f"{ladder.known_floor:.2g}" if ladder.known_floor else "0", ladder.known_floor
                ),
            )
        )
    return Grid("verdicts", heads, rows)


def baseline_rows(study: Study, run: StudyRun) -> Grid:
    """The leading metric of every source on every split of a run."""
    splits = list(study.splits(run))
    metric = leading_metrics(study, kind="id")[0]
    rows = []
    for source in _SOURCES:
        cells = [_score(study, run, split, metric.name, source=source) for split in splits]
        if any(cell.order is not None for cell in cells):
            rows.append((Cell(SOURCE_WORDS.get(source, source)), *cells))
    return Grid("baselines", (metric.label, *(split_words(split) for split in splits)), rows)


def metric_rows(study: Study, run: StudyRun) -> Grid:
    """Every metric of a run on every split: first the declared metrics in their order, then the
    others."""
    splits = list(study.splits(run))
    scored = dict.fromkeys(row["metric"] for row in study.rows if row["run"] == run.fingerprint)
    names = [name for name in study.metrics if name in scored]
    names += [name for name in scored if name not in study.metrics]
    rows = [
        (
            Cell(study.metric(name).label),
            Cell(study.metric(name).direction.replace("none", "–")),
            *(_score(study, run, split, name) for split in splits),
        )
        for name in names
    ]
    return Grid("metrics", ("metric", "better is", *map(split_words, splits)), rows)


def costs(study: Study) -> Grid:
    """Seconds by group. Each run counts once, under its first group."""
    seconds: dict[str, list[float]] = defaultdict(list)
    flops: dict[str, float] = defaultdict(float)
    for run in study.runs.values():
        spent = _seconds(study, run)
        if spent is not None:
            seconds[run.group].append(spent)
            flops[run.group] += run.flops
    rows = [_cost(group, spent, flops[group]) for group, spent in seconds.items()]
    if rows:
        rows.append(
            _cost(
                "all", [value for spent in seconds.values() for value in spent], sum(flops.values())
            )
        )
    return Grid("cost", ("group", "runs", "seconds", "seconds per run", "training FLOPs"), rows)


def _cost(group: str, spent: list[float], flops: float) -> tuple[Cell, ...]:
    return (
        Cell(group),
        Cell(str(len(spent)), len(spent)),
        Cell(f"{sum(spent):,.0f}", sum(spent)),
        Cell(f"{sum(spent) / len(spent):.0f}", sum(spent) / len(spent)),
        Cell(short_number(flops), flops),
    )


def environment(study: Study) -> Grid:
    """The software and hardware of the runs, by name."""
    found = study.record.get("environment")
    rows = (
        [(Cell(str(name)), Cell(str(value))) for name, value in found.items()]
        if isinstance(found, dict)
        else []
    )
    return Grid("environment", ("what", "value"), rows)


def _seconds(study: Study, run: StudyRun) -> float | None:
    entry = study.ledger.get(run.fingerprint)
    value = entry.details.get("seconds") if entry else None
    return float(value) if isinstance(value, int | float) else None


def _score(
    study: Study, run: StudyRun, split: str | None, metric: str, *, source: str = "model"
) -> Cell:
    found = study.score(run, split=split, metric=metric, source=source) if split else None
    if found is None or found["value"] is None or not np.isfinite(found["value"]):
        return Cell("–")
    interval = (
        ""
        if found["low"] is None or found["high"] is None
        else f" [{found['low']:.2g}, {found['high']:.2g}]"
    )
    return Cell(f"{found['value']:.3g}{interval}", found["value"])


def _number(value: float | None, form: str) -> Cell:
    return Cell("–") if value is None else Cell(form.format(value), value)


def p_cell(value: float | None) -> Cell:
    """A p value in words; a dash where there is none."""
    return Cell("–") if value is None else Cell(probability(value), value)
