"""Variable projection: given the exponents, the best floor and amplitudes solve a non-negative
least-squares problem.

Residuals are relative (prediction / target - 1), which approximates log residuals. With at most
four columns, the exact solution is the best of all active sets, solved for all tuples of exponents
at once."""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_SMALLEST_SHARE = 1e-3


def project(
    shapes: Sequence[Float[np.ndarray, "rows points"]],
    *,
    target: Float[np.ndarray, " points"],
    weights: Float[np.ndarray, " points"],
    floor: float | None,
    rows: int,
) -> Float[np.ndarray, "rows columns"]:
    """Floor and amplitudes (columns: floor first) for each row of shapes. `target` is log y; a
    known `floor` is not fitted.

    Inactive columns get a thousandth of the mean, so that their logarithm exists and has a
    slope."""
    y = np.exp(target)
    root = np.sqrt(weights)
    columns = [np.ones((rows, len(y))), *shapes]
    matrix = np.stack(columns, axis=2) / y[:, None] * root[:, None]
    right = np.broadcast_to(root * (1 - (floor or 0.0) / y), (rows, len(y)))
    gram = matrix.transpose(0, 2, 1) @ matrix
    moment = (matrix.transpose(0, 2, 1) @ right[:, :, None])[:, :, 0]
    first = 0 if floor is None else 1
    best = np.full(rows, np.inf)
    amounts = np.zeros((rows, len(columns)))
    for size in range(1, len(columns) - first + 1):
        for active in itertools.combinations(range(first, len(columns)), size):
            solution = _solve(gram, moment, active)
            fit = np.zeros((rows, len(columns)))
            fit[:, active] = solution
            value = np.einsum("rc,rcd,rd->r", fit, gram, fit) - 2 * (fit * moment).sum(axis=1)
            take = (solution > 0).all(axis=1) & (value < best)
            amounts[take], best[take] = fit[take], value[take]
    typical = float(np.exp(np.average(target, weights=weights)))
    return np.maximum(amounts, typical * _SMALLEST_SHARE)


def _solve(gram: np.ndarray, moment: np.ndarray, active: tuple[int, ...]) -> np.ndarray:
    part = gram[:, active][:, :, active]
    size = np.sqrt(np.maximum(np.einsum("rpp->rp", part), 1e-300))
    scaled = part / size[:, :, None] / size[:, None, :]
    scaled[:, np.arange(len(active)), np.arange(len(active))] += 1e-10
    return np.linalg.solve(scaled, (moment[:, active] / size)[:, :, None])[:, :, 0] / size
