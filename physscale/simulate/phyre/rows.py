"""PHYRE's bodies as rows: 14 places for every scene, so that any two data sets have one Arrow type.

Places 0 … 12 take the scene's bodies in PHYRE's order (4 to 13 of them; the walls stand outside the
view and are left out), place 13 is the red ball, and a place without a body has kind -1 and radius
0. `kind` is the index into `templates.OBJECTS`, 8 for the red ball; mass 0 is a body that never
moves. The scene's side is 10 m: 1 px = 10 / scene_px m, and a velocity is scaled alike. Sizes:
`radius_m`, `half_height_m` are half width and half height of a bar, half length and half thickness
of each of two sticks, half the opening and half the thickness of a jar's wall; positions are
PHYRE's reference points (a jar's is the middle of its base)."""

import numpy as np

from physscale.records.scene import WORLD_M, Body, Scene, Shape
from physscale.render.outline import polygon_area
from physscale.simulate.phyre.parts import (
    MOST_PARTS,
    PIXELS_PER_METRE,
    GoalColour,
    RedBall,
    Setting,
)
from physscale.simulate.phyre.place import WALL, Outline, Placed, placed
from physscale.simulate.phyre.replica import DENSITY, GRAVITY_M_S2, MATERIAL
from physscale.simulate.phyre.templates import RED_BALL

PLACES = MOST_PARTS + 1
NOBODY = -1
PALETTE = (
    (255, 255, 255),
    (243, 79, 70),
    (107, 206, 187),
    (24, 119, 242),
    (75, 74, 164),
    (185, 202, 210),
    (0, 0, 0),
)
"""Colours of PHYRE's palette bytes: white, red, green, blue, purple, grey, black."""

WHITE_INDEX, RED_INDEX, GREY_INDEX, BLACK_INDEX = 0, 1, 5, 6
GOAL_INDEX: dict[GoalColour, int] = {"green": 2, "purple": 4}
SHAPES = {"ball": Shape.DISC, "bar": Shape.BOX, "jar": Shape.JAR, "standingsticks": Shape.STICKS}
EMPTY = Body(
    x_m=0.0,
    y_m=0.0,
    radius_m=0.0,
    mass_kg=0.0,
    elasticity=0.0,
    colour=PALETTE[WHITE_INDEX],
    kind=NOBODY,
)


def scene_of(setting: Setting, *, ball: RedBall) -> Scene:
    """The scene at rest, in metres of the 10 m view."""
    metres = WORLD_M / setting.size_px
    bodies = [_body(body, metres=metres) for body in placed(setting) if body.kind != WALL]
    red = Placed(
        kind=RED_BALL,
        what="ball",
        dynamic=True,
        outline=_disc(ball.radius_px),
        x_px=ball.x_px,
        y_px=ball.y_px,
    )
    padding = [EMPTY] * (MOST_PARTS - len(bodies))
    return Scene(
        bodies=(*bodies, *padding, _body(red, metres=metres)),
        gravity_m_s2=-GRAVITY_M_S2 * PIXELS_PER_METRE * metres,
        template=str(setting.template),
    )


def padded(motion: np.ndarray, *, size_px: int) -> np.ndarray:
    """States (frames, bodies, 6) in px, the red ball last, as (frames, 14, 6) in metres."""
    metres = WORLD_M / size_px
    state = np.zeros((len(motion), PLACES, 6))
    state[:, : motion.shape[1] - 1] = motion[:, :-1]
    state[:, -1] = motion[:, -1]
    return state * np.array([metres, metres, 1.0, metres, metres, 1.0])


def _disc(radius_px: float) -> Outline:
    return Outline(radius_px=radius_px, diameter_px=2 * radius_px, half_px=radius_px)


def _body(body: Placed, *, metres: float) -> Body:
    assert body.what != "wall", "walls stand outside the view"
    return Body(
        x_m=body.x_px * metres,
        y_m=body.y_px * metres,
        angle_rad=body.angle_rad,
        radius_m=body.outline.half_px * metres,
        half_height_m=body.outline.half_thin_px * metres,
        mass_kg=DENSITY * _area_px2(body.outline) / PIXELS_PER_METRE**2 if body.dynamic else 0.0,
        elasticity=MATERIAL["restitution"],
        colour=PALETTE[_colour_index(body)],
        shape=SHAPES[body.what],
        kind=body.kind,
    )


def _colour_index(body: Placed) -> int:
    if body.kind == RED_BALL:
        return RED_INDEX
    if body.goal is not None:
        return GOAL_INDEX[body.goal]
    return GREY_INDEX if body.dynamic else BLACK_INDEX


def _area_px2(outline: Outline) -> float:
    """Of all fixtures: Box2D counts an overlap twice, so this does too."""
    if not outline.polygons:
        return float(np.pi * outline.radius_px**2)
    return sum(polygon_area(polygon) for polygon in outline.polygons)
