"""Unbalanced tables: the effect of one axis given the others, within matched configurations."""

import numpy as np
import pytest

from analysis.data.configurations import Configurations, configurations
from analysis.fit.selection import hold_out
from analysis.laws.registry import law_named
from analysis.verdict.verdict import decide

SIZES = np.geomspace(1e6, 1e9, 6)


def unbalanced(*, falls: float = 0.0, turns: float = 0.0, seed: int = 0) -> Configurations:
    """Unique data U times epochs, six levels each, whose effects on log loss multiply. Where both
    are large or both small, the models are larger. Log loss falls by `falls` over the sizes, and by
    `turns` from no slope to the ends of U."""
    rng = np.random.default_rng(seed)
    rows = []
    for u in np.linspace(-1, 1, 6):
        for e in np.linspace(-1, 1, 6):
            for place in {0, 5} | {int(np.clip(2.5 + 2.5 * u * e + k, 0, 5)) for k in (-1, 0, 1)}:
                if rng.uniform() < 0.4:
                    n = place / 2.5 - 1
                    slope = -falls / 2 - turns * u / 2
                    rows.append((place, u, e, -0.4 * u - 0.2 * e + 0.6 * u * e + slope * n))
    place, u, e, mean = np.array(rows).T
    axes = {"N": SIZES[place.astype(int)], "U": 10 ** (8 + u), "epochs": 10 ** (1 + e)}
    return configurations(axes, np.exp(mean + rng.normal(0, 0.05, len(mean))))


def test_an_axis_without_effect_gets_no_claim_from_what_goes_with_it() -> None:
    worlds = [
        decide(unbalanced(seed=seed), axis="N", permutations="none").word for seed in range(60)
    ]
    assert sum(word in {"scales", "worsens"} for word in worlds) <= 0.05 * 60 + 3


def test_a_fall_within_matched_runs_is_found_where_small_models_see_more_data() -> None:
    """Simpson's paradox: over all runs, the loss rises with N."""
    n, d = np.array([(SIZES[i], 10.0 ** (9 - i + k)) for i in range(6) for k in (-1, 0, 1)]).T
    y = n**-0.1 * d**-0.3 * np.exp(np.random.default_rng(0).normal(0, 0.02, len(n)))
    assert decide(configurations({"N": n}, y), axis="N").word == "worsens"
    given = decide(configurations({"N": n, "D": d}, y), axis="N")
    assert given.word == "scales"
    assert given.low is not None
    assert given.high is not None
    assert given.low < -0.1 * np.log(1e3) < given.high


@pytest.mark.parametrize("seed", range(3))
def test_a_trend_that_turns_with_another_axis_is_no_trend(seed: int) -> None:
    found = decide(unbalanced(turns=0.8, seed=seed), axis="N")
    assert found.word == "undetermined"
    assert "rises where U is small, falls where U is large" in found.reason
    assert decide(unbalanced(falls=0.5, seed=seed), axis="N").word == "scales"


def test_a_hold_out_compares_what_differs_in_one_axis_alone() -> None:
    """The largest models are those with the least data, down to an amount that no other saw."""
    pairs = [(i, k) for i in range(6) for k in range(5 - i, 8 - i)]
    n, d = np.array([(SIZES[i], 10.0 ** (7 + k / 2)) for i, k in pairs]).T
    y = (n / 1e6) ** -0.2 + 3 * (d / 1e7) ** -0.4
    law = law_named("power-nd")
    found = hold_out(law, columns={"N": n, "D": d}, response=y, axis="N", floor=0.0)
    assert [row.held for row in found] == [2, 3]
    assert all(row.skill > 0.5 for row in found)
