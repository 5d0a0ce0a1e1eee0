"""Generated videos and their truth: the input of a metric."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from physscale.evaluate.motion.outcomes import compare
from physscale.evaluate.motion.paper_protocol import paper_outcomes
from physscale.evaluate.motion.track import Parsed, parse
from physscale.records.video import PLACE, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render

__all__ = ["Generated"]


@dataclass(frozen=True, kw_only=True)
class Generated:
    """The videos of one source on one test split.

    Attributes:
        truth: the true rows, one per video.
        canvas: the canvas on which the true rows are rendered.
        condition_frames: number of given frames; metrics start after them.
        frames: u8[videos, frames, size, size, 3]; None for a baseline, which predicts tracks only.
        predicted: the tracks of a baseline; None if they are measured in the frames.
        run: the run's fingerprint, as the outcomes name it.
    """

    truth: Videos
    canvas: Canvas
    condition_frames: int
    frames: UInt8[np.ndarray, "batch frames size size 3"] | None = None
    predicted: Parsed | None = None
    run: str = ""

    def __post_init__(self) -> None:
        assert (self.frames is None) != (self.predicted is None), "either frames or tracks"

    @property
    def pixels(self) -> UInt8[np.ndarray, "batch frames size size 3"]:
        """The frames, for a metric that needs them."""
        assert self.frames is not None, "a metric that needs frames says so: needs='frames'"
        return self.frames

    @cached_property
    def true_pixels(self) -> UInt8[np.ndarray, "batch frames size size 3"]:
        """The true rows as frames."""
        return render(self.truth.with_pixels(None), canvas=self.canvas)

    @cached_property
    def tracks(self) -> Parsed:
        """Position of each body in each frame, in metres; NaN where it is not seen."""
        if self.predicted is not None:
            return self.predicted
        start_m = self.truth.state[:, 0, :, PLACE]
        return parse(self.pixels, body=self.truth.body, start_m=start_m)

    @cached_property
    def official(self) -> pa.Table:
        """What the paper's evaluation script says of these videos (`paper_protocol`)."""
        return paper_outcomes(self.truth, self.pixels)

    @cached_property
    def outcomes(self) -> pa.Table:
        """The `OUTCOMES` rows of these videos."""
        return compare(
            self.truth, self.tracks, condition_frames=self.condition_frames, run=self.run
        )
