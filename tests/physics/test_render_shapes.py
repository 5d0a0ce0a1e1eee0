"""Boxes, rings and the paper's style, each against something it does not know."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.evaluate.motion.track import parse
from physscale.records.errors import UserError
from physscale.records.scene import Body, Shape
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.hard import _fill_polygon
from physscale.render.outline import bar_polygons, union_border
from physscale.render.polygon import draw_polygon, polygon_coverage, put
from physscale.render.render import render
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.physics.test_render import still

angles = st.floats(-7.0, 7.0)


def box_area(x: float, y: float, angle: float, half_width: float, half_height: float) -> np.ndarray:
    edges = np.empty((4, 4))
    put(union_border(bar_polygons(2 * half_width, height=2 * half_height)), x, y, angle, edges)
    return polygon_coverage(24, edges)


@given(
    x=st.floats(9.0, 15.0),
    y=st.floats(9.0, 15.0),
    angle=angles,
    width=st.floats(0.1, 5.0),
    height=st.floats(0.1, 5.0),
)
def test_a_boxs_area_is_exact_at_every_angle(
    x: float, y: float, angle: float, width: float, height: float
) -> None:
    area = box_area(x, y, angle, width, height)
    assert area.min() >= 0
    assert area.max() < 1 + 1e-9
    assert area.sum() == pytest.approx(4 * width * height, rel=1e-6)


def test_an_upright_box_is_the_product_of_its_overlaps() -> None:
    area = box_area(12.25, 11.5, 0.0, 2.0, 1.0)
    columns = np.clip(np.minimum(np.arange(24) + 1, 14.25) - np.maximum(np.arange(24), 10.25), 0, 1)
    rows = np.clip(np.minimum(np.arange(24) + 1, 12.5) - np.maximum(np.arange(24), 10.5), 0, 1)
    np.testing.assert_allclose(area, rows[:, None] * columns, atol=1e-12)


@settings(max_examples=30)
@given(angle=angles, width=st.floats(1.0, 6.0), height=st.floats(1.0, 6.0))
def test_a_box_covers_what_a_thousand_points_a_pixel_cover(
    angle: float, width: float, height: float
) -> None:
    fine = (np.arange(24 * 16) + 0.5) / 16
    dx, dy = fine[None] - 12.1, 11.7 - fine[:, None]
    along, across = (
        dx * math.cos(angle) + dy * math.sin(angle),
        dy * math.cos(angle) - dx * math.sin(angle),
    )
    inside = (np.abs(along) <= width) & (np.abs(across) <= height)
    sampled = inside.reshape(24, 16, 24, 16).mean((1, 3))
    np.testing.assert_allclose(box_area(12.1, 11.7, angle, width, height), sampled, atol=0.08)


def test_a_turned_box_points_where_its_angle_says() -> None:
    bar = Body(
        x_m=5.0, y_m=5.0, radius_m=3.0, half_height_m=0.3, angle_rad=math.pi / 4, shape=Shape.BOX
    )
    frame = render(still(bar), canvas=Canvas(size_px=100))[0, 0]
    assert frame[35, 65].tolist() == [255, 0, 0], (
        "45° counter-clockwise is up and right, rows go down"
    )
    assert frame[35, 35].tolist() == [255, 255, 255]


@pytest.mark.parametrize("painter", [_fill_polygon, draw_polygon], ids=["hard", "exact"])
@pytest.mark.parametrize(
    "place",
    [(-300.0, 12.0), (300.0, 12.0), (12.0, -300.0), (12.0, 300.0), (-1.0, 12.0), (24.5, 12.0)],
)
def test_a_box_outside_the_frame_touches_no_memory_outside(
    painter: Any, place: tuple[float, float]
) -> None:
    """As plain Python, where a wrong index is an error; compiled it would write into whatever lies
    there."""
    edges, frame = np.empty((4, 4)), np.full((24, 24, 3), 255, np.uint8)
    put(union_border(bar_polygons(3.0, height=3.0)), *place, 0.3, edges)
    scratch = [np.full(25, np.nan)] if painter is _fill_polygon else []
    painter.py_func(frame, edges, np.zeros(3), *scratch)
    assert (frame.min() < 255) == (-3 < place[0] < 27 and -3 < place[1] < 27)


def test_a_ring_is_a_disc_without_its_hole() -> None:
    ring = Body(x_m=5.2, y_m=4.9, radius_m=2.0, half_height_m=1.5)
    frame = render(still(ring), canvas=Canvas(size_px=64))[0, 0]
    ink = (255.0 - frame[..., 1]) / 255.0
    assert ink.sum() / 6.4**2 == pytest.approx(math.pi * (2.0**2 - 1.5**2), rel=4e-3)
    assert frame[32, 33].tolist() == [255, 255, 255]


def paper_frames(videos: Videos, size: int) -> np.ndarray:
    """The soft disc and hard square of the sheet, whole frames at a time."""
    grid = np.linspace(0, 1, size)
    frames = np.full((*videos.state.shape[:2], size, size, 3), 255.0)
    for row, time, number in np.ndindex(videos.state.shape[:3]):
        shape, radius = videos.body[row, number, 0], float(videos.body[row, number, 1]) / 10
        x, y = videos.state[row, time, number, :2].astype(float) / 10
        dx, dy = grid[None] - x, grid[:, None] - y
        mask = np.clip((radius**2 - (dx**2 + dy**2)) / (0.03 * radius**2), 0, 1)
        if shape == Shape.BOX:
            mask = ((np.abs(dx) <= radius) & (np.abs(dy) <= radius)).astype(float)
        colour = videos.body[row, number, 5:8]
        frames[row, time] = (1 - mask[..., None]) * frames[row, time] + mask[..., None] * colour
    return frames.astype(np.uint8)[:, :, ::-1]


@pytest.mark.parametrize("size", [32, 77, 128])
def test_the_papers_style_is_the_papers_formula(size: int) -> None:
    collisions = simulate(DataSpec(scenario=Collision(), videos=3, frames=6), indices=np.arange(3))
    square = still(
        Body(x_m=8.0, y_m=3.0, radius_m=1.1, half_height_m=1.1, shape=Shape.BOX),
        Body(x_m=7.6, y_m=3.9, radius_m=0.7, colour=(0, 0, 255)),
    )
    for videos in (collisions, square):
        ours = render(videos, canvas=Canvas(size_px=size, style="paper"))
        assert np.abs(ours.astype(int) - paper_frames(videos, size)).max() <= 1, (
            "only the last bit may round another way"
        )
        assert (ours == paper_frames(videos, size)).mean() > 0.9999


def test_the_papers_style_refuses_what_it_never_drew() -> None:
    ring = still(Body(x_m=5.0, y_m=5.0, radius_m=2.0, half_height_m=1.5))
    with pytest.raises(UserError, match="no rings"):
        render(ring, canvas=Canvas(style="paper"))


def test_centroid_and_velocity_noise_at_128_px() -> None:
    """The figures the data plane promises: 0.001 px and 0.001 m/s, of balls that cross the grid at
    all phases."""
    data = DataSpec(scenario=UniformMotion(height_m=((3.0, 7.0),)), videos=40, frames=16)
    videos = simulate(data, indices=np.arange(40))
    parsed = parse(render(videos, canvas=Canvas(size_px=128)), body=videos.body)
    error_px = (
        np.hypot(parsed.x_m - videos.state[..., 0], parsed.y_m - videos.state[..., 1])
        * 12.8
        / math.sqrt(2)
    )
    assert math.sqrt((error_px**2).mean()) <= 1e-3
    velocity_error = (np.diff(parsed.x_m, axis=1) - np.diff(videos.state[..., 0], axis=1)) / 0.1
    assert math.sqrt((velocity_error**2).mean()) <= 1e-3
