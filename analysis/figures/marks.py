"""Turns ladders into marks: the words of a verdict, the law with its band, floors and baselines."""

import numpy as np

from analysis.design.ladders import Ladder
from analysis.figures.style import GREY, KIND_COLOURS, SOURCE_WORDS, short_number, split_words
from analysis.figures.tidy import Mark, Words
from analysis.fit.fit import Fit
from analysis.fit.selection import lack_of_fit
from analysis.verdict.verdict import Verdict

_CURVE_POINTS = 60
POOR_FIT = 0.05
FLOORS = ("codec", "truth")


def ladder_marks(
    ladder: Ladder, *, words: Words, series: str, colour: str | None = None
) -> list[Mark]:
    """The seeds, law and band of one ladder."""
    paint = colour or KIND_COLOURS.get(ladder.kind, GREY)
    marks = [
        Mark(words, series, paint, "seed", x, y, low=_number(low), high=_number(high))
        for x, y, low, high in zip(
            ladder.x.tolist(), ladder.y.tolist(), ladder.low, ladder.high, strict=True
        )
    ]
    return marks + curve_marks(ladder, words=words, series=series, paint=paint)


def curve_marks(ladder: Ladder, *, words: Words, series: str, paint: str) -> list[Mark]:
    """The law with its band where the verdict allows one, else only the means of the levels."""
    if ladder.verdict.word in {"undetermined", "worsens"}:
        means = zip(ladder.points.axes["x"], np.exp(ladder.points.log_mean), strict=True)
        return [Mark(words, series, paint, "mean", x=float(x), y=float(y)) for x, y in means]
    at = np.geomspace(ladder.x.min(), ladder.x.max(), _CURVE_POINTS)
    law, band = ladder.fit.predict({"x": at}), ladder.fit.band({"x": at})
    marks = [
        Mark(words, series, paint, "law", x=float(x), y=float(y))
        for x, y in zip(at, law, strict=True)
    ]
    return marks + [
        Mark(words, series, paint, "band", x=float(x), low=float(a), high=float(b))
        for x, a, b in zip(at, band[0], band[1], strict=True)
    ]


def level_marks(ladder: Ladder, *, words: Words) -> list[Mark]:
    """The floor (the codec's, or the parser's where there is no codec) and the two most informative
    baselines.

    These are the law itself from the first frames, and the law with speeds clamped to the trained
    range. Without the latter, the mean speed takes its place."""
    known = {source: value for source, value in ladder.floors.items() if value > 0}
    floor = next((source for source in FLOORS if source in known), None)
    ignorant = "clamp" if "clamp" in known else "mean_speed"
    return [
        Mark(
            words,
            SOURCE_WORDS.get(source, source),
            GREY,
            "floor" if source == floor else "baseline",
            y=value,
        )
        for source, value in known.items()
        if source in {floor, ignorant, "extrapolate"}
    ]


def verdict_note(ladder: Ladder) -> str:
    """The lines below a title: split and verdict, change over the range, exponent, each with its
    interval."""
    name = "" if ladder.split == ladder.kind else f"{split_words(ladder.split)}: "
    return f"{name}{ladder.verdict.word}\n{change_words(ladder)}\n{exponent_words(ladder)}"


def change_words(ladder: Ladder) -> str:
    """Total change over the range with its 95 % interval."""
    return change_over(ladder.verdict, low=float(ladder.x.min()), high=float(ladder.x.max()))


def change_over(verdict: Verdict, *, low: float, high: float) -> str:
    """Total change over this range with its 95 % interval, or the reason why there is none."""
    if verdict.change is None or verdict.low is None or verdict.high is None:
        return verdict.reason
    span = f"{short_number(low)}–{short_number(high)}"
    if verdict.moves:
        sign = -1.0 if verdict.change < 0 else 1.0
        ends = sorted(np.exp([sign * verdict.low, sign * verdict.high]))
        word = "falls" if sign < 0 else "rises"
        change = factor(np.exp(sign * verdict.change))
        return f"{word} {change} [{factor(ends[0])}, {factor(ends[1])}] over {span}"
    change, least, most = (
        f"{np.expm1(value):+.0%}".replace("-", "−")
        for value in (verdict.change, verdict.low, verdict.high)
    )
    return f"change {change} [{least}, {most}] over {span}"


def exponent_words(ladder: Ladder) -> str:
    """The exponent with its profile interval where there is a law, else what is missing."""
    verdict = ladder.verdict
    if verdict.word == "scales":
        return exponent_interval("alpha", ladder.fit)
    if verdict.word == "saturates":
        return limit_words(ladder.fit)
    if verdict.shaped:
        return f"no exponent: {_shape_words(verdict)}"
    if (
        verdict.word == "undetermined"
        and verdict.p_change_holm is not None
        and verdict.p_change_holm < 1
    ):
        corrected = probability(verdict.p_change_holm)
        return (
            f"no exponent: p {probability(verdict.p_change or 0.0)} alone, {corrected} after Holm"
        )
    return "no exponent: no law to fit"


def _shape_words(verdict: Verdict) -> str:
    """Why there is no law though there is a trend."""
    if verdict.turn is not None:
        return f"it turns at {short_number(verdict.turn.at)}"
    if verdict.reversal is not None:
        return "it turns with another axis"
    return "whether it still falls is open"


def limit_words(fitted: Fit) -> str:
    """The limit of a fall that ends, with its profile interval."""
    value, found = fitted.parameters["E"].value, fitted.profiles.get("E")
    if found is None:
        return f"limit {value:.3g}, interval open"
    low, high = ("open" if end is None else f"{end:.3g}" for end in (found.low, found.high))
    return f"limit {value:.3g} [{low}, {high}]"


def exponent_interval(name: str, fitted: Fit) -> str:
    """An exponent with its profile interval, and a note on a poor fit."""
    value, found = fitted.parameters[name].value, fitted.profiles.get(name)
    if found is None:
        return f"exponent {value:.2f}, interval open"
    low, high = ("open" if end is None else f"{end:.2f}" for end in (found.low, found.high))
    lack = lack_of_fit(fitted)
    poor = f"; poor fit, p {probability(lack.p)}" if lack is not None and lack.p < POOR_FIT else ""
    return f"exponent {value:.2f} [{low}, {high}]{poor}"


def probability(value: float) -> str:
    """A p value in words."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def range_words(ladder: Ladder) -> str:
    """The range of the axis in words."""
    return f"{short_number(float(ladder.x.min()))}-{short_number(float(ladder.x.max()))}".replace(
        "-", "–"
    )


def factor(value: float) -> str:
    """A ratio in words."""
    return f"{value:.0f}×" if value >= 9.5 else f"{value:.1f}×"


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
