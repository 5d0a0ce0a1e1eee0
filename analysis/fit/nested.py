"""Which law do the runs need? Tests, AICc and ordered hold-out of several laws on one table.

Test: parametric bootstrap of the likelihood ratio n log(SS_small / SS_large) of log residuals
(least squares). Tables are simulated from the smaller law, and both laws are fitted to each. This
stays valid where an amplitude or an exponent ends at a bound and chi-squared tables are wrong. Laws
that do not contain each other are tested both ways, each as the truth (Cox 1961; Williams 1970,
Biometrics 26:23). AICc weights and the ordered hold-out of each law stand beside the tests, because
a law is made to predict."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from analysis.data.configurations import configurations
from analysis.data.table import Runs
from analysis.estimate.loss import Huber
from analysis.estimate.solve import free_mask, redraw, solve
from analysis.fit.fit import fit
from analysis.fit.splits import hold_outs
from analysis.laws.law import Law
from analysis.laws.registry import law_named
from physscale.records.errors import UserError


@dataclass(frozen=True)
class Candidate:
    """A law, with its floor fixed where one was given (`power@0.01`)."""

    word: str
    law: Law
    floor: float | None

    def inside(self, other: "Candidate") -> bool:
        """Whether `other` contains this law."""
        if self.law.name == other.law.name:
            return self.floor is not None and other.floor is None
        return self.law.name in other.law.contains and (
            other.floor is None or self.floor == other.floor
        )


@dataclass(frozen=True)
class LawTest:
    """Could the runs come from `smaller`? `p` is the share of tables simulated from it in which
    `larger` improves the fit at least as much as here."""

    smaller: str
    larger: str
    nested: bool
    ratio: float
    p: float
    worlds: int


def candidates_of(words: str) -> list[Candidate]:
    """`power,power@0.01,power-zero` as laws with their floors.

    Raises:
        UserError: for an unknown law, a law of a ratio, a wrong floor, a law named twice, or fewer
            than two laws.
    """

    found = []
    for word in words.split(","):
        name, _, floor = word.strip().partition("@")
        law = law_named(name)
        if law.response == "ratio":
            raise UserError(f"--laws {name}: only laws of a positive number can be compared here")
        try:
            found.append(Candidate(word.strip(), law, float(floor) if floor else None))
        except ValueError as error:
            raise UserError(
                f"--laws {word!r}: write NAME or NAME@FLOOR, such as power@0.01"
            ) from error
        if floor and not 0 <= float(floor) < float("inf"):
            raise UserError(f"--laws {word!r}: a floor is 0 or a positive number")
    if len({candidate.word for candidate in found}) < max(len(found), 2):
        raise UserError(f"--laws {words!r}: name two or more different laws")
    return found


def compared(
    candidates: Sequence[Candidate], *, runs: Runs, worlds: int, seed: int
) -> dict[str, Any]:
    """Scores of every law and tests of every pair, ready for JSON.

    Raises:
        UserError: if the runs cannot determine one of the laws.
    """
    rows = [_scored(candidate, runs) for candidate in candidates]
    scores = np.array([row["aicc"] for row in rows], dtype=float)
    weights = (
        np.exp(-0.5 * (scores - scores.min()))
        if np.isfinite(scores.min())
        else np.full(len(scores), np.nan)
    )
    for row, weight in zip(rows, weights / weights.sum(), strict=True):
        row["aicc_weight"] = float(weight)
    tests = [
        bootstrap_test(one, other, runs=runs, worlds=worlds, seed=seed)
        for one, other in permutations(candidates, 2)
        if one.inside(other) or not other.inside(one)
    ]
    size = len(configurations(runs.axes, runs.response).log_mean)
    return {"configurations": size, "laws": rows, "tests": [vars(test) for test in tests]}


def _scored(candidate: Candidate, runs: Runs) -> dict[str, Any]:
    law, floor = candidate.law, candidate.floor
    fitted = fit(
        law,
        columns=runs.axes,
        response=runs.response,
        delta=np.inf,
        floor=floor,
        bootstrap=0,
        with_profile=False,
    )
    free = int(free_mask(fitted.built).sum())
    squares = 2 * fitted.solution.objective
    held = hold_outs(law, runs=runs, delta=None, floor=floor)
    return {
        "law": candidate.word,
        "formula": law.formula,
        "free_parameters": free,
        "sum_of_squares": squares,
        "aicc": _aicc(squares, len(fitted.points.log_mean), free + 1),
        "hold_out": [row.summary for row in held],
        "warnings": list(fitted.warnings),
    }


def bootstrap_test(
    smaller: Candidate, larger: Candidate, *, runs: Runs, worlds: int, seed: int
) -> LawTest:
    """Least squares on the log response of the configuration means. Both laws are fitted again to
    every table simulated from the smaller one."""
    points = configurations(runs.axes, runs.response)
    weights, size = points.seeds / points.seeds.mean(), len(points.log_mean)
    loss = Huber(points.log_mean, np.inf)
    built = {c.word: c.law.build(points.axes, floor=c.floor) for c in (smaller, larger)}
    fits = {
        word: solve(law, loss, starts=law.starts(points.log_mean, weights), weights=weights)
        for word, law in built.items()
    }
    null = fits[smaller.word]
    freedom = max(size - int(free_mask(built[smaller.word]).sum()), 1)
    noise = (
        np.sqrt(2 * null.objective / freedom)
        * np.random.default_rng(seed).standard_normal((worlds, size))
        / np.sqrt(weights)
    )
    drawn = Huber(built[smaller.word].model.mu(null.theta[None]) + noise, np.inf)
    ends = {
        word: redraw(law, drawn, solution=fits[word], weights=weights).objective
        for word, law in built.items()
    }
    nested = smaller.inside(larger)
    ratios = size * _log_ratio(ends[smaller.word], ends[larger.word], nested)
    seen = float(
        size
        * _log_ratio(np.array([null.objective]), np.array([fits[larger.word].objective]), nested)[0]
    )
    return LawTest(
        smaller.word,
        larger.word,
        nested,
        seen,
        float((np.sum(ratios >= seen) + 1) / (worlds + 1)),
        worlds,
    )


def _log_ratio(small: np.ndarray, large: np.ndarray, nested: bool) -> np.ndarray:
    """log(small / large); at least zero if nested, since a larger law never fits worse but for
    rounding."""
    floor = np.finfo(float).tiny
    return np.log(
        np.maximum(small, floor) / np.maximum(np.minimum(small, large) if nested else large, floor)
    )


def _aicc(squares: float, size: int, free: int) -> float:
    if size - free - 1 <= 0 or squares <= 0:
        return float("inf")
    return float(
        size * np.log(squares / size) + 2 * free + 2 * free * (free + 1) / (size - free - 1)
    )
