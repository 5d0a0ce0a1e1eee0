"""A data set on disk: a folder of shards that a killed writer continues.

```
DIR/dataset.json                 what it is: identity (canonical JSON), videos, rows_per_shard,
                                 and the encoding of frames, if it has any
DIR/shard_00000000.arrow …       rows k·rows_per_shard …, each complete or absent
DIR/manifest.json                sizes and SHA-256, written last: the mark of completeness
```

Row i is a pure function of (identity, i), so a lost or damaged shard can be made again alone and is
the same. This room does not know the simulator: the writer is given the function that makes
rows."""

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple, get_args

import numpy as np
from jaxtyping import Int

from physscale.dataset.damage import DESCRIPTION, MEND
from physscale.dataset.file import VideoFile, open_videos, with_frames, write_videos
from physscale.dataset.frames import Encoding, FrameShard, open_frames, verify, write_frames
from physscale.records.errors import DamagedData, UserError, one_line
from physscale.records.json_value import parsed
from physscale.records.regular import regular
from physscale.records.store import MANIFEST, sha256_of, write_atomic
from physscale.records.video import Videos
from physscale.render.canvas import Canvas

OPEN_SHARDS = 8
KNOWN_SHARDS = 10_000
"""Of which it is remembered that they are what the manifest says; some 5 MB."""

