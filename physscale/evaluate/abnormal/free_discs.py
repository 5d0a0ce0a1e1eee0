"""The rules of free discs: how far a video goes beyond what true videos show, per kind of
violation.

One number per rule and video; larger is worse. It comes from the frames and the bodies' constants
alone (radius, colour, mass = radius², and the row's gravity), not from the true later states. Only
frames in which the disc is whole measure size, shape and motion.

    permanence    longest run of frames in which a disc is absent although its last motion puts it
                  well inside the view
    count         area of further components of its colour, relative to its own; 1 if a disc that
                  left the view is back
    size          |√(area/π)/r - 1|, second largest of the frames
    shape         elongation or spread beyond that of a disc drawn in its place, minus what noise
                  may add to so few pixels, second largest of the frames
    colour        ink of no body's colour, relative to the bodies' area; or deviation of the
                  strength of a disc's own colour from 1
    penetration   r₁ + r₂ - the least distance on the straight path between two frames, in m
    force         distance from the position that the last two whole frames predict, in m; where
                  another disc was near enough to touch, only aside from the line of centres
    impulse       change of velocity from four frames to the next four while no other disc was near
                  enough to touch, in m/s
    momentum, energy    change in a contact, relative to 2 % (3 %) of the total plus three standard
                  deviations of the measurement
    replay        two discs: distance from where their free flight so far leads, through a contact
                  too, beyond its uncertainty, in m; discs with behaviours: distance from the best
                  path of their behaviour
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from physscale.evaluate.abnormal.behaviours import behaviour_scores
from physscale.evaluate.abnormal.contacts import (
    PLACE_PX,
    momentum_and_energy,
    off_flight_m,
    penetration_m,
)
from physscale.evaluate.abnormal.free_flight import (
    Tracks,
    flight_scores,
    gravity_m_s2,
    impulse,
    near_another,
)
from physscale.evaluate.abnormal.observe import Observed, observe
from physscale.evaluate.abnormal.rules import Rules, Scores
from physscale.records.scene import AWAY_M, WORLD_M, Behaviour, Shape
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render

RADIUS, MASS, BEHAVIOUR = BODY.index("radius_m"), BODY.index("mass_kg"), BODY.index("behaviour")
SHAPE_PX2 = 0.2
"""What a codec's noise may add to a disc's elongation, times the square of its radius in pixels."""

FADED = 0.25
"""Below this part of its area a disc counts as absent."""

OF_CONTACTS = {"penetration", "momentum", "energy", "replay"}
OF_FREE_FLIGHT = {"impulse", "momentum", "energy"}
"""Rules about two discs, and rules about discs that nothing but gravity moves."""


class FreeDiscs(Rules):
    """Discs among no walls, under gravity, elastic impacts or a behaviour of their own."""

    physics: ClassVar[str] = "free_discs"
    floors: ClassVar[Mapping[str, float]] = {
        "permanence": 0.5,
        "count": 0.1,
        "size": 0.05,
        "shape": 0.1,
        "colour": 0.1,
        "penetration": 0.1,
        "force": 0.05,
        "impulse": 0.25,
        "momentum": 1.0,
        "energy": 1.0,
        "replay": 0.1,
    }

    def uncovered(self, videos: Videos) -> str | None:
        if (videos.body[:, :, MASS] == 0.0).any():
            return "walls"
        if (videos.body[:, :, BODY.index("shape")] != Shape.DISC).any():
            return "bodies other than discs"
        if (videos.body[:, :, BODY.index("half_height_m")] > 0).any():
            return "rings"
        return None

    def asked(self, videos: Videos) -> tuple[str, ...]:
        """A single disc meets no other. For a disc with a behaviour, `replay` tests its path."""
        free = (videos.body[:, :, BEHAVIOUR] == Behaviour.FREE).all(axis=1).any()
        unasked = set() if free else OF_FREE_FLIGHT
        if videos.body.shape[1] == 1:
            unasked = unasked | OF_CONTACTS
        return tuple(rule for rule in self.floors if rule not in unasked)

    def places(self, videos: Videos) -> Float[np.ndarray, "batch frames bodies 2"]:
        found = observe(videos.frames, body=videos.body)
        return np.stack([found.x_m, found.y_m], -1)

    def scores(self, videos: Videos) -> Scores:
        """The scores by rule; a rule that cannot be applied gives 0."""
        found = observe(videos.frames, body=videos.body)
        shape = _shape(found, videos=videos)
        rows = [
            _video(found, shape=shape[row], videos=videos, row=row) for row in range(len(videos))
        ]
        return {rule: np.array([scores[rule] for scores in rows]) for rule in self.floors}


def _shape(found: Observed, *, videos: Videos) -> Float[np.ndarray, "batch frames bodies"]:
    """A disc of two pixels looks square, so each is compared with a disc that is drawn in its
    place."""
    size_px = videos.frames.shape[2]
    state = videos.state.copy()
    state[..., 0] = np.nan_to_num(found.x_m, nan=AWAY_M)
    state[..., 1] = np.nan_to_num(found.y_m, nan=AWAY_M)
    right = observe(
        render(replace(videos, state=state), canvas=Canvas(size_px=size_px)), body=videos.body
    )
    beyond = np.maximum(
        np.abs(found.elongation - right.elongation), np.abs(found.spread - right.spread)
    )
    radius_px = videos.body[:, None, :, RADIUS].astype(np.float64) * size_px / WORLD_M
    return np.maximum(np.nan_to_num(beyond) - SHAPE_PX2 / radius_px**2, 0.0)


def _tracks(found: Observed, *, videos: Videos, row: int) -> Tracks:
    """The observed discs of one video."""
    radius = videos.body[row, :, RADIUS].astype(np.float64)
    place = np.stack([found.x_m[row], found.y_m[row]], -1)
    there = np.nan_to_num(found.area_m2[row]) > FADED * np.pi * radius**2
    to_edge = np.minimum(place, WORLD_M - place).min(-1)
    interval_s = float(videos.time_s[row, 1] - videos.time_s[row, 0])
    return Tracks(
        place=place,
        radius=radius,
        there=there,
        whole=there & (to_edge >= radius - 0.01),
        near=near_another(place, radius=radius, there=there),
        fall_m=-gravity_m_s2(videos, row=row) * interval_s**2,
    )


def _video(found: Observed, *, shape: np.ndarray, videos: Videos, row: int) -> dict[str, float]:
    tracks = _tracks(found, videos=videos, row=row)
    if (videos.body[row, :, BEHAVIOUR] == Behaviour.FREE).all():
        interval_s = float(videos.time_s[row, 1] - videos.time_s[row, 0])
        flight = flight_scores(tracks)
        change_m_s = impulse(tracks) / interval_s
        momentum, energy = momentum_and_energy(tracks, videos=videos, row=row)
        astray = off_flight_m(tracks, videos=videos, row=row)
    else:
        flight = behaviour_scores(
            tracks,
            body=videos.body[row],
            time_s=videos.time_s[row],
            place_m=PLACE_PX * WORLD_M / videos.frames.shape[2],
        )
        change_m_s, momentum, energy, astray = 0.0, 0.0, 0.0, flight.astray
    area = np.pi * tracks.radius**2
    size = np.abs(np.sqrt(found.area_m2[row] / area) - 1.0)
    level = np.abs(found.level[row] - 1.0)
    extra = np.nan_to_num(found.extra_m2[row]) / area
    visible = np.maximum(np.nansum(np.where(tracks.there, found.area_m2[row], 0.0), 1), 0.2)
    faded = np.nan_to_num(np.where(tracks.whole, level, 0.0))
    return {
        "permanence": flight.missing,
        "count": max(_second(extra.max(1)), flight.uninvited),
        "size": _second(np.where(tracks.whole, size, 0.0).max(1)),
        "shape": _second(np.where(tracks.whole, shape, 0.0).max(1)),
        "colour": max(_second(found.foreign_m2[row] / visible), _second(faded.max(1))),
        "penetration": penetration_m(tracks),
        "force": flight.force,
        "impulse": change_m_s,
        "momentum": momentum,
        "energy": energy,
        "replay": astray,
    }


def _second(values: np.ndarray) -> float:
    """The second largest, which ignores a glitch in a single frame."""
    return float(np.sort(values)[-2])
