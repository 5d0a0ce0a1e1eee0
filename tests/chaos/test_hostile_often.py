"""2,000 hostile names, and 300 headers of weights that lie for every codec."""

from pathlib import Path

import pytest

from tests.chaos.conftest import SEEDS, Figures
from tests.unit.codec import test_hostile_weights as weights
from tests.unit.study import test_hostile_names as names

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


def test_names_stay_inside(seed: int, tmp_path: Path, figures: Figures) -> None:
    times = 1 + 2000 // len(SEEDS)
    wrong = names.found_wrong(tmp_path, seed=seed, times=times)
    figures.count("hostile names", injected=times, wrong_results=len(wrong))
    assert wrong == [], seed


@pytest.mark.parametrize("kind", ["pca", "vae", "picture vae"])
def test_headers_that_lie(kind: str, seed: int, tmp_path: Path, figures: Figures) -> None:
    times = 1 + 300 // len(SEEDS)
    wrong = weights.found_wrong(kind, folder=tmp_path, seed=seed, times=times)
    figures.count("headers of weights", injected=times, uncaught_tracebacks=len(wrong))
    assert wrong == [], seed
