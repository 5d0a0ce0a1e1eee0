"""Shards with frames: the same bits back, at any row, and no altered frame on its way to a
model."""

import io
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from physscale.dataset.file import digest, with_frames
from physscale.dataset.folder import DataFolder, Layout, open_dataset, write_dataset
from physscale.dataset.frames import BLOB, Encoding, open_frames, verify, write_frames
from physscale.records.errors import DamagedData, UserError
from physscale.records.spec import canonical
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

DATA = DataSpec(scenario=Collision(), videos=40)
CANVAS = Canvas(size_px=32)


def make(indices: np.ndarray) -> Videos:
    return with_frames(simulate(DATA, indices=indices), canvas=CANVAS)


def hard(indices: np.ndarray) -> Videos:
    """Frames of seven colours, as PHYRE's."""
    videos = make(indices)
    assert videos.pixels is not None
    return videos.with_pixels(videos.pixels // 100 * 100)


@pytest.mark.parametrize("encoding", ["rgb", "palette"])
def test_every_bit_comes_back_in_any_order(tmp_path: Path, encoding: Encoding) -> None:
    videos = hard(np.arange(10, 30))
    write_frames(tmp_path / "a.arrow", videos, encoding=encoding)
    shard = open_frames(tmp_path / "a.arrow")
    order = np.array([19, 0, 7, 7])
    assert digest(shard.take(order)) == digest(videos.take(order))
    assert (tmp_path / "a.arrow").stat().st_size < videos.pixels.nbytes / 10  # type: ignore[union-attr]


def test_frames_drawn_while_writing_are_the_frames_drawn_before(tmp_path: Path) -> None:
    write_frames(
        tmp_path / "a.arrow", simulate(DATA, indices=np.arange(11)), encoding="rgb", canvas=CANVAS
    )
    write_frames(tmp_path / "b.arrow", make(np.arange(11)), encoding="rgb")
    assert (tmp_path / "a.arrow").read_bytes() == (tmp_path / "b.arrow").read_bytes()


def test_a_palette_holds_256_colours_and_says_so(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, 16, 32, 32, 3), dtype=np.uint8)
    with pytest.raises(UserError, match="more than 256 colours; use encoding rgb"):
        write_frames(
            tmp_path / "a.arrow", make(np.arange(1)).with_pixels(noise), encoding="palette"
        )


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    layout = Layout(identity=canonical(DATA), videos=40, rows_per_shard=16, encoding="rgb")
    write_dataset(tmp_path / "set", layout, make=make)
    return open_dataset(tmp_path / "set")


def test_a_folder_of_frames_gives_rows_at_random_and_draws_other_sizes(folder: DataFolder) -> None:
    wanted = np.array([39, 0, 17, 16, 15, 0])
    assert digest(folder.rows(wanted)) == digest(make(wanted))
    assert digest(folder.rows(wanted, canvas=CANVAS)) == digest(make(wanted))
    larger = Canvas(size_px=64)
    assert digest(folder.rows(wanted, canvas=larger)) == digest(
        with_frames(simulate(DATA, indices=wanted), canvas=larger)
    )


def test_a_folder_with_frames_is_not_the_one_without(folder: DataFolder) -> None:
    with pytest.raises(UserError, match="another data set"):
        write_dataset(folder.path, replace(folder.layout, encoding=None), make=make)
    described = json.loads((folder.path / "dataset.json").read_text())
    (folder.path / "dataset.json").write_text(json.dumps(described | {"encoding": "pickle"}))
    with pytest.raises(DamagedData, match=r"no readable dataset\.json"):
        open_dataset(folder.path)


def test_a_damaged_shard_of_frames_is_mended_alone(folder: DataFolder) -> None:
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    victim = folder.path / "shard_00000016.arrow"
    whole = before[victim.name]
    victim.write_bytes(
        whole[: len(whole) // 2]
        + bytes([whole[len(whole) // 2] ^ 1])
        + whole[len(whole) // 2 + 1 :]
    )
    write_dataset(folder.path, folder.layout, make=make)
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("a pickle was opened",))


def foreign_files(path: Path) -> dict[str, bytes]:
    good = pa.ipc.open_file(pa.memory_map(str(path))).read_all()

    def ipc(table: pa.Table) -> bytes:
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue()

    def blobs(values: list[bytes], kind: pa.DataType) -> pa.Table:
        return good.set_column(good.schema.get_field_index(BLOB), BLOB, pa.array(values, kind))

    metadata = good.schema.metadata
    return {
        "pickle": pickle.dumps(Evil()),
        "empty": b"",
        "no frames": ipc(good.drop_columns([BLOB])),
        "pickles for frames": ipc(blobs([pickle.dumps(Evil())] * 4, pa.large_binary())),
        "text for frames": ipc(blobs(["x"] * 4, pa.large_string())),  # type: ignore[list-item]
        "swapped rows": ipc(blobs(good[BLOB].to_pylist()[::-1], pa.large_binary())),
        "a column too many": ipc(good.append_column("extra", pa.array([1] * 4))),
        "no digest": ipc(
            good.replace_schema_metadata(
                {key: metadata[key] for key in (b"physscale_format", b"physscale_frames")}
            )
        ),
        "another shape": ipc(
            good.replace_schema_metadata(
                metadata | {b"physscale_frames": b'{"encoding":"rgb","shape":[16,64,64,3]}'}
            )
        ),
        "no shape": ipc(good.replace_schema_metadata(metadata | {b"physscale_frames": b"[]"})),
        "another format": ipc(good.replace_schema_metadata(metadata | {b"physscale_format": b"9"})),
    }


NAMES = (
    "pickle",
    "empty",
    "no frames",
    "pickles for frames",
    "text for frames",
    "swapped rows",
    "a column too many",
    "no digest",
)
NAMES = (*NAMES, "another shape", "no shape", "another format")


@pytest.mark.parametrize("name", NAMES)
def test_a_foreign_shard_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.arrow"
    write_frames(path, make(np.arange(4)), encoding="rgb")
    files = foreign_files(path)
    assert set(files) == set(NAMES)
    path.unlink()
    path.write_bytes(files[name])
    with pytest.raises(DamagedData) as error:
        open_frames(path).take(np.arange(4))
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 5


def test_no_cut_and_no_flipped_bit_reaches_a_model(tmp_path: Path) -> None:
    path, videos = tmp_path / "a.arrow", make(np.arange(4))
    write_frames(path, videos, encoding="rgb")
    whole, right = path.read_bytes(), digest(videos)
    rng = np.random.default_rng(0)
    refused = 0
    for number, place in enumerate(rng.integers(0, len(whole), 220).tolist()):
        flipped = whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :]
        path.unlink()  # a mapped file must not be cut under its reader
        path.write_bytes(whole[:place] if number < 20 else flipped)
        try:
            shard = open_frames(path)
            verify(shard)
            assert digest(shard.take(np.arange(4))) == right, (
                "a value was altered and nobody noticed"
            )
        except DamagedData:
            refused += 1
    assert refused > 150
