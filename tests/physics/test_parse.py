"""The parser: noise floors on true frames, and honest answers on wrong ones."""

import numpy as np
import pytest

from physscale.evaluate.motion.track import parse
from physscale.records.scene import WORLD_M, Body, Scene
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.batch import stack
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.registry import scenario_named
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

DISCS = ("uniform", "collision", "parabola", "composition")
"""Scenarios of moving discs alone, each of a colour of its own: what the parser claims."""

ROWS = np.arange(40)


def rows(name: str) -> Videos:
    return simulate(DataSpec(scenario=scenario_named(name), videos=len(ROWS)), indices=ROWS)


def in_view(videos: Videos) -> np.ndarray:
    radius = videos.body[:, None, :, BODY.index("radius_m")]
    x, y = videos.state[..., 0], videos.state[..., 1]
    return (np.minimum(x, y) >= radius) & (np.maximum(x, y) <= WORLD_M - radius)


@pytest.mark.parametrize(("size_px", "noise_m_s"), [(32, 0.025), (128, 0.001)])
@pytest.mark.parametrize("name", DISCS)
def test_velocity_noise_on_true_frames(name: str, size_px: int, noise_m_s: float) -> None:
    """Mean error of the frame-to-frame velocity; 0.04 m/s at 128 px with the paper's threshold
    parser."""
    videos = rows(name)
    tracks = parse(render(videos, canvas=Canvas(size_px=size_px)), body=videos.body)
    whole = in_view(videos)
    assert tracks.seen[whole].all()
    error = np.stack([tracks.x_m - videos.state[..., 0], tracks.y_m - videos.state[..., 1]], -1)
    both = whole[:, 1:] & whole[:, :-1]
    assert np.linalg.norm(np.diff(error, axis=1), axis=-1)[both].mean() / 0.1 <= noise_m_s
    radius = np.broadcast_to(videos.body[:, None, :, BODY.index("radius_m")], whole.shape)
    assert np.abs(tracks.radius_m - radius)[whole].max() < 0.03 * 32 / size_px


def test_noise_in_the_frames_does_not_pull_the_track() -> None:
    videos = rows("collision")
    frames = render(videos, canvas=Canvas(size_px=32)).astype(float)
    noisy = (
        np.clip(frames + np.random.default_rng(0).normal(0, 8, frames.shape), 0, 255)
        .round()
        .astype(np.uint8)
    )
    tracks, whole = parse(noisy, body=videos.body), in_view(videos)
    assert tracks.seen[whole].all()
    assert np.abs(tracks.x_m - videos.state[..., 0])[whole].mean() < 0.02


def test_a_blank_frame_has_no_ball() -> None:
    videos = rows("collision")
    tracks = parse(np.full((len(ROWS), 16, 32, 32, 3), 255, np.uint8), body=videos.body)
    assert not tracks.seen.any()
    assert not tracks.whole.any()
    assert np.isnan(tracks.x_m).all()


def test_a_ball_of_another_colour_is_not_the_ball() -> None:
    videos = rows("collision")
    swapped = render(videos, canvas=Canvas(size_px=32))[..., ::-1]
    tracks, whole = parse(swapped, body=videos.body), in_view(videos)
    red_follows_blue = np.abs(tracks.x_m[..., 0] - videos.state[..., 1, 0])[whole.all(-1)]
    assert red_follows_blue.max() < 0.05
    only_red = videos.body[:, :1]
    blue = render(videos, canvas=Canvas(size_px=32))
    blue[..., 0] = blue[..., 1] = np.minimum(blue[..., 0], blue[..., 1])
    blue[..., 2] = 255
    assert not parse(blue, body=only_red).seen.any(), "a blue ball passes for a red one"


def test_the_heavier_of_two_pieces_is_the_ball() -> None:
    videos = simulate(
        DataSpec(scenario=UniformMotion(radius_m=((1.2, 1.4),)), videos=9), indices=np.arange(9)
    )
    frames = render(videos, canvas=Canvas(size_px=64))
    frames[:, :, 2:6, 2:6] = [255, 0, 0]
    tracks = parse(frames, body=videos.body)
    assert np.abs(tracks.x_m - videos.state[..., 0]).max() < 0.02
    assert np.abs(tracks.y_m - videos.state[..., 1]).max() < 0.02


def test_a_ball_cut_by_the_edge_is_seen_but_not_whole() -> None:
    videos = simulate(
        DataSpec(scenario=UniformMotion(speed_m_s=((6.0, 6.0),)), videos=20, frames=20),
        indices=np.arange(20),
    )
    tracks, whole = (
        parse(render(videos, canvas=Canvas(size_px=64)), body=videos.body),
        in_view(videos),
    )
    assert tracks.whole[whole].all()
    radius = videos.body[:, None, :, BODY.index("radius_m")]
    outside = np.maximum(radius - videos.state[..., 0], videos.state[..., 0] - (WORLD_M - radius))
    cut = (outside > 0.15) & (outside < radius)
    assert cut.sum() > 10
    assert tracks.seen[cut].all()
    assert not tracks.whole[cut].any()


def test_touching_balls_are_told_apart() -> None:
    videos = simulate(
        DataSpec(scenario=Collision(), videos=30, interval_s=0.01, frames=80), indices=np.arange(30)
    )
    tracks, whole = (
        parse(render(videos, canvas=Canvas(size_px=32)), body=videos.body),
        in_view(videos),
    )
    touching = np.abs(videos.time_s - videos.contact_s[:, None])[..., None] < 0.02
    chosen = whole & touching
    assert chosen.sum() > 100
    assert np.abs(tracks.x_m - videos.state[..., 0])[chosen].max() < 0.05


def test_two_bodies_of_one_colour_are_refused() -> None:
    twins = stack(
        [Scene(bodies=(Body(x_m=3.0, y_m=5.0, radius_m=1.0), Body(x_m=7.0, y_m=5.0, radius_m=1.0)))]
    )
    with pytest.raises(AssertionError, match="colour"):
        parse(np.full((1, 1, 32, 32, 3), 255, np.uint8), body=twins.body.astype(np.float32))
