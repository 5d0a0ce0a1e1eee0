"""Scenes as arrays: what an engine takes (`Batch`) and what it returns (`Trace`), both in double
precision."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from physscale.records.scene import Body, Scene
from physscale.records.video import BODY, ROD

COLUMN = {name: position for position, name in enumerate(BODY)}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B scenes of N bodies each: constants as in `records.video.BODY`, first states as in
    `records.video.STATE`, rods as in `records.video.ROD` (None where no body has one)."""

    body: Float[np.ndarray, "batch bodies constants"]
    start: Float[np.ndarray, "batch bodies state"]
    gravity_m_s2: Float[np.ndarray, " batch"]
    rod: Float[np.ndarray, "batch bodies rod"] | None = None

    def constant(self, name: str) -> np.ndarray:
        """One column of `body`, shape (batch, bodies)."""
        return self.body[:, :, COLUMN[name]]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What an engine returns: states at the asked times, and the first contact (NaN where there is
    none in that time)."""

    state: Float[np.ndarray, "batch frames bodies state"]
    contact_s: Float[np.ndarray, " batch"]


def stack(scenes: Sequence[Scene]) -> Batch:
    """Scenes of equally many bodies as arrays."""
    counts = {len(scene.bodies) for scene in scenes}
    assert len(counts) == 1, (
        f"scenes of one data set must have equally many bodies, not {sorted(counts)}"
    )
    return Batch(
        body=np.array([[_constants(body) for body in scene.bodies] for scene in scenes], float),
        start=np.array([[_state(body) for body in scene.bodies] for scene in scenes], float),
        gravity_m_s2=np.array([scene.gravity_m_s2 for scene in scenes], float),
        rod=_rods(scenes),
    )


def _rods(scenes: Sequence[Scene]) -> Float[np.ndarray, "batch bodies rod"] | None:
    bodies = [scene.bodies for scene in scenes]
    if all(body.rod is None for row in bodies for body in row):
        return None
    rods = np.full((len(bodies), len(bodies[0]), len(ROD)), np.nan)
    for row, number in np.ndindex(rods.shape[:2]):
        rod = bodies[row][number].rod
        if rod is not None:
            rods[row, number] = rod.anchor_x_m, rod.anchor_y_m, rod.length_m
    return rods


def _constants(body: Body) -> tuple[float, ...]:
    numbers = (
        body.shape,
        body.radius_m,
        body.half_height_m,
        body.mass_kg,
        body.elasticity,
        *body.colour,
        body.behaviour,
        body.kind,
    )
    return tuple(float(number) for number in numbers)


def _state(body: Body) -> tuple[float, ...]:
    return (body.x_m, body.y_m, body.angle_rad, body.vx_m_s, body.vy_m_s, body.omega_rad_s)
