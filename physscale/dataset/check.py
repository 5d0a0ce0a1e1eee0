"""Is a data set fit to learn from? What a careful eye would look for, in one line each."""

import numpy as np
from jaxtyping import Bool, Int

from physscale.records.scene import WORLD_M
from physscale.records.video import Videos

MOVES_M = 0.05
"""A body that goes farther than this between two frames must change the picture."""


def problems(videos: Videos) -> tuple[str, ...]:
    """Everything wrong with these rows: states that are not finite, repeated rows, frames that stand still while bodies move."""
    found: list[tuple[str, np.ndarray]] = [
        ("a state, time or body constant that is not finite", ~_finite(videos)),
        ("the same first state as an earlier row", _repeats(videos)),
        ("frames that stand still while a body in view moves", _frozen(videos)),
    ]
    return tuple(f"{int(rows.sum())} rows with {what}, first row {videos.index[rows][0]}" for what, rows in found if rows.any())


def leaked(training: Videos, judge: Videos) -> Int[np.ndarray, " leaks"]:
    """Row numbers of the judge whose first state and bodies are also in the training set."""
    known = set(_first_states(training))
    return judge.index[np.array([state in known for state in _first_states(judge)], bool)]


def _first_states(videos: Videos) -> list[bytes]:
    both = np.concatenate([videos.state[:, 0], videos.body], axis=-1)
    return [row.tobytes() for row in both]


def _finite(videos: Videos) -> Bool[np.ndarray, " batch"]:
    columns = (videos.state, videos.body, videos.time_s)
    return np.all([np.isfinite(column).reshape(len(videos), -1).all(1) for column in columns], axis=0)


def _repeats(videos: Videos) -> Bool[np.ndarray, " batch"]:
    seen: set[bytes] = set()
    repeats = []
    for state in _first_states(videos):
        repeats.append(state in seen)
        seen.add(state)
    return np.array(repeats, bool)


def _frozen(videos: Videos) -> Bool[np.ndarray, " batch"]:
    if videos.pixels is None:
        return np.zeros(len(videos), bool)
    place = videos.state[..., :2]
    in_view = np.all((place > 0.0) & (place < WORLD_M), axis=-1)
    moves = (np.linalg.norm(np.diff(place, axis=1), axis=-1) > MOVES_M) & in_view[:, 1:] & in_view[:, :-1]
    still = (np.diff(videos.pixels.astype(np.int16), axis=1) == 0).reshape(len(videos), place.shape[1] - 1, -1).all(-1)
    return (moves.any(-1) & still).any(1)
