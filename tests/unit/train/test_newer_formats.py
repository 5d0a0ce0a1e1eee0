"""What a later version may write is refused in one line, never read as if it were ours. What
version 0.1 wrote is opened (`tests/integration/test_old_results.py`)."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from physscale.dataset.file import write_videos
from physscale.dataset.source import read_whole
from physscale.records.errors import DamagedData, UserError
from physscale.records.json_lines import append_line
from physscale.records.ledger import Ledger
from physscale.records.spec import from_plain, plain
from physscale.records.store import MANIFEST, describe
from physscale.records.video import FORMAT_KEY
from physscale.run.spec import RunSpec
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from physscale.train.checkpoint import load_model
from tests.fuzz.checkpoints import whole
from tests.tiny import UNIFORM, tiny_run


@pytest.mark.parametrize("number", [3, 99, 0, -1, 1.5, "2", None, [2]])
def test_a_checkpoint(number: object, tmp_path: Path) -> None:
    """Format 3 was read as format 2."""
    folder = tmp_path / "step_00000001"
    state = json.loads(whole().files["state.json"])
    whole().write(folder, names=[], data=b"")
    load_model(folder)
    (folder / "state.json").write_text(json.dumps(state | {"format": number}))
    files = {name: describe(folder / name) for name in whole().files if name != MANIFEST}
    (folder / MANIFEST).write_text(json.dumps({"files": files}))
    with pytest.raises(DamagedData, match=r"format .*, this version reads 1 to 2") as refused:
        load_model(folder)
    assert "\n" not in str(refused.value)


def test_a_file_of_videos(tmp_path: Path) -> None:
    videos = simulate(DataSpec(scenario=UNIFORM, videos=1, frames=2), indices=np.arange(1))
    file = tmp_path / "a.arrow"
    write_videos(file, videos)
    with pa.ipc.open_file(file) as reader:
        table = reader.read_all()
    newer = table.replace_schema_metadata(table.schema.metadata | {FORMAT_KEY: b"2"})
    with pa.ipc.new_file(str(file), newer.schema) as writer:
        writer.write_table(newer)
    with pytest.raises(DamagedData, match="format '2', this version reads format 1"):
        read_whole(file)


def test_a_state_of_the_ledger(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    append_line(file, {"run": "a" * 64, "state": "PAUSED", "time_s": 1.0})
    with pytest.raises(DamagedData, match=r"line 1: not a line of such a file .*PAUSED"):
        Ledger(file).entries()


def test_a_field_of_a_description() -> None:
    written = plain(tiny_run())
    assert from_plain(RunSpec, written) == tiny_run()
    with pytest.raises(UserError, match="no field 'gravity': this file is of another version"):
        from_plain(RunSpec, {**written, "gravity": 9.81})
