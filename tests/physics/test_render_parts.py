"""Sticks and jars: bodies of several parts that overlap, drawn once. And frames by pixel
centres."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.records.scene import Body, Shape
from physscale.render.canvas import Canvas
from physscale.render.outline import borders_m, overlap, polygons_m, union_border
from physscale.render.polygon import polygon_coverage, put
from physscale.render.render import render
from tests.phyre_masks import masks
from tests.physics.test_render import still

SIDE, FINE = 48, 16
angles = st.floats(-7.0, 7.0)
jointed = st.sampled_from([Shape.JAR, Shape.STICKS])


def random_bodies(rng: np.random.Generator) -> list[Body]:
    colours = ((255, 0, 0), (0, 0, 255), (0, 128, 40), (185, 202, 210), (0, 0, 0))
    kinds = (
        (Shape.DISC, 0.0),
        (Shape.BOX, 0.8),
        (Shape.DISC, 0.4),
        (Shape.JAR, 0.1),
        (Shape.STICKS, 0.07),
    )
    return [
        Body(
            x_m=float(rng.uniform(-1, 11)),
            y_m=float(rng.uniform(-1, 11)),
            radius_m=float(rng.uniform(0.5, 2.0)),
            half_height_m=second,
            angle_rad=float(rng.choice([0.0, math.pi / 2, rng.uniform(-4, 4)])),
            colour=colour,
            shape=shape,
        )
        for (shape, second), colour in zip(kinds, colours, strict=True)
    ]


def coverage(
    shape: Shape, *, x: float, y: float, angle: float, size: float, thin: float
) -> np.ndarray:
    border = union_border(polygons_m(shape, radius_m=size, half_height_m=thin))
    edges = np.empty_like(border)
    put(border, x, y, angle, edges)
    return polygon_coverage(SIDE, edges)


def sampled(
    shape: Shape, *, x: float, y: float, angle: float, size: float, thin: float
) -> np.ndarray:
    """The share of a pixel's points that lie in any of the parts."""
    fine = (np.arange(SIDE * FINE) + 0.5) / FINE
    dx, dy = fine[None] - x, y - fine[:, None]
    along, across = (
        dx * math.cos(angle) + dy * math.sin(angle),
        dy * math.cos(angle) - dx * math.sin(angle),
    )
    inside = np.zeros(along.shape, bool)
    for part in polygons_m(shape, radius_m=size, half_height_m=thin):
        ends = zip(part, (*part[1:], part[0]), strict=True)
        inside |= np.logical_and.reduce(
            [
                (x1 - x0) * (across - y0) - (y1 - y0) * (along - x0) >= 0
                for (x0, y0), (x1, y1) in ends
            ]
        )
    return inside.reshape(SIDE, FINE, SIDE, FINE).mean((1, 3))


@settings(max_examples=40)
@given(shape=jointed, angle=angles, size=st.floats(4.0, 9.0), thin=st.floats(0.5, 1.5))
def test_parts_cover_what_a_thousand_points_a_pixel_cover(
    shape: Shape, angle: float, size: float, thin: float
) -> None:
    body = {"x": 24.3, "y": 23.6, "angle": angle, "size": size, "thin": thin}
    area, points = coverage(shape, **body), sampled(shape, **body)
    np.testing.assert_allclose(area, points, atol=0.12)
    assert area.sum() == pytest.approx(points.sum(), rel=0.05)
    assert area.min() > -1e-9
    assert area.max() < 1 + 1e-9, "overlapping parts were counted twice"


@given(angle=angles, size=st.floats(6.0, 14.0), thin=st.floats(0.1, 0.8))
def test_crossed_sticks_are_two_bars_without_one_of_their_rhombus(
    angle: float, size: float, thin: float
) -> None:
    """Two strips of width 2t that cross at 25° share a rhombus of (2t)² / sin 25°, if they are long
    enough for a whole one."""
    area = coverage(Shape.STICKS, x=24.0, y=24.0, angle=angle, size=size, thin=thin).sum()
    assert area == pytest.approx(
        2 * 4 * size * thin - (2 * thin) ** 2 / math.sin(math.radians(25)), rel=1e-9
    )


