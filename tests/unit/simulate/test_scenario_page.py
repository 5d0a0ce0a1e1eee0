"""The page of pictures is the one the code makes."""

import matplotlib.image
import numpy as np
import pytest

from docs.scenario_page import FIGURES, PAGE, SECTIONS, page, sheet


def test_the_page_is_made_by_the_code_and_shows_pictures_that_exist() -> None:
    assert PAGE.read_text() == page(), "run python -m docs.scenario_page"
    for names in SECTIONS.values():
        for name in names:
            assert (FIGURES / f"{name}.png").is_file()


@pytest.mark.parametrize("name", ["ambiguous_gap", "collision_eval", "ring_seen"])
def test_a_sheet_is_what_the_data_set_draws_today(name: str) -> None:
    kept = (
        (matplotlib.image.imread(FIGURES / f"{name}.png")[..., :3] * 255).round().astype(np.uint8)
    )
    assert np.array_equal(kept, sheet(name)), "run python -m docs.scenario_page"
