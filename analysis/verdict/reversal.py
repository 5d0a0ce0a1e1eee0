"""Does the trend along one axis turn its sign with another axis? A larger model falls on much data
and rises on little that is repeated: then neither "scales" nor "worsens" is true of the table.

Gail and Simon 1985: an interaction is qualitative where both signs are significant. Slopes are
compared at the 10th and the 90th percentile of each other axis, within matched configurations, so
that nothing is assumed of the other axes' own effects."""

import numpy as np

from analysis.data.configurations import MANY, Configurations
from analysis.verdict.covariates import others_of, unexplained

_ENDS = (0.1, 0.9)
_ERROR = 0.05


def reversal(points: Configurations, *, axis: str) -> str | None:
    """The other axis that turns the sign, and where; None where none does or too few configurations
    tell."""
    from scipy.stats import t as student

    others = [name for name in points.axes if name != axis]
    covariates = others_of(points, axis=axis)
    freedom = len(points.log_mean) - covariates.shape[1] - 1 - len(others)
    if not others or freedom < MANY:
        return None
    x = np.log(points.axes[axis])
    x = x - x.mean()
    logs = {name: np.log(points.axes[name]) for name in others}
    centred = [values - values.mean() for values in logs.values()]
    weights = points.seeds / points.seeds.mean()
    parts = unexplained(
        np.stack([points.log_mean, x, *(x * other for other in centred)]),
        covariates,
        weights=weights,
    ).parts
    y, design = parts[0], parts[1:].T
    coefficients, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    if rank < design.shape[1]:
        return None
    residual = y - design @ coefficients
    spread = np.linalg.inv(design.T @ design) * float(residual @ residual) / freedom
    least = float(student.ppf(1 - _ERROR / 2 / (2 * len(others)), freedom))
    for place, other in enumerate(others, start=1):
        at = np.zeros((2, len(coefficients)))
        at[:, 0] = 1.0
        at[:, place] = np.quantile(centred[place - 1], _ENDS)
        variance = np.einsum("ep,pq,eq->e", at, spread, at)
        if not variance.all():  # equal values: nothing tells how sure a slope is
            return None
        low, high = at @ coefficients / np.sqrt(variance)
        if min(low, high) < -least and max(low, high) > least:
            small, large = ("falls", "rises") if low < 0 else ("rises", "falls")
            return f"{small} where {other} is small, {large} where {other} is large"
    return None
