"""Initial states in numbers and words."""

import numpy as np
import pytest

from physscale.records.scene import Body, Shape
from physscale.simulate.describe import NUMBERS, numbers, sentences
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.physics.test_render import still


def test_a_collision_in_words_and_numbers() -> None:
    videos = simulate(DataSpec(scenario=Collision(), videos=3), indices=np.arange(3))
    values, words = numbers(videos), sentences(videos)
    assert values.shape == (3, 2, len(NUMBERS))
    for row, text in zip(values, words, strict=True):
        left, right = text.split(". A ")
        assert left.startswith("A red ball")
        assert right.startswith("blue ball")
        assert (
            f"radius {row[0, 0]:.2f} at ({row[0, 1]:.2f}, 5.00) moves with velocity "
            f"({row[0, 3]:.2f}, 0.00)" in text
        )
        assert f"({row[1, 3]:.2f}, 0.00)" in right
        assert row[1, 3] < 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            Body(x_m=1.0, y_m=2.0, radius_m=0.5, half_height_m=0.5, shape=Shape.BOX),
            "A red square of half width 0.50 at (1.00, 2.00) rests.",
        ),
        (
            Body(
                x_m=1.0,
                y_m=2.0,
                radius_m=0.5,
                half_height_m=5.0,
                shape=Shape.BOX,
                colour=(128, 128, 128),
            ),
            "grey bar",
        ),
        (
            Body(x_m=1.0, y_m=2.0, radius_m=0.5, half_height_m=0.3, colour=(1, 2, 3)),
            "A rgb(1, 2, 3) ring of radius 0.50",
        ),
    ],
)
def test_each_thing_has_its_word(body: Body, said: str) -> None:
    assert said in sentences(still(body))[0]
