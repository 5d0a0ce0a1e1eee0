"""The published HDF5 files of arXiv 2411.02385 as rows of ours, and rows of ours as such files
(extra `hdf5`).

```
video_streams/00000 …      variable-length uint8: one mp4 a video, groups of at most 1,000 items
position_streams/00000 …   (n, 32, 2) of one ball or (n, 32, 2, 2) of two, metres, y up, frame k at 0.01 + 0.1 k s
init_streams/00000 …       [r, v] or [r₁, r₂, v₁, v₂]; attribute sets add 0 red, 1 blue, those with shapes a further 0 disc, 1 square
action_streams, object_streams   PHYRE files: the action (x, y, r); features (n, frames, objects, 14) in fractions of the scene
```

The files hold no velocities but the first speeds: the others are differences of the positions here,
forward ones, the last repeated. The authors' mp4 is lossy, H.264 as imageio writes it by default;
`coding="exact"` keeps every pixel in the same layout."""

# mypy: disable-error-code="import-untyped"
import math
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
from jaxtyping import Float

from physscale.dataset.mp4 import exact_mp4_bytes, mp4_bytes, mp4_frames
from physscale.records.errors import DamagedData, UserError
from physscale.records.initial import initial_numbers
from physscale.records.scene import WORLD_M, Shape
from physscale.records.video import BODY, Videos

GROUP_ROWS = 1000
OFFICIAL = "paper"
"""The scenario of the official files of one and two balls (`simulate.paper.sets.PaperSet`)."""

FIRST_FRAME_S, FRAME_S = 0.01, 0.1
PHYRE_FRAME_S = 20 / 60
IMAGEIO_CRF = 25
"""imageio's quality 5, its default, for libx264."""

FALLS_M_S = 1e-2
"""A vertical speed that changes by more than this from frame to frame has gravity."""

PHYRE_FEATURES = 14
COLOURS = ((255, 0, 0), (0, 0, 255))
PHYRE_COLOURS = (
    (243, 79, 70),
    (107, 206, 187),
    (24, 119, 242),
    (75, 74, 164),
    (185, 202, 210),
    (0, 0, 0),
)
"""Red, green, blue, purple, grey, black, as PHYRE's features list them."""


def write_published(
    path: Path,
    videos: Videos,
    *,
    frames_per_s: int = 10,
    coding: Literal["imageio", "exact"] = "imageio",
) -> None:
    """Writes rows of one or two balls (discs first seen at 0.01 s, as `simulate.scenarios.paper`
    draws them) with their frames as mp4.

    Raises:
        UserError: for rows that this layout cannot hold, or a place that cannot be written.
    """
    bodies = videos.state.shape[2]
    if bodies > 2 or videos.pixels is None:
        raise UserError(
            f"{path}: the published layout holds frames of one or two balls, these rows have "
            f"{bodies} bodies"
        )
    initial = initial_numbers(videos)
    if bodies == 1:
        initial = np.concatenate([initial, _attributes(videos)], axis=1)
    positions = videos.state[..., :2].astype(np.float64)
    try:
        with h5py.File(path, "w") as file:
            for group, start in enumerate(range(0, len(videos), GROUP_ROWS)):
                rows = slice(start, start + GROUP_ROWS)
                file[f"position_streams/{group:05d}"] = (
                    positions[rows, :, 0] if bodies == 1 else positions[rows]
                )
                file[f"init_streams/{group:05d}"] = initial[rows]
                pixels = videos.pixels[rows]
                streams = file.create_dataset(
                    f"video_streams/{group:05d}",
                    shape=(len(pixels),),
                    dtype=h5py.vlen_dtype(np.dtype("uint8")),
                )
                for place, frames in enumerate(pixels):
                    streams[place] = np.frombuffer(
                        _mp4(frames, frames_per_s=frames_per_s, coding=coding), np.uint8
                    )
    except OSError as error:
        raise UserError(f"cannot write {path}: {error}") from error


def _mp4(frames: np.ndarray, *, frames_per_s: int, coding: Literal["imageio", "exact"]) -> bytes:
    if coding == "exact":
        return exact_mp4_bytes(frames, frames_per_s=frames_per_s)
    return mp4_bytes(frames, frames_per_s=frames_per_s, crf=IMAGEIO_CRF, preset="medium")


def _attributes(videos: Videos) -> Float[np.ndarray, "rows columns"]:
    """No column, the colour, or colour and shape: what the set needs."""
    blue = (videos.body[:, 0, BODY.index("blue")] > 127).astype(np.float64)
    square = (videos.body[:, 0, BODY.index("shape")] == Shape.BOX).astype(np.float64)
    columns = 2 if square.any() else int(blue.any())
    return np.stack([blue, square], axis=1)[:, :columns]


def read_published(path: Path, *, frames: bool = True) -> Videos:
    """All rows of a published file of one or two balls, `frames` decoded from their mp4.

    Raises:
        UserError: if there is no such file.
        DamagedData: if it is torn or of another layout.
    """
    streams = _streams(path, ("position_streams", "init_streams"), video=frames)
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
    body[:, :, BODY.index("red") : BODY.index("red") + 3] = colour
    body[:, :, BODY.index("kind")] = np.arange(bodies)
    time_s = FIRST_FRAME_S + FRAME_S * np.arange(places.shape[1])
    contact_s = np.full(len(body), np.nan)
    if bodies == 2:
        contact_s = _contact(places, initial=initial, last_s=float(time_s[-1]))
    state = _states(places, step_s=FRAME_S)
    _set_first_speeds(state, speed=initial[:, bodies : 2 * bodies])
    return _videos(
        path,
        scenario=OFFICIAL,
        time_s=time_s,
        state=state,
        body=body,
        contact_s=contact_s,
        pixels=streams.get("video_streams"),
    )


