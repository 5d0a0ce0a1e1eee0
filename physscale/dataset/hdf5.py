"""The published HDF5 files of arXiv 2411.02385 as rows of this project (needs the extra `hdf5`).

```
video_streams/00000 …      variable-length uint8: one mp4 per video, groups of at most 1,000 items
position_streams/00000 …   (n, 32, 2) of one ball or (n, 32, 2, 2) of two, in metres, y up; frame k
                           is at 0.01 + 0.1 k s
init_streams/00000 …       [r, v] or [r₁, r₂, v₁, v₂]; attribute sets add 0 red, 1 blue; those with
                           shapes also 0 disc, 1 square
action_streams             PHYRE files: the action (x, y, r)
object_streams             PHYRE files: features (n, frames, objects, 14) in fractions of the scene
```

Of all velocities, the files hold only the first speeds. The others are forward differences of the
positions; the last one is repeated."""

# mypy: disable-error-code="import-untyped"
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Int, UInt8

from physscale.dataset.file import rows_at_once
from physscale.dataset.hdf5_streams import CLIPS, arrays_of, opened, streams_of
from physscale.dataset.mp4 import mp4_frames
from physscale.records.errors import DamagedData
from physscale.records.scene import Shape
from physscale.records.video import BODY, COLOUR, STATE, Videos

OFFICIAL = "paper"
"""The scenario of the official files of one and two balls (`simulate.paper.sets.PaperSet`)."""

FIRST_FRAME_S, FRAME_S = 0.01, 0.1

FALLS_M_S = 1e-2
"""Gravity acts if the vertical speed changes by more than this from frame to frame."""

VX, VY = STATE.index("vx_m_s"), STATE.index("vy_m_s")

COLOURS = ((255, 0, 0), (0, 0, 255))


@dataclass(frozen=True)
class PublishedFile:
    """An open file: states in memory, clips decoded when they are read."""

    path: Path
    states: Videos

    has_frames: ClassVar[bool] = True

    @cached_property
    def chunks(self) -> tuple[int, ...]:
        """The number of rows of each of its groups."""
        with opened(self.path) as file:
            return tuple(len(array) for array in arrays_of(file, CLIPS))

    def parts(self) -> Iterator[Videos]:
        """The rows in order, with their frames, `file.BATCH_BYTES` of them at a time."""
        first = self.take(np.arange(min(1, len(self.states))))
        rows = rows_at_once(first.frames.nbytes)
        for start in range(0, len(self.states), rows):
            part = self.take(np.arange(start, min(start + rows, len(self.states))))
            if part.frames.shape[1:] != first.frames.shape[1:]:
                raise DamagedData(f"{self.path}: its videos have frames of several sizes")
            yield part

    def take(self, positions: Int[np.ndarray, " chosen"]) -> Videos:
        """These rows, with their frames.

        Raises:
            DamagedData: for clips that cannot be read, or of other lengths than their rows.
        """
        pixels = _clips(self.path, positions)
        frames = self.states.time_s.shape[1]
        if pixels.shape[1] != frames:
            raise DamagedData(
                f"{self.path}: its videos have {pixels.shape[1]} frames, its positions {frames}"
            )
        return self.states.take(positions).with_pixels(pixels)


