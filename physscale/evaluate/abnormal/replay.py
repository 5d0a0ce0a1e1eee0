"""Can any motion of a frame's bodies lead to the frames that follow? PHYRE's engine answers this
for every frame.

The bodies start where they were found, with velocities that fit the frames so far: those with which
the engine reached this frame, the same corrected by the engine's error, and those of the last step,
with and without free fall. More starts are drawn around these, as widely as measured positions are
uncertain. Each start is rolled out for `AHEAD` intervals. If no start brings a body near the places
where it is found, its motion is impossible here: material, gravity and contacts are the engine's.
Chaos needs no exception. After a glancing contact, starts that differ by a third of a pixel
diverge, and one of them is near the found places; in free flight all stay together. The true later
frames are not used."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from physscale.evaluate.abnormal.solids import Solids
from physscale.simulate.phyre.rollout import rollout

AHEAD = 3
"""Intervals that one start must explain: a second of PHYRE's."""

STARTS, AT_ONCE, ENOUGH_PX = 36, 4, 1.0
"""The largest number of starts per frame, how many are tried at once, and how near one must be: the
search ends when each body has a start that stays within a pixel."""

MORE_STARTS, DOUBT_M, DOUBTS = 288, (0.25, 1.0), 4
"""More starts for the first few frames in which a body is off by about this distance: a narrow path
through several contacts is rarely drawn."""

PLACE_PX, SPEED_M_S = 0.25, 0.08
"""Standard deviations of the draws. Angles and turning rates vary so that the farthest point of a
body moves as much."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One row for the engine.

    Attributes:
        body: constants of all bodies.
        moving: those that can move, M of them.
        start: all states in the first frame.
        gravity_m_s2: in metres of the view.
    """

    body: Float32[np.ndarray, "bodies constants"]
    shapes: Solids
    moving: Int[np.ndarray, " moving"]
    start: Float[np.ndarray, "bodies state"]
    time_s: Float32[np.ndarray, " frames"]
    gravity_m_s2: float
    px_m: float
    scene_px: int


@dataclass
class _Best:
    """For each body the nearest start: how far it was off in the frames ahead, and its velocities
    at the next frame."""

    ahead_m: np.ndarray
    next_m: np.ndarray
    velocity: np.ndarray
    off_m: np.ndarray

    @classmethod
    def of(cls, velocity: np.ndarray) -> "_Best":
        """The state before any start was tried."""
        count = len(velocity)
        return cls(
            np.full(count, np.inf), np.full(count, np.inf), velocity.copy(), np.zeros((count, 2))
        )


def unexplained_m(
    pose: Float[np.ndarray, "frames bodies 3"],
    *,
    centre: Float[np.ndarray, "frames moving 2"],
    scene: Scene,
    seed: int,
) -> Float[np.ndarray, "frames moving"]:
    """Distance in m from each body's centre of mass to the nearest start of each frame: the largest
    over the next `AHEAD` frames."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    out = np.zeros(centre.shape[:2])
    carried, off, doubts = scene.start[scene.moving, 3:].copy(), np.zeros((len(scene.moving), 2)), 0
    for now in range(len(pose) - 1):
        velocities = _velocities(
            pose, centre=centre, scene=scene, now=now, carried=carried, off_m=off
        )
        best = _Best.of(velocities[0])
        attempt = functools.partial(
            _try,
            best,
            pose=pose[now],
            ahead=centre[now + 1 : now + 1 + AHEAD],
            scene=scene,
            now=now,
            velocities=velocities,
            rng=rng,
        )
        attempt(starts=range(STARTS))
        if DOUBT_M[0] < best.ahead_m.max(initial=0.0) < DOUBT_M[1] and doubts < DOUBTS:
            attempt(starts=range(STARTS, MORE_STARTS))
            doubts += 1
        out[now], carried, off = best.ahead_m, best.velocity, best.off_m
    return out


def _velocities(
    pose: np.ndarray,
    *,
    centre: np.ndarray,
    scene: Scene,
    now: int,
    carried: np.ndarray,
    off_m: np.ndarray,
) -> Float[np.ndarray, "guesses moving 3"]:
    """Velocities of the centres of mass, and turning rates."""
    interval = float(scene.time_s[1] - scene.time_s[0])
    corrected = carried.copy()
    corrected[:, :2] += off_m / interval
    if now == 0:
        return np.stack([carried])
    turn = pose[now, scene.moving, 2] - pose[now - 1, scene.moving, 2]
    turn = ((turn + np.pi / 2) % np.pi - np.pi / 2) / interval
    turn = np.where(scene.shapes.radius_m[scene.moving] > 0, carried[:, 2], turn)
    step = np.column_stack([(centre[now] - centre[now - 1]) / interval, turn])
    falling = step - np.array([0.0, 0.5 * scene.gravity_m_s2 * interval, 0.0])
    return np.stack([carried, corrected, falling, step])


def _try(
    best: _Best,
    *,
    starts: range,
    pose: np.ndarray,
    ahead: np.ndarray,
    scene: Scene,
    now: int,
    velocities: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Roll out the starts with these numbers until every body has one that is near enough."""
    time_s = scene.time_s[now : now + 1 + len(ahead)]
    for number in starts:
        if number % AT_ONCE == 0 and best.ahead_m.max(initial=0.0) < ENOUGH_PX * scene.px_m:
            break
        path = _rolled(
            pose, scene=scene, time_s=time_s, velocities=velocities, number=number, rng=rng
        )[1:, scene.moving]
        there = centres(path[..., :3], centre_m=scene.shapes.centre_m[scene.moving])
        error = np.linalg.norm(there - ahead, axis=-1)
        nearer = error[0] < best.next_m
        best.next_m = np.minimum(best.next_m, error[0])
        best.ahead_m = np.minimum(best.ahead_m, error.max(0))
        best.velocity[nearer], best.off_m[nearer] = path[0, nearer, 3:], (ahead - there)[0, nearer]


