"""A standard error is told where it describes the draws, not where a few of them run away."""

import numpy as np

from analysis.fit.fit import Fit, fit
from analysis.laws.registry import law_named


def fitted(seed: int, *, noise: float) -> Fit:
    grid = np.array([(n, d) for n in np.geomspace(1e4, 1e6, 4) for d in np.geomspace(1e2, 1e4, 4)])
    n, d = grid.T
    clean = 0.1 + 3 * n**-0.3 + 6 * d**-0.5
    response = clean * np.exp(noise * np.random.default_rng(seed).standard_normal(len(n)))
    law = law_named("power-nd")
    return fit(law, columns={"N": n, "D": d}, response=response, bootstrap=200, with_profile=False)


def test_an_error_larger_than_the_whole_interval_is_not_told() -> None:
    found = [row for seed in range(6) for row in fitted(seed, noise=0.3).parameters.values()]
    assert any(row.se is None for row in found)
    for row in found:
        if row.se is not None and row.low is not None and row.high is not None:
            assert row.se <= row.high - row.low


def test_the_errors_of_a_clear_table_are_told() -> None:
    assert all(row.se for row in fitted(0, noise=0.005).parameters.values())