def open_published(path: Path) -> PublishedFile:
    """A published file of one or two balls.

    Raises:
        UserError: if there is no such file.
        DamagedData: if it is torn or of another layout.
    """
    streams = streams_of(path, ("position_streams", "init_streams"))
    positions, initial = streams["position_streams"], streams["init_streams"]
    bodies = 1 if positions.ndim == 3 else 2
    wanted = (4,) if bodies == 2 else (2, 3, 4)
    if positions.shape[-1] != 2 or initial.ndim != 2 or initial.shape[1] not in wanted:
        raise DamagedData(
            f"{path}: init_streams has {initial.shape[-1]} columns, {bodies} balls have "
            f"{' or '.join(map(str, wanted))}"
        )
    places = positions.reshape(*positions.shape[:2], bodies, 2)
    body = np.zeros((len(places), bodies, len(BODY)), np.float32)
    radius = initial[:, :bodies]
    body[:, :, BODY.index("radius_m")] = radius
    body[:, :, BODY.index("mass_kg")] = radius**2
    body[:, :, BODY.index("elasticity")] = 1.0
    colour = np.tile(np.array(COLOURS[:bodies]), (len(body), 1, 1))
    if bodies == 1 and initial.shape[1] > 2:
        colour = np.array(COLOURS)[(initial[:, 2] == 1).astype(int)][:, None]
    if bodies == 1 and initial.shape[1] > 3:
        square = initial[:, 3] == 1
        body[square, 0, BODY.index("shape")] = Shape.BOX
        body[square, 0, BODY.index("half_height_m")] = radius[square, 0]
    body[:, :, COLOUR] = colour
    body[:, :, BODY.index("kind")] = np.arange(bodies)
    time_s = FIRST_FRAME_S + FRAME_S * np.arange(places.shape[1])
    contact_s = np.full(len(body), np.nan)
    if bodies == 2:
        contact_s = _contact(places, initial=initial, last_s=float(time_s[-1]))
    state = states_of(places, step_s=FRAME_S)
    _set_first_speeds(state, speed=initial[:, bodies : 2 * bodies])
    return published(
        path,
        scenario=OFFICIAL,
        time_s=time_s,
        state=state,
        body=body,
        contact_s=contact_s,
    )


def _clips(
    path: Path, positions: Int[np.ndarray, " chosen"]
) -> UInt8[np.ndarray, "chosen frames height width 3"]:
    with opened(path) as file:
        groups = arrays_of(file, CLIPS)
        ends = np.cumsum([len(item) for item in groups])
        number = np.searchsorted(ends, positions, side="right")
        return np.stack(
            [
                mp4_frames(groups[group][place - ends[group]].tobytes())
                for group, place in zip(number.tolist(), positions.tolist(), strict=True)
            ]
        )


def states_of(
    places: Float[np.ndarray, "rows frames bodies 2"], *, step_s: float
) -> Float[np.ndarray, "rows frames bodies state"]:
    velocity = np.diff(places, axis=1) / step_s
    velocity = np.concatenate([velocity, velocity[:, -1:]], axis=1)
    turn = np.zeros((*places.shape[:3], 1))
    return np.concatenate([places, turn, velocity, turn], axis=-1)


def _set_first_speeds(
    state: Float[np.ndarray, "rows frames bodies state"], *, speed: Float[np.ndarray, "rows bodies"]
) -> None:
    """Set the first frame's speed along the ball's direction to the file's own, which is better
    than a difference of rounded places."""
    x, y = state[:, 0, :, VX], state[:, 0, :, VY]
    falling = np.abs(state[:, 1, :, VY] - y) > FALLS_M_S
    upright = (np.abs(y) > np.abs(x)) & ~falling
    state[:, 0, :, VX] = np.where(upright, x, np.sign(x) * speed)
    state[:, 0, :, VY] = np.where(upright, np.sign(y) * speed, y)


def _contact(
    places: Float[np.ndarray, "rows frames 2 2"],
    *,
    initial: Float[np.ndarray, "rows 4"],
    last_s: float,
) -> Float[np.ndarray, " rows"]:
    """The time at which two balls meet, from the first frame's positions and their first speeds."""
    gap = places[:, 0, 1, 0] - places[:, 0, 0, 0] - initial[:, 0] - initial[:, 1]
    closing = initial[:, 2] + initial[:, 3]
    meets = FIRST_FRAME_S + gap / np.where(closing > 0, closing, 1.0)
    return np.where((closing > 0) & (meets <= last_s), meets, np.nan)


def published(
    path: Path,
    *,
    scenario: str,
    time_s: np.ndarray,
    state: np.ndarray,
    body: np.ndarray,
    contact_s: np.ndarray,
) -> PublishedFile:
    """The file with its rows."""
    rows = len(body)
    states = Videos(
        index=np.arange(rows),
        scenario=np.full(rows, scenario, object),
        split=np.full(rows, path.stem, object),
        template=np.full(rows, "", object),
        time_s=np.tile(time_s.astype(np.float32), (rows, 1)),
        state=state.astype(np.float32),
        body=body,
        contact_s=contact_s.astype(np.float32),
    )
    return PublishedFile(path, states)
