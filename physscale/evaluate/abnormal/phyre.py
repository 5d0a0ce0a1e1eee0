"""Scores of abnormality for PHYRE videos: as `laws`, from the poses at which the known bodies of
the scene are found.

    permanence    part of a body that is not inked where the rest of it is, beyond that of the first frame
    count         ink outside all bodies, in m²
    static        part of the black that is gone, or area of black, that was (not) there in the first frame
    size          mean way of a body's border outside or inside its own, in m, for three frames in a row
    colour        ink of no body's colour, in m², for two frames in a row
    strength      strength of a body's own ink off that of the first frame, for two frames in a row
    penetration   depth of a body in another beyond that of the first frame, in m
    tunnel        way past the end at which it crosses a bar; a jar may pass around one
    force         acceleration against that of gravity of a body that nothing is near, over its own deviation
    energy        rise of the energy of bodies that may have touched, over the three intervals before, that lasts for three, as a height of
                  the heaviest that moved
    replay        distance of a body from where any motion that the frames so far explain leads within three intervals, in m (`replay`)

Energy: from mean velocity and mean height of an interval; a contact within it makes it too small,
never too large; turning is left out. Bodies that start inside one another are pushed apart by the
engine, so their energy is asked for from where they are apart."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from physscale.evaluate.abnormal.replay import Scene, centres, unexplained_m
from physscale.evaluate.abnormal.solids import HALF_HEIGHT, MASS, RADIUS, SHAPE, solids
from physscale.evaluate.abnormal.track import Track, track
from physscale.records.scene import WORLD_M, Shape
from physscale.records.video import BODY, Videos

RULES = (
    "permanence",
    "count",
    "static",
    "size",
    "colour",
    "strength",
    "penetration",
    "tunnel",
    "force",
    "energy",
    "replay",
)
RED = BODY.index("red")
GRAVITY_TIMES_PX = 9.8 * 60.0
"""Gravity of a scene of n px in a view of 10 m is this over n."""

MOVED_M = 0.1
LASTING = 3
APART_M = 0.05
"""Bodies no deeper in one another than this are apart."""

PLACE_PX = 0.25
"""Deviation of a found place, in pixels."""


@dataclass(frozen=True)
class Judged:
    """The scores of B videos, and the tracks that they rest on."""

    scores: dict[str, Float[np.ndarray, " batch"]]
    tracks: list[Track]


def phyre_scores(videos: Videos, *, scene_px: int = 512) -> Judged:
    """The scores of every video by `RULES`; the rows' states serve as a hint where to look."""
    tracks = tracks_of(videos, scene_px=scene_px)
    rows = [
        _scores(found, scene=_scene(videos, row=row, scene_px=scene_px), videos=videos, row=row)
        for row, found in enumerate(tracks)
    ]
    return Judged({rule: np.array([scores[rule] for scores in rows]) for rule in RULES}, tracks)


def tracks_of(videos: Videos, *, scene_px: int = 512) -> list[Track]:
    """Where the bodies of every video are found."""
    assert videos.pixels is not None, "judging needs frames"
    tracks = []
    for row in range(len(videos)):
        scene = _scene(videos, row=row, scene_px=scene_px)
        moving = np.isin(np.arange(len(scene.body)), scene.moving)
        hint, red = (
            videos.state[row, :, :, :3].astype(np.float64),
            moving & (scene.body[:, RED] > 220),
        )
        found = track(
            videos.pixels[row], scene=scene, hint=hint, red=red, seed=int(videos.index[row])
        )
        tracks.append(found)
    return tracks


def _scene(videos: Videos, *, row: int, scene_px: int) -> Scene:
    assert videos.pixels is not None, "checked before"
    shapes = solids(videos.body[row], px_m=WORLD_M / videos.pixels.shape[2])
    return Scene(
        body=videos.body[row],
        shapes=shapes,
        moving=np.flatnonzero((videos.body[row, :, MASS] > 0) & (shapes.area_m2 > 0)),
        start=videos.state[row, 0].astype(np.float64),
        time_s=videos.time_s[row],
        gravity_m_s2=GRAVITY_TIMES_PX / scene_px,
        px_m=WORLD_M / videos.pixels.shape[2],
        scene_px=scene_px,
    )


def _interval(videos: Videos, *, row: int) -> float:
    return float(videos.time_s[row, 1] - videos.time_s[row, 0])


def _scores(found: Track, *, scene: Scene, videos: Videos, row: int) -> dict[str, float]:
    shapes, moving, gravity, interval = (
        scene.shapes,
        scene.moving,
        scene.gravity_m_s2,
        _interval(videos, row=row),
    )
    pose = np.where(np.isfinite(found.pose), found.pose, scene.start[:, :3])
    centre = centres(found.pose[:, moving], centre_m=shapes.centre_m[moving])
    depth = found.depth_m[:, moving] - found.depth_m[:1, moving]
    level, mass = (
        np.abs(found.level[:, moving] - found.level[:1, moving]),
        videos.body[row, moving, MASS].astype(np.float64),
    )
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
        "tunnel": _tunnel(
            centre[:, videos.body[row, moving, SHAPE] != Shape.JAR],
            body=videos.body[row],
            state=videos.state[row, 0],
        ),
        "force": _force(
            centre,
            gap=found.gap_m[:, moving],
            fall=gravity * interval**2,
            deviation=PLACE_PX * scene.px_m,
        ),
        "energy": _energy(
            centre,
            reach=reach,
            mass=mass,
            gravity=gravity,
            interval=interval,
            free=_free(found.depth_m[:, moving]),
        ),
        "replay": float(
            unexplained_m(pose, centre=centre, scene=scene, seed=int(videos.index[row])).max(
                initial=0.0
            )
        ),
    }


