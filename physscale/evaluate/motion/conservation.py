"""What must be conserved: place from frame to frame, momentum and energy, and the size, shape,
colour and number of each body.

    teleported      = some step of (generated - true) place differs from both neighbouring steps
                      by more than `TELEPORT_M`
    momentum_error  = | Σ m (v̂ - v) | / Σ m |v|, per video, by least-squares velocities
    energy_error    = | Σ m v̂² / Σ m v² - 1 |, the same
    radius_drift    = largest - smallest radius while the whole body is in view

A wrong speed, or a hit at the wrong moment, changes a step and all later ones alike. It is no
teleport. A sudden change of place is a teleport, and so is a ball that comes back elsewhere.
Momentum and energy are NaN where a body has no velocity or all bodies rest."""

import numpy as np
from jaxtyping import Bool, Float, Float32

from physscale.evaluate.motion.track import Observed, Parsed
from physscale.records.video import BODY

TELEPORT_M = 0.5
RESTS_M_S = 1e-3

Mask = Bool[np.ndarray, "batch frames bodies"]
Numbers = Float[np.ndarray, "batch bodies"]
Vectors = Float[np.ndarray, "batch bodies 2"]
Masses = Float[np.ndarray, "batch bodies 1"]
Constants = Float32[np.ndarray, "batch bodies constants"]


def teleported(error_m: Float[np.ndarray, "batch frames bodies 2"], *, seen: Mask) -> Numbers:
    """1 if the track of a body jumps between frames in which it is seen, 0 if not, NaN if it is
    hardly ever seen."""
    found = np.full((error_m.shape[0], error_m.shape[2]), np.nan)
    for video, body in np.ndindex(found.shape):
        frames = np.flatnonzero(seen[video, :, body])
        if len(frames) > 2:
            found[video, body] = _jumps(error_m[video, frames, body], frames=frames)
    return found


def _jumps(error_m: Float[np.ndarray, "seen 2"], *, frames: np.ndarray) -> bool:
    """A step over several unseen frames is compared with its neighbours' over equally many
    frames."""
    step, length = np.diff(error_m, axis=0), np.diff(frames)[:, None]
    rate = step / length
    before = np.linalg.norm(step - length * np.concatenate([rate[1:2], rate[:-1]]), axis=1)
    after = np.linalg.norm(step - length * np.concatenate([rate[1:], rate[-2:-1]]), axis=1)
    return bool((np.minimum(before, after) > TELEPORT_M).any())


def momentum_error(drift_m_s: Vectors, *, true_m_s: Vectors, body: Constants) -> Numbers:
    """Of the video, in each of its bodies' places."""
    mass = _masses(body)
    total = (mass * np.linalg.norm(true_m_s, axis=-1, keepdims=True)).sum((1, 2))
    wrong = np.linalg.norm((mass * _of_moving(drift_m_s, mass=mass)).sum(1), axis=-1)
    return _for_all(wrong / np.where(total > RESTS_M_S, total, np.nan), like=mass)


def energy_error(drift_m_s: Vectors, *, true_m_s: Vectors, body: Constants) -> Numbers:
    """Of the video, in each of its bodies' places."""
    mass = _masses(body)
    true = (mass * _of_moving(true_m_s, mass=mass) ** 2).sum((1, 2))
    made = (mass * _of_moving(true_m_s + drift_m_s, mass=mass) ** 2).sum((1, 2))
    return _for_all(np.abs(made / np.where(true > RESTS_M_S**2, true, np.nan) - 1.0), like=mass)


def radius_drift(tracks: Parsed, *, scored: Mask) -> Numbers:
    """Largest minus smallest radius; NaN if no scored frame shows the whole body."""
    used = scored & tracks.whole
    high = np.where(used, tracks.radius_m, -np.inf).max(1)
    low = np.where(used, tracks.radius_m, np.inf).min(1)
    return np.where(used.any(1), high - low, np.nan)


def changes(tracks: Parsed, *, scored: Mask) -> dict[str, Numbers]:
    """Shape, colour, doubles and mergers over the scored frames; NaN for tracks that were never
    pixels."""
    if not isinstance(tracks, Observed):
        nothing = np.full((scored.shape[0], scored.shape[2]), np.nan)
        return dict.fromkeys(("shape_change", "colour_change", "duplicated", "merged"), nothing)
    rate = np.maximum(scored.sum(1), 1)
    return {
        "shape_change": frame_mean(tracks.shape_change, used=scored),
        "colour_change": frame_mean(tracks.colour_change, used=scored),
        "duplicated": (scored & tracks.duplicated).sum(1) / rate,
        "merged": (scored & tracks.merged).sum(1) / rate,
    }


def frame_mean(values: Float[np.ndarray, "batch frames bodies"], *, used: Mask) -> Numbers:
    """Mean over the used frames that have a value; NaN where there is none."""
    kept = used & np.isfinite(values)
    count = kept.sum(1)
    return np.where(kept, values, 0.0).sum(1) / np.where(count > 0, count, np.nan)


def _masses(body: Constants) -> Masses:
    return body[:, :, BODY.index("mass_kg")].astype(np.float64)[..., None]


def _of_moving(values: Vectors, *, mass: Masses) -> Vectors:
    """Without walls, which have mass 0."""
    return np.where(mass > 0, values, 0.0)


def _for_all(values: Float[np.ndarray, " batch"], *, like: Masses) -> Numbers:
    return np.broadcast_to(values[:, None], like.shape[:2])
