"""Isotonic regression by pooling adjacent violators: the nearest falling curve, without a
formula."""

import numpy as np
from jaxtyping import Float


def falling(
    values: Float[np.ndarray, " points"], *, weights: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " points"]:
    """The non-increasing sequence nearest to `values` in weighted least squares."""
    levels: list[float] = []
    masses: list[float] = []
    sizes: list[int] = []
    for value, weight in zip(values, weights, strict=True):
        levels.append(float(value))
        masses.append(float(weight))
        sizes.append(1)
        while len(levels) > 1 and levels[-2] < levels[-1]:
            mass = masses[-2] + masses[-1]
            level = (levels[-2] * masses[-2] + levels[-1] * masses[-1]) / mass
            levels[-2:], masses[-2:], sizes[-2:] = [level], [mass], [sizes[-2] + sizes[-1]]
    return np.repeat(levels, sizes)
