"""Generated videos against true ones: frame by frame, and one set against the other.

Both sets are read a few videos at a time, so memory is the same for any number of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from physscale.dataset.source import Source
from physscale.evaluate.frames.fvd import FRAMES, VideoNetwork, fvd
from physscale.evaluate.frames.perceptual import Perceptual, st_lpips
from physscale.evaluate.frames.pixels import psnr, ssim
from physscale.evaluate.motion.state_frechet import Motions, motions, state_frechet
from physscale.records.errors import UserError
from physscale.records.video import COLOUR, PLACE, Videos

__all__ = ["Networks", "compare", "compare_sets"]

SAME = 1e-3
"""Metres, seconds and steps of colour that the formats of files may differ by."""

EXTRAPOLATED_VIDEOS = 8
"""With fewer videos, FVD is not extrapolated to infinitely many."""

VIDEOS_AT_ONCE = 8


@dataclass(frozen=True)
class Networks:
    """The networks that a user provides. FVD looks at the first `frames` frames."""

    lpips: Perceptual | None = None
    fvd: VideoNetwork | None = None
    frames: int = FRAMES


@dataclass(frozen=True)
class _Part:
    """What some videos add: values per video by metric, and what sets are compared by."""

    values: dict[str, Float[np.ndarray, " videos"]]
    motions: tuple[Motions, Motions]
    features: tuple[Float[np.ndarray, "videos features"], Float[np.ndarray, "videos features"]]


def compare(real: Source, *, fake: Source, networks: Networks) -> dict[str, Any]:
    """The metrics of `physscale compare-videos` by name, with the SHA-256 of the networks that they
    depend on: means of SSIM, PSNR in decibels, ST-LPIPS and LPIPS, and Fréchet distances.

    Raises:
        UserError: for videos without frames, or of other rows or sizes.
    """
    _check_rows(real, fake)
    by_frames = [st_lpips(), *([networks.lpips] if networks.lpips is not None else [])]
    parts = [
        _measured(ours, theirs, by_frames=by_frames, networks=networks)
        for ours, theirs in _pairs(real, fake)
    ]
    found: dict[str, Any] = {"videos": len(real.states)}
    for name in parts[0].values:
        found[name] = float(np.concatenate([part.values[name] for part in parts]).mean())
    for metric in by_frames:
        found[f"{metric.name}_sha256"] = metric.sha256
        if not metric.official:
            found[f"{metric.name}_warning"] = (
                "not the file that everyone uses: its SHA-256 is another"
            )
    true, made = (Motions.joined([part.motions[side] for part in parts]) for side in (0, 1))
    found |= compare_sets(true, fake=made)
    if networks.fvd is not None:
        true_features, made_features = (
            np.concatenate([part.features[side] for part in parts]) for side in (0, 1)
        )
        found |= _fvd_values(true_features, fake=made_features, network=networks.fvd)
    return found


def _check_rows(real: Source, fake: Source) -> None:
    if not (real.has_frames and fake.has_frames):
        raise UserError(
            "compare-videos: both files must hold frames; `physscale simulate NAME --size 64` "
            "writes them"
        )
    ours, theirs = real.states, fake.states
    if not np.array_equal(ours.index, theirs.index):
        raise UserError(
            f"compare-videos: the files hold other rows ({len(ours)} and {len(theirs)}); give the "
            "same rows of both"
        )
    row = _first_other(ours, theirs)
    if row is not None:
        raise UserError(
            f"compare-videos: row {row} is another scene in each file; give generated frames "
            "beside the true rows that they belong to"
        )


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


def _pairs(real: Source, fake: Source) -> Iterator[tuple[Videos, Videos]]:
    """The same few rows of both, whatever the parts that each is read in."""
    theirs = _few(fake)
    rest = next(theirs)
    for ours in _few(real):
        while len(ours):
            count = min(len(ours), len(rest))
            yield ours.take(slice(count)), rest.take(slice(count))
            ours, rest = ours.take(slice(count, None)), rest.take(slice(count, None))
            if not len(rest):
                rest = next(theirs, rest)


def _few(source: Source) -> Iterator[Videos]:
    for part in source.parts():
        for start in range(0, len(part), VIDEOS_AT_ONCE):
            yield part.take(slice(start, start + VIDEOS_AT_ONCE))


def _measured(
    real: Videos, fake: Videos, *, by_frames: list[Perceptual], networks: Networks
) -> _Part:
    true, made = real.frames, fake.frames
    if true.shape != made.shape:
        raise UserError(
            f"compare-videos: the files hold other frames ({true.shape[1:]} and {made.shape[1:]}); "
            "give the same size and number of both"
        )
    none = np.empty((len(true), 0))
    features = (none, none)
    if networks.fvd is not None:
        features = (
            networks.fvd.features(true, frames=networks.frames),
            networks.fvd.features(made, frames=networks.frames),
        )
    values = {"ssim": ssim(made, truth=true), "psnr_db": psnr(made, truth=true)}
    values |= {metric.name: metric(made, truth=true) for metric in by_frames}
    return _Part(values, (motions(real), motions(fake)), features)


def compare_sets(real: Motions, *, fake: Motions) -> dict[str, Any]:
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


def _fvd_values(real: np.ndarray, *, fake: np.ndarray, network: VideoNetwork) -> dict[str, Any]:
    """The distance by this network. It is called FVD only if the network passes I3D's
    self-test."""
    measured = fvd(real, fake=fake, network=network, extrapolate=len(real) >= EXTRAPOLATED_VIDEOS)
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