def _lasting(values: Float[np.ndarray, "frames bodies"], *, frames: int) -> float:
    """The largest value that some body keeps for so many frames."""
    kept = np.min(
        [values[start : len(values) - frames + 1 + start] for start in range(frames)], axis=0
    )
    return float(kept.max(initial=0.0))


def _tunnel(centre: np.ndarray, *, body: np.ndarray, state: np.ndarray) -> float:
    """How far within a fixed bar's ends a centre goes straight from one side of it to the other
    between two frames."""
    deepest = 0.0
    for number in np.flatnonzero(
        (body[:, MASS] == 0) & (body[:, RADIUS] > 0) & (body[:, SHAPE] == Shape.BOX)
    ):
        x, y, angle = state[number, :3].astype(np.float64)
        along = (centre[..., 0] - x) * np.cos(angle) + (centre[..., 1] - y) * np.sin(angle)
        across = (centre[..., 1] - y) * np.cos(angle) - (centre[..., 0] - x) * np.sin(angle)
        half = float(body[number, HALF_HEIGHT])
        crossing = (across[1:] * across[:-1] < 0) & (
            np.minimum(abs(across[1:]), abs(across[:-1])) > half
        )
        share = np.abs(across[:-1]) / np.maximum(np.abs(across[1:] - across[:-1]), 1e-9)
        where = along[:-1] + share * (along[1:] - along[:-1])
        inside = np.where(crossing, float(body[number, RADIUS]) - np.abs(where), 0.0)
        deepest = max(deepest, float(inside.max(initial=0.0)))
    return deepest


def _force(centre: np.ndarray, *, gap: np.ndarray, fall: float, deviation: float) -> float:
    """|a - g| by least squares over 3, 4 or 5 frames in which a body stands alone, in
    deviations."""
    step = np.linalg.norm(np.diff(centre, axis=0), axis=-1)
    reach = np.concatenate([step[:1], np.maximum(step[1:], step[:-1]), step[-1:]])
    alone = gap > 0.25 + 0.7 * (reach + reach.max(1, keepdims=True)) / 2
    worst = 0.0
    for frames in (3, 4, 5):
        time = np.arange(frames) - (frames - 1) / 2
        curve = time**2 - (time**2).mean()
        curve /= (curve**2).sum()
        for start in range(len(centre) - frames + 1):
            free = alone[start : start + frames].all(0)
            if free.any():
                bend = 2 * np.tensordot(curve, centre[start : start + frames, free], 1) + np.array(
                    [0.0, fall]
                )
                spread = 2 * deviation * float(np.sqrt((curve**2).sum()))
                worst = max(worst, float(np.linalg.norm(bend, axis=-1).max()) / spread)
    return worst


def _free(depth_m: Float[np.ndarray, "frames bodies"]) -> Int[np.ndarray, " bodies"]:
    """The interval from which on each body moves by itself: the first after it was apart from all
    others; none where that never is."""
    apart = depth_m <= APART_M
    return np.where(apart.any(0), np.where(apart[0], 0, apart.argmax(0) + 1), len(depth_m))


def _energy(
    centre: np.ndarray,
    *,
    reach: np.ndarray,
    mass: np.ndarray,
    gravity: float,
    interval: float,
    free: Int[np.ndarray, " bodies"],
) -> float:
    """In metres of height of the heaviest body that moved, among bodies that may have touched: none
    gets energy from one far away."""
    speed = np.diff(centre, axis=0) / interval
    kinetic = 0.5 * (speed**2).sum(-1)
    single = mass * (kinetic + gravity * 0.5 * (centre[1:, :, 1] + centre[:-1, :, 1]))
    start = mass * gravity * (centre[0, :, 1] - gravity * interval**2 / 8)
    each, worst = np.concatenate([start[None], single]), 0.0
    way = np.linalg.norm(np.diff(centre, axis=0), axis=-1)
    for now in range(1, len(each) - LASTING + 1):
        first = max(now - 3, 0)
        for group in _groups(centre[first : now + LASTING], reach=reach):
            total, begun = each[:, group].sum(1), max(first, int(free[group].max()))
            if begun >= now:
                continue
            before = begun + int(total[begun:now].argmax())
            moved = way[max(before - 2, 0) : now, group].max(0) > MOVED_M
            if moved.any():
                rise = total[now : now + LASTING].min() - total[before]
                worst = max(worst, float(rise / (gravity * mass[group][moved].max())))
    return worst


def _groups(centre: np.ndarray, *, reach: np.ndarray) -> list[np.ndarray]:
    """The bodies, by whether a chain of them comes near enough to touch in these frames."""
    step = np.linalg.norm(np.diff(centre, axis=0), axis=-1).max(0, initial=0.0)
    apart = np.linalg.norm(centre[:, :, None] - centre[:, None], axis=-1).min(0)
    linked = apart < reach[:, None] + reach + step[:, None] + step
    for _ in range(len(reach).bit_length()):
        linked = (linked[:, :, None] & linked[None]).any(1)
    return [np.flatnonzero(row) for row in np.unique(linked, axis=0)]
