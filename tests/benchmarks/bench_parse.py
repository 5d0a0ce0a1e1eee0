"""Frames back to states at 128 px, two discs, 32 frames: our parser beside one of the official kind
(NumPy masks, frame by frame)."""

import math
import time
from typing import Any

import numpy as np

from physscale.evaluate.motion.track import parse
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

VIDEOS, FRAMES, SIZE_PX, ROUNDS, NOISE = 32, 32, 128, 7, 4.0


def threshold_parse(frames: np.ndarray) -> np.ndarray:
    """(frames, 2 balls, x y r): masks of red and blue, means of their pixels, radius of their area;
    no components, no coverage."""
    states = np.full((len(frames), 2, 3), np.nan)
    scale = 10.0 / frames.shape[2]
    for number, frame in enumerate(frames):
        image = frame.copy()
        red = (image[:, :, 0] > 127) & (image[:, :, 1] < 127) & (image[:, :, 2] < 127)
        blue = (image[:, :, 0] < 127) & (image[:, :, 1] < 127) & (image[:, :, 2] > 127)
        for ball, mask in enumerate((red, blue)):
            area = np.sum(mask)
            if area > 0.15:
                x, y = np.mean(np.nonzero(mask)[1]), np.mean(np.nonzero(mask)[0])
                states[number, ball] = (x * scale, y * scale, np.sqrt(area / math.pi) * scale)
    return states


def run() -> dict[str, Any]:
    videos = simulate(
        DataSpec(scenario=Collision(), videos=VIDEOS, frames=FRAMES), indices=np.arange(VIDEOS)
    )
    clean = render(videos, canvas=Canvas(size_px=SIZE_PX))
    noisy = (
        np.clip(clean + np.random.default_rng(0).normal(0.0, NOISE, clean.shape), 0, 255)
        .round()
        .astype(np.uint8)
    )
    seconds = {
        name: _median_pair(videos.body, pixels)
        for name, pixels in (("clean", clean), ("noisy", noisy))
    }
    ours, peer = seconds["clean"]
    return {
        "name": "parse",
        "ours": 1 / ours,
        "peer": 1 / peer,
        "ratio": peer / ours,
        "unit": "videos/s/core",
        "note": f"{FRAMES} frames of {SIZE_PX} px, two discs; with pixel noise {NOISE:g}: "
        f"{seconds['noisy'][1] / seconds['noisy'][0]:.1f}x",
    }


def _median_pair(body: np.ndarray, pixels: np.ndarray) -> tuple[float, float]:
    """CPU seconds per video of ours and of the peer, in alternating rounds after a warm-up."""
    parse(pixels[:1], body=body[:1])
    pairs = []
    for _ in range(ROUNDS):
        before = time.process_time()
        parse(pixels, body=body)
        between = time.process_time()
        for frames in pixels:
            threshold_parse(frames)
        pairs.append(
            ((between - before) / len(pixels), (time.process_time() - between) / len(pixels))
        )
    ours, peer = np.median(pairs, axis=0).tolist()
    return ours, peer
