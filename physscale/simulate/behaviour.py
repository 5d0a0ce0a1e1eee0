"""The motion of a body by itself: distance s(t) along its first direction, and speed, per
`Behaviour`.

Up to `ONSET_S` every body moves at its first speed v, so the conditioning frames (t <= 0.2 s) do
not tell the behaviours apart; with τ the time since then: ACCELERATE s' = v + aτ, BRAKE s' = v
e^(-kτ), REVERSE s' = -v, STOP s' = 0, TRIPLE s' = 3v."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from physscale.records.scene import Behaviour

ONSET_S = 0.35
ACCELERATION_M_S2 = 3.0
BRAKE_PER_S = 2.0
SPEED_FACTOR = {
    Behaviour.FREE: 1.0,
    Behaviour.REVERSE: -1.0,
    Behaviour.STOP: 0.0,
    Behaviour.TRIPLE: 3.0,
}


@dataclass(frozen=True)
class Path1D:
    """Distance and speed along the first direction, at the asked times."""

    distance_m: np.ndarray
    speed_m_s: np.ndarray


def along(
    behaviour: Int[np.ndarray, "*bodies"],
    *,
    speed_m_s: Float[np.ndarray, "*bodies"],
    time_s: Float[np.ndarray, "*bodies"],
) -> Path1D:
    """The closed form of every behaviour, elementwise over arrays of one shape."""
    after = np.maximum(time_s - ONSET_S, 0.0)
    started = time_s > ONSET_S
    before = np.minimum(time_s, ONSET_S) * speed_m_s
    distance, speed = np.zeros_like(before), np.zeros_like(before)
    for kind, factor in SPEED_FACTOR.items():
        chosen = behaviour == kind
        distance = np.where(chosen, factor * speed_m_s * after, distance)
        speed = np.where(chosen, factor * speed_m_s, speed)
    chosen = behaviour == Behaviour.ACCELERATE
    distance = np.where(chosen, speed_m_s * after + 0.5 * ACCELERATION_M_S2 * after**2, distance)
    speed = np.where(chosen, speed_m_s + ACCELERATION_M_S2 * after, speed)
    chosen = behaviour == Behaviour.BRAKE
    decay = np.exp(-BRAKE_PER_S * after)
    distance = np.where(chosen, speed_m_s * (1.0 - decay) / BRAKE_PER_S, distance)
    speed = np.where(chosen, speed_m_s * decay, speed)
    return Path1D(before + distance, np.where(started, speed, speed_m_s))
