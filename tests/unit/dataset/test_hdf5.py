"""The published HDF5 layout: rows there and back, other people's files, and damage."""

from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.check import Inspection, known
from physscale.dataset.mp4 import mp4_bytes
from physscale.dataset.source import open_source, read_whole
from physscale.evaluate.motion.track import parse
from physscale.records.errors import DamagedData, UserError
from physscale.records.initial import initial_numbers
from physscale.records.scene import Shape
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.engines.box2d import STEP_S
from physscale.simulate.named import named_data
from physscale.simulate.paper.grids import Motion, evaluation_set
from physscale.simulate.simulate import simulate
from tests.paper_videos import paper_data

h5py = pytest.importorskip("h5py", reason="the extra `hdf5` is not installed")

from physscale.dataset.hdf5 import open_published  # noqa: E402
from physscale.dataset.hdf5_write import GROUP_ROWS, write_published  # noqa: E402

LAWS: tuple[Motion, ...] = ("uniform", "parabola", "collision")


def rows(law: Motion, *, count: int) -> Videos:
    videos = simulate(paper_data(law, part="eval"), indices=np.arange(count))
    return videos.with_pixels(render(videos, canvas=Canvas(size_px=64, style="paper")))


@pytest.mark.parametrize("law", LAWS)
def test_rows_come_back_with_their_truth(tmp_path: Path, law: Motion) -> None:
    videos = rows(law, count=5)
    write_published(tmp_path / "eval.hdf5", videos)
    again = read_whole(tmp_path / "eval.hdf5")
    np.testing.assert_allclose(again.state[..., :2], videos.state[..., :2], atol=1e-6)
    np.testing.assert_allclose(again.body, videos.body, rtol=1e-6)
    np.testing.assert_allclose(again.contact_s, videos.contact_s, atol=2 * STEP_S)
    np.testing.assert_allclose(again.time_s, videos.time_s, atol=1e-6)
    speed = videos.state[:, 0, :, 3] if law != "collision" else again.state[:, 0, :, 3]
    np.testing.assert_allclose(again.state[:, 0, :, 3], speed, atol=1e-4)
    assert again.pixels is not None
    assert videos.pixels is not None
    assert np.abs(again.pixels.astype(int) - videos.pixels).mean() < 2, (
        "mp4 is lossy, but these are the frames"
    )
    parsed = parse(again.pixels, body=again.body)
    assert np.nanmedian(np.abs(parsed.x_m - again.state[..., 0])[parsed.whole]) < 0.1


def test_exact_coding_keeps_every_pixel(tmp_path: Path) -> None:
    videos = rows("collision", count=2)
    write_published(tmp_path / "a.hdf5", videos, coding="exact")
    write_published(tmp_path / "b.hdf5", videos)
    assert np.array_equal(read_whole(tmp_path / "a.hdf5").pixels, videos.pixels)
    assert not np.array_equal(read_whole(tmp_path / "b.hdf5").pixels, videos.pixels), (
        "as the authors' files: lossy"
    )


def test_groups_hold_a_thousand_rows(tmp_path: Path) -> None:
    videos = simulate(paper_data("uniform", part="eval"), indices=np.arange(GROUP_ROWS + 1))
    small = np.full((len(videos), 32, 8, 8, 3), 255, np.uint8)
    write_published(tmp_path / "a.hdf5", videos.with_pixels(small))
    with h5py.File(tmp_path / "a.hdf5") as file:
        assert {name: len(group) for name, group in file["init_streams"].items()} == {
            "00000": GROUP_ROWS,
            "00001": 1,
        }
        assert file["position_streams/00000"].shape == (GROUP_ROWS, 32, 2)
        assert set(file) == {"video_streams", "position_streams", "init_streams"}
    assert len(open_published(tmp_path / "a.hdf5").states) == GROUP_ROWS + 1


@pytest.mark.parametrize("file", ["colour_size_eval", "velocity_shape_eval", "gap_eval"])
def test_attribute_sets_hold_colour_and_shape(tmp_path: Path, file: str) -> None:
    """As the official generators write them: three numbers for colours, four as soon as there are
    squares."""
    videos = simulate(named_data(f"paper_{file}", videos=None), indices=np.arange(12))
    videos = videos.with_pixels(render(videos, canvas=Canvas(size_px=64, style="paper")))
    write_published(tmp_path / "a.hdf5", videos)
    with h5py.File(tmp_path / "a.hdf5") as made:
        held = made["init_streams/00000"][()]
    assert held.shape[1] == {"colour_size_eval": 3, "velocity_shape_eval": 4, "gap_eval": 2}[file]
    again = open_published(tmp_path / "a.hdf5").states
    np.testing.assert_allclose(again.body, videos.body, rtol=1e-6)
    np.testing.assert_allclose(again.state[:, 0], videos.state[:, 0], atol=1e-4)


def test_first_speeds_are_exact(tmp_path: Path) -> None:
    """What tells the groups apart: 4.0 is in the trained range, 0 is at rest, 0.7 m is a trained
    radius."""
    for law in ("uniform", "parabola"):
        videos = simulate(paper_data(law, part="eval"), indices=np.arange(160, 352))  # type: ignore[arg-type]
        write_published(
            tmp_path / "a.hdf5", videos.with_pixels(np.full((192, 32, 8, 8, 3), 255, np.uint8))
        )
        with h5py.File(tmp_path / "a.hdf5") as made:
            held = made["init_streams/00000"][()]
        official = evaluation_set(law, values="random")  # type: ignore[arg-type]
        np.testing.assert_allclose(
            held, np.concatenate([part.rows for part in official])[160:352], atol=5e-7
        )
        assert (held[:, 1] == 0).any()
        np.testing.assert_array_equal(
            initial_numbers(open_published(tmp_path / "a.hdf5").states), held
        )


