"""Which videos people are shown, in which order, and under which names: none that tells where a
video comes from.

A folder's Arrow files of rows with frames are its sources, each video a clip; a folder without such
files is one of mp4 files, each a clip."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from physscale.dataset.mp4 import mp4_bytes, mp4_frames
from physscale.dataset.source import read_rows, rows_with_frames
from physscale.records.errors import DamagedData, UserError

SHOWN_PX = 384
FRAMES_PER_S = 8


@dataclass(frozen=True)
class Clip:
    """One video to judge.

    Attributes:
        name: what the page calls it.
        source: its file, relative to the folder.
        index: the row's number in the source; -1 for an mp4 file.
    """

    name: str
    source: str
    index: int


def clips_of(folder: Path, *, each: int, seed: int) -> list[Clip]:
    """At most `each` videos of every Arrow file, drawn by `seed`; or every mp4 file.

    Raises:
        UserError: if the folder is missing or holds no video.
        DamagedData: if a file is torn or altered.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    if each < 1:
        raise UserError(f"--each {each}: show at least one video of a file")
    found = []
    for path in sorted(folder.rglob("*.arrow")):
        source = path.relative_to(folder).as_posix()
        index = rows_with_frames(path)
        chosen = _generator("clips", source, seed=seed).permutation(len(index))[:each]
        found += [
            _clip(source, index=int(index[row]), seed=seed) for row in sorted(chosen.tolist())
        ]
    if not found:
        found = [
            _clip(path.relative_to(folder).as_posix(), index=-1, seed=seed)
            for path in sorted(folder.rglob("*.mp4"))
        ]
    if not found:
        raise UserError(f"{folder}: neither Arrow files of rows with frames nor mp4 files below it")
    return found


def order_of(clips: list[Clip], *, rater: str, seed: int) -> list[Clip]:
    """The rater's own order: random, and the same tomorrow."""
    return [
        clips[place]
        for place in _generator("order", rater, seed=seed).permutation(len(clips)).tolist()
    ]


def movie(folder: Path, *, clip: Clip) -> bytes:
    """The clip as a browser plays it: every source enlarged and compressed alike, without what its
    file tells beside the frames."""
    path = folder / clip.source
    if clip.index < 0:
        frames = _movie_frames(path)
    else:
        pixels = read_rows(path, indices=np.array([clip.index])).pixels
        assert pixels is not None, "clips are of rows with frames"
        frames = pixels[0]
    times = max(SHOWN_PX // frames.shape[1], 1)
    return mp4_bytes(
        frames.repeat(times, axis=1).repeat(times, axis=2), frames_per_s=FRAMES_PER_S, crf=12
    )


def _movie_frames(path: Path) -> UInt8[np.ndarray, "frames height width 3"]:
    try:
        return mp4_frames(path.read_bytes())
    except DamagedData as error:
        raise DamagedData(f"{path}: {error}") from error


def _clip(source: str, *, index: int, seed: int) -> Clip:
    return Clip(
        hashlib.sha256(_key("name", source, str(index), seed=seed)).hexdigest()[:16], source, index
    )


def _generator(*words: str, seed: int) -> np.random.Generator:
    return np.random.Generator(
        np.random.Philox(key=int.from_bytes(hashlib.sha256(_key(*words, seed=seed)).digest()[:8]))
    )


def _key(*words: str, seed: int) -> bytes:
    """File names need not be text: their odd bytes stand in the string as surrogates."""
    return b"\0".join([os.fsencode(word) for word in words] + [str(seed).encode()])
