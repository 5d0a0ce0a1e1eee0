"""Is a data set fit for training? One line per kind of problem, however many rows have it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, UInt64

from physscale.records.initial import falls
from physscale.records.scene import WORLD_M
from physscale.records.video import BODY, COLOUR, PLACE, VELOCITY, Videos

MOVES_M, MOVES_PX = 0.05, 1.5
"""A body that moves farther than this between two frames must change the picture. With hard edges,
it must move farther than both limits."""

SCENE_STEP, COLOUR_STEP = 1e-4, 64
OFFSETS = (0.38, 0.88)
"""Metres or m/s, and steps of colour, within which two scenes are one. What formats lose is a
hundredth of it. Of two grids, half a step apart, a number is near a border of one at most; and no
border is a round number."""

NOT_FINITE = "a state, time or body constant that is not finite"
OUT_OF_VIEW = f"no body in view at any time (positions are metres, 0 to {WORLD_M:g})"
REPEATED = "the same first state as an earlier row"
FROZEN = "frames that stand still while a body in view moves"
LEAKED = "a first state that is also in the training data"


@dataclass
class FirstStates:
    """Hashes of the first states and bodies so far, 8 bytes each (24 MB for three million rows), in
    sorted runs that are merged when the newer is as long."""

    runs: list[np.ndarray] = field(default_factory=list)

    def holds(self, hashes: UInt64[np.ndarray, " rows"]) -> Bool[np.ndarray, " rows"]:
        """Which of these hashes were added before."""
        found = np.zeros(len(hashes), bool)
        for run in self.runs:
            found |= run[np.searchsorted(run, hashes).clip(max=len(run) - 1)] == hashes
        return found

    def add(self, hashes: UInt64[np.ndarray, " rows"]) -> None:
        self.runs.append(np.unique(hashes))
        while len(self.runs) > 1 and len(self.runs[-1]) * 2 > len(self.runs[-2]):
            self.runs[-2:] = [np.union1d(*self.runs[-2:])]


@dataclass
class _Found:
    rows: int
    first: int


@dataclass
class Inspection:
    """Inspects a data set part by part.

    Attributes:
        training: first states that no row may repeat.
        rows: how many were inspected.
    """

    training: FirstStates | None = None
    rows: int = 0
    _seen: FirstStates = field(default_factory=FirstStates)
    _found: dict[str, _Found] = field(default_factory=dict)

    def look(self, part: Videos) -> None:
        hashes = first_states(part)
        self._note(NOT_FINITE, part, ~_finite(part))
        self._note(OUT_OF_VIEW, part, np.all(~_in_view(part), axis=(1, 2)))
        self._note(REPEATED, part, self._seen.holds(hashes) | _again(hashes))
        self._note(FROZEN, part, _frozen(part))
        if self.training is not None:
            one, other = map(self.training.holds, scenes(part))
            self._note(LEAKED, part, one | other)
        self._seen.add(hashes)
        self.rows += len(part)

    def problems(self) -> tuple[str, ...]:
        """One line per kind of problem."""
        return tuple(
            f"{found.rows} rows with {what}, first row {found.first}"
            for what, found in self._found.items()
        )

    def _note(self, what: str, part: Videos, wrong: Bool[np.ndarray, " batch"]) -> None:
        if wrong.any():
            found = self._found.setdefault(what, _Found(0, int(part.index[wrong][0])))
            found.rows += int(wrong.sum())


def known(parts: Iterable[Videos]) -> FirstStates:
    """The scenes of training data, to look for leaks."""
    states = FirstStates()
    for part in parts:
        for hashes in scenes(part):
            states.add(hashes)
    return states


def first_states(videos: Videos) -> UInt64[np.ndarray, " batch"]:
    """BLAKE2b (8 bytes) of each row's first state and bodies; of 4 million sets of 3 million rows,
    one has two that share it by chance."""
    return _hashes(np.concatenate([videos.state[:, 0], videos.body], axis=-1))


def _hashes(rows: Float[np.ndarray, "batch bodies numbers"]) -> UInt64[np.ndarray, " batch"]:
    whole = np.ascontiguousarray(rows) + rows.dtype.type(0)  # -0 is 0
    digests = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in whole)
    return np.frombuffer(digests, np.uint64)


def scenes(videos: Videos) -> list[UInt64[np.ndarray, " batch"]]:
    """Hashes of each row's first scene, rounded on two grids: a scene that was stored in another
    format shares at least one. Of the velocities, formats without them keep what initial speeds
    say: those of one or two bodies, without the vertical ones of a throw."""
    first, body = videos.state[:, 0].astype(np.float64), videos.body.astype(np.float64)
    velocity = first[..., VELOCITY].copy()
    velocity[falls(videos), :, 1] = 0.0
    parts = [first[..., PLACE], body[..., [BODY.index("radius_m")]]]
    numbers = np.concatenate(parts if body.shape[1] > 2 else [*parts, velocity], axis=-1)
    colour = body[..., COLOUR] // COLOUR_STEP
    return [
        _hashes(np.concatenate([np.floor(numbers / SCENE_STEP + offset), colour], axis=-1))
        for offset in OFFSETS
    ]


def _again(hashes: UInt64[np.ndarray, " batch"]) -> Bool[np.ndarray, " batch"]:
    """Which hashes equal an earlier one in the same part."""
    again = np.ones(len(hashes), bool)
    again[np.unique(hashes, return_index=True)[1]] = False
    return again


def _finite(videos: Videos) -> Bool[np.ndarray, " batch"]:
    columns = (videos.state, videos.body, videos.time_s)
    return np.all(
        [np.isfinite(column).reshape(len(videos), -1).all(1) for column in columns], axis=0
    )


def _in_view(videos: Videos) -> Bool[np.ndarray, "batch frames bodies"]:
    """Whether a body's centre is in the picture."""
    place = videos.state[..., PLACE]
    inside: np.ndarray = np.all((place > 0.0) & (place < WORLD_M), axis=-1)
    return inside


def _frozen(videos: Videos) -> Bool[np.ndarray, " batch"]:
    if videos.pixels is None:
        return np.zeros(len(videos), bool)
    place = videos.state[..., PLACE]
    in_view = _in_view(videos)
    colours = np.unique(videos.pixels[0, 0].reshape(-1, 3) @ np.array([1, 256, 65536]))
    hard = len(colours) <= place.shape[2] + 1  # no more than the background and one colour per body
    far = max(MOVES_M, MOVES_PX * WORLD_M / videos.pixels.shape[2]) if hard else MOVES_M
    moves = (
        (np.linalg.norm(np.diff(place, axis=1), axis=-1) > far) & in_view[:, 1:] & in_view[:, :-1]
    )
    still = (
        (videos.pixels[:, 1:] == videos.pixels[:, :-1])
        .reshape(len(videos), place.shape[1] - 1, -1)
        .all(-1)
    )
    return (moves.any(-1) & still).any(1)
