"""A true video with something wrong in it: states and constants that may change from frame to
frame, and their frames.

A corruption takes one row and returns what to draw in its place. The row and its true states do not
change. A corruption must be *visible*. The body is wholly in view for `LASTING` frames from its
start. A wrong motion takes it `VISIBLE_M` off its path within these frames. In PHYRE a contact can
explain nearly any motion, so there the body must touch nothing, or rise by as much."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from physscale.evaluate.abnormal.phyre import PhyreRules
from physscale.evaluate.abnormal.solids import clearances, solids
from physscale.records.scene import AWAY_M, WORLD_M
from physscale.records.video import BODY, PLACE, STATE, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.spec import kind_of

LASTING = 5
"""A corruption must be in view for this many frames to be visible."""

SLOW = 8
"""The same for a gradual corruption."""

VISIBLE_M = 0.8
"""A wrong motion is visible if it leads this far from the true one."""

CLEAR_M = 0.2
"""A body this far from everything touches nothing."""

X, Y, ANGLE, VX, VY, _ = range(len(STATE))
SHAPE, RADIUS, HALF_HEIGHT, MASS = (
    BODY.index(name) for name in ("shape", "radius_m", "half_height_m", "mass_kg")
)


@dataclass(frozen=True)
class CorruptedVideo:
    """What to draw: T frames of M bodies, at least as many as in the row. Later bodies are drawn
    over earlier ones."""

    state: Float[np.ndarray, "frames bodies state"]
    body: Float[np.ndarray, "frames bodies constants"]


Corruption = Callable[[Videos, int, np.random.Generator], CorruptedVideo | None]
"""(videos, row, generator) to what to draw, or None if the corruption cannot be visible in this
row."""


@dataclass(frozen=True)
class Occasion:
    """A body of a row that is wholly in view from frame `start` on, for the required time.

    Attributes:
        out: a copy of the row, for the corruption to change.
    """

    videos: Videos
    row: int
    body: int
    start: int
    rng: np.random.Generator
    out: CorruptedVideo

    @property
    def states(self) -> Float[np.ndarray, "later state"]:
        """The body's states in `out`, from `start` on."""
        return self.out.state[self.start :, self.body]

    @property
    def places(self) -> Float[np.ndarray, "later 2"]:
        """The body's positions in `out`, from `start` on."""
        return self.states[:, PLACE]

    @property
    def since(self) -> Int[np.ndarray, " later"]:
        """Frames since `start`: 0, 1, 2, …"""
        return np.arange(len(self.states))

    @property
    def step(self) -> Float[np.ndarray, " 2"]:
        """The body's true displacement from the frame before `start` to `start`."""
        true = self.videos.state[self.row].astype(np.float64)
        return frame_step(true, body=self.body, start=self.start)

    def grown_share(self, *, within: int) -> Float[np.ndarray, " frames"]:
        """0 before `start`, then up to 1 in equal steps over `within` frames."""
        return np.clip((np.arange(len(self.out.state)) - self.start + 1) / within, 0.0, 1.0)

    def held_back(self, *, frames: int) -> Int[np.ndarray, " frames"]:
        """Which frame each frame shows if everything waits at `start` for `frames` frames."""
        frame = np.arange(len(self.out.state))
        return np.where(frame < self.start, frame, np.maximum(frame - frames, self.start))

    def others(self) -> list[int]:
        """The movable bodies other than this one."""
        return [body for body in movable(self.videos, self.row) if body != self.body]

    def one_of(self, bodies: list[int]) -> int:
        """A random one of these bodies."""
        return bodies[int(self.rng.integers(len(bodies)))]


