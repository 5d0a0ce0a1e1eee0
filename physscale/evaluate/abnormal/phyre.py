"""The rules of PHYRE's world, applied to the poses at which the known bodies of a scene are found.

permanence    share of a body without ink where the body is found, beyond that of the first frame
count         ink outside all bodies, in m²
static        share of the first frame's black that is gone, or area of black that is new
size          mean distance of the border of a body's ink from its own, in m, for three frames in a
              row
colour        ink of no body's colour, in m², for two frames in a row
strength      deviation of the strength of a body's ink from the first frame, for two frames in a
              row
penetration   depth of a body in another beyond that of the first frame, in m
tunnel        how far inside the ends of a fixed bar a body crosses it, in m; not for jars, which
              may pass around a bar
force         deviation of acceleration from gravity while nothing is near a body, in standard
              deviations
energy        rise of the energy of bodies that may have touched, over the three intervals before,
              that lasts for three; as a height of the heaviest body that moved
replay        distance of a body from where any motion that the frames so far explain leads
              within three intervals, in m (`replay`)
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from physscale.evaluate.abnormal.phyre_motion import energy_m, force, free_from, tunnel_m
from physscale.evaluate.abnormal.replay import Scene, centres, unexplained_m
from physscale.evaluate.abnormal.rules import Rules, Scores
from physscale.evaluate.abnormal.solids import MASS, SHAPE, solids
from physscale.evaluate.abnormal.track import Track, track
from physscale.records.scene import WORLD_M, Shape
from physscale.records.video import BODY, Videos

RED = BODY.index("red")
GRAVITY_TIMES_PX = 9.8 * 60.0
"""Divided by the scene's size in pixels, this is gravity in m/s² of the 10 m view."""

PLACE_PX = 0.25
"""Standard deviation of a measured position, in pixels."""


class PhyreRules(Rules):
    """Balls, bars, jars and sticks in PHYRE's world of `scene_px` px; the rows' states are a hint
    where to look."""

    physics: ClassVar[str] = "phyre"
    least_px: ClassVar[int] = 128
    floors: ClassVar[Mapping[str, float]] = {
        "permanence": 0.2,
        "count": 0.05,
        "static": 0.05,
        "size": 0.04,
        "colour": 0.05,
        "strength": 0.1,
        "penetration": 0.1,
        "tunnel": 0.2,
        "force": 3.0,
        "energy": 0.3,
        "replay": 0.25,
    }

    def places(self, videos: Videos) -> Float[np.ndarray, "batch frames bodies 2"]:
        return np.stack([found.pose[..., :2] for found in tracks_of(videos)])

    def scores(self, videos: Videos) -> Scores:
        return phyre_scores(videos)


def phyre_scores(videos: Videos, *, scene_px: int = 512) -> Scores:
    """Every rule's score of every video."""
    rows = [
        _scores(found, scene=_scene(videos, row=row, scene_px=scene_px), videos=videos, row=row)
        for row, found in enumerate(tracks_of(videos, scene_px=scene_px))
    ]
    return {rule: np.array([scores[rule] for scores in rows]) for rule in PhyreRules.floors}


def tracks_of(videos: Videos, *, scene_px: int = 512) -> list[Track]:
    """The tracks of the bodies of every video."""
    tracks = []
    for row in range(len(videos)):
        scene = _scene(videos, row=row, scene_px=scene_px)
        moving = np.isin(np.arange(len(scene.body)), scene.moving)
        hint = videos.state[row, :, :, :3].astype(np.float64)
        red = moving & (scene.body[:, RED] > 220)
        found = track(
            videos.frames[row], scene=scene, hint=hint, red=red, seed=int(videos.index[row])
        )
        tracks.append(found)
    return tracks


def _scene(videos: Videos, *, row: int, scene_px: int) -> Scene:
    shapes = solids(videos.body[row], px_m=WORLD_M / videos.frames.shape[2])
    return Scene(
        body=videos.body[row],
        shapes=shapes,
        moving=np.flatnonzero((videos.body[row, :, MASS] > 0) & (shapes.area_m2 > 0)),
        start=videos.state[row, 0].astype(np.float64),
        time_s=videos.time_s[row],
        gravity_m_s2=GRAVITY_TIMES_PX / scene_px,
        px_m=WORLD_M / videos.frames.shape[2],
        scene_px=scene_px,
    )


def _interval(videos: Videos, *, row: int) -> float:
    return float(videos.time_s[row, 1] - videos.time_s[row, 0])


def _scores(found: Track, *, scene: Scene, videos: Videos, row: int) -> dict[str, float]:
    shapes = scene.shapes
    moving = scene.moving
    gravity = scene.gravity_m_s2
    interval = _interval(videos, row=row)
    pose = np.where(np.isfinite(found.pose), found.pose, scene.start[:, :3])
    centre = centres(found.pose[:, moving], centre_m=shapes.centre_m[moving])
    depth = found.depth_m[:, moving] - found.depth_m[:1, moving]
    level = np.abs(found.level[:, moving] - found.level[:1, moving])
    mass = videos.body[row, moving, MASS].astype(np.float64)
    reach = shapes.reach_m[moving] + np.linalg.norm(shapes.centre_m[moving], axis=-1)
    border = np.abs(np.nan_to_num(found.border_m[:, moving]))
    return {
        "permanence": _lasting(found.missing[:, moving] - found.missing[:1, moving], frames=1),
        "count": float(found.unexplained_m2.max()),
        "static": float(
            max(
                (found.static_missing - found.static_missing[0]).max(),
                (found.static_extra_m2 - found.static_extra_m2[0]).max(),
            )
        ),
        "size": _lasting(border, frames=3),
        "colour": _lasting(found.foreign_m2[:, None], frames=2),
        "strength": _lasting(level, frames=2),
        "penetration": _lasting(depth, frames=1),
        "tunnel": tunnel_m(
            centre[:, videos.body[row, moving, SHAPE] != Shape.JAR],
            body=videos.body[row],
            state=videos.state[row, 0],
        ),
        "force": force(
            centre,
            gap=found.gap_m[:, moving],
            fall=gravity * interval**2,
            deviation=PLACE_PX * scene.px_m,
        ),
        "energy": energy_m(
            centre,
            reach=reach,
            mass=mass,
            gravity=gravity,
            interval=interval,
            free=free_from(found.depth_m[:, moving]),
        ),
        "replay": float(
            unexplained_m(pose, centre=centre, scene=scene, seed=int(videos.index[row])).max(
                initial=0.0
            )
        ),
    }


def _lasting(values: Float[np.ndarray, "frames bodies"], *, frames: int) -> float:
    """The largest value that one body keeps for this many frames."""
    kept = np.min(
        [values[start : len(values) - frames + 1 + start] for start in range(frames)], axis=0
    )
    return float(kept.max(initial=0.0))
