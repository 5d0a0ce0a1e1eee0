"""Does the interval of the compute-optimal exponent hold the truth where no law of ours does?

Tables are planted with the faults of real sweeps. The truth is the slope of log N* on log C over
the table's own budgets, by minimisation of the planted loss."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.commands.selftest import Rate
from analysis.design.exponent import estimates
from analysis.design.frontier import Cost
from analysis.fit.fit import fit
from analysis.laws.registry import law_named

__all__ = ["FAMILIES", "SWEEPS", "Sweep", "frontier_rates", "holds", "planted"]

Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _law(n: np.ndarray, d: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1.7 + 400 * n**-0.34 + 410 * d**-0.28
    return result


FAMILIES: dict[str, Loss] = {
    "the law itself": _law,
    "a warm-up too long for short runs": lambda n, d: _law(n, d) * (1 + 3e8 / d),
    "a learning rate tuned at one size": lambda n, d: (
        _law(n, d) * (1 + 0.01 * np.log10(n / 3e7) ** 2)
    ),
    "cosine schedules cut off": lambda n, d: _law(n, d) * (1 + 0.05 * np.clip(1 - d / 4e10, 0, 1)),
    "a floor that depends on size": lambda n, d: _law(n, d) + 6 * n**-0.12,
    "N and D that help each other": lambda n, d: _law(n, d) + 4e5 * (n**-0.34 * d**-0.28),
    "untuned: warm-up and learning rate": lambda n, d: (
        _law(n, d) * (1 + 3e8 / d) * (1 + 0.01 * np.log10(n / 3e7) ** 2)
    ),
}


@dataclass(frozen=True)
class Sweep:
    """Sizes from one list for all budgets, those within a factor of the optimum; the standard
    deviation of log loss."""

    budgets: int
    sizes_a_decade: int
    reach: int
    noise: float

    @property
    def words(self) -> str:
        """The sweep in words, for a table."""
        return (
            f"{self.budgets} budgets, {self.sizes_a_decade:g} sizes a decade, noise {self.noise:g}"
        )


SWEEPS = (Sweep(6, 6, 6, 0.002), Sweep(8, 6, 6, 0.005), Sweep(12, 8, 6, 0.005))


def planted(
    loss: Loss, sweep: Sweep, rng: np.random.Generator
) -> tuple[dict[str, np.ndarray], np.ndarray, float]:
    """N and D of each run, their losses, and the true exponent."""
    budgets = np.geomspace(1e18, 1e21, sweep.budgets)
    sizes = np.geomspace(1e6, 1e11, round(5 * sweep.sizes_a_decade)) * rng.uniform(0.8, 1.25)
    fine = np.geomspace(1e6, 1e11, 5_001)
    best = np.array([fine[loss(fine, c / 6 / fine).argmin()] for c in budgets])
    exponent = float(np.polyfit(np.log(budgets), np.log(best), 1)[0])
    grid = np.array(
        [
            (n, c / 6 / n)
            for c, middle in zip(budgets, best * rng.uniform(0.5, 2), strict=True)
            for n in sizes
            if 1 / sweep.reach < n / middle < sweep.reach
        ]
    )
    n, d = grid.T
    return {"N": n, "D": d}, loss(n, d) * np.exp(rng.normal(0, sweep.noise, len(n))), exponent


def frontier_rates(
    sweeps: Sequence[Sweep] = SWEEPS, *, worlds: int, bootstrap: int = 100, seed: int = 0
) -> Iterator[Rate]:
    """How often the interval that `frontier` headlines holds the planted exponent."""
    for name, loss in FAMILIES.items():
        for sweep in sweeps:
            held = sum(
                holds(loss, sweep, np.random.default_rng((seed, world)), bootstrap=bootstrap)
                for world in range(worlds)
            )
            what = f"95 % interval of N*'s exponent covers: {name}"
            yield Rate(what, sweep.words, held / worlds, worlds, 0.93, 1.0)


def holds(loss: Loss, sweep: Sweep, rng: np.random.Generator, *, bootstrap: int) -> bool:
    """Whether the reported interval of one planted table holds the true exponent."""
    axes, response, exponent = planted(loss, sweep, rng)
    fitted = fit(
        law_named("power-nd"),
        columns=axes,
        response=response,
        bootstrap=bootstrap,
        with_profile=False,
    )
    spent = Cost().flops(axes["N"], axes["D"])
    found = estimates(
        fitted,
        n=axes["N"],
        loss=response,
        flops=spent,
        budgets=np.array([spent.min(), spent.max()]),
        cost=Cost(),
    ).optimum
    return found.exponent_low <= exponent <= found.exponent_high
