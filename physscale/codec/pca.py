"""A linear codec: principal components of whole frames, one latent vector per frame.

ink = 1 - pixel / 255 (white paper is zero), z = (ink - mean) @ components / scale. One scale serves
all components, so latents have mean square 1 on the corpus and keep the proportions of the picture.
The corpus has no motion: if a model fails out of distribution, its codec is not the reason.
Subspace iteration: Halko et al., arXiv 0909.4061."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from physscale.codec.kinds import check_components
from physscale.codec.sound import check_weights, read_weights, sound
from physscale.records.errors import DamagedData, UserError

__all__ = ["PcaCodec", "fit_pca", "load_pca"]

FRAMES_AT_ONCE = 1024
SUBSPACE_ROUNDS = 6
OVERSAMPLING = 16
_DIMENSIONS = {"components": 2, "mean": 1, "scale": 1}


def fit_pca(frames: UInt8[np.ndarray, "frames height width 3"], *, components: int) -> "PcaCodec":
    """The codec of these frames u8[M, H, W, 3]; equal frames give equal bits.

    Raises UserError if there are fewer frames or pixels than components.
    """
    count, height, width, colours = frames.shape
    pixels = height * width * colours
    check_components(components, frames=count, pixels=pixels)
    flat = frames.reshape(count, pixels)
    total = np.zeros(pixels)
    for block in _ink(flat):
        total += block.sum(axis=0, dtype=np.float64)
    mean = (total / count).astype(np.float32)
    basis, variance = _leading(flat, mean, components=components)
    return PcaCodec(
        components=basis,
        mean=mean,
        scale=float(np.sqrt(variance.mean())),
        height=height,
        width=width,
    )


def load_pca(folder: Path) -> "PcaCodec":
    """The codec that `PcaCodec.save` wrote into this folder.

    Raises:
        UserError: for weights that are not finite.
        DamagedData: for a file of another layout.
    """
    file = folder / "codec.safetensors"
    weights = read_weights(file)
    frame = weights.pop("frame", torch.zeros(0))
    if (
        frame.shape != (2,)
        or {name: tensor.ndim for name, tensor in weights.items()} != _DIMENSIONS
    ):
        raise DamagedData(f"{file}: needs frame, {', '.join(_DIMENSIONS)}, and nothing else")
    check_weights(weights, file=file)
    height, width = frame.tolist()
    pixels, components = weights["components"].shape
    if (
        frame.dtype != torch.int64
        or {tensor.dtype for tensor in weights.values()} - {torch.float32, torch.float64}
        or len(weights["mean"]) != pixels
        or height * width * 3 != pixels
        or len(weights["scale"]) != 1
        or not 0 < components <= pixels
    ):
        raise DamagedData(f"{file}: sizes or types that do not fit together")
    arrays = {name: tensor.numpy() for name, tensor in weights.items()}
    return PcaCodec(
        components=arrays["components"],
        mean=arrays["mean"],
        scale=float(arrays["scale"][0]),
        height=height,
        width=width,
    )


def _leading(
    flat: np.ndarray, mean: np.ndarray, *, components: int
) -> tuple[np.ndarray, np.ndarray]:
    """The leading eigenvectors f32[pixels, components] of the ink's covariance and their variances
    f64[components]; the largest entry of each vector is positive."""
    count, pixels = flat.shape
    wide = min(components + OVERSAMPLING, count, pixels)
    basis = np.random.Generator(np.random.Philox(key=0)).standard_normal(
        (pixels, wide), dtype=np.float32
    )
    for _ in range(SUBSPACE_ROUNDS):
        basis = np.linalg.qr(_covariance_times(flat, mean, basis))[0]
    small = basis.T @ _covariance_times(flat, mean, basis) / count
    variance, rotation = np.linalg.eigh(small.astype(np.float64))
    order = np.argsort(variance)[::-1][:components]
    vectors = (basis @ rotation[:, order]).astype(np.float32)
    peaks = vectors[np.argmax(np.abs(vectors), axis=0), np.arange(components)]
    vectors *= np.sign(peaks)
    return vectors, variance[order]


def _ink(flat: np.ndarray) -> Iterator[np.ndarray]:
    """Blocks of ink f32[b, pixels] of uint8 frames [M, pixels]."""
    for start in range(0, len(flat), FRAMES_AT_ONCE):
        yield 1 - flat[start : start + FRAMES_AT_ONCE].astype(np.float32) / 255


def _covariance_times(flat: np.ndarray, mean: np.ndarray, basis: np.ndarray) -> np.ndarray:
    total = np.zeros_like(basis)
    for block in _ink(flat):
        block -= mean
        total += block.T @ (block @ basis)
    return total


@dataclass(frozen=True)
class PcaCodec:
    """`components` f32[pixels, C] orthonormal, `mean` f32[pixels] of ink, `scale` of all
    latents."""

    components: Float[np.ndarray, "pixels channels"]
    mean: Float[np.ndarray, " pixels"]
    scale: float
    height: int
    width: int

    def encode(
        self, pixels: UInt8[np.ndarray, "batch time height width 3"]
    ) -> Float[Tensor, "batch time channels 1 1"]:
        """Videos u8[B, T, H, W, 3] to latents f32[B, T, C, 1, 1]. Raises UserError for another
        frame size."""
        batch, frames, height, width = pixels.shape[:4]
        if (height, width) != (self.height, self.width):
            raise UserError(
                f"codec is for frames of {self.height} x {self.width} px, got {height} x {width}"
            )
        offset = self.mean @ self.components
        flat = pixels.reshape(batch, frames, -1)
        # each video alone, so that its latents are the same in any batch
        blocks = [block @ self.components for video in flat for block in _ink(video)]
        latents = (np.concatenate(blocks) - offset) / np.float32(self.scale)
        return torch.from_numpy(latents.reshape(batch, frames, -1, 1, 1))

    def decode(
        self, latents: Float[Tensor, "batch time channels 1 1"]
    ) -> UInt8[np.ndarray, "batch time height width 3"]:
        """Latents f32[B, T, C, 1, 1] to videos u8[B, T, H, W, 3], rounded and clipped to 0..255.
        Raises UserError for numbers that are not finite."""
        batch, frames, channels = latents.shape[:3]
        flat = sound(latents, what="latents to decode").detach().cpu().numpy().reshape(
            batch * frames, channels
        ) * np.float32(self.scale)
        pixels = np.empty((batch * frames, len(self.mean)), dtype=np.uint8)
        for start in range(0, len(flat), FRAMES_AT_ONCE):
            ink = flat[start : start + FRAMES_AT_ONCE] @ self.components.T + self.mean
            pixels[start : start + FRAMES_AT_ONCE] = np.rint(255 * (1 - ink).clip(0, 1))
        return pixels.reshape(batch, frames, self.height, self.width, 3)

    def on(self, device: str) -> "PcaCodec":
        """Itself: NumPy multiplies on the CPU."""
        return self

    def save(self, folder: Path) -> None:
        """Write `codec.safetensors` into this folder."""
        arrays = {
            "components": np.ascontiguousarray(self.components),
            "mean": self.mean,
            "scale": np.array([self.scale], dtype=np.float64),
            "frame": np.array([self.height, self.width], dtype=np.int64),
        }
        safetensors.numpy.save_file(arrays, folder / "codec.safetensors")
