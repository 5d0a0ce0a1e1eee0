"""Does the estimator keep its promises? The test plants laws, seeds and configuration scatter, and
counts coverage and error rates.

Coverage: 95 % profile intervals of alpha, beta and E of power-nd on a 5 x 5 grid of N and D with
several seeds. Target: 92 to 97 %.

Verdicts: how often each word is given for one axis of a grid (5 x 5) or of a ladder (3 to 6 levels,
1 to 5 seeds, configurations that scatter 0, 1 and 3 times as much as seeds) with a planted fall
over the range. Targets: a flat split is called "scales" or "worsens" in at most 5 % of simulated
tables, a change at the margin is called "flat" in at most 5 %, and the interval of the change of a
ladder holds the planted one in 92 to 97 %."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.data.configurations import configurations
from analysis.estimate.profile import excess_at, threshold_of
from analysis.fit.fit import fit
from analysis.laws.registry import law_named
from analysis.verdict.verdict import MARGIN, decide, holm

WORDS = ("scales", "saturates", "flat", "worsens", "undetermined")
TRUTH = {"E": 0.02, "A": 3.0, "B": 60.0, "alpha": 0.35, "beta": 0.55}


@dataclass(frozen=True)
class Design:
    """A design of runs: levels of N and D, seeds, and the standard deviations of log error between
    seeds and between configurations."""

    sizes: int
    amounts: int
    seeds: int
    seed_sd: float
    configuration_sd: float

    @property
    def words(self) -> str:
        """The design in words, for a table."""
        grid = f"{self.sizes}x{self.amounts}x{self.seeds}"
        return f"{grid}, seeds {self.seed_sd:g}, configurations {self.configuration_sd:g}"


@dataclass(frozen=True)
class Rate:
    """A counted share, its standard error and its target."""

    what: str
    design: str
    share: float
    of: int
    low: float
    high: float

    @property
    def error(self) -> float:
        """Monte Carlo standard error."""
        return float(np.sqrt(max(self.share * (1 - self.share), 1e-4) / self.of))

    @property
    def held(self) -> bool:
        """Whether the share lies inside the target, or outside by at most twice the Monte Carlo
        error."""
        return self.low - 2 * self.error <= self.share <= self.high + 2 * self.error


COVERAGE_DESIGNS = (
    Design(5, 5, 1, 0.03, 0.0),
    Design(5, 5, 2, 0.03, 0.05),
    Design(5, 5, 3, 0.10, 0.03),
)
VERDICT_DESIGNS = (
    Design(5, 5, 1, 0.10, 0.0),
    Design(5, 5, 3, 0.10, 0.03),
    Design(4, 1, 3, 0.10, 0.05),
    Design(4, 1, 2, 0.10, 0.05),
)
LADDERS = tuple(
    Design(levels, 1, seeds, 0.05, 0.05 * scatter)
    for levels in (3, 4, 5, 6)
    for seeds in (1, 2, 3, 5)
    for scatter in (0, 1, 3)
    if seeds > 1 or not scatter
)
"""With one seed, scatter of seeds and of configurations are one."""
FALLS = (0.0, 0.05, 0.20, 0.50)


def sweep(design: Design, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The axes of every run, and the log scatter to add to a law."""
    n, d = np.geomspace(1e4, 1e6, design.sizes), np.geomspace(1e2, 1e5, design.amounts)
    grid = np.array([(a, b) for a in n for b in d])
    scatter = (
        rng.normal(0, design.configuration_sd, len(grid))
        if design.configuration_sd
        else np.zeros(len(grid))
    )
    runs = np.repeat(np.arange(len(grid)), design.seeds)
    axes = {"N": grid[runs, 0]} | ({"D": grid[runs, 1]} if design.amounts > 1 else {})
    return axes, scatter[runs] + rng.normal(0, design.seed_sd, len(runs))


def coverage(design: Design, *, worlds: int, seed: int = 0) -> list[Rate]:
    """How often the profile interval of each parameter holds the planted value."""
    hits = dict.fromkeys(("alpha", "beta", "E"), 0)
    for world in range(worlds):
        axes, scatter = sweep(design, np.random.default_rng((seed, world)))
        clean = (
            TRUTH["E"]
            + TRUTH["A"] * axes["N"] ** -TRUTH["alpha"]
            + TRUTH["B"] * axes["D"] ** -TRUTH["beta"]
        )
        found = fit(
            law_named("power-nd"),
            columns=axes,
            response=clean * np.exp(scatter),
            bootstrap=0,
            with_profile=False,
        )
        assert found.noise.variance is not None
        for name in hits:
            excess = excess_at(
                found.built,
                found.loss,
                theta=found.solution.theta,
                objective=found.solution.objective,
                weights=found.weights,
                name=name,
                value=TRUTH[name],
                scale=found.noise.variance,
            )
            hits[name] += excess <= threshold_of(
                found.built, theta=found.solution.theta, name=name, freedom=found.noise.freedom
            )
    return [
        Rate(f"95 % interval of {name} covers", design.words, count / worlds, worlds, 0.92, 0.97)
        for name, count in hits.items()
    ]


