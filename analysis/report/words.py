"""The sentences of a report, made of its numbers: every claim carries its interval, every missing
claim its reason."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from analysis.data.intervals import Interval
from analysis.data.study import Study
from analysis.design.ladders import AXIS_WORDS, Ladder
from analysis.figures import gap, workers
from analysis.figures.marks import change_words, exponent_words, factor, range_words
from analysis.figures.style import split_words
from analysis.report.findings import Findings, between_directions, error_ratio
from physscale.records.rate import Rate, wilson

METRIC_NAMES = {
    "velocity_error": "velocity error",
    "loss": "held-out loss",
    "position_error": "position error",
    "loss_grid": "loss over noise levels",
}
_PLACE = {
    "id": "in distribution",
    "ood": "out of distribution",
    "combinatorial": "on combinations never trained together",
}


def headline(findings: Findings) -> list[tuple[str, str, str]]:
    """(kind, verdict, sentence) of each leading ladder."""
    return [
        (ladder.kind, ladder.verdict.word, verdict_sentence(ladder)) for ladder in findings.leading
    ]


def verdict_sentence(ladder: Ladder) -> str:
    """What happens to the error along one axis."""
    metric = METRIC_NAMES.get(ladder.metric, ladder.metric.replace("_", " "))
    name = "" if ladder.split == ladder.kind else f" ({split_words(ladder.split)})"
    subject = f"{metric.capitalize()} {_PLACE.get(ladder.kind, ladder.kind)}{name}"
    verdict, axis = ladder.verdict, AXIS_WORDS[ladder.axis]
    if verdict.word in {"scales", "worsens"}:
        tail = f"; {exponent_words(ladder)}" if verdict.word == "scales" else ""
        return f"{subject} {change_words(ladder)} {axis}{tail}."
    if verdict.word == "flat":
        return f"{subject} does not move with {axis}: {change_words(ladder)}, inside ±{verdict.margin:.0%}."
    if verdict.change is None:
        return f"{subject}: {verdict.reason}."
    seeds = (
        f"; about {verdict.seeds_needed} seeds a configuration would decide"
        if verdict.seeds_needed
        else ""
    )
    return f"{subject}: {change_words(ladder)} {axis}, too uncertain for a law ({exponent_words(ladder).partition(': ')[2]}){seeds}."


def ratio_sentence(findings: Findings) -> str | None:
    """How much larger the error is out of distribution at the last level."""
    by_kind = {ladder.kind: ladder for ladder in findings.leading}
    inside, outside = by_kind.get("id"), by_kind.get("ood")
    if (
        inside is None
        or outside is None
        or (inside.family, inside.axis, inside.metric)
        != (outside.family, outside.axis, outside.metric)
    ):
        return None
    ratio = (
        error_ratio(findings, over=outside, under=inside)
        if inside.metric == "velocity_error"
        else None
    )
    if ratio is None:
        return None
    axis = AXIS_WORDS[inside.axis]
    return (
        f"With the most {axis} the velocity error at {split_words(outside.split)} is "
        f"{times(ratio)} that in distribution "
        f"({outside.ends()[1]:.3g} against {inside.ends()[1]:.3g} m/s; 95 % bootstrap over videos)."
    )


def gap_sentence(drawn: pa.Table) -> str | None:
    """How many speeds of the gap were drawn as trained ones."""
    found = gap.snapped(drawn)
    if found is None:
        return None
    share, law = found
    return (
        f"Of the balls whose true speed lies more than {gap.NEAR_M_S:g} m/s from every trained "
        f"speed, {percent(share)} are drawn within "
        f"{gap.NEAR_M_S:g} m/s of a trained one; a model that knows the law would give "
        f"{law.value:.0%} (95 % Wilson intervals)."
    )


def flip_sentences(drawn: pa.Table) -> list[str]:
    """Share of reversed balls below the trained speeds, a series each."""
    rows = drawn.to_pylist()
    sentences = []
    for series in dict.fromkeys(row["series"] for row in rows):
        bands = [row for row in rows if row["series"] == series and row["role"] == "band"]
        edge = min((row["speed_low_m_s"] for row in bands), default=np.inf)
        below = [
            row
            for row in rows
            if row["series"] == series and row["role"] == "bin" and row["speed_high_m_s"] <= edge
        ]
        videos = sum(row["videos"] for row in below)
        if videos:
            share = wilson(sum(row["reversed"] for row in below), of=videos)
            sentences.append(
                f"{series.capitalize()}: {percent(share)} of {videos} balls slower than every "
                "trained one move the other way."
            )
    return sentences


def workers_sentences(study: Study, drawn: pa.Table) -> list[str]:
    """How far apart the training curves are, and the scores at their ends."""
    step, first, largest = workers.differences(drawn)
    sentences = [
        f"Relative difference of the training loss: {first:.1g} at step {step}, at most "
        f"{largest:.2g}. Every random number is a function "
        "of seed and step; what differs is the order of floating-point sums, and training "
        "amplifies it with every step."
    ]
    ends = []
    for run in sorted(study.in_group("workers"), key=lambda run: run.workers):
        split = next(iter(study.splits(run)))
        found = study.score(run, split=split, metric="loss")
        if found is not None and found["low"] is not None:
            ends.append(
                f"{found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}] with {run.workers}"
            )
    return (
        [
            *sentences,
            f"Held-out loss in distribution at the end: {', '.join(ends)} (95 % bootstrap over "
            "videos).",
        ]
        if ends
        else sentences
    )


def interpolation_sentence(findings: Findings) -> str | None:
    """Which splits of kind "ood" lie inside the trained velocities."""
    run = findings.best_run()
    if run is None:
        return None
    inside = [
        split
        for split, kind in findings.study.splits(run).items()
        if kind == "ood" and between_directions(run, split=split)
    ]
    if not inside:
        return None
    fastest = max(high for _, high in run.scenario["speed_m_s"])
    return (
        f"Both directions are trained, so {', '.join(split_words(split) for split in inside)} "
        "lies inside the trained velocities "
        f"[{-fastest:g}, {fastest:g}] m/s: it asks for interpolation between two directions, not "
        "for extrapolation."
    )


def ladder_sentence(ladder: Ladder) -> str:
    """What is held fixed along a ladder."""
    fixed = ", ".join(
        f"{value:,.0f} {AXIS_WORDS[axis]}" for axis, value in ladder.fixed.items() if value > 0
    )
    return (
        f"{AXIS_WORDS[ladder.axis].capitalize()} over {range_words(ladder)}, at {fixed}."
        if fixed
        else ""
    )


def percent(share: Rate) -> str:
    """A share with its interval."""
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"


def times(ratio: Interval) -> str:
    """A ratio with its interval."""
    return f"{factor(ratio.value)} [{factor(ratio.low)}, {factor(ratio.high)}]"


def grid_words(grid: Sequence[Ladder]) -> str:
    """What a grid of ladders shows, for who cannot see it."""
    return "; ".join(
        f"{ladder.axis}, {ladder.split}, {ladder.metric}: {ladder.verdict.word}" for ladder in grid
    )
