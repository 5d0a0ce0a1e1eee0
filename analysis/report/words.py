"""The sentences of a report, made from its numbers. Every claim carries its interval, and every
missing claim its reason."""

from collections.abc import Sequence

from analysis.data.intervals import Interval
from analysis.design.ladders import AXIS_WORDS, Ladder
from analysis.figures.marks import change_words, exponent_words, factor, range_words
from analysis.figures.style import split_words
from analysis.report.findings import Findings, between_directions, error_ratio
from physscale.records.rate import Rate

PLACES = {
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
    words = ladder.metric.words
    name = "" if ladder.split == ladder.kind else f" ({split_words(ladder.split)})"
    subject = f"{words[:1].upper()}{words[1:]} {PLACES.get(ladder.kind, ladder.kind)}{name}"
    verdict, axis = ladder.verdict, AXIS_WORDS[ladder.axis]
    if verdict.moves:
        tail = f"{verdict.end}; {exponent_words(ladder)}" if verdict.falls else ""
        return f"{subject} {change_words(ladder)} {axis}{tail}."
    if verdict.word == "flat":
        margin = f"within ±{verdict.margin:.0%}"
        return f"{subject} does not change with {axis}: {change_words(ladder)}, {margin}."
    if verdict.change is None or verdict.shaped:
        return f"{subject}: {verdict.reason}."
    seeds = verdict.seeds_needed
    enough = f"; about {seeds} seeds per configuration would decide" if seeds else ""
    reason = exponent_words(ladder).partition(": ")[2]
    return f"{subject}: {change_words(ladder)} {axis}, too uncertain for a law ({reason}){enough}."


def ratio_sentence(findings: Findings) -> str | None:
    """How much larger the error is out of distribution than in distribution, at the last level."""
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
        if inside.metric.name == "velocity_error"
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


def interpolation_sentence(findings: Findings) -> str | None:
    """Which splits of kind "ood" lie within the trained velocities."""
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
    fastest = max(high for _, high in run.trained_speeds)
    return (
        f"Both directions are trained, so {', '.join(split_words(split) for split in inside)} "
        f"lies within the trained velocities [{-fastest:g}, {fastest:g}] m/s. It tests "
        "interpolation between two directions, not extrapolation."
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
    """A description of a grid of ladders, for a reader who cannot see it."""
    parts = [
        f"{ladder.metric.words}, {split_words(ladder.split)}: {ladder.verdict.word}"
        for ladder in grid
    ]
    return f"Along {AXIS_WORDS[grid[0].axis]}: {'; '.join(parts)}"
