"""A file that is no whole file of videos is named for what it is, and nobody is told to delete
it."""

import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from physscale.cli.main import main
from physscale.dataset.file import digest, write_videos
from physscale.dataset.mp4 import mp4_bytes
from physscale.dataset.source import open_source, read_whole
from physscale.records.errors import DamagedData
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

TABLE = pa.table({"a": [1]})
CLIP = np.zeros((2, 16, 16, 3), np.uint8)


def stream() -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return sink.getvalue().to_pybytes()


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE, sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (parquet(), "a Parquet file"),
        (stream(), "an Arrow stream"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (pickle.dumps(1), "a pickle"),
        (mp4_bytes(CLIP, frames_per_s=10), "an mp4 file"),
        (b"ARROW1\0\0 and then nothing", "a torn or altered Arrow file"),
        (b"a,b\n1,2\n", "neither an Arrow IPC file of videos nor HDF5"),
    ],
)
@pytest.mark.parametrize("name", ["a.arrow", "a.hdf5", "a"])
def test_a_foreign_file_is_named_by_its_first_bytes(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DamagedData, match=said) as refused:
        open_source(tmp_path / name)
    assert "\n" not in str(refused.value)
    assert "delete" not in str(refused.value)


@pytest.mark.parametrize("how", ["torn", "flipped", "gone"])
def test_the_same_command_mends_a_shard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    words = ["simulate", "uniform", "--videos", "8", "--size", "16", "--out", str(tmp_path)]
    with pytest.raises(SystemExit):
        main(words)
    whole, shard = digest(read_whole(tmp_path)), tmp_path / "shard_00000000.arrow"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    match how:
        case "torn":
            shard.write_bytes(content[:100])
        case "flipped":
            shard.write_bytes(content)
        case "gone":
            shard.unlink()
    with pytest.raises(DamagedData, match="the same `physscale simulate` mends") as refused:
        open_source(tmp_path)
    assert "delete" not in str(refused.value)
    with pytest.raises(SystemExit):
        main(words)
    assert digest(read_whole(tmp_path)) == whole


@pytest.mark.parametrize("field", ["rows_per_shard", "videos"])
def test_a_field_of_the_description_is_named(tmp_path: Path, field: str) -> None:
    with pytest.raises(SystemExit):
        main(["simulate", "uniform", "--videos", "2", "--out", str(tmp_path)])
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: 0}))
    with pytest.raises(DamagedData, match=f"{field} is 0, at least 1 is needed"):
        open_source(tmp_path)


def test_an_altered_file_of_anybody_is_not_to_be_deleted(tmp_path: Path) -> None:
    videos = simulate(DataSpec(scenario=UniformMotion(), videos=4), indices=np.arange(4))
    write_videos(tmp_path / "a.arrow", videos)
    content = bytearray((tmp_path / "a.arrow").read_bytes())
    content[content.index(videos.state.tobytes()[:64])] ^= 1
    (tmp_path / "a.arrow").write_bytes(content)
    with pytest.raises(DamagedData, match=r"SHA-256 differs\); write it again"):
        open_source(tmp_path / "a.arrow")
