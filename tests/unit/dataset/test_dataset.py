"""Data sets on disk: the same after a kill, and nothing foreign, torn or altered gets through."""

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from physscale.dataset.check import FirstStates, Inspection, known
from physscale.dataset.file import digest, read_videos, with_frames, write_videos
from physscale.dataset.folder import DataFolder, Layout, open_dataset, write_dataset
from physscale.records.errors import DamagedData, UserError
from physscale.records.spec import canonical
from physscale.records.store import MANIFEST
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

DATA = DataSpec(scenario=Collision(), videos=100)
LAYOUT = Layout(identity=canonical(DATA), videos=100, rows_per_shard=16)


def make(indices: np.ndarray) -> Videos:
    return simulate(DATA, indices=indices)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "set", LAYOUT, make=make)
    return tmp_path / "set"


@pytest.mark.parametrize("canvas", [None, Canvas(size_px=32)])
def test_a_file_gives_back_every_bit(tmp_path: Path, canvas: Canvas | None) -> None:
    videos = make(np.arange(9))
    videos = videos if canvas is None else with_frames(videos, canvas=canvas)
    write_videos(tmp_path / "a.arrow", videos)
    again = read_videos(tmp_path / "a.arrow")
    assert digest(again) == digest(videos)
    assert again.template.tolist() == videos.template.tolist()


def test_frames_rendered_on_read_are_the_frames_rendered_before(tmp_path: Path) -> None:
    videos = make(np.arange(9))
    write_videos(tmp_path / "a.arrow", videos)
    again = read_videos(tmp_path / "a.arrow", canvas=Canvas(size_px=64))
    assert np.array_equal(again.pixels, render(videos, canvas=Canvas(size_px=64)))  # type: ignore[arg-type]


def test_the_digest_sees_every_column() -> None:
    videos = make(np.arange(5))
    names = {
        digest(videos),
        digest(videos.take(slice(None, None, -1))),
        digest(videos.with_pixels(np.zeros((5, 16, 8, 8, 3), np.uint8))),
    }
    for name in ("state", "body", "contact_s", "time_s"):
        changed = make(np.arange(5))
        getattr(changed, name).flat[0] += 1e-3
        names.add(digest(changed))
    assert len(names) == 7


def test_rows_come_in_the_order_asked_for(folder: Path) -> None:
    wanted = np.array([99, 0, 17, 16, 15, 0])
    assert digest(open_dataset(folder).rows(wanted)) == digest(make(wanted))


def test_a_killed_writer_goes_on_where_it_was(tmp_path: Path) -> None:
    def killed_at_48(rows: int) -> None:
        if rows == 48:
            raise KeyboardInterrupt

    made: list[int] = []

    def counting(indices: np.ndarray) -> Videos:
        made.append(int(indices[0]))
        return make(indices)

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "set", LAYOUT, make=counting, after_shard=killed_at_48)
    with pytest.raises(DamagedData, match="write the data set again"):
        open_dataset(tmp_path / "set")
    write_dataset(tmp_path / "set", LAYOUT, make=counting)
    assert made == [0, 16, 32, 48, 64, 80, 96], "a shard was made twice or not at all"
    assert digest(open_dataset(tmp_path / "set").rows(np.arange(100))) == digest(
        make(np.arange(100))
    )


def test_a_damaged_shard_is_mended_alone(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    victim = folder / "shard_00000032.arrow"
    victim.write_bytes(before[victim.name][:-100])
    with pytest.raises(DamagedData, match="shard_00000032"):
        open_dataset(folder)
    write_dataset(folder, LAYOUT, make=make)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_another_data_set_is_not_written_into_the_same_folder(folder: Path) -> None:
    with pytest.raises(UserError, match="another data set"):
        write_dataset(folder, Layout(identity="other", videos=100, rows_per_shard=16), make=make)


def test_rows_that_do_not_exist_are_refused(folder: Path) -> None:
    for indices in ([100], [-1], []):
        with pytest.raises(UserError, match="rows 0 to 99"):
            open_dataset(folder).rows(np.array(indices, int))
    with pytest.raises(UserError, match="no such"):
        open_dataset(folder / "nowhere")
    with pytest.raises(UserError, match="no such"):
        read_videos(folder / "nowhere.arrow")


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("a pickle was opened",))


def foreign_files() -> dict[str, bytes]:
    """What may lie where a shard should be."""
    good = make(np.arange(4)).to_arrow()

    def ipc(table: pa.Table) -> bytes:
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue()

    evil = pa.array([pickle.dumps(Evil())] * 4, pa.binary())
    return {
        "pickle": pickle.dumps(Evil()),
        "empty": b"",
        "text": b"not arrow at all",
        "other table": ipc(pa.table({"a": [1]})),
        "other format number": ipc(good.replace_schema_metadata({b"physscale_format": b"999"})),
        "no digest": ipc(good),
        "pickle in a column": ipc(good.append_column("extra", evil)),
        "missing column": ipc(good.drop_columns(["state"])),
        "other type": ipc(
            good.set_column(good.schema.get_field_index("contact_s"), "contact_s", evil)
        ),
    }


