"""The videos that raters see, their order, and their names, which do not reveal the source.

The sources are the folder's Arrow files of rows with frames; each of their videos is a clip. In a
folder without such files, each mp4 file is a clip."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from physscale.dataset.mp4 import mp4_bytes, mp4_frames
from physscale.dataset.source import open_source, read_rows
from physscale.records.errors import DamagedData, UserError
from physscale.records.regular import regular

CLIP_PX = 384
FRAMES_PER_S = 8


@dataclass(frozen=True)
class Clip:
    """One video to rate.

    Attributes:
        name: its name on the page.
        source: its file, relative to the folder.
        index: the number of its row in the source; -1 for an mp4 file.
    """

    name: str
    source: str
    index: int


def clips_of(folder: Path, *, each: int, seed: int) -> list[Clip]:
    """At most `each` videos of every Arrow file, drawn by `seed`; or every mp4 file.

    Raises:
        UserError: if the folder is missing or holds no video, or a file repeats a row's number.
        DamagedData: if a file is torn or altered.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    if each < 1:
        raise UserError(f"--each {each}: show at least one video per file")
    found = []
    for path in sorted(folder.rglob("*.arrow")):
        source = path.relative_to(folder).as_posix()
        held = open_source(path)
        index = held.states.index if held.has_frames else np.empty(0, np.int64)
        if len(set(index.tolist())) < len(index):
            raise UserError(
                f"{path}: several rows have one number, and a rating names a clip by its row; "
                "number the rows anew, or put each sample into a file of its own"
            )
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
        raise UserError(f"{folder}: neither Arrow files of rows with frames nor mp4 files in it")
    return found


def order_of(clips: list[Clip], *, rater: str, seed: int) -> list[Clip]:
    """The rater's own random order, the same in every session."""
    return [
        clips[place]
        for place in _generator("order", rater, seed=seed).permutation(len(clips)).tolist()
    ]


def movie(folder: Path, *, clip: Clip) -> bytes:
    """The clip as mp4 for a browser: all sources are enlarged and compressed alike, and nothing but
    the frames is kept."""
    path = folder / clip.source
    if clip.index < 0:
        frames = _movie_frames(path)
    else:
        frames = read_rows(path, indices=np.array([clip.index])).frames[0]
    times = max(CLIP_PX // frames.shape[1], 1)
    return mp4_bytes(
        frames.repeat(times, axis=1).repeat(times, axis=2), frames_per_s=FRAMES_PER_S, crf=12
    )


def _movie_frames(path: Path) -> UInt8[np.ndarray, "frames height width 3"]:
    try:
        return mp4_frames(regular(path).read_bytes())
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
    """A file name need not be valid text: undecodable bytes are surrogates in the string."""
    return b"\0".join([os.fsencode(word) for word in words] + [str(seed).encode()])
