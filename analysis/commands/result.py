"""A fit as one JSON object, and as lines for a terminal."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.design.frontier import Cost, frontier, on_one_line
from analysis.estimate.uncertainty import Estimate
from analysis.fit.fit import Fit
from analysis.fit.selection import HoldOut, lack_of_fit, sensitivity
from analysis.verdict.verdict import Verdict
from physscale.records.finite import finite


def as_object(
    fitted: Fit,
    *,
    verdicts: Sequence[Verdict],
    hold_outs: Sequence[HoldOut] = (),
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Everything about a fit, ready for JSON, without NaN or infinity. An open end is null with
    `"open": true`."""
    evidence = fitted.convergence
    lack = lack_of_fit(fitted)
    found = {
        "law": fitted.law.name,
        "formula": fitted.law.formula,
        "objective": fitted.solution.objective,
        "delta": None
        if fitted.delta is None
        else ("inf" if np.isinf(fitted.delta) else fitted.delta),
        "runs": len(fitted.points.run_log),
        "configurations": len(fitted.points.log_mean),
        "parameters": {
            name: _estimate(fitted, name, value) for name, value in fitted.parameters.items()
        },
        "derived": _derived(fitted),
        "convergence": {
            "converged": evidence.converged,
            "starts": evidence.starts,
            "share_at_optimum": evidence.share_at_optimum,
            "gradient": evidence.gradient,
            "condition": evidence.condition,
            "moved": evidence.moved,
            "iterations": evidence.iterations,
            "bounds_hit": list(evidence.bounds_hit),
        },
        "noise": {
            "from": fitted.noise.kind,
            "variance": fitted.noise.variance,
            "freedom": fitted.noise.freedom,
        },
        "lack_of_fit": None
        if lack is None
        else {"f": lack.f, "p": lack.p, "freedom": list(lack.freedom)},
        "sensitivity": sensitivity(fitted),
        "hold_out": [row.summary for row in hold_outs],
        "verdict": {verdict.axis: verdict_object(verdict) for verdict in verdicts},
        "warnings": [*notes, *fitted.warnings, *_far(hold_outs)],
    }
    return dict(finite(found))


def verdict_object(verdict: Verdict) -> dict[str, Any]:
    """A verdict for JSON; changes are of log response over the observed range."""
    turn, limit = verdict.turn, verdict.limit
    bends = None
    if turn is not None:
        parts = {"before": turn.before, "after": turn.after}
        bends = {"at": turn.at} | {name: part.change for name, part in parts.items()}
    left = None if limit is None else vars(limit)
    return dict(finite(vars(verdict) | {"turn": bends, "limit": left}))


def _estimate(fitted: Fit, name: str, value: Estimate) -> dict[str, Any]:
    curve = fitted.profiles.get(name)
    return {
        "estimate": value.value,
        "se": value.se,
        "low": value.low,
        "high": value.high,
        "open": value.open,
        "interval": value.source,
        "profile": None
        if curve is None
        else {
            "low": curve.low,
            "high": curve.high,
            "open": curve.low is None or curve.high is None,
        },
    }


def _derived(fitted: Fit) -> dict[str, Any]:
    if fitted.law.surface is None or on_one_line(fitted.points):
        return {}
    found = frontier(fitted, budgets=np.array([1e20]), cost=Cost())
    return {
        "compute_exponent": {
            "estimate": found.exponent,
            "se": found.exponent_se,
            "low": found.exponent_low,
            "high": found.exponent_high,
            "formula": "beta / (alpha + beta), N* ~ C^a at C = 6 N D",
        }
    }


def _far(hold_outs: Sequence[HoldOut]) -> list[str]:
    words = [
        f"hold-out along {row.axis} lies {row.distance:.1f} observed log-ranges beyond the fit"
        for row in hold_outs
        if row.distance > 1
    ]
    return words + [
        f"carrying the last level of {row.axis} forward predicts better than the law (skill "
        f"{row.skill:.2f})"
        for row in hold_outs
        if row.skill < 0
    ]


def as_lines(found: dict[str, Any]) -> list[str]:
    """The object for a person."""
    lines = [
        f"{found['law']}: {found['formula']}",
        f"objective {found['objective']:.10g}   delta {_n(found['delta'])}   "
        f"{found['configurations']} configurations of {found['runs']} runs",
    ]
    lines += [
        f"  {name:10s} {_n(row['estimate']):>12s}   {_interval(row)}"
        for name, row in (found["parameters"] | found["derived"]).items()
    ]
    evidence = found["convergence"]
    lines.append(
        f"converged {'yes' if evidence['converged'] else 'NO'}: "
        f"{evidence['share_at_optimum']:.0%} of {evidence['starts']} starts at the "
        f"optimum, relative gradient {evidence['gradient']:.1g}, condition "
        f"{evidence['condition']:.2g}"
    )
    if found["lack_of_fit"]:
        lines.append(
            f"lack of fit against seed noise: F {found['lack_of_fit']['f']:.2f}, p "
            f"{found['lack_of_fit']['p']:.3f}"
        )
    for row in found["hold_out"]:
        lines.append(
            f"held out {row['held']} beyond {row['axis']}: RMSLE {row['rmsle']:.4f}, bias "
            f"{row['bias']:+.4f}, "
            f"coverage {row['coverage']:.0%}, skill against carry-forward {_n(row['skill'])}"
        )
    lines += [
        f"{axis}: {verdict['word']}: {verdict['reason']}"
        for axis, verdict in found["verdict"].items()
    ]
    return lines + [f"warning: {text}" for text in found["warnings"]]


def _interval(row: dict[str, Any]) -> str:
    if row.get("interval") == "given":
        return "given"
    se = "" if row["se"] is None else f"se {_n(row['se'])}   "
    if row["low"] is None and row["high"] is not None:
        return f"{se}< {_n(row['high'])} (open below)"
    if row["high"] is None and row["low"] is not None:
        return f"{se}> {_n(row['low'])} (open above)"
    return f"{se}[{_n(row['low'])}, {_n(row['high'])}]" if row["low"] is not None else f"{se}open"


def _n(value: float | str | None) -> str:
    return "–" if value is None else value if isinstance(value, str) else f"{value:.6g}"
