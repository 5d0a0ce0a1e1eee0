"""For each metric a video that is wrong in just its way, beside the truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from physscale.records.scene import Body, Scene, Shape
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.batch import stack
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

GIVEN, FROM = 3, 8
CANVAS = Canvas(size_px=64)
BALL, PAIR = UniformMotion(direction="right", speed_m_s=((1.5, 3.0),)), Collision()
RED = BODY.index("red")


def rows(scenario: Scenario) -> Videos:
    return simulate(DataSpec(scenario=scenario, videos=12), indices=np.arange(12))


def moved(truth: Videos, *, by_m: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Frames of balls displaced along x by a function of the time since the conditioning frames."""
    state = truth.state.copy()
    since = np.maximum(truth.time_s - truth.time_s[:, GIVEN - 1 : GIVEN], 0)
    state[..., 0] += by_m(since)[:, :, None].astype(np.float32)
    return render(Videos(**{**vars(truth), "state": state}), canvas=CANVAS)


def with_body(truth: Videos, **changes: float) -> np.ndarray:
    """Frames whose balls are of another make after the conditioning ones."""
    body = truth.body.copy()
    for name, value in changes.items():
        body[:, :, BODY.index(name)] = (
            value if name != "radius_m" else value * body[:, :, BODY.index(name)]
        )
    frames = render(truth, canvas=CANVAS)
    frames[:, FROM:] = render(Videos(**{**vars(truth), "body": body}), canvas=CANVAS)[:, FROM:]
    return frames


def turned_back(truth: Videos) -> np.ndarray:
    state = truth.state.copy()
    state[:, GIVEN:, :, 0] = 2 * state[:, GIVEN - 1 : GIVEN, :, 0] - state[:, GIVEN:, :, 0]
    return render(Videos(**{**vars(truth), "state": state}), canvas=CANVAS)


def gone(truth: Videos) -> np.ndarray:
    frames = render(truth, canvas=CANVAS)
    frames[:, FROM:] = 255
    return frames


def elsewhere(truth: Videos) -> np.ndarray:
    """Two frames away, then back."""
    return moved(truth, by_m=lambda since: 1.2 * (np.abs(since - 0.75) < 0.11))


def doubled(truth: Videos) -> np.ndarray:
    state = truth.state.copy()
    state[..., 1] = 8.4
    frames = render(truth, canvas=CANVAS)
    frames[:, FROM:] = np.minimum(
        frames, render(Videos(**{**vars(truth), "state": state}), canvas=CANVAS)
    )[:, FROM:]
    return frames


def squashed(truth: Videos) -> np.ndarray:
    """Every second row of the ball's own pixels is left out: 0.7 times as high."""
    frames = render(truth, canvas=CANVAS)
    height = np.arange(CANVAS.size_px) - CANVAS.size_px / 2
    rows = np.clip(np.round(height / 0.7 + CANVAS.size_px / 2), 0, CANVAS.size_px - 1).astype(int)
    frames[:, FROM:] = frames[:, FROM:, rows]
    return frames


def balls() -> Videos:
    return rows(BALL)


def pairs() -> Videos:
    return rows(PAIR)


def twins(count: int = 4) -> Videos:
    """Three red balls in one lane each of its own speed; the first two meet nearly."""
    scenes = [
        Scene(
            bodies=(
                Body(x_m=1.0 + 0.1 * number, y_m=3.0, radius_m=0.7, vx_m_s=2.5),
                Body(x_m=6.0, y_m=3.2, radius_m=0.9, vx_m_s=-0.5, kind=1),
                Body(
                    x_m=9.0,
                    y_m=7.5,
                    radius_m=0.8,
                    vx_m_s=-3.0,
                    kind=2,
                    half_height_m=0.8,
                    shape=Shape.BOX,
                ),
            )
        )
        for number in range(count)
    ]
    batch, time_s = stack(scenes), np.tile((0.1 * np.arange(10, dtype=np.float32)), (count, 1))
    state = np.repeat(batch.start[:, None], 10, axis=1).astype(np.float32)
    state[..., 0] += state[..., 3] * time_s[:, :, None]
    names = np.full(count, "twins", object)
    return Videos(
        index=np.arange(count),
        scenario=names,
        split=names,
        template=names,
        time_s=time_s,
        state=state,
        body=batch.body.astype(np.float32),
        contact_s=np.full(count, np.nan, np.float32),
    )


def touching(truth: Videos) -> np.ndarray:
    """The first of three red bodies comes into one piece with the second."""
    state = truth.state.copy()
    state[:, 6:, 0, 0] = state[:, 6:, 1, 0] - 1.2
    return render(Videos(**{**vars(truth), "state": state}), canvas=CANVAS)


@dataclass(frozen=True)
class Wrong:
    """A video that is wrong in just the metric's way.

    Attributes:
        floor: the worst value that true frames may have.
        least: the best value that the wrong frames may have.
    """

    truth: Callable[[], Videos]
    wrong: Callable[[Videos], np.ndarray]
    floor: float
    least: float


WRONG = {
    "velocity_error": Wrong(
        balls, lambda truth: moved(truth, by_m=lambda since: 0.4 * since), 0.01, 0.35
    ),
    "frame_velocity_error": Wrong(
        balls, lambda truth: moved(truth, by_m=lambda since: 0.4 * since), 0.02, 0.35
    ),
    "position_error": Wrong(
        balls, lambda truth: moved(truth, by_m=lambda since: 0.3 * (since > 0)), 0.01, 0.25
    ),
    "radius_error": Wrong(balls, lambda truth: with_body(truth, radius_m=1.3), 0.01, 0.1),
    "vanish_rate": Wrong(balls, gone, 0.0, 8 / 13),
    "reversal_rate": Wrong(balls, turned_back, 0.0, 0.9),
    "teleport_rate": Wrong(balls, elsewhere, 0.0, 1.0),
    "duplicate_rate": Wrong(balls, doubled, 0.0, 8 / 13),
    "radius_drift": Wrong(balls, lambda truth: with_body(truth, radius_m=1.3), 0.02, 0.2),
    "shape_change": Wrong(balls, squashed, 0.03, 0.15),
    "colour_change": Wrong(
        balls, lambda truth: with_body(truth, red=255, green=90, blue=90), 0.005, 0.15
    ),
    "momentum_error": Wrong(
        pairs, lambda truth: moved(truth, by_m=lambda since: 1.0 * since), 0.02, 0.3
    ),
    "energy_error": Wrong(
        pairs, lambda truth: moved(truth, by_m=lambda since: 1.0 * since), 0.02, 0.2
    ),
    "merge_rate": Wrong(twins, touching, 0.0, 2 / 3 * 4 / 7),
    "official_velocity_error": Wrong(
        balls, lambda truth: moved(truth, by_m=lambda since: 0.4 * since), 0.06, 0.3
    ),
    "official_position_error": Wrong(
        balls, lambda truth: moved(truth, by_m=lambda since: 0.3 * (since > 0)), 0.08, 0.14
    ),
    "ssim": Wrong(balls, turned_back, 1.0, 0.9),
    "psnr_db": Wrong(balls, turned_back, 100.0, 30.0),
    "st_lpips": Wrong(balls, turned_back, 0.0, 0.02),
}
