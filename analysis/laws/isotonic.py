"""The falling curve nearest to the configuration means, for display and as a check of any law.

Source: pooling adjacent violators, Ayer et al. 1955; Barlow et al. 1972. It assumes only that more
is not worse."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analysis.laws.registry import CURVES
from analysis.verdict.isotonic import falling


@dataclass(frozen=True)
class Isotonic:
    """A shape without a formula. analysis/laws/curve.py explains the fields."""

    name: str = "isotonic"
    formula: str = "L(x) never rises with x"
    source: str = "Ayer et al. 1955; Barlow et al. 1972 (pooled adjacent violators)"
    domain: str = "one axis, L > 0; only the observed range: it predicts nothing beyond"
    identifiable: str = "three levels of x"
    axes: tuple[str, ...] = ("x",)
    least_levels: int = 3

    def nearest(
        self, log_means: Float[np.ndarray, " levels"], *, weights: Float[np.ndarray, " levels"]
    ) -> Float[np.ndarray, " levels"]:
        """Pools adjacent violators."""
        return falling(log_means, weights=weights)


CURVES.register(Isotonic())
