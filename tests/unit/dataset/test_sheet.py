"""Pictures of videos: what is written is what was drawn."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from physscale.dataset.sheet import write_png


@pytest.mark.parametrize("shape", [(1, 1, 3), (37, 51, 3), (64, 64, 3)])
def test_a_png_holds_the_picture(shape: tuple[int, int, int], tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    write_png(tmp_path / "picture.png", picture)
    read = (matplotlib.image.imread(tmp_path / "picture.png") * 255).round().astype(np.uint8)
    assert np.array_equal(read, picture)
