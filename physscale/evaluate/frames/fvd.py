"""FVD with I3D weights that the user provides (arXiv 1812.01717), by the protocol of StyleGAN-V
(arXiv 2112.14683).

The file is StyleGAN-V's TorchScript `i3d_torchscript.pt`. It is called as `net(videos,
rescale=True, resize=True, return_features=True)` on videos [B, 3, T, H, W] from 0 to 255. The
network resizes to 224 px, scales to [-1, 1] and returns 400 Kinetics logits, averaged over time.
The protocol uses the first 16 frames and divides covariances by n. No weights are downloaded.

The distance is called `fvd` only if the network passes a self-test on 16 black and 16 white videos
of 15 frames at 64 px. Google's example gives about 131, ports up to 134; 126 to 139 is accepted. A
distance in the features of another network carries that network's name."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from physscale.evaluate.frames.frechet import Distance, Extrapolation, extrapolated, frechet
from physscale.records.errors import DamagedData, UserError
from physscale.records.given_file import check_file
from physscale.records.store import sha256_of

FRAMES = 16
LEAST_FRAMES = 9
"""I3D halves time three times and then needs two frames."""

VIDEOS_AT_ONCE = 4
SELF_TEST = (126.0, 139.0)


@dataclass(frozen=True)
class VideoNetwork:
    """A TorchScript network for videos.

    Attributes:
        sha256: digest of its file.
        self_test: its distance between black and white videos.
    """

    sha256: str
    script: Any
    self_test: float

    @property
    def metric(self) -> str:
        """`fvd`, or the name of another network."""
        return (
            "fvd"
            if SELF_TEST[0] <= self.self_test <= SELF_TEST[1]
            else f"frechet_{self.sha256[:8]}"
        )

    def features(
        self, pixels: UInt8[np.ndarray, "batch time height width 3"], *, frames: int = FRAMES
    ) -> Float[np.ndarray, "batch features"]:
        """One row per video, of its first `frames` frames.

        Raises:
            UserError: if the videos are shorter than that, or `frames` is too few for I3D.
        """
        there = pixels.shape[1]
        if not LEAST_FRAMES <= frames <= there:
            raise UserError(
                f"frames={frames}: use {LEAST_FRAMES} to {there}; the videos have {there} and "
                "I3D needs at least 9"
            )
        return _features(self.script, pixels[:, :frames])


@dataclass(frozen=True)
class Fvd:
    """The distance, its name, and how it was computed."""

    metric: str
    sha256: str
    self_test: float
    distance: Distance
    extrapolation: Extrapolation | None


def video_network(path: Path, *, sha256: str = "") -> VideoNetwork:
    """The network in a TorchScript file, after its self-test.

    Args:
        sha256: the expected digest of the file; "" for any.

    Raises:
        UserError: if there is no such file, or it has another digest.
        DamagedData: if it is not TorchScript, or is not called like I3D.
    """
    check_file(path, what="--fvd-weights")
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; --fvd-weights takes StyleGAN-V's i3d_torchscript.pt, which is "
            "not shipped with physscale"
        )
    found = sha256_of(path)
    if sha256 and found != sha256.lower():
        raise UserError(f"{path}: SHA-256 is {found}, not {sha256}")
    try:
        script = _script(path)
        black = _features(script, np.zeros((16, 15, 64, 64, 3), np.uint8))
        white = _features(script, np.full((16, 15, 64, 64, 3), 255, np.uint8))
    except (RuntimeError, ValueError, IndexError) as error:
        raise DamagedData(
            f"{path}: not a TorchScript network for videos like StyleGAN-V's I3D "
            f"({type(error).__name__})"
        ) from error
    return VideoNetwork(found, script, frechet(black, fake=white, covariance="biased").value)


def fvd(
    real: Float[np.ndarray, "real features"],
    *,
    fake: Float[np.ndarray, "fake features"],
    network: VideoNetwork,
    extrapolate: bool = False,
) -> Fvd:
    """The distance between the features that this network gave the two sets."""
    line = extrapolated(real, fake=fake, covariance="biased") if extrapolate else None
    distance = frechet(real, fake=fake, covariance="biased")
    return Fvd(network.metric, network.sha256, network.self_test, distance, line)


def _script(path: Path) -> Any:  # noqa: ANN401 - a TorchScript module
    with warnings.catch_warnings():  # torch advises torch.export; the published file is TorchScript
        warnings.simplefilter("ignore", FutureWarning)
        return torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]


@torch.no_grad()
def _features(script: Any, pixels: np.ndarray) -> Float[np.ndarray, "batch features"]:  # noqa: ANN401 - a TorchScript module
    parts = []
    for start in range(0, len(pixels), VIDEOS_AT_ONCE):
        videos = (
            torch.from_numpy(pixels[start : start + VIDEOS_AT_ONCE]).permute(0, 4, 1, 2, 3).float()
        )
        parts.append(script(videos, rescale=True, resize=True, return_features=True))
    found = torch.cat(parts).double().numpy()
    if found.ndim != 2 or len(found) != len(pixels):
        raise ValueError(f"features of shape {found.shape} for {len(pixels)} videos")
    return found
