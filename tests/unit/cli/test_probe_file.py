"""A probe of a file holds no frames that it does not look at."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.file import VideoFile, with_frames, write_videos
from physscale.finished import probe
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.simulate.named import named_data
from physscale.simulate.simulate import simulate


def test_of_training_rows_the_states_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames of the training set took as much memory as those of the samples."""
    videos = with_frames(
        simulate(named_data("uniform", videos=12), indices=np.arange(12)),
        canvas=Canvas(size_px=32),
    )
    for name in ("made", "trained"):
        write_videos(tmp_path / f"{name}.arrow", videos)
    read, parts = list[str](), VideoFile.parts

    def noting(file: VideoFile) -> Iterator[Videos]:
        read.append(file.path.stem)
        return parts(file)

    monkeypatch.setattr(VideoFile, "parts", noting)
    monkeypatch.setitem(probe._OF_VIDEOS, "hull", lambda probed: {"videos": len(probed[0].truth)})
    found = probe.probe_file(
        tmp_path / "made.arrow",
        what="hull",
        trained=tmp_path / "trained.arrow",
        pair="",
        condition_frames=3,
    )
    assert found["runs"] == [{"run": "made.arrow", "videos": 12}]
    assert "trained" not in read
