"""The common frame of laws given by a formula. A law's own file holds only its formula, bounds,
starts and words.

mu = formula(parameters, columns) is the log prediction (or the linear predictor of a ratio). Axes
enter as logarithms centred at their mean, so amplitudes are values at the geometric mean of the
axes (`x0` in the formulas)."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.estimate.jets import Formula, JetModel
from analysis.estimate.newton import Box
from analysis.estimate.seeds import project
from analysis.laws.law import Built, Columns, Link, Reading, Response, Surface

_SMALLEST_SHARE_LOG = 12.0


@dataclass(frozen=True)
class Parameter:
    """An internal parameter: its bounds, and how it is read (`log`: the reader sees its
    exponential)."""

    name: str
    low: float = -np.inf
    high: float = np.inf
    scale: str = "linear"
    grid: tuple[float, ...] = ()


@dataclass(frozen=True)
class Formulated:
    """A law given by a formula. analysis/laws/law.py explains the fields.

    Attributes:
        inside: the internal parameters; E, where there is one, comes first.
        mu: the linear predictor, from parameters and centred log axes.
        shape: the log of each reducible term without its amplitude, for starts.
        uncentred: axes that `mu` takes as values, not as centred logarithms.
        exponents: the name of the exponent of each axis that has one.
    """

    name: str
    formula: str
    source: str
    domain: str
    identifiable: str
    axes: tuple[str, ...]
    inside: tuple[Parameter, ...]
    mu: Formula
    shape: (
        Callable[[Mapping[str, np.ndarray], Mapping[str, np.ndarray]], Sequence[np.ndarray]] | None
    ) = None
    response: Response = "positive"
    link: Link = "log"
    levels: int = 3
    least_levels: int = 2
    uncentred: frozenset[str] = frozenset()
    contains: frozenset[str] = frozenset()
    exponents: Mapping[str, str] = field(default_factory=dict)
    surface: Surface | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        """Readable names."""
        return tuple(parameter.name for parameter in self.inside)

    @property
    def has_floor(self) -> bool:
        """Whether E is the first parameter."""
        return self.parameters[0] == "E"

    def exponent_of(self, axis: str) -> str | None:
        """The exponent declared for this axis."""
        return self.exponents.get(axis)

    def build(self, columns: Columns, *, floor: float | None) -> Built:
        """The law over `columns`."""
        centre = {
            name: 0.0 if name in self.uncentred else float(np.mean(np.log(columns[name])))
            for name in self.axes
        }
        low = np.array([parameter.low for parameter in self.inside])
        high = np.array([parameter.high for parameter in self.inside])
        frozen = {}
        if self.has_floor and floor is not None:
            frozen[0] = float(np.log(floor)) if floor > 0 else -np.inf
        logs = self._logs(columns, centre)

        def starts(target: np.ndarray, weights: np.ndarray) -> np.ndarray:
            if self.has_floor:
                low[0] = float(np.min(target)) - _SMALLEST_SHARE_LOG
            return self._starts(logs, target, weights, frozen)

        def predict(theta: np.ndarray, at: Columns) -> np.ndarray:
            parts = [theta[:, p, None] for p in range(len(self.inside))]
            mu = np.asarray(self.mu(parts, self._logs(at, centre)))
            return 1 / (1 + np.exp(-mu)) if self.link == "logit" else np.exp(mu)

        unit = np.eye(len(self.inside))
        readings = {
            p.name: Reading(unit[place], "log" if p.scale == "log" else "linear")
            for place, p in enumerate(self.inside)
        }
        model = JetModel(self.mu, logs, parameters=len(self.inside))
        return Built(model, Box(low, high), self.parameters, starts, readings, predict, frozen)

    def _logs(self, columns: Columns, centre: Mapping[str, float]) -> dict[str, np.ndarray]:
        return {
            name: np.asarray(columns[name], float)
            if name in self.uncentred
            else np.log(columns[name]) - centre[name]
            for name in self.axes
        }

    def _starts(
        self,
        logs: dict[str, np.ndarray],
        target: np.ndarray,
        weights: np.ndarray,
        frozen: Mapping[int, float],
    ) -> np.ndarray:
        free = [parameter for parameter in self.inside if parameter.grid]
        grid = np.array(list(itertools.product(*(parameter.grid for parameter in free))))
        column = {parameter.name: grid[:, place, None] for place, parameter in enumerate(free)}
        theta = np.zeros((len(grid), len(self.inside)))
        names = self.parameters
        for parameter in free:
            theta[:, names.index(parameter.name)] = column[parameter.name][:, 0]
        if self.shape is None:
            level = float(np.average(target, weights=weights))
            theta[:, 0] += level
            return theta
        shapes = [np.exp(np.minimum(part, 200.0)) for part in self.shape(column, logs)]
        known = float(np.exp(frozen[0])) if 0 in frozen else None
        amounts = np.log(
            project(shapes, target=target, weights=weights, floor=known, rows=len(grid))
        )
        theta[:, : amounts.shape[1]] = amounts
        if 0 in frozen:
            theta[:, 0] = frozen[0]
        return theta