@given(angle=angles, size=st.floats(4.0, 9.0), thin=st.floats(0.2, 1.0))
def test_a_jars_area_is_that_of_its_one_outline(angle: float, size: float, thin: float) -> None:
    """Down the outside and up the inside of both walls; the inside ends on the upper face of the
    base."""
    (bottom, _, _, _), (corner, foot, inner_foot, inner_top), _ = (
        part for part in polygons_m(Shape.JAR, radius_m=size, half_height_m=thin)
    )
    share = (bottom[1] - inner_foot[1]) / (inner_top[1] - inner_foot[1])
    inside = (inner_foot[0] + share * (inner_top[0] - inner_foot[0]), bottom[1])
    half = np.array([corner, foot, (0.0, foot[1]), (0.0, bottom[1]), inside, inner_top])
    expected = np.abs(
        np.sum(half[:, 0] * np.roll(half[:, 1], -1) - half[:, 1] * np.roll(half[:, 0], -1))
    )
    assert coverage(
        Shape.JAR, x=24.0, y=24.0, angle=angle, size=size, thin=thin
    ).sum() == pytest.approx(expected, rel=1e-9)


def test_the_overlap_of_polygons() -> None:
    square = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))
    moved = tuple((x + 1, y + 1) for x, y in square)
    assert set(overlap(square, moved)) == {(1, 1), (2, 1), (2, 2), (1, 2)}
    assert overlap(square, tuple((x + 3, y) for x, y in square)) == ()
    assert set(overlap(square, square)) == set(square)
    assert len(union_border((square, square))) == 12, "edges of no length are left out"


def test_a_row_of_discs_has_no_edges_and_unused_edges_have_no_length() -> None:
    disc, box, jar = (
        Body(x_m=5.0, y_m=5.0, radius_m=1.0, half_height_m=0.2, shape=shape)
        for shape in (Shape.DISC, Shape.BOX, Shape.JAR)
    )
    assert borders_m(still(disc).body).shape == (1, 1, 0, 4)
    mixed = borders_m(still(disc, box, jar).body)[0]
    length = np.abs(mixed[..., 2:] - mixed[..., :2]).sum(-1)
    assert (length > 0).sum(1).tolist() == [0, 4, mixed.shape[1]]


@pytest.mark.parametrize("size", [40, 128, 255])
def test_a_hard_frame_shows_the_masks(size: int) -> None:
    """`tests.phyre_masks` asks of every pixel's centre whether it lies in a part; the painter
    goes along edges."""
    rng = np.random.default_rng(size)
    for _ in range(6):
        bodies = [
            body
            for body in random_bodies(rng)
            if body.shape != Shape.DISC or body.half_height_m == 0.0
        ]
        videos = still(*bodies)
        frame = render(videos, canvas=Canvas(size_px=size, style="hard"))[0, 0]
        expected = np.full_like(frame, 255)
        for body, mask in zip(bodies, masks(videos, size_px=size)[0, 0], strict=True):
            expected[mask] = body.colour
        assert (frame != expected).any(-1).mean() < 2e-4, (
            "only a centre that lies on an edge may fall to either side"
        )


@pytest.mark.parametrize("style", ["exact", "hard"])
def test_a_body_of_size_zero_is_not_there(style: str) -> None:
    nobody = Body(x_m=0.0, y_m=0.0, radius_m=0.0, colour=(0, 0, 0))
    assert render(still(nobody), canvas=Canvas(size_px=16, style=style)).min() == 255  # type: ignore[arg-type]


def test_a_hard_ring_has_a_hole() -> None:
    frame = render(
        still(Body(x_m=5.0, y_m=5.0, radius_m=3.0, half_height_m=2.0)),
        canvas=Canvas(size_px=200, style="hard"),
    )[0, 0]
    assert (frame[..., 1] == 0).sum() == pytest.approx(math.pi * (60**2 - 40**2), rel=0.01)
    assert frame[100, 100].tolist() == [255, 255, 255]
