"""10,000 wrong configurations: each is refused in one line, or is a run that has a price."""

import pytest

from tests.chaos.conftest import SEEDS, Figures
from tests.sweep_doubles import tiny_study
from tests.wrong_configurations import fault_of, wrong

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


def test_every_one_is_refused_in_a_line_or_has_a_price(seed: int, figures: Figures) -> None:
    study = tiny_study(seeds=range(1))
    times = 1 + 10_000 // len(SEEDS)
    wrongs = [
        (overrides, said)
        for overrides in wrong(study, seed=seed, times=times)
        if (said := fault_of(study, overrides))
    ]
    figures.count("wrong configurations", injected=times, uncaught_tracebacks=len(wrongs))
    assert not wrongs, (seed, wrongs[:5])
