"""HDF5 and mp4 files that lie about what they hold, or lead to other files: one line, and little
memory."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from physscale.dataset import mp4
from physscale.dataset.mp4 import exact_mp4_bytes, mp4_bytes, mp4_frames
from physscale.dataset.source import read_whole
from physscale.records.errors import DamagedData

FRAMES, MEGABYTES = 32, 100
CLIP = mp4_bytes(np.full((FRAMES, 16, 16, 3), 255, np.uint8), frames_per_s=10)
POSITIONS, INITIAL = np.ones((1, FRAMES, 2)), np.ones((1, 2))


@contextmanager
def little_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < MEGABYTES


def published(path: Path, **others: Callable[[h5py.File, str], object]) -> Path:
    """A good file of one row, but for the streams that `others` make."""
    with h5py.File(path, "w") as file:
        if "video_streams" not in others:
            clips = file.create_dataset("video_streams", 1, dtype=h5py.vlen_dtype(np.uint8))
            clips[0] = np.frombuffer(CLIP, np.uint8)
        for name, values in (("position_streams", POSITIONS), ("init_streams", INITIAL)):
            if name not in others:
                file[name] = values
        for name, make in others.items():
            make(file, name)
    return path


def _set(value: object) -> Callable[[h5py.File, str], object]:
    return lambda file, name: file.__setitem__(name, value)


def _made(**how: object) -> Callable[[h5py.File, str], object]:
    return lambda file, name: file.create_dataset(name, **how)


def _group(value: object) -> Callable[[h5py.File, str], object]:
    return lambda file, name: file.create_group(name).__setitem__("00000", value)


def _references(file: h5py.File, name: str) -> None:
    made = file.create_dataset(name, 1, dtype=h5py.ref_dtype)
    made[0] = made.ref


def _loop(file: h5py.File, name: str) -> None:
    group = file.create_group(name)
    group["00000"] = group


def _virtual(file: h5py.File, name: str) -> None:
    layout = h5py.VirtualLayout((1, FRAMES, 2), "f8")
    layout[:] = h5py.VirtualSource("secret.hdf5", "a", (1, FRAMES, 2))
    file.create_virtual_dataset(name, layout)


HUGE, BOMB = (10**9, FRAMES, 2), (4000, 10_000, 2)
STREAMS: dict[str, tuple[Callable[[h5py.File, str], object], str]] = {
    "a link to another file": (_set(h5py.ExternalLink("secret.hdf5", "a")), "another file"),
    "the same in a group": (_group(h5py.ExternalLink("secret.hdf5", "a")), "another file"),
    "values in another file": (
        _made(shape=(1, FRAMES, 2), dtype="f8", external=[("secret.hdf5", 0, 512)]),
        "another file",
    ),
    "a view of another file": (_virtual, "another file"),
    "a link to itself": (_set(h5py.SoftLink("/position_streams")), "too many links"),
    "a link to nothing": (_set(h5py.SoftLink("/nothing")), "KeyError"),
    "a group in itself": (_loop, "no array"),
    "a huge shape": (_made(shape=HUGE, dtype="f8", chunks=(1, FRAMES, 2)), "says that it has"),
    "compressed zeros": (
        _made(shape=BOMB, dtype="f8", chunks=(1, 10_000, 2), compression="gzip"),
        "says that it has",
    ),
    "references": (_references, "not a file of the published layout"),
    "text": (_made(data=[b"one"]), "not a file of the published layout"),
    "records": (_made(data=np.zeros(1, "f8,i4")), "not a file of the published layout"),
    "nothing": (_made(data=h5py.Empty("f8")), "not a file of the published layout"),
    "no rows": (_made(data=np.zeros((0, FRAMES, 2))), "must agree"),
}


@pytest.mark.parametrize("what", STREAMS)
def test_a_stream_that_is_none_is_refused(what: str, tmp_path: Path) -> None:
    make, said = STREAMS[what]
    with h5py.File(tmp_path / "secret.hdf5", "w") as secret:
        secret["a"] = POSITIONS
    file = published(tmp_path / "a.hdf5", position_streams=make)
    with little_memory(), pytest.raises(DamagedData, match=said) as refused:
        read_whole(file)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_the_good_file_is_read(tmp_path: Path) -> None:
    assert len(read_whole(published(tmp_path / "a.hdf5"))) == 1


def _sound_alone() -> bytes:
    import io

    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return sink.getvalue()


CLIPS = {
    "nothing": (b"", "not a readable mp4"),
    "text": (b"these are words, not frames\n" * 100, "not a readable mp4"),
    "cut in half": (CLIP[: len(CLIP) // 2], "mp4 file"),
    "sound alone": (_sound_alone(), "not a readable mp4"),
    "wide frames": (exact_mp4_bytes(np.zeros((1, 2, 4098, 3), np.uint8), frames_per_s=1), "4098"),
}


@pytest.mark.parametrize("what", CLIPS)
def test_a_clip_that_is_none_is_refused(what: str) -> None:
    data, said = CLIPS[what]
    with little_memory(), pytest.raises(DamagedData, match=said) as refused:
        mp4_frames(data)
    assert "\n" not in str(refused.value)


def test_a_size_that_only_the_box_declares_takes_no_memory() -> None:
    """65,535 x 65,535 RGB are 13 GB; the stream itself says 16 x 16."""
    at = CLIP.index(b"avc1", CLIP.index(b"stsd")) + 28
    assert CLIP[at : at + 4] == b"\0\x10\0\x10"
    with little_memory():
        frames = mp4_frames(CLIP[:at] + b"\xff\xff\xff\xff" + CLIP[at + 4 :])
    np.testing.assert_array_equal(frames, mp4_frames(CLIP))


def test_more_frames_than_memory_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp4, "LARGEST_BYTES", FRAMES * 16 * 16 * 3 - 1)
    with pytest.raises(DamagedData, match="more than 24,575 bytes of frames"):
        mp4_frames(CLIP)


def test_frames_of_several_sizes_are_refused() -> None:
    frames = [av.VideoFrame.from_ndarray(np.zeros((side, 16, 3), np.uint8)) for side in (16, 32)]
    with pytest.raises(DamagedData, match="several sizes"):
        list(mp4._turned(frames))
