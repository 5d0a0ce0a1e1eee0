"""The sentence of each verdict is said of a curve that is so, and of no other."""

import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from analysis.data.configurations import configurations
from analysis.design.ladders import Ladder
from analysis.figures.marks import verdict_note
from analysis.report.words import verdict_sentence
from analysis.verdict.verdict import decide, holm
from physscale.records.metric_table import BUILT_IN

METRIC = next(metric for metric in BUILT_IN if metric.name == "velocity_error")
LEVELS = np.geomspace(10, 10_000, 7)
SEEDS = 3

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "scales": lambda x: 6 * (x / 10) ** -0.5,
    "saturates": lambda x: 1.2 + 6 * (x / 10) ** -1.2,
    "flat": lambda x: np.full(len(x), 2.0),
    "worsens": lambda x: 2 * (x / 10) ** 0.3,
    "turns": lambda x: np.exp((np.log(x / 300)) ** 2 / 8),
    "open": lambda x: 1.2 + 6 * (x / 10) ** -0.54,
    "too few": lambda x: np.full(len(x), 2.0),
}

NOTED = {
    "scales": "exponent 0.50",
    "saturates": "limit 1.2",
    "flat": "no exponent: no law to fit",
    "worsens": "no exponent: no law to fit",
    "turns": "no exponent: it turns at 316",
    "open": "no exponent: whether it still falls is open",
    "too few": "no exponent: no law to fit",
}

SAID = {
    "scales": r"falls 3[0-4]× \[.*\] over 10–10k training videos; exponent 0.50 \[",
    "saturates": r"falls 4\.\d× \[.*\] over 10–10k training videos; at most \d\.\d% of the last "
    r"error is still to fall; limit 1\.[12]\d* \[",
    "flat": r"does not change with training videos: change .*%, .*, within ±10%\.$",
    "worsens": r"rises 7.9× \[.*\] over 10–10k training videos\.$",
    "turns": r"no single trend: it falls up to 316\.2 \(.*\), then rises \(.*\)\.$",
    "open": r"falls by \d\d%.*; whether it still falls is open: between .* is still to fall\.$",
    "too few": r"2 levels of x: a trend and its noise need at least three\.$",
}


@cache
def ladder(curve: str) -> Ladder:
    levels = LEVELS[:2] if curve == "too few" else LEVELS
    x = np.repeat(levels, SEEDS)
    noise = np.random.Generator(np.random.Philox(key=3)).normal(0, 0.02, len(x))
    y = CURVES[curve](x) * np.exp(noise)
    (verdict,) = holm([decide(configurations({"x": x}, y), axis="x")])
    return Ladder(
        family="planted",
        axis="D",
        split="id",
        kind="id",
        metric=METRIC,
        fixed={},
        x=x,
        y=y,
        low=y,
        high=y,
        seed=np.tile(np.arange(SEEDS, dtype=float), len(levels)),
        runs=tuple(map(str, range(len(x)))),
        floors={},
        verdict=verdict,
    )


@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("curve", CURVES)
def test_a_sentence_is_said_where_it_is_true(curve: str, said: str) -> None:
    planted = ladder(curve)
    sentence = verdict_sentence(planted)
    assert sentence.startswith("Velocity error in distribution")
    assert bool(re.search(SAID[said], sentence)) == (curve == said), sentence
    assert "\n" not in sentence
    word, _, note = verdict_note(planted).splitlines()
    assert word == planted.verdict.word
    assert note.startswith(NOTED[curve])
