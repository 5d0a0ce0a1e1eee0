"""The family of sums of powers: L = E + sum_k A_k x_k^-alpha_k, with any number of terms, and
exponents shared or not.

Fitted as mu = log(exp(e) + sum_k exp(a_k - alpha_k (log x_k - centre_k))) (log-sum-exp, Hoffmann et
al. 2022, arXiv 2203.15556). Starts come from variable projection: non-negative least squares for E
and A_k at every tuple of exponents on a grid."""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.estimate.affine import LogSumExp
from analysis.estimate.newton import Box
from analysis.estimate.seeds import project
from analysis.laws.law import Built, Columns, Link, Reading, Response, Surface

LARGEST_EXPONENT = 10.0
_SMALLEST_SHARE_LOG = 12.0
_GRID = {
    1: np.geomspace(0.02, 4.0, 40),
    2: np.geomspace(0.05, 2.0, 10),
    3: np.geomspace(0.06, 1.6, 6),
}


@dataclass(frozen=True)
class Term:
    """One power: the names of its amplitude and exponent, and the axis that is raised. `of` maps
    the axis to log x."""

    amplitude: str
    exponent: str
    axis: str
    complement: float = 0.0

    def log_axis(self, columns: Columns) -> Float[np.ndarray, " points"]:
        """log x, or -log(1 - c) for a coverage term, so that the term falls as coverage grows."""
        values = np.asarray(columns[self.axis], dtype=float)
        return -np.log(np.maximum(1 - values, 1e-12)) if self.complement else np.log(values)


@dataclass(frozen=True)
class Powers:
    """A sum-of-powers law. analysis/laws/law.py explains the fields."""

    name: str
    formula: str
    source: str
    domain: str
    identifiable: str
    terms: tuple[Term, ...]
    response: Response = "positive"
    link: Link = "log"
    levels: int = 3
    least_levels: int = 2
    has_floor: bool = True
    contains: frozenset[str] = frozenset()

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes, in the order of the terms."""
        return tuple(dict.fromkeys(term.axis for term in self.terms))

    @property
    def exponents(self) -> tuple[str, ...]:
        """Exponent names, each once."""
        return tuple(dict.fromkeys(term.exponent for term in self.terms))

    @property
    def parameters(self) -> tuple[str, ...]:
        """E (unless the law has none), amplitudes, exponents."""
        return (*self._constant, *(term.amplitude for term in self.terms), *self.exponents)

    @property
    def surface(self) -> Surface | None:
        """Defined for one term of N and one of D."""
        if self.axes != ("N", "D") or len(self.terms) != 2:
            return None
        n, d = self.terms
        return Surface(n.amplitude, n.exponent, d.amplitude, d.exponent)

    def exponent_of(self, axis: str) -> str | None:
        """The exponent of the term of this axis."""
        return next((term.exponent for term in self.terms if term.axis == axis), None)

    @property
    def _constant(self) -> tuple[str, ...]:
        return ("E",) if self.has_floor else ()

    def build(self, columns: Columns, *, floor: float | None) -> Built:
        """The law over `columns`. A given floor freezes its logarithm (minus infinity for zero)."""
        logs = [term.log_axis(columns) for term in self.terms]
        centres = [float(np.mean(x)) for x in logs]
        points = len(logs[0]) if logs else len(next(iter(columns.values())))
        place = {name: position for position, name in enumerate(self.parameters)}
        ones = np.ones(points)
        rows = [{0: ones} for _ in self._constant]
        for term, x, centre in zip(self.terms, logs, centres, strict=True):
            rows.append({place[term.amplitude]: ones, place[term.exponent]: centre - x})
        low, high = np.full(len(place), -np.inf), np.full(len(place), np.inf)
        for name in self.exponents:
            low[place[name]], high[place[name]] = 0.0, LARGEST_EXPONENT
        frozen = (
            {}
            if floor is None or not self.has_floor
            else {0: float(np.log(floor)) if floor > 0 else -np.inf}
        )

        def starts(target: np.ndarray, weights: np.ndarray) -> np.ndarray:
            if self.has_floor:
                low[0] = float(np.min(target)) - _SMALLEST_SHARE_LOG
            return self._starts(logs, centres, place, target, weights, frozen)

        def predict(theta: np.ndarray, at: Columns) -> np.ndarray:
            floors = np.exp(theta[:, 0]) if self.has_floor else np.zeros(len(theta))
            total = floors[:, None] * np.ones((1, len(next(iter(at.values())))))
            for term, centre in zip(self.terms, centres, strict=True):
                slope = theta[:, place[term.exponent], None] * (centre - term.log_axis(at))
                total = total + np.exp(theta[:, place[term.amplitude], None] + slope)
            return total

        model = LogSumExp(rows, parameters=len(place))
        return Built(
            model,
            Box(low, high),
            self.parameters,
            starts,
            self._readings(centres, place),
            predict,
            frozen,
        )

    def _readings(self, centres: list[float], place: dict[str, int]) -> dict[str, Reading]:
        unit = np.eye(len(place))
        readings = {name: Reading(unit[0], "log") for name in self._constant}
        for term, centre in zip(self.terms, centres, strict=True):
            readings[term.amplitude] = Reading(
                unit[place[term.amplitude]] + centre * unit[place[term.exponent]], "log"
            )
        return readings | {name: Reading(unit[place[name]], "linear") for name in self.exponents}

    def _starts(
        self,
        logs: list[np.ndarray],
        centres: list[float],
        place: dict[str, int],
        target: np.ndarray,
        weights: np.ndarray,
        frozen: dict[int, float],
    ) -> np.ndarray:
        names = self.exponents
        grid = _GRID.get(len(names), _GRID[3])
        tuples = np.array(list(itertools.product(grid, repeat=len(names)))).reshape(
            len(grid) ** len(names), len(names)
        )
        column = {name: tuples[:, position] for position, name in enumerate(names)}
        shapes = [
            np.exp(column[t.exponent][:, None] * (c - x))
            for t, x, c in zip(self.terms, logs, centres, strict=True)
        ]
        known = np.exp(frozen[0]) if 0 in frozen else None if self.has_floor else 0.0
        amounts = project(shapes, target=target, weights=weights, floor=known, rows=len(tuples))
        theta = np.zeros((len(tuples), len(place)))
        if self.has_floor:
            theta[:, 0] = frozen[0] if 0 in frozen else np.log(amounts[:, 0])
        for position, term in enumerate(self.terms):
            theta[:, place[term.amplitude]] = np.log(amounts[:, 1 + position])
        for name in names:
            theta[:, place[name]] = column[name]
        return theta