def read_combinatorial(path: Path, *, frames: bool = True) -> Videos:
    """All rows of a published PHYRE file: poses, sizes, kinds and colours of every featurised
    object, in a world of 10 m.

    Bars and jars come as boxes as long as their features say and a fifth as high: features hold no
    more than that.

    Raises:
        UserError: if there is no such file.
        DamagedData: if it is torn or of another layout.
    """
    streams = _streams(path, ("object_streams",), video=frames)
    features = streams["object_streams"]
    if features.ndim != 4 or features.shape[3] != PHYRE_FEATURES:
        raise DamagedData(
            f"{path}: object_streams has shape {features.shape}, PHYRE's features are (rows, "
            "frames, objects, 14)"
        )
    first = features[:, 0]
    kind, colour = first[..., 4:8].argmax(-1), first[..., 8:14].argmax(-1)
    body = np.zeros((*first.shape[:2], len(BODY)), np.float32)
    size = first[..., 3] * WORLD_M / 2
    body[..., BODY.index("shape")] = np.where(kind == 0, Shape.DISC, Shape.BOX)
    body[..., BODY.index("radius_m")] = size
    body[..., BODY.index("half_height_m")] = np.where(kind == 0, 0.0, size / 5)
    body[..., BODY.index("mass_kg")] = size**2
    body[..., BODY.index("red") : BODY.index("red") + 3] = np.array(PHYRE_COLOURS)[colour]
    body[..., BODY.index("kind")] = kind
    state = _states(features[..., :2].astype(np.float64) * WORLD_M, step_s=PHYRE_FRAME_S)
    state[..., 2] = features[..., 2] * 2 * math.pi
    time_s = PHYRE_FRAME_S * np.arange(features.shape[1])
    none = np.full(len(body), np.nan)
    return _videos(
        path,
        scenario=path.stem,
        time_s=time_s,
        state=state,
        body=body,
        contact_s=none,
        pixels=streams.get("video_streams"),
    )


def _streams(path: Path, names: tuple[str, ...], *, video: bool) -> dict[str, np.ndarray]:
    """Every stream's groups, joined; frames decoded."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            found = {
                name: np.concatenate(
                    [np.asarray(item[()], np.float64) for item in _groups(file[name])]
                )
                for name in names
            }
            if video:
                found["video_streams"] = np.stack(
                    [
                        mp4_frames(blob.tobytes())
                        for item in _groups(file["video_streams"])
                        for blob in item
                    ]
                )
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, DamagedData) as error:
        raise DamagedData(
            f"{path}: not a file of the published layout ({type(error).__name__}: "
            f"{str(error).splitlines()[0][:80]})"
        ) from error
    if len({len(stream) for stream in found.values()}) != 1:
        raise DamagedData(
            f"{path}: its streams have {sorted({len(stream) for stream in found.values()})} rows, "
            "they must agree"
        )
    return found


def _groups(node: h5py.Group | h5py.Dataset) -> list[h5py.Dataset]:
    """One chunk's file holds the data set itself, a merged file a group of numbered ones."""
    return [node] if isinstance(node, h5py.Dataset) else [node[name] for name in sorted(node)]


def _states(
    places: Float[np.ndarray, "rows frames bodies 2"], *, step_s: float
) -> Float[np.ndarray, "rows frames bodies state"]:
    velocity = np.diff(places, axis=1) / step_s
    velocity = np.concatenate([velocity, velocity[:, -1:]], axis=1)
    turn = np.zeros((*places.shape[:3], 1))
    return np.concatenate([places, turn, velocity, turn], axis=-1)


def _set_first_speeds(
    state: Float[np.ndarray, "rows frames bodies state"], *, speed: Float[np.ndarray, "rows bodies"]
) -> None:
    """The first frame's speed along the way of the ball is the file's own, not a difference of
    rounded places."""
    x, y = state[:, 0, :, 3], state[:, 0, :, 4]
    falling = np.abs(state[:, 1, :, 4] - y) > FALLS_M_S
    upright = (np.abs(y) > np.abs(x)) & ~falling
    state[:, 0, :, 3] = np.where(upright, x, np.sign(x) * speed)
    state[:, 0, :, 4] = np.where(upright, np.sign(y) * speed, y)


def _contact(
    places: Float[np.ndarray, "rows frames 2 2"],
    *,
    initial: Float[np.ndarray, "rows 4"],
    last_s: float,
) -> Float[np.ndarray, " rows"]:
    """When two balls that start apart at the first frame's places and at their first speeds
    meet."""
    gap = places[:, 0, 1, 0] - places[:, 0, 0, 0] - initial[:, 0] - initial[:, 1]
    closing = initial[:, 2] + initial[:, 3]
    meets = FIRST_FRAME_S + gap / np.where(closing > 0, closing, 1.0)
    return np.where((closing > 0) & (meets <= last_s), meets, np.nan)


def _videos(
    path: Path,
    *,
    scenario: str,
    time_s: np.ndarray,
    state: np.ndarray,
    body: np.ndarray,
    contact_s: np.ndarray,
    pixels: np.ndarray | None,
) -> Videos:
    rows = len(body)
    name, empty = np.full(rows, path.stem, object), np.full(rows, "", object)
    if pixels is not None and pixels.shape[1] != len(time_s):
        raise DamagedData(
            f"{path}: its videos have {pixels.shape[1]} frames, its positions {len(time_s)}"
        )
    return Videos(
        index=np.arange(rows),
        scenario=np.full(rows, scenario, object),
        split=name,
        template=empty,
        time_s=np.tile(time_s.astype(np.float32), (rows, 1)),
        state=state.astype(np.float32),
        body=body,
        contact_s=contact_s.astype(np.float32),
        pixels=pixels,
    )