MakeRows = Callable[[np.ndarray], Videos]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a folder holds: states alone (frames are rendered on read), or states and encoded
    frames."""

    identity: str
    videos: int
    rows_per_shard: int = 1024
    encoding: Encoding | None = None

    def described(self) -> dict[str, object]:
        metadata = {
            "identity": self.identity,
            "videos": self.videos,
            "rows_per_shard": self.rows_per_shard,
        }
        return metadata if self.encoding is None else metadata | {"encoding": self.encoding}

    def shards(self) -> list[str]:
        return [f"shard_{start:08d}.arrow" for start in range(0, self.videos, self.rows_per_shard)]

    def rows(self, shard: int) -> Int[np.ndarray, " rows"]:
        return np.arange(
            shard * self.rows_per_shard, min((shard + 1) * self.rows_per_shard, self.videos)
        )


def write_dataset(
    path: Path,
    layout: Layout,
    *,
    make: MakeRows,
    canvas: Canvas | None = None,
    after_shard: Callable[[int], None] = lambda rows: None,
) -> None:
    """Writes the missing part of a data set. After an interruption, the same call continues.

    Args:
        make: rows by their numbers; a pure function of (identity, row).
        canvas: how to draw the frames of a layout with an encoding, unless `make` gives them.
        after_shard: called with the number of rows now on disk.

    Raises:
        UserError: if the folder holds another data set, or cannot be written.
    """
    description = json.dumps(layout.described(), indent=1)
    if (path / DESCRIPTION).exists():
        if _described(path) != layout:
            raise UserError(
                f"{path}: holds another data set (see {DESCRIPTION}); choose another folder"
            )
    else:
        write_atomic(path / DESCRIPTION, description.encode())
    try:
        listed = _listed(path)
    except DamagedData:  # it is written anew
        listed = {}
    for number, name in enumerate(layout.shards()):
        if not _sound(path / name, layout=layout, listed=listed.get(name)):
            _write_shard(path / name, make(layout.rows(number)), layout=layout, canvas=canvas)
        after_shard(min((number + 1) * layout.rows_per_shard, layout.videos))
    files = {name: _entry(path / name) for name in (DESCRIPTION, *layout.shards())}
    write_atomic(path / MANIFEST, json.dumps({"files": files}, indent=1).encode())


@dataclass(frozen=True)
class DataFolder:
    """A complete data set, opened for reading by row numbers."""

    path: Path
    layout: Layout
    digests: Mapping[str, str]
    """SHA-256 of each file."""

    chunks: ClassVar[tuple[int, ...]] = ()

    def take(self, positions: Int[np.ndarray, " chosen"]) -> Videos:
        """As `rows`."""
        return self.rows(positions)

    def rows(self, indices: Int[np.ndarray, " rows"], *, canvas: Canvas | None = None) -> Videos:
        """These rows in this order, with frames if a canvas is given.

        Raises:
            UserError: for a row that the data set does not have.
            DamagedData: naming the shard that is torn or altered.
        """
        if len(indices) == 0 or indices.min() < 0 or indices.max() >= self.layout.videos:
            raise UserError(
                f"{self.path}: rows 0 to {self.layout.videos - 1} exist; asked for {len(indices)} "
                "of which some are not there"
            )
        shard = indices // self.layout.rows_per_shard
        parts, places = [], []
        for number in np.unique(shard).tolist():
            chosen = np.flatnonzero(shard == number)
            parts.append(
                self._shard(number).take(indices[chosen] - number * self.layout.rows_per_shard)
            )
            places.append(chosen)
        videos = Videos.concat(parts).take(np.argsort(np.concatenate(places)))
        return videos if canvas is None else with_frames(videos, canvas=canvas)

    @property
    def has_frames(self) -> bool:
        return self.layout.encoding is not None

    @property
    def states(self) -> Videos:
        """All rows without frames."""
        return Videos.concat([shard.states for shard in self._shards()])

    def parts(self) -> Iterator[Videos]:
        """The rows in order, with frames if there are any, a shard or less at a time."""
        for shard in self._shards():
            yield from shard.parts()

    def _shards(self) -> Iterator[VideoFile | FrameShard]:
        return map(self._shard, range(len(self.layout.shards())))

    def _shard(self, number: int) -> VideoFile | FrameShard:
        name = self.layout.shards()[number]
        path = self.path / name
        written = (path.stat().st_ino, path.stat().st_mtime_ns) if path.exists() else (0, 0)
        return _read_shard(
            path, encoded=self.has_frames, written=written, digest=self.digests[name]
        )


def open_dataset(path: Path) -> DataFolder:
    """Opens a data set whose manifest is complete. Shards are verified when they are read.

    Raises:
        UserError: if there is no such folder.
        DamagedData: if it was never finished or lacks a shard.
    """
    if not path.is_dir():
        raise UserError(f"{path}: no such data set")
    layout = _described(path)
    listed = _listed(path)
    if listed.get(DESCRIPTION, _Entry(0, "")).sha256 != sha256_of(path / DESCRIPTION):
        raise DamagedData(f"{path / DESCRIPTION}: not what {MANIFEST} says (SHA-256 differs)")
    for name in layout.shards():
        if not (path / name).is_file() or (path / name).stat().st_size != (
            listed[name].bytes if name in listed else None
        ):
            raise DamagedData(f"{path / name}: missing or cut short; {MEND}")
    return DataFolder(path, layout, {name: entry.sha256 for name, entry in listed.items()})


@functools.lru_cache(maxsize=OPEN_SHARDS)
def _read_shard(
    path: Path, *, encoded: bool, written: tuple[int, int], digest: str
) -> VideoFile | FrameShard:
    """The open shard; `written` tells one that was mended since from the one before."""
    if path.exists() and not _is_written(path, digest=digest, written=written):
        raise DamagedData(f"{path}: not what {MANIFEST} says (SHA-256 differs); {MEND}")
    return open_frames(path) if encoded else open_videos(path)


@functools.lru_cache(maxsize=KNOWN_SHARDS)
def _is_written(path: Path, *, digest: str, written: tuple[int, int]) -> bool:
    """Whether the file is the one that the manifest lists, as old as it is now: another shard in
    its place would be read without a fault. A file is read for it once."""
    return sha256_of(path) == digest


def _write_shard(path: Path, videos: Videos, *, layout: Layout, canvas: Canvas | None) -> None:
    if layout.encoding is None:
        write_videos(path, videos)
    else:
        write_frames(path, videos, encoding=layout.encoding, canvas=canvas)


def _described(path: Path) -> Layout:
    try:
        found = parsed(regular(path / DESCRIPTION).read_bytes())
        encoding = found.get("encoding")
        if encoding not in (None, *get_args(Encoding)):
            raise ValueError(f"unknown encoding {encoding!r:.20}")
        layout = Layout(
            identity=str(found["identity"]),
            videos=int(found["videos"]),
            rows_per_shard=int(found["rows_per_shard"]),
            encoding=encoding,
        )
        for name in ("videos", "rows_per_shard"):
            if getattr(layout, name) < 1:
                raise ValueError(f"{name} is {getattr(layout, name)}, at least 1 is needed")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedData(
            f"{path}: no readable {DESCRIPTION} ({one_line(error)}); this is no data set of "
            "physscale"
        ) from error
    return layout


class _Entry(NamedTuple):
    """A file in the manifest."""

    bytes: int
    sha256: str


def _listed(path: Path) -> dict[str, _Entry]:
    try:
        files = parsed(regular(path / MANIFEST).read_bytes())["files"]
        return {
            name: _Entry(int(entry["bytes"]), str(entry["sha256"])) for name, entry in files.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedData(
            f"{path}: no readable {MANIFEST}; write the data set again to finish it"
        ) from error


def _sound(path: Path, *, layout: Layout, listed: _Entry | None) -> bool:
    """Whether this shard is there and undamaged, and the one that the manifest lists."""
    if not path.exists() or (listed is not None and sha256_of(path) != listed.sha256):
        return False
    try:
        if layout.encoding is None:
            open_videos(path)
        else:
            verify(open_frames(path))
    except DamagedData:
        return False
    return True


def _entry(path: Path) -> dict[str, object]:
    data = path.read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
