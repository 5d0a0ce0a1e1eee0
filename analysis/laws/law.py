"""What a law is: named parameters, a formula with its source, the axes that it needs, and the way
to build its model for a table.

A sum-of-powers law is L = E + sum_k A_k x_k^-alpha_k. Internally, a term is exp(a_k - alpha_k (log
x_k - centre_k)). Centring makes amplitude and exponent nearly independent: on the Chinchilla
points, the Hessian's condition number is 1e4 instead of 1e7."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from analysis.estimate.newton import Box, Model

Response = Literal["positive", "ratio"]
Link = Literal["log", "logit"]
_LARGEST_LOG = 700.0
_AT_BOUND = 1e-6
Columns = Mapping[str, Float[np.ndarray, " points"]]


@dataclass(frozen=True)
class Built:
    """A law made ready for one table: model, bounds, starts and the way back to readable
    parameters."""

    model: Model
    box: Box
    internal: tuple[str, ...]
    starts: Callable[
        [Float[np.ndarray, " points"], Float[np.ndarray, " points"]],
        Float[np.ndarray, "starts parameters"],
    ]
    readings: Mapping[str, "Reading"]
    predict: Callable[
        [Float[np.ndarray, "batch parameters"], Columns], Float[np.ndarray, "batch targets"]
    ]
    frozen: Mapping[int, float]

    def external(
        self, theta: Float[np.ndarray, "batch parameters"]
    ) -> dict[str, Float[np.ndarray, " batch"]]:
        """Readable parameters of each row. A floor at its lower bound (e^-12 of the smallest
        response) reads as zero."""
        found = {name: reading.value(theta) for name, reading in self.readings.items()}
        if "E" in found and self.internal[0] == "E":
            found["E"] = np.where(theta[:, 0] <= self.box.low[0] + _AT_BOUND, 0.0, found["E"])
        return found


@dataclass(frozen=True)
class Reading:
    """A readable parameter: a linear functional of the internal ones, or the exponential of such a
    functional."""

    functional: Float[np.ndarray, " parameters"]
    scale: Literal["linear", "log"]

    def value(self, theta: Float[np.ndarray, "batch parameters"]) -> Float[np.ndarray, " batch"]:
        """The readable value of each row."""
        used = self.functional != 0
        inner = theta[:, used] @ self.functional[used]
        return self.from_inner(inner)

    def from_inner(self, inner: Float[np.ndarray, " batch"]) -> Float[np.ndarray, " batch"]:
        """The readable value of a value of the functional."""
        return np.exp(np.minimum(inner, _LARGEST_LOG)) if self.scale == "log" else inner


@dataclass(frozen=True)
class Surface:
    """The names of A, alpha, B and beta in a law of the form E + A N^-alpha + B D^-beta."""

    amplitude_n: str
    exponent_n: str
    amplitude_d: str
    exponent_d: str


@runtime_checkable
class Described(Protocol):
    """What laws and curves without a formula declare about themselves."""

    @property
    def name(self) -> str:
        """Name on the command line."""

    @property
    def formula(self) -> str:
        """Formula, or shape, as text."""

    @property
    def source(self) -> str:
        """The paper or book that it comes from."""

    @property
    def domain(self) -> str:
        """The values for which it is defined."""

    @property
    def identifiable(self) -> str:
        """What a table must hold for a fit to mean something."""

    @property
    def axes(self) -> tuple[str, ...]:
        """Roles (N, D, x ...) of the columns that it needs."""

    @property
    def least_levels(self) -> int:
        """Distinct values per axis below which a fit is refused."""


@runtime_checkable
class Law(Described, Protocol):
    """One law. `Powers` and `Formulated` fulfil it: a new law is a value of one of them."""

    @property
    def response(self) -> Response:
        """What it describes: a positive number (log residuals) or a ratio in [0, 1]."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Readable parameter names."""

    @property
    def link(self) -> Link:
        """The scale of the model: the log of the response, or the logit of a ratio."""

    @property
    def has_floor(self) -> bool:
        """Whether its first parameter is the constant E, which `--floor` fixes."""

    @property
    def levels(self) -> int:
        """Distinct values per axis below which a fit is doubted."""

    @property
    def contains(self) -> frozenset[str]:
        """Names of the laws that are special cases or limits of this one."""

    @property
    def surface(self) -> Surface | None:
        """The parameters that a compute-optimal frontier needs; None for a law that has no
        frontier."""

    def exponent_of(self, axis: str) -> str | None:
        """The parameter that says how fast the response falls along an axis; None if there is
        none."""

    def build(self, columns: Columns, *, floor: float | None) -> Built:
        """The law for these points; `floor` fixes the constant E (0 removes it)."""
