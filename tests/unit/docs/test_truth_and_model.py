"""The animation of the README is drawn from the largest run of uniform motion in a study."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from docs.truth_and_model import PANELS, TARGET, draw, largest_run
from physscale.dataset.mp4 import write_mp4
from physscale.records.errors import UserError

FRAMES, SIDE_PX = 4, 16
RED = (255, 0, 0)


def _finished(results: Path, name: str, *, scenario: str, videos: int, seed: int) -> Path:
    folder = results / "runs" / name
    folder.mkdir(parents=True)
    record = {"scenario": scenario, "videos": videos, "parameters": 100, "seed": seed}
    (folder / "run.json").write_text(json.dumps(record))
    frames = np.full((FRAMES, 3 * SIDE_PX, 6 * SIDE_PX, 3), RED, np.uint8)
    for time in range(FRAMES):  # a white bar moves to the right
        frames[time, :, 4 * time : 4 * time + 4] = 255
    rows = []
    for number, split in enumerate(PANELS):
        write_mp4(folder / "videos" / f"{split}.mp4", frames, frames_per_s=8)
        for source, value in (("model", 0.25 + number), ("truth", 0.0)):
            score = {"split": split, "source": source, "metric": "velocity_error", "value": value}
            rows.append(score)
    pq.write_table(pa.Table.from_pylist(rows), folder / "scores.parquet")
    return folder


def test_it_shows_every_frame_of_the_largest_run_of_uniform_motion(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    _finished(tmp_path, "small", scenario="uniform", videos=30, seed=0)
    _finished(tmp_path, "later_seed", scenario="uniform", videos=1000, seed=1)
    wanted = _finished(tmp_path, "wanted", scenario="uniform", videos=1000, seed=0)
    _finished(tmp_path, "parabola", scenario="parabola", videos=2000, seed=0)
    assert largest_run(tmp_path) == wanted

    draw(tmp_path, target=tmp_path / "drawn.gif")

    with Image.open(tmp_path / "drawn.gif") as animation:
        assert animation.n_frames == FRAMES  # type: ignore[attr-defined]
        colours = np.array(animation.convert("RGB"))
    reddish = (colours[..., 0] > 200) & (colours[..., 1] < 60) & (colours[..., 2] < 60)
    assert reddish.sum() > 0.8 * 2 * (2 * SIDE_PX) * (6 * SIDE_PX)


def test_a_study_without_such_a_run_is_refused(tmp_path: Path) -> None:
    _finished(tmp_path, "parabola", scenario="parabola", videos=2000, seed=0)
    with pytest.raises(UserError, match="no uniform run with videos of id and speed_high"):
        largest_run(tmp_path)


def test_the_animation_in_the_repository_is_small() -> None:
    assert TARGET.stat().st_size < 1_500_000
