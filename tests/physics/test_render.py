"""The rasteriser against plane geometry: areas, centroids, borders, order."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.records.errors import UserError
from physscale.records.scene import Body, Scene
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.render.disc import coverage
from physscale.render.render import render
from physscale.simulate.batch import stack

RED, BLUE, WHITE = [255, 0, 0], [0, 0, 255], [255, 255, 255]


def still(*bodies: Body) -> Videos:
    """One row of one frame."""
    batch = stack([Scene(bodies=bodies)])
    names = np.array([""], object)
    return Videos(
        index=np.zeros(1, np.int64),
        scenario=names,
        split=names,
        template=names,
        time_s=np.zeros((1, 1), np.float32),
        state=batch.start[:, None].astype(np.float32),
        body=batch.body.astype(np.float32),
        contact_s=np.full(1, np.nan, np.float32),
    )


@given(x=st.floats(10.0, 14.0), y=st.floats(10.0, 14.0), radius=st.floats(0.05, 9.9))
def test_area_and_centroid_are_exact(x: float, y: float, radius: float) -> None:
    area = coverage(24, x, y, radius)
    centres = np.arange(24) + 0.5
    assert area.min() > -1e-12
    assert area.max() < 1 + 1e-9
    assert area.sum() == pytest.approx(math.pi * radius**2, rel=1e-9)
    # the centre of mass of each pixel's covered part is not the pixel's centre, but the pixels'
    # first moments err by less than this
    assert (area.sum(0) @ centres) / area.sum() == pytest.approx(
        x, abs=0.2 / max(radius, 0.2) ** 1.5
    )
    assert (area.sum(1) @ centres) / area.sum() == pytest.approx(
        y, abs=0.2 / max(radius, 0.2) ** 1.5
    )


@given(x=st.floats(10.0, 14.0), y=st.floats(10.0, 14.0), radius=st.floats(0.3, 9.0))
def test_a_mirrored_disc_is_the_mirrored_picture(x: float, y: float, radius: float) -> None:
    np.testing.assert_allclose(
        coverage(24, x, y, radius), coverage(24, 24 - x, y, radius)[:, ::-1], atol=1e-9
    )
    np.testing.assert_allclose(coverage(24, x, y, radius), coverage(24, y, x, radius).T, atol=1e-9)


def test_one_pixel_by_hand() -> None:
    """A disc of radius 2 round the corner of four pixels: each holds a quarter of what lies within
    one pixel of the centre."""
    area = coverage(24, 12.0, 12.0, 2.0)
    assert area[12, 12] == pytest.approx(1.0)
    assert area[13, 13] == pytest.approx(math.pi / 3 + 1 - math.sqrt(3))  # ∫₁^√3 √(4 - x²) - 1 dx
    assert area[12, 13] == pytest.approx(math.sqrt(3) / 2 + math.pi / 3 - 1)  # ∫₀¹ √(4 - x²) - 1 dx


@settings(max_examples=25)
@given(
    x=st.floats(2.0, 8.0),
    y=st.floats(2.0, 8.0),
    radius=st.floats(0.7, 1.9),
    size=st.sampled_from([32, 64, 128]),
    shade=st.integers(0, 150),
)
def test_a_frame_holds_the_disc_within_its_rounding(
    x: float, y: float, radius: float, size: int, shade: int
) -> None:
    frame = render(
        still(Body(x_m=x, y_m=y, radius_m=radius, colour=(255, shade, shade))),
        canvas=Canvas(size_px=size),
    )[0, 0]
    ink = (255.0 - frame[..., 1]) / (255.0 - shade)
    per_px = 10.0 / size
    columns = (np.arange(size) + 0.5) * per_px
    assert ink.sum() * per_px**2 == pytest.approx(math.pi * radius**2, rel=4e-3)
    assert (ink.sum(0) @ columns) / ink.sum() == pytest.approx(x, abs=0.03 * per_px)
    assert 10.0 - (ink.sum(1) @ columns) / ink.sum() == pytest.approx(y, abs=0.03 * per_px)
    assert (frame[..., 0] == 255).all()


def test_a_disc_across_the_border_is_cut_there() -> None:
    frame = render(still(Body(x_m=0.0, y_m=5.0, radius_m=2.0)), canvas=Canvas(size_px=64))[0, 0]
    ink = (255.0 - frame[..., 1]) / 255.0
    assert ink.sum() == pytest.approx(0.5 * math.pi * 12.8**2, rel=1e-3)


@pytest.mark.parametrize("place", [(-3.0, 5.0), (13.0, 5.0), (5.0, -3.0), (5.0, 13.0), (1e6, 1e6)])
def test_a_disc_out_of_view_leaves_the_frame_white(place: tuple[float, float]) -> None:
    assert (
        render(still(Body(x_m=place[0], y_m=place[1], radius_m=2.0)), canvas=Canvas(size_px=32))
        == 255
    ).all()


def test_row_zero_is_on_top_and_later_bodies_cover_earlier_ones() -> None:
    top = Body(x_m=2.0, y_m=9.0, radius_m=0.9, colour=(255, 0, 0))
    under = Body(x_m=7.0, y_m=4.0, radius_m=1.0, colour=(255, 0, 0))
    over = Body(x_m=7.4, y_m=4.0, radius_m=1.0, colour=(0, 0, 255))
    frame = render(still(top, under, over), canvas=Canvas(size_px=100))[0, 0]
    assert frame[10, 20].tolist() == RED
    assert frame[60, 70].tolist() == BLUE
    assert frame[60, 62].tolist() == RED
    assert frame[90, 20].tolist() == WHITE


@pytest.mark.parametrize("size_px", [0, -32, 7, 100_000])
def test_a_canvas_of_no_sensible_size_is_refused(size_px: int) -> None:
    with pytest.raises(UserError, match="size_px"):
        Canvas(size_px=size_px)