def at_occasion(
    *, lasting: int = LASTING
) -> Callable[[Callable[[Occasion], CorruptedVideo | None]], Corruption]:
    """A decorator: a corruption from a function that corrupts one body in view. It returns None for
    a row without an occasion."""

    def corruption(alter: Callable[[Occasion], CorruptedVideo | None]) -> Corruption:
        def corrupt(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
            chosen = occasion(videos, row, rng, lasting=lasting)
            if chosen is None:
                return None
            return alter(Occasion(videos, row, *chosen, rng, as_is(videos, row)))

        return corrupt

    return corruption


def as_is(videos: Videos, row: int) -> CorruptedVideo:
    """A copy of the row, unchanged."""
    state = videos.state[row].astype(np.float64)
    return CorruptedVideo(
        state, np.repeat(videos.body[row].astype(np.float64)[None], len(state), axis=0)
    )


def drawn(altered: CorruptedVideo, *, canvas: Canvas) -> UInt8[np.ndarray, "frames height width 3"]:
    """The rendered frames. Bodies may change between frames, so each is rendered as its own
    video."""
    frames = len(altered.state)
    text = np.full(frames, "", object)
    single = Videos(
        index=np.arange(frames),
        scenario=text,
        split=text,
        template=text,
        time_s=np.zeros((frames, 1), np.float32),
        state=altered.state[:, None].astype(np.float32),
        body=altered.body.astype(np.float32),
        contact_s=np.full(frames, np.nan, np.float32),
    )
    return render(single, canvas=canvas)[:, 0]


def scaled(out: CorruptedVideo, *, body: int, start: int, by: Float[np.ndarray, " frames"]) -> None:
    """Scale both sizes of a body from a frame on, in place."""
    out.body[start:, body, RADIUS] *= by
    out.body[start:, body, HALF_HEIGHT] *= by


def second_of(out: CorruptedVideo, *, body: int, start: int) -> CorruptedVideo:
    """A second body like this one on the same path, out of view before `start`. `joined` adds it to
    the others."""
    second = CorruptedVideo(out.state[:, [body]].copy(), out.body[:, [body]].copy())
    second.state[:start, 0, X] = AWAY_M
    return second


def joined(out: CorruptedVideo, second: CorruptedVideo) -> CorruptedVideo:
    """The bodies of both, the second's drawn over the first's."""
    return CorruptedVideo(
        np.concatenate([out.state, second.state], 1), np.concatenate([out.body, second.body], 1)
    )


def movable(videos: Videos, row: int) -> list[int]:
    """The bodies that are present and can move."""
    body = videos.body[row]
    return np.flatnonzero((body[:, MASS] > 0) & (body[:, RADIUS] > 0)).tolist()


def in_view(
    state: Float[np.ndarray, "frames bodies state"],
    body: Float32[np.ndarray, "bodies constants"] | np.ndarray,
) -> np.ndarray:
    """(frames, bodies): whether the whole disc is in view, or another body's reference point well
    inside."""
    margin = np.minimum(body[:, RADIUS], 1.5)
    return (np.minimum(state[..., X], state[..., Y]) >= margin) & (
        np.maximum(state[..., X], state[..., Y]) <= WORLD_M - margin
    )


def occasion(
    videos: Videos, row: int, rng: np.random.Generator, *, lasting: int = LASTING
) -> tuple[int, int] | None:
    """A body, and a frame from which it is wholly in view for `lasting` frames: in the middle of
    the video if there is a choice."""
    seen = in_view(videos.state[row], videos.body[row])
    frames = len(seen)
    choices = [
        (body, start)
        for body in movable(videos, row)
        for start in range(4, max(frames - lasting, 5))
        if start + lasting <= frames and seen[start - 2 : start + lasting, body].all()
    ]
    return choices[int(rng.integers(len(choices)))] if choices else None


def frame_step(
    state: Float[np.ndarray, "frames bodies state"], *, body: int, start: int
) -> Float[np.ndarray, " 2"]:
    """The displacement from the frame before `start` to `start`."""
    step: np.ndarray = state[start, body, PLACE] - state[start - 1, body, PLACE]
    return step


def in_phyre(videos: Videos, row: int) -> bool:
    """Whether the row obeys PHYRE's physics."""
    return kind_of(str(videos.scenario[row])).physics == PhyreRules.physics


def fall_m(videos: Videos, row: int) -> float:
    """g · interval² of the row."""
    interval = float(videos.time_s[row, 1] - videos.time_s[row, 0])
    if in_phyre(videos, row):
        return 9.8 * 60.0 / 512.0 * interval**2
    change = np.diff(videos.state[row, :, :, VY].astype(np.float64), axis=0)
    return float(-np.median(change)) * interval


def off_its_way(videos: Videos, row: int, altered: CorruptedVideo) -> bool:
    """Whether a wrong motion in PHYRE is off by `VISIBLE_M` within `LASTING` frames of its start,
    either while the body touches nothing or upwards."""
    true = videos.state[row].astype(np.float64)
    made = altered.state[:, : true.shape[1]]
    way = np.linalg.norm(made[..., PLACE] - true[..., PLACE], axis=-1)
    wrong = way > 1e-3
    if not wrong.any():
        return False
    start = int(wrong.any(1).argmax())
    shown = slice(start, start + LASTING)
    seen = in_view(made[shown], videos.body[row]).all(0) & wrong[start:].any(0)
    gaps = clearances(true, shapes=solids(videos.body[row], px_m=WORLD_M / 128))
    clear = gaps[max(start - 1, 0) : start + 2].min(0) > CLEAR_M
    up = made[shown, :, Y].max(0) - made[start - 1, :, Y]
    off = np.where(clear, way[shown].max(0), up)
    return bool((seen & (off >= VISIBLE_M)).any())


def visibly(corrupt: Corruption, *, tries: int = 12) -> Corruption:
    """The same corruption, in PHYRE drawn again until its motion is visibly wrong. In the other
    scenarios nothing is near that could explain the motion."""

    def seen(videos: Videos, row: int, rng: np.random.Generator) -> CorruptedVideo | None:
        for _ in range(tries):
            altered = corrupt(videos, row, rng)
            if altered is not None and (
                not in_phyre(videos, row) or off_its_way(videos, row, altered)
            ):
                return altered
        return None

    return seen
