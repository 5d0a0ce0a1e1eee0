"""Pickles in Arrow files: refused by the schema, with Ray Data's own types at hand."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from physscale.dataset.file import write_videos
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.hostile_arrow import hostile_tables
from tests.tiny import UNIFORM


def test_no_code_of_a_column_is_run(tmp_path: Path) -> None:
    videos = simulate(DataSpec(scenario=UNIFORM, videos=2, frames=2), indices=np.arange(2))
    write_videos(tmp_path / "good.arrow", videos)
    with pa.ipc.open_file(tmp_path / "good.arrow") as reader:
        base = reader.read_all()
    folder, canary = tmp_path / "in", tmp_path / "canary"
    folder.mkdir()
    for name, content in hostile_tables(base, canary=canary).items():
        (folder / name).write_bytes(content)
    child = subprocess.run(
        [sys.executable, "-m", "tests.unit.dataset.arrow_reader", str(folder), str(canary)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    said = json.loads(child.stdout)
    assert said["seen"] == ["ray.data.arrow_pickled_object"], "Ray's types were at hand"
    assert said["wrong"] == []