@pytest.mark.parametrize("columns", [1, 5])
def test_other_numbers_of_columns_are_refused(tmp_path: Path, columns: int) -> None:
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["position_streams"], file["init_streams"] = (
            np.full((2, 32, 2), 5.0),
            np.ones((2, columns)),
        )
        file["video_streams"] = np.zeros((2, 1))
    with pytest.raises(DamagedData, match=f"{columns} columns, 1 balls have 2 or 3 or 4"):
        open_published(tmp_path / "a.hdf5")


def test_a_phyre_file_gives_poses_sizes_kinds_and_colours(tmp_path: Path) -> None:
    features = np.zeros((1, 3, 2, 14))
    features[0, :, :, 0], features[0, :, :, 1] = 0.25, [[0.9, 0.5], [0.8, 0.5], [0.6, 0.5]]
    features[0, :, :, 2], features[0, :, :, 3] = [0.0, 0.125], [0.1, 0.4]
    features[0, :, 0, [4, 8]], features[0, :, 1, [5, 13]] = 1.0, 1.0
    with h5py.File(tmp_path / "10000.hdf5", "w") as file:
        file["object_streams/10000:000"], file["action_streams/10000:000"] = (
            features,
            np.zeros((1, 3)),
        )
        streams = file.create_dataset(
            "video_streams/10000:000", shape=(1,), dtype=h5py.vlen_dtype(np.dtype("uint8"))
        )
        streams[0] = np.frombuffer(
            mp4_bytes(np.full((3, 16, 16, 3), 200, np.uint8), frames_per_s=3), np.uint8
        )
    videos = read_whole(tmp_path / "10000.hdf5")
    assert videos.body[0, :, 0].tolist() == [Shape.DISC, Shape.BOX]
    assert videos.body[0, :, BODY.index("radius_m")].tolist() == pytest.approx([0.5, 2.0])
    assert videos.body[0, 1, BODY.index("red") : BODY.index("red") + 3].tolist() == [0, 0, 0]
    assert videos.state[0, :, 0, 4].tolist() == pytest.approx([-3.0, -6.0, -6.0]), (
        "differences over a third of a second"
    )
    assert videos.state[0, 0, 1, 2] == pytest.approx(np.pi / 4)


def test_what_is_no_such_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.hdf5"
    write_published(path, rows("uniform", count=2))
    whole = path.read_bytes()
    with h5py.File(tmp_path / "short.hdf5", "w") as file:
        file["position_streams"], file["init_streams"] = np.zeros((2, 32, 2)), np.zeros((1, 2))
        file["video_streams"] = np.zeros((2, 1))
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["something"] = [1]
    (tmp_path / "cut.hdf5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.hdf5").write_bytes(b"not HDF5")
    for name in ("short", "other", "cut", "text"):
        with pytest.raises(DamagedData) as error:
            open_published(tmp_path / f"{name}.hdf5")
        assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="no such file"):
        read_whole(tmp_path / "nowhere.hdf5")
    with pytest.raises(UserError, match="one or two balls"):
        write_published(path, rows("uniform", count=2).with_pixels(None))


def test_groups_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Without leading zeros, 10 lies before 2 in the order of text."""
    videos = rows("uniform", count=12)
    write_published(tmp_path / "a.hdf5", videos, coding="exact")
    with h5py.File(tmp_path / "a.hdf5") as made, h5py.File(tmp_path / "b.hdf5", "w") as other:
        for stream, group in made.items():
            clips = stream == "video_streams"
            for row in range(12):
                kind = h5py.vlen_dtype(np.dtype("uint8")) if clips else None
                other.create_dataset(
                    f"{stream}/{row}", data=group["00000"][row : row + 1], dtype=kind
                )
    right, found = read_whole(tmp_path / "a.hdf5"), read_whole(tmp_path / "b.hdf5")
    np.testing.assert_array_equal(found.state, right.state)
    np.testing.assert_array_equal(found.pixels, videos.pixels)


def test_rows_are_read_in_parts_and_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    videos = rows("uniform", count=5)
    assert videos.pixels is not None
    write_published(tmp_path / "a.hdf5", videos, coding="exact")
    monkeypatch.setattr("physscale.dataset.file.BATCH_BYTES", 2 * videos.pixels[0].nbytes)
    source = open_source(tmp_path / "a.hdf5")
    parts = [part.pixels for part in source.parts()]
    assert [len(part) for part in parts if part is not None] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(parts), videos.pixels)
    chosen = np.array([4, 1])
    np.testing.assert_array_equal(source.take(chosen).pixels, videos.pixels[chosen])


@pytest.mark.parametrize("law", LAWS)
def test_a_leak_is_found_through_the_published_layout(tmp_path: Path, law: Motion) -> None:
    """It holds places and first speeds; all other velocities are differences, and frames H.264."""
    videos = rows(law, count=60)
    write_published(tmp_path / "a.hdf5", videos)
    again = open_published(tmp_path / "a.hdf5").states
    for training, tested in ((videos, again), (again, videos)):
        inspection = Inspection(training=known([training.with_pixels(None)]))
        inspection.look(tested.with_pixels(None))
        leaked = [line for line in inspection.problems() if "training data" in line]
        assert leaked == [
            "60 rows with a first state that is also in the training data, first row 0"
        ]