@pytest.mark.parametrize("name", foreign_files())
def test_a_foreign_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.arrow").write_bytes(foreign_files()[name])
    with pytest.raises(DamagedData) as error:
        read_videos(tmp_path / "a.arrow")
    assert "\n" not in str(error.value)


def test_no_cut_and_no_flipped_bit_goes_unnoticed(tmp_path: Path) -> None:
    path, videos = tmp_path / "a.arrow", make(np.arange(4))
    write_videos(path, videos)
    whole, right = path.read_bytes(), digest(videos)
    rng = np.random.default_rng(0)
    for length in rng.integers(0, len(whole), 20):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedData):
            read_videos(path)
    refused = 0
    for place in rng.integers(0, len(whole), 200):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            assert digest(read_videos(path)) == right, "a value was altered and nobody noticed"
        except DamagedData:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": 3}', b"\xff"])
def test_a_broken_manifest_or_description_is_damage(folder: Path, content: bytes) -> None:
    good = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(DamagedData):
        open_dataset(folder)
    (folder / MANIFEST).write_bytes(good)
    (folder / "dataset.json").write_bytes(content)
    with pytest.raises(DamagedData):
        open_dataset(folder)


def test_the_identity_is_kept_as_it_was_given(folder: Path) -> None:
    opened = open_dataset(folder)
    assert isinstance(opened, DataFolder)
    assert json.loads(opened.layout.identity)["scenario"]["type"] == "Collision"


def problems(videos: Videos) -> tuple[str, ...]:
    inspection = Inspection()
    inspection.look(videos)
    return inspection.problems()


def test_a_sound_set_has_no_problems_and_each_problem_is_named() -> None:
    videos = with_frames(make(np.arange(20)), canvas=Canvas(size_px=32))
    assert problems(videos) == ()
    assert videos.pixels is not None
    broken = make(np.arange(20))
    broken.state[3, 5, 0, 0] = np.nan
    assert "not finite" in problems(broken)[0]
    assert "first row 3" in problems(broken)[0]
    assert "same first state" in problems(videos.take(np.array([0, 1, 1])))[0]
    frozen = videos.with_pixels(np.repeat(videos.pixels[:, :1], 16, axis=1))
    assert problems(frozen) == (
        "20 rows with frames that stand still while a body in view moves, first row 0",
    )


def test_hard_edges_may_rest_for_less_than_a_pixel_and_no_longer() -> None:
    videos = make(np.arange(20))
    drawn = with_frames(videos, canvas=Canvas(size_px=32, style="hard"))
    assert drawn.pixels is not None
    assert (np.diff(drawn.pixels[..., 1].astype(int), axis=1) == 0).all((2, 3)).any(), (
        "a slow ball moves by less than a pixel"
    )
    assert problems(drawn) == ()
    frozen = drawn.with_pixels(np.repeat(drawn.pixels[:, :1], 16, axis=1))
    assert "stand still" in problems(frozen)[0]


def test_repeats_and_leaks_are_found_over_all_parts() -> None:
    """As a set would say, in eight bytes per row."""
    rng = np.random.default_rng(0)
    seen, plain = FirstStates(), set()
    for _ in range(60):
        hashes = rng.integers(0, 40_000, 1000).astype(np.uint64)
        np.testing.assert_array_equal(
            seen.holds(hashes), [value in plain for value in hashes.tolist()]
        )
        seen.add(hashes)
        plain.update(hashes.tolist())
    assert len(seen.runs) < 12
    assert sum(run.nbytes for run in seen.runs) <= 8 * 60_000
    videos = make(np.arange(60))
    inspection = Inspection(training=known([videos.take(slice(0, 1)), videos.take(slice(1, 5))]))
    for part in (slice(0, 30), slice(30, 60), slice(10, 13)):
        inspection.look(videos.take(part))
    assert inspection.rows == 63
    assert inspection.problems() == (
        "5 rows with a first state that is also in the training data, first row 0",
        "3 rows with the same first state as an earlier row, first row 10",
    )


def test_a_leak_is_found_and_held_out_rows_leak_none() -> None:
    training = make(np.arange(100))
    held_out = simulate(
        DataSpec(scenario=Collision(), videos=50, draw="held_out"), indices=np.arange(50)
    )
    inspection = Inspection(training=known([training]))
    inspection.look(held_out)
    assert inspection.problems() == ()
    inspection.look(training.take(np.array([7])))
    assert inspection.problems() == (
        "1 rows with a first state that is also in the training data, first row 7",
    )


def test_positions_in_pixels_are_named() -> None:
    videos = make(np.arange(20))
    videos.state[..., :2] = videos.state[..., :2] * 12.8 + 10
    assert problems(videos) == (
        "20 rows with no body in view at any time (positions are metres, 0 to 10), first row 0",
    )
