"""Kappa against published examples, its limits, chance level and worse."""

import numpy as np
import pytest

from physscale.raters.agreement import cohen, fleiss


def table(
    both: int, first_only: int, second_only: int, neither: int
) -> tuple[np.ndarray, np.ndarray]:
    counts = (both, first_only, second_only, neither)
    return np.repeat([True, True, False, False], counts), np.repeat(
        [True, False, True, False], counts
    )


def test_cohen_of_textbook_tables() -> None:
    first, second = table(20, 5, 10, 15)
    assert cohen(first, second=second).value == pytest.approx(0.4)
    first, second = table(45, 15, 25, 15)
    assert cohen(first, second=second).value == pytest.approx(0.1304, abs=5e-5)
    first, second = table(25, 35, 5, 35)
    found = cohen(first, second=second)
    assert found.value == pytest.approx(0.2593, abs=5e-5)
    assert found.agreement == pytest.approx(0.6)


def test_fleiss_by_hand() -> None:
    ratings = np.array([[1, 1, 1], [1, 1, 0], [0, 0, 1], [0, 0, 0]], bool)
    agreed, yes = (1 + 1 / 3 + 1 / 3 + 1) / 4, 6 / 12
    assert fleiss(ratings).value == pytest.approx((agreed - 0.5) / (1 - (yes**2 + (1 - yes) ** 2)))


def test_perfect_and_opposite() -> None:
    first, second = table(10, 0, 0, 10)
    assert (cohen(first, second=second).value, fleiss(np.stack([first] * 4, -1)).value) == (
        1.0,
        1.0,
    )
    assert cohen(first, second=~second).value == pytest.approx(-1.0)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_independent_raters_agree_by_chance_alone(share: float) -> None:
    ratings = np.random.Generator(np.random.Philox(key=1)).random((4000, 3)) < share
    for found in (fleiss(ratings), cohen(ratings[:, 0], second=ratings[:, 1])):
        assert found.value == pytest.approx(0.0, abs=0.05)
        assert found.low is not None
        assert found.high is not None
        assert found.low < 0.02 < found.high + 0.03
        assert found.agreement == pytest.approx(share**2 + (1 - share) ** 2, abs=0.03)


def test_the_interval_covers_what_was_planted() -> None:
    """Second rater repeats the first with probability 0.7 and throws the same coin else: kappa 0.7
    exactly."""
    covered = 0
    for key in range(40):
        rng = np.random.Generator(np.random.Philox(key=key))
        first = rng.random(100) < 0.5
        second = np.where(rng.random(100) < 0.7, first, rng.random(100) < 0.5)
        found = cohen(first, second=second)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.7 <= found.high
    assert covered >= 34


def test_undefined_where_all_say_the_same() -> None:
    found = cohen(np.ones(5, bool), second=np.ones(5, bool))
    assert (found.value, found.low, found.agreement) == (None, None, 1.0)


def test_what_is_no_set_of_ratings_is_refused() -> None:
    with pytest.raises(ValueError, match="both rated"):
        cohen(np.ones(0, bool), second=np.ones(0, bool))
    with pytest.raises(ValueError, match="two raters"):
        fleiss(np.ones((3, 1), bool))
