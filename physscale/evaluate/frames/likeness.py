"""Generated videos against true ones: frame by frame, and one set against the other.

Each function returns the metrics of `physscale compare-videos` by name, with the SHA-256 of the
networks that they depend on."""

from pathlib import Path
from typing import Any

import numpy as np

from physscale.evaluate.frames.fvd import fvd, video_network
from physscale.evaluate.frames.perceptual import lpips, st_lpips
from physscale.evaluate.frames.pixels import psnr, ssim
from physscale.evaluate.motion.state_frechet import state_frechet
from physscale.records.errors import UserError
from physscale.records.video import COLOUR, PLACE, Videos

__all__ = ["compare_frames", "compare_sets", "fvd_values"]

SAME = 1e-3
"""Metres, seconds and steps of colour that the formats of files may differ by."""

EXTRAPOLATED_VIDEOS = 8
"""With fewer videos, FVD is not extrapolated to infinitely many."""


def compare_frames(real: Videos, *, fake: Videos, lpips_weights: Path | None) -> dict[str, Any]:
    """Means of SSIM, PSNR in decibels, ST-LPIPS and, with its weights, LPIPS.

    Raises:
        UserError: for videos without frames, or of other rows or sizes.
    """
    if real.pixels is None or fake.pixels is None:
        raise UserError(
            "compare-videos: both files must hold frames; `physscale simulate NAME --size 64` "
            "writes them"
        )
    if real.pixels.shape != fake.pixels.shape or (real.index != fake.index).any():
        raise UserError(
            f"compare-videos: the files hold other rows or frames ({real.pixels.shape} and "
            f"{fake.pixels.shape}); give the same rows of both"
        )
    row = _first_other(real, fake)
    if row is not None:
        raise UserError(
            f"compare-videos: row {row} is another scene in each file; give generated frames "
            "beside the true rows that they belong to"
        )
    found: dict[str, Any] = {
        "videos": len(real),
        "ssim": float(ssim(fake.pixels, truth=real.pixels).mean()),
        "psnr_db": float(psnr(fake.pixels, truth=real.pixels).mean()),
    }
    for metric in [st_lpips()] + ([lpips(lpips_weights)] if lpips_weights is not None else []):
        found[metric.name] = float(metric(fake.pixels, truth=real.pixels).mean())
        found[f"{metric.name}_sha256"] = metric.sha256
        if not metric.official:
            found[f"{metric.name}_warning"] = (
                "not the file that everyone uses: its SHA-256 is another"
            )
    return found


def _first_other(real: Videos, fake: Videos) -> int | None:
    """The first row whose scene is not the same in both sets, however they were stored."""
    if real.state.shape != fake.state.shape:
        return int(real.index[0])
    same = np.isclose(real.time_s, fake.time_s, atol=SAME).all(1)
    for ours, theirs in (
        (real.state[..., PLACE], fake.state[..., PLACE]),
        (real.body[..., COLOUR], fake.body[..., COLOUR]),
    ):
        same &= np.isclose(ours, theirs, atol=SAME).all(tuple(range(1, ours.ndim)))
    return None if same.all() else int(real.index[~same][0])


def compare_sets(real: Videos, *, fake: Videos) -> dict[str, Any]:
    """Fréchet distances of states and violations, and the limit for infinitely many videos."""
    found = state_frechet(real, fake=fake)
    below = "; below 0: so few videos cannot tell it from 0" if found.limit < 0 else ""
    return {
        "state_frechet": found.state.value,
        "violation_frechet": found.violations.value,
        "state_frechet_limit": found.limit,
        "state_frechet_note": f"{found.state.real_count} and {found.state.fake_count} videos; too "
        f"large by about k/n, the limit is without{below}",
    }


def fvd_values(
    real: Videos, *, fake: Videos, weights: Path, sha256: str, frames: int
) -> dict[str, Any]:
    """The Fréchet video distance by the network of this file, on the first `frames` frames.

    It is called FVD only if the network passes I3D's self-test."""
    assert real.pixels is not None, "checked by compare_frames"
    assert fake.pixels is not None, "checked by compare_frames"
    measured = fvd(
        real.pixels,
        fake=fake.pixels,
        network=video_network(weights, sha256=sha256),
        frames=frames,
        extrapolate=len(real) >= EXTRAPOLATED_VIDEOS,
    )
    name = measured.metric
    found: dict[str, Any] = {
        name: measured.distance.value,
        f"{name}_sha256": measured.sha256,
        "i3d_self_test": measured.self_test,
    }
    if name != "fvd":
        found[f"{name}_warning"] = (
            "the network fails I3D's self-test (126 to 139), so this is not FVD"
        )
    if measured.extrapolation is not None:
        by_videos = zip(measured.extrapolation.sizes, measured.extrapolation.values, strict=True)
        found[f"{name}_by_videos"] = dict(by_videos)
        found[f"{name}_limit"] = measured.extrapolation.limit
    return found