class Onward:
    """Where the engine takes a scene from one found frame to the next: first guesses for finding
    the bodies."""

    def __init__(self, scene: Scene, *, seed: int) -> None:
        self._scene, self._rng = scene, np.random.Generator(np.random.Philox(key=seed))
        self._velocity = scene.start[scene.moving, 3:].copy()
        self._tried: list[np.ndarray] = []

    def guesses(
        self, pose: Float[np.ndarray, "frames bodies 3"], *, now: int, count: int
    ) -> Iterator[Float[np.ndarray, "bodies 3"]]:
        """Poses of frame `now` from those found in the frames before."""
        scene, self._tried = self._scene, []
        centre = centres(pose[:, scene.moving], centre_m=scene.shapes.centre_m[scene.moving])
        off = np.zeros_like(centre[0])
        velocities = _velocities(
            pose, centre=centre, scene=scene, now=now - 1, carried=self._velocity, off_m=off
        )
        for number in range(count):
            time_s = scene.time_s[now - 1 : now + 1]
            reached = _rolled(
                pose[now - 1],
                scene=scene,
                time_s=time_s,
                velocities=velocities,
                number=number,
                rng=self._rng,
            )[1]
            self._tried.append(reached[scene.moving])
            yield reached[:, :3]

    def settle(self, pose: Float[np.ndarray, "frames bodies 3"], *, now: int) -> None:
        """Frame `now` is found. Each body takes its velocity from the start that came nearest, or
        else from its last step."""
        moving = self._scene.moving
        if self._tried:
            tried = np.stack(self._tried)
            nearest = np.linalg.norm(tried[..., :2] - pose[now, moving, :2], axis=-1).argmin(0)
            self._velocity = tried[nearest, np.arange(len(moving)), 3:]
        else:
            interval = float(self._scene.time_s[1] - self._scene.time_s[0])
            self._velocity = (pose[now, moving] - pose[now - 1, moving]) / interval
            self._velocity[:, 1] -= 0.5 * self._scene.gravity_m_s2 * interval
            self._velocity[:, 2] = 0.0
        self._tried = []


def _rolled(
    pose: np.ndarray,
    *,
    scene: Scene,
    time_s: np.ndarray,
    velocities: np.ndarray,
    number: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "times bodies state"]:
    """Where the engine takes all bodies of a frame from the start with this number."""
    start = np.column_stack([pose, np.zeros_like(pose)])
    start[scene.moving] = _start(
        pose[scene.moving], scene=scene, velocities=velocities, number=number, rng=rng
    )
    return rollout(scene.body, start=start, time_s=time_s, scene_px=scene.scene_px)


def _start(
    pose: np.ndarray, *, scene: Scene, velocities: np.ndarray, number: int, rng: np.random.Generator
) -> Float[np.ndarray, "moving state"]:
    """First the guesses themselves, then draws around them, independent for each body."""
    if number < len(velocities):
        return np.column_stack([pose, velocities[number]])
    count, reach = len(pose), scene.shapes.reach_m[scene.moving]
    drawn = np.column_stack(
        [pose, velocities[rng.integers(len(velocities), size=count), np.arange(count)]]
    )
    noise = rng.normal(size=(count, 6))
    noise[:, 2] /= reach
    noise[:, 5] /= reach
    moved: np.ndarray = drawn + noise * np.repeat([PLACE_PX * scene.px_m, SPEED_M_S], 3)
    return moved


def centres(
    pose: Float[np.ndarray, "*frames bodies 3"], *, centre_m: Float[np.ndarray, "bodies 2"]
) -> Float[np.ndarray, "*frames bodies 2"]:
    """Centres of mass at these poses, from where they are in the bodies' own frames."""
    cos, sin = np.cos(pose[..., 2]), np.sin(pose[..., 2])
    x, y = centre_m[:, 0], centre_m[:, 1]
    return pose[..., :2] + np.stack([cos * x - sin * y, sin * x + cos * y], -1)
