"""Does a video go as the simulator would from its first frames, as far as those frames tell?

The state is read off the given frames (of PHYRE: taken from the row, at rest) with its uncertainty from parsing; an ensemble of roll-outs
from draws of it says how far the future follows from it. Frames count until the ensemble's spread passes one pixel: that is the horizon a
chaotic scene deserves. The score is the largest distance between video and mean roll-out, over one pixel and three spreads; above 1 the
video disagrees. That is not abnormal: a generated video may be plausible and another than the true one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from physscale.evaluate.abnormal.laws import PLACE_PX, RADIUS, gravity_m_s2
from physscale.evaluate.abnormal.observe import observe
from physscale.evaluate.abnormal.phyre import tracks_of
from physscale.evaluate.abnormal.replay import centres
from physscale.evaluate.abnormal.solids import solids
from physscale.evaluate.abnormal.verdict import family_of
from physscale.records.scene import WORLD_M
from physscale.records.video import Videos
from physscale.simulate.batch import Batch
from physscale.simulate.engines import analytic
from physscale.simulate.phyre.rollout import rollout

MEMBERS = 12
SPREADS = 3.0


@dataclass(frozen=True)
class Disagreement:
    """Score of each video (disagrees above 1), and the number of frames that the first ones determine."""

    score: Float[np.ndarray, " batch"]
    horizon: Int[np.ndarray, " batch"]


def disagreement(videos: Videos, *, condition_frames: int, members: int = MEMBERS) -> Disagreement:
    """Of rows with frames; `condition_frames` of a law must be 2 or more, of PHYRE they are not looked at.

    Raises:
        UserError: for rows that the judge does not know.
    """
    if family_of(videos) == "phyre":
        return _phyre(videos, members=members)
    assert condition_frames >= 2, "a velocity takes two frames"
    assert videos.pixels is not None
    seen = observe(videos.pixels, body=videos.body)
    place = np.stack([seen.x_m, seen.y_m], -1)
    starts = np.stack([_starts(place[row], videos=videos, row=row, frames=condition_frames, members=members) for row in range(len(videos))])
    time = videos.time_s[0].astype(np.float64)
    batch = Batch(
        body=np.repeat(videos.body.astype(np.float64), members, axis=0),
        start=starts.reshape(-1, *starts.shape[2:]),
        gravity_m_s2=np.repeat([gravity_m_s2(videos, row=row) for row in range(len(videos))], members),
    )
    rolled = analytic.run(batch, time_s=time - time[0]).state[..., :2]
    radius = videos.body[:, None, :, RADIUS].astype(np.float64)
    whole = np.minimum(place, WORLD_M - place).min(-1) >= radius - 0.01
    return _compared(place, rolled.reshape(len(videos), members, *rolled.shape[1:]), counted=whole, px_m=WORLD_M / videos.pixels.shape[2])


def _starts(place: np.ndarray, *, videos: Videos, row: int, frames: int, members: int) -> Float[np.ndarray, "members bodies 6"]:
    """Draws of the state in the first frame: least squares through the given frames, and the deviation that parsing gives it."""
    assert videos.pixels is not None
    time = videos.time_s[row, :frames].astype(np.float64) - float(videos.time_s[row, 0])
    design = np.stack([np.ones(frames), time], -1)
    fall = np.array([0.0, -0.5 * gravity_m_s2(videos, row=row)]) * (time**2)[:, None, None]
    solved = np.tensordot(np.linalg.pinv(design), place[:frames] - fall, 1)
    root = np.linalg.cholesky(np.linalg.inv(design.T @ design)) * PLACE_PX * WORLD_M / videos.pixels.shape[2]
    rng = np.random.Generator(np.random.Philox(key=int(videos.index[row])))
    noise = np.einsum("ij,mjbd->mibd", root, rng.normal(size=(members, 2, place.shape[1], 2)))
    drawn = solved + noise - noise.mean(0)
    out = np.zeros((members, place.shape[1], 6))
    out[..., 0:2], out[..., 3:5] = drawn[:, 0], drawn[:, 1]
    return out


def _phyre(videos: Videos, *, members: int) -> Disagreement:
    assert videos.pixels is not None
    px_m, tracks = WORLD_M / videos.pixels.shape[2], tracks_of(videos)
    parts = []
    for row, found in enumerate(tracks):
        shapes = solids(videos.body[row], px_m=px_m)
        moving = np.isfinite(found.missing[0])
        rng = np.random.Generator(np.random.Philox(key=int(videos.index[row])))
        rolled = []
        for _ in range(members):
            start = videos.state[row, 0].astype(np.float64)
            start[moving, :2] += rng.normal(0.0, PLACE_PX * px_m, (int(moving.sum()), 2))
            path = rollout(videos.body[row], start=start, time_s=videos.time_s[row])
            rolled.append(centres(path[:, moving, :3], centre_m=shapes.centre_m[moving]))
        place = centres(found.pose[:, moving], centre_m=shapes.centre_m[moving])
        inked = found.missing[:, moving] < 0.5
        parts.append(_compared(place[None], np.stack(rolled)[None], counted=inked[None], px_m=px_m))
    return Disagreement(np.concatenate([part.score for part in parts]), np.concatenate([part.horizon for part in parts]))


def _compared(
    place: Float[np.ndarray, "batch frames bodies 2"],
    rolled: Float[np.ndarray, "batch members frames bodies 2"],
    *,
    counted: np.ndarray,
    px_m: float,
) -> Disagreement:
    spread = np.sqrt(rolled.var(1, ddof=1).sum(-1))
    known = np.minimum.accumulate(spread.max(-1) <= px_m, axis=1)
    distance = np.linalg.norm(place - rolled.mean(1), axis=-1) / (px_m + SPREADS * spread)
    used = counted & known[..., None]
    return Disagreement(np.where(used, np.nan_to_num(distance), 0.0).max((1, 2)), known.sum(1))