def words_said(design: Design, *, fall: float, worlds: int, seed: int = 0) -> dict[str, float]:
    """Share of each verdict on axis N, when the error falls log-linearly by `fall` over its range
    and not at all along the other axis.

    The verdicts are those that a user gets: corrected over all axes. "claims" counts tables with
    "scales", "saturates" or "worsens" on any axis, "covers" those whose interval on N holds the
    fall."""
    counts = dict.fromkeys((*WORDS, "claims", "covers"), 0)
    for world in range(worlds):
        axes, scatter = sweep(design, np.random.default_rng((seed, world, 7)))
        x = np.log(axes["N"])
        steps = (x - x.min()) / np.ptp(x)
        points = configurations(axes, np.exp(np.log(0.3) + np.log1p(-fall) * steps + scatter))
        found = holm([decide(points, axis=axis, permutations="none") for axis in axes])
        counts[found[0].word] += 1
        counts["claims"] += any(one.moves for one in found)
        low, high = found[0].low, found[0].high
        counts["covers"] += low is not None and high is not None and low <= np.log1p(-fall) <= high
    return {word: count / worlds for word, count in counts.items()}


def error_rates(*, worlds: int) -> list[Rate]:
    """The rates of a false claim on any axis where nothing changes, and of a false "flat" where the
    change equals the margin."""
    found = []
    for design in VERDICT_DESIGNS:
        none = words_said(design, fall=0.0, worlds=worlds)
        edge = words_said(design, fall=1 - 1 / (1 + MARGIN), worlds=worlds, seed=1)
        found += [_false_claims(design, none["claims"], worlds)]
        found += [Rate('false "flat" at the margin', design.words, edge["flat"], worlds, 0.0, 0.05)]
    return found


def ladder_rates(designs: Sequence[Design] = LADDERS, *, worlds: int) -> list[Rate]:
    """False claims on flat ladders, and coverage of the change on falling ones."""
    found = []
    for design in designs:
        none = words_said(design, fall=0.0, worlds=worlds, seed=3)
        half = words_said(design, fall=0.5, worlds=worlds, seed=4)
        cover = "95 % interval of the change covers"
        found += [
            _false_claims(design, none["claims"], worlds),
            Rate(cover, design.words, half["covers"], worlds, 0.92, 0.97),
        ]
    return found


def _false_claims(design: Design, share: float, worlds: int) -> Rate:
    return Rate('"scales" or "worsens" on flat data', design.words, share, worlds, 0.0, 0.05)


def power_table(*, worlds: int) -> Iterator[tuple[str, float, dict[str, float]]]:
    """Rows of (design, fall, share of each word)."""
    for design in VERDICT_DESIGNS:
        for fall in FALLS:
            yield design.words, fall, words_said(design, fall=fall, worlds=worlds, seed=2)


def run(
    *, worlds: int, verdict_worlds: int, power_worlds: int
) -> tuple[list[Rate], list[tuple[str, float, dict[str, float]]]]:
    """Every rate that has a target, and the power table."""
    rates = [rate for design in COVERAGE_DESIGNS for rate in coverage(design, worlds=worlds)]
    rates += error_rates(worlds=verdict_worlds) + ladder_rates(worlds=power_worlds)
    return rates, list(power_table(worlds=power_worlds))


def report(rates: list[Rate], table: list[tuple[str, float, dict[str, float]]]) -> list[str]:
    """Markdown: the counted rates beside their targets, and the power table."""
    lines = ["| promise | design | counted | target | worlds |", "|---|---|---|---|---|"]
    for rate in rates:
        mark = "" if rate.held else " **missed**"
        target = f"{rate.low:.0%}–{rate.high:.0%}" if rate.low else f"at most {rate.high:.0%}"
        lines.append(
            f"| {rate.what} | {rate.design} | {rate.share:.1%} ± {rate.error:.1%}{mark} | "
            f"{target} | {rate.of} |"
        )
    lines += [
        "",
        "| design | fall over the range | " + " | ".join(WORDS) + " |",
        "|---|---|" + "---|" * len(WORDS),
    ]
    lines += [
        f"| {design} | {fall:.0%} | " + " | ".join(f"{said[word]:.1%}" for word in WORDS) + " |"
        for design, fall, said in table
    ]
    return lines
