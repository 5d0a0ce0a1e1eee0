"""Data sets as files: what `physscale simulate` writes to a folder, and the first videos of
whatever has a name or lies on disk."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

import numpy as np

from physscale.dataset.damage import DESCRIPTION
from physscale.dataset.folder import Layout, open_dataset, write_dataset
from physscale.dataset.frames import Encoding
from physscale.dataset.source import open_source
from physscale.records.errors import UserError
from physscale.records.spec import canonical
from physscale.records.video import Videos
from physscale.render.canvas import Canvas, Style
from physscale.simulate.named import named_data
from physscale.simulate.simulate import own_frames, simulate
from physscale.simulate.spec import DataSpec

__all__ = ["OWN_FRAMES", "StoredData", "canvas_of", "first_videos", "stored_data"]

OWN_FRAMES = "phyre"
"""The style of frames that PHYRE paints itself."""

SHARD_BYTES = 1 << 28


@dataclass(frozen=True, kw_only=True)
class StoredData:
    """A data set and the layout of its folder.

    Attributes:
        canvas: on which frames are drawn; None if the folder holds states alone, or frames that
            the simulator paints.
        painted: whether the simulator paints the frames.
    """

    data: DataSpec
    layout: Layout
    canvas: Canvas | None = None
    painted: bool = False

    def write(self, folder: Path, *, after_shard: Callable[[int], None]) -> None:
        """Writes what is missing; calls `after_shard` with the number of rows that are there."""
        write_dataset(
            folder, self.layout, make=self.rows, canvas=self.canvas, after_shard=after_shard
        )

    def rows(self, indices: np.ndarray) -> Videos:
        """These rows, with the simulator's own frames if they are painted."""
        videos = simulate(self.data, indices=indices)
        if not self.painted:
            return videos
        return videos.with_pixels(own_frames(self.data, indices=indices))


def stored_data(
    data: DataSpec, *, size_px: int | None, encoding: str | None, style: str | None
) -> StoredData:
    """How the data set is stored: states alone without a size, else with frames of that side, in
    the scenario's own style unless another is given.

    Raises:
        UserError: for an encoding or style that there is not, or a style that does not fit.
    """
    if encoding is not None and encoding not in get_args(Encoding):
        raise UserError(f"encoding {encoding[:40]!r}: use one of {', '.join(get_args(Encoding))}")
    style = style or data.scenario.style
    hard = style in ("hard", OWN_FRAMES)
    chosen = cast(Encoding, encoding or ("palette" if hard else "rgb"))
    if style == OWN_FRAMES:
        return _painted(data, size_px=size_px, encoding=chosen)
    if size_px is None:
        return StoredData(data=data, layout=Layout(identity=canonical(data), videos=data.videos))
    canvas = canvas_of(size_px, style=style)
    layout = Layout(identity=canonical([data, canvas]), videos=data.videos, encoding=chosen)
    return StoredData(data=data, layout=layout, canvas=canvas)


def canvas_of(size_px: int, *, style: str) -> Canvas:
    """Raises UserError for a style that there is not."""
    if style not in get_args(Style):
        raise UserError(f"style {style[:40]!r}: use one of {', '.join(get_args(Style))}")
    return Canvas(size_px=size_px, style=cast(Style, style))


def first_videos(what: str, *, videos: int, frames: int | None) -> Videos:
    """The first videos of a data set or a file on disk; of a scenario, evenly many of each kind."""
    path = Path(what)
    if path.is_dir() and (path / DESCRIPTION).exists():
        folder = open_dataset(path)
        return folder.rows(np.arange(min(videos, folder.layout.videos)))
    if path.is_file():
        source = open_source(path)
        return source.take(np.arange(min(videos, len(source.states))))
    data = named_data(what, videos=None, frames=frames)
    shown = min(videos, data.videos)
    step = 1 if data.scenario.count is None else data.videos // shown
    return simulate(data, indices=np.arange(shown) * step)


def _painted(data: DataSpec, *, size_px: int | None, encoding: Encoding) -> StoredData:
    side = data.scenario.own_frames_px(data.engine)
    if side is None or size_px not in (None, side):
        needs = (
            "needs a set of PHYRE's and --engine phyre"
            if side is None
            else f"paints {side} px, leave --size {size_px} out"
        )
        raise UserError(f"style {OWN_FRAMES}: {needs}; or draw it with --style hard")
    layout = Layout(
        identity=canonical([data, OWN_FRAMES]),
        videos=data.videos,
        rows_per_shard=max(1, SHARD_BYTES // (data.frames * side**2 * 3)),
        encoding=encoding,
    )
    return StoredData(data=data, layout=layout, painted=True)
