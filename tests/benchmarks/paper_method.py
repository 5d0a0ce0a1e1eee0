"""The paper's own method, written from its description (arXiv 2411.02385, appendix C; id_ood_data
of its repository) as a peer.

pybox2d, 320 steps of 0.01 s with 15/20 iterations, every tenth state; whole-frame NumPy soft discs
in double precision; H.264 by imageio; variable-length bytes in HDF5. CPU time counts the encoder's
process."""

import io
import os
from pathlib import Path
from typing import Any

import Box2D
import h5py
import imageio.v3 as imageio
import numpy as np

from physscale.dataset.frames import write_frames
from physscale.render.canvas import Canvas
from physscale.simulate.scenario import Scenario
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

FRAMES = 32
EDGE = 0.03
COLOURS = np.array([(255, 0, 0), (0, 0, 255)])
SCENARIOS: tuple[Scenario, ...] = (UniformMotion(direction="right"), Collision())


def cpu_s() -> float:
    """CPU seconds of this process and its finished children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def paper_states(start: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """positions[T, N, 2] of discs with first states start[N, 6]."""
    world = Box2D.b2World(gravity=(0, 0), doSleep=False)
    bodies = []
    for (x, y, _, vx, vy, _), radius in zip(start.tolist(), radii.tolist(), strict=True):
        body = world.CreateDynamicBody(position=(x, y), linearVelocity=(vx, vy))
        body.CreateCircleFixture(radius=radius, density=1, restitution=1.0)
        bodies.append(body)
    positions = []
    for step in range(10 * FRAMES):
        world.Step(0.01, 15, 20)
        if step % 10 == 0:
            positions.append([np.array(body.position) for body in bodies])
    return np.array(positions)


def paper_frames(positions: np.ndarray, radii: np.ndarray, *, size_px: int) -> np.ndarray:
    """u8[T, S, S, 3]: soft discs over whole frames."""
    frames: Any = np.full((len(positions), size_px, size_px, 3), 255, np.uint8)
    across, up = np.meshgrid(np.linspace(0, 1, size_px), np.linspace(0, 1, size_px))
    for body in range(positions.shape[1]):
        dx = across - positions[:, body, 0, None, None] / 10
        dy = up - positions[:, body, 1, None, None] / 10
        square = (radii[body] / 10) ** 2
        mask = np.clip((square - (dx**2 + dy**2)) / (square * EDGE), 0, 1)[..., None]
        frames = (1 - mask) * frames + mask * COLOURS[body]
    return frames.astype(np.uint8)[:, ::-1]


def paper_seconds(*, size_px: int, videos: int, folder: Path) -> float:
    """CPU seconds per video of the paper's method; half of the videos are collisions."""
    chosen = [
        simulate(DataSpec(scenario=scenario, videos=videos, frames=1), indices=np.arange(videos))
        for scenario in SCENARIOS
    ]
    before = cpu_s()
    for rows in chosen:
        with h5py.File(folder / "paper.hdf5", "w") as file:
            streams = file.create_dataset(
                "video_streams", shape=(videos,), dtype=h5py.vlen_dtype(np.dtype("uint8"))
            )
            for row in range(videos):
                radii = rows.body[row, :, 1]
                frames = paper_frames(
                    paper_states(rows.state[row, 0], radii), radii, size_px=size_px
                )
                with io.BytesIO() as buffer:
                    imageio.imwrite(buffer, frames, extension=".mp4")
                    streams[row] = np.frombuffer(buffer.getvalue(), np.uint8)
    return (cpu_s() - before) / (len(SCENARIOS) * videos)


def our_seconds(*, size_px: int, videos: int, folder: Path) -> float:
    """CPU seconds per video of ours for the same: states, frames, zstd, a verified shard."""
    canvas = Canvas(size_px=size_px)
    before = cpu_s()
    for scenario in SCENARIOS:
        rows = simulate(
            DataSpec(scenario=scenario, videos=videos, frames=FRAMES), indices=np.arange(videos)
        )
        write_frames(folder / "ours.arrow", rows, encoding="rgb", canvas=canvas)
    return (cpu_s() - before) / (len(SCENARIOS) * videos)


def compare(name: str, *, size_px: int, ours: int, theirs: int, folder: Path) -> dict[str, Any]:
    """Alternating rounds after a warm-up; the medians of both sides."""
    our_seconds(size_px=size_px, videos=2, folder=folder)
    paper_seconds(size_px=size_px, videos=1, folder=folder)
    pairs = [
        (
            our_seconds(size_px=size_px, videos=ours, folder=folder),
            paper_seconds(size_px=size_px, videos=theirs, folder=folder),
        )
        for _ in range(3)
    ]
    fast, slow = np.median(pairs, axis=0).tolist()
    return {
        "name": name,
        "ours": 1 / fast,
        "peer": 1 / slow,
        "ratio": slow / fast,
        "unit": "videos/s/core",
        "note": f"{FRAMES} frames of {size_px} px, half collisions; states + frames + zstd "
        "against pybox2d + NumPy + mp4 in HDF5",
    }
