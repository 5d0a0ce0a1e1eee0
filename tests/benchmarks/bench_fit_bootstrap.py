"""fit_bootstrap: CPU time of one global fit of E + A N^-alpha + B D^-beta with 4,000 case
bootstraps on the 240 Chinchilla points.

Ours is the whole job. The peer is the loop of the replication (Besiroglu et al. 2024, arXiv
2404.10102): one L-BFGS-B run for each of 4,500 starts, then one BFGS run a resample from one start;
a part of each is measured here and scaled to the whole. Without the reference points a law of the
same shape is drawn."""

import csv
import itertools
import time

import numpy as np

from analysis.fit.fit import fit
from analysis.laws.registry import law_named
from tests.paths import ROOT

STARTS, RESAMPLES = 4500, 4000
STARTS_MEASURED, RESAMPLES_MEASURED = 60, 50
DELTA = 1e-3
_POINTS = ROOT.parent / "shared" / "data" / "chinchilla_besiroglu.csv"


def points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """N, D and loss."""
    if _POINTS.is_file():
        with _POINTS.open() as file:
            rows = [row for row in csv.DictReader(file) if row["excluded_in_paper"] == "0"]
        n, d, loss = (np.array([float(row[name]) for row in rows]) for name in ("N", "D", "loss"))
        return n, d, loss
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(17.5, 23.5, 240)), np.exp(rng.uniform(20, 26, 240))
    return (
        n,
        d,
        (1.82 + 480 * n**-0.347 + 2100 * d**-0.366) * np.exp(0.005 * rng.standard_t(3, 240)),
    )


def run() -> dict[str, object]:
    """CPU seconds of both, in one process."""
    n, d, loss = points()
    begun = time.process_time()
    ours = fit(
        law_named("power-nd"),
        columns={"N": n, "D": d},
        response=loss,
        delta=DELTA,
        bootstrap=RESAMPLES,
        seed=42,
        with_profile=False,
    )
    ours_s = time.process_time() - begun
    peer_s = _peer_seconds(n, d, loss)
    return {
        "name": "fit_bootstrap",
        "ours": ours_s,
        "peer": peer_s,
        "ratio": peer_s / ours_s,
        "unit": "CPU s",
        "note": f"4,000 bootstraps and a global fit; objective {ours.solution.objective:.13f}; "
        "peer: L-BFGS-B a start, BFGS a resample, "
        f"measured on {STARTS_MEASURED} of {STARTS} starts and {RESAMPLES_MEASURED} of "
        f"{RESAMPLES} resamples",
    }


def _peer_seconds(n: np.ndarray, d: np.ndarray, loss: np.ndarray) -> float:
    """The replication's loops on a part of the work, scaled to the whole."""
    import scipy.optimize

    log_n, log_d, log_loss = np.log(n), np.log(d), np.log(loss)

    def objective(theta: np.ndarray, chosen: np.ndarray) -> float:
        a, b, e, alpha, beta = theta
        terms = np.stack(
            [a - alpha * log_n[chosen], b - beta * log_d[chosen], np.full(len(chosen), e)]
        )
        top = terms.max(axis=0)
        size = np.abs(top + np.log(np.exp(terms - top).sum(axis=0)) - log_loss[chosen])
        inside = np.minimum(size, DELTA)
        return float(np.sum(inside * (size - 0.5 * inside)))

    rng = np.random.default_rng(0)
    everything = np.arange(len(n))
    grid = list(
        itertools.product(
            range(0, 30, 5),
            range(0, 30, 5),
            np.arange(-1, 1.5, 0.5),
            np.arange(0, 2.5, 0.5),
            np.arange(0, 2.5, 0.5),
        )
    )
    begun = time.process_time()
    for place in rng.choice(len(grid), STARTS_MEASURED, replace=False):
        scipy.optimize.minimize(
            objective, np.array(grid[place], dtype=float), args=(everything,), method="L-BFGS-B"
        )
    starts_s = (time.process_time() - begun) / STARTS_MEASURED
    begun = time.process_time()
    for _ in range(RESAMPLES_MEASURED):
        resample = rng.choice(len(n), len(n))
        scipy.optimize.minimize(
            objective,
            np.array([6.0073, 6.0179, 0.5267, 0.3392, 0.2849]),
            args=(resample,),
            method="BFGS",
        )
    resamples_s = (time.process_time() - begun) / RESAMPLES_MEASURED
    return STARTS * starts_s + RESAMPLES * resamples_s
