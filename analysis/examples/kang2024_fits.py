"""`python -m analysis example`: the paper's own numbers, fitted, with verdicts that single runs
without intervals cannot give."""

from typing import Any

import numpy as np

from analysis.commands.result import verdict_object
from analysis.data.configurations import configurations
from analysis.examples.kang2024 import (
    ABNORMAL,
    ABNORMAL_VIDEOS,
    FLOOR,
    PARAMETERS,
    VELOCITY_ERROR,
    VIDEOS,
)
from analysis.fit.fit import Fit, fit
from analysis.laws.registry import law_named
from analysis.verdict.verdict import Verdict, decide, holm
from physscale.records.finite import finite

KINDS = ("in distribution", "out of distribution")
_BELOW_DATA = 0.98


def velocity_table(task: str, kind: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Axes N and D of the nine runs of a task, and their velocity error (m/s)."""
    cells = [
        (PARAMETERS[model], videos, pair[KINDS.index(kind)])
        for model, pairs in VELOCITY_ERROR[task].items()
        for videos, pair in zip(VIDEOS, pairs, strict=True)
    ]
    n, d, error = np.array(cells, dtype=float).T
    return {"N": n, "D": d}, error


def verdicts() -> dict[tuple[str, str, str], Verdict]:
    """The verdict of each (task, kind, axis), corrected over all twelve."""
    places = [
        (task, kind, axis) for task in VELOCITY_ERROR for kind in KINDS for axis in ("N", "D")
    ]
    found = [
        decide(configurations(*velocity_table(task, kind)), axis=axis)
        for task, kind, axis in places
    ]
    return dict(zip(places, holm(found), strict=True))


def surface(task: str) -> Fit:
    """The error in distribution as E + A N^-alpha + B D^-beta, with the error of the true videos as
    the known floor."""
    axes, error = velocity_table(task, KINDS[0])
    floor = min(FLOOR[task], _BELOW_DATA * float(error.min()))
    return fit(law_named("power-nd"), columns=axes, response=error, floor=floor, bootstrap=500)


def abnormal(law: str) -> Fit:
    """The share of abnormal videos against the number of templates."""
    x, share = np.array(ABNORMAL, dtype=float).T
    return fit(
        law_named(law),
        columns={"x": x},
        response=share,
        count=np.full(len(x), float(ABNORMAL_VIDEOS)),
        bootstrap=500,
    )


def as_object() -> dict[str, Any]:
    """All fits and verdicts, for JSON."""
    found: dict[str, Any] = {"verdicts": {}, "surfaces": {}, "abnormal": {}}
    for (task, kind, axis), verdict in verdicts().items():
        found["verdicts"][f"{task}, {kind}, {axis}"] = verdict_object(verdict)
    for task in VELOCITY_ERROR:
        fitted = surface(task)
        found["surfaces"][task] = _numbers(fitted) | {"warnings": list(fitted.warnings)}
    for law in ("ratio-power", "ratio-logit"):
        found["abnormal"][law] = _numbers(abnormal(law)) | {"assumed_videos": ABNORMAL_VIDEOS}
    return dict(finite(found))


def _numbers(fitted: Fit) -> dict[str, Any]:
    curves = fitted.profiles
    return {
        name: {
            "estimate": value.value,
            "low": curves[name].low if name in curves else value.low,
            "high": curves[name].high if name in curves else value.high,
        }
        for name, value in fitted.parameters.items()
    }


def as_lines() -> list[str]:
    """The object as lines for a reader."""
    lines = [
        "Kang et al. 2024 (arXiv 2411.02385), velocity error, nine runs per task without repeats:"
    ]
    for (task, kind, axis), verdict in verdicts().items():
        size = ""
        if verdict.change is not None and verdict.low is not None and verdict.high is not None:
            change, low, high = np.expm1([verdict.change, verdict.low, verdict.high])
            size = f"{change:+.0%} [{low:+.0%}, {high:+.0%}] over the range"
        lines.append(f"  {task:15s} {kind:20s} {axis}: {verdict.word:12s} {size}")
    lines.append(
        "Exponents in distribution above the error of the true videos (profile intervals):"
    )
    for task in VELOCITY_ERROR:
        fitted = surface(task)
        words = [
            f"{name} {fitted.parameters[name].value:.2f} {_interval(fitted.profiles, name)}"
            for name in ("alpha", "beta")
        ]
        lines.append(f"  {task:15s} {'   '.join(words)}")
    power = abnormal("ratio-power")
    lines.append(
        f"Abnormal share against templates: p ~ C^-{power.parameters['g'].value:.2f} "
        f"{_interval(power.profiles, 'g')} "
        f"(if {ABNORMAL_VIDEOS} videos were rated per point)"
    )
    return lines


def _interval(curves: Any, name: str) -> str:  # noqa: ANN401
    if name not in curves:
        return "[open]"
    low, high = (
        ("open" if end is None else f"{end:.2f}") for end in (curves[name].low, curves[name].high)
    )
    return f"[{low}, {high}]"
