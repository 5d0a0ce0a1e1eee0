"""Two sources of videos for raters."""

from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.file import with_frames, write_videos
from physscale.render.canvas import Canvas
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.unit.raters.planted import HOSTILE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources of eight videos each, one with a name that is markup; the second one's balls
    vanish."""
    root = tmp_path_factory.mktemp("raters")
    videos = with_frames(
        simulate(DataSpec(scenario=UniformMotion(), videos=8), indices=np.arange(8)),
        canvas=Canvas(size_px=64),
    )
    assert videos.pixels is not None
    gone = videos.pixels.copy()
    gone[:, 6:] = 255
    (root / HOSTILE).mkdir()
    write_videos(root / HOSTILE / "true.arrow", videos)
    write_videos(root / "gone.arrow", videos.with_pixels(gone))
    write_videos(root / "states.arrow", videos.with_pixels(None))
    return root
