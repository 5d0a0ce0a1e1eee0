"""SSIM and PSNR of generated frames against true ones: one value per video, the mean over its
frames (arXiv 2411.02385, section 4.1).

    SSIM = mean (2 μ₁μ₂ + C₁)(2 σ₁₂ + C₂) / ((μ₁² + μ₂² + C₁)(σ₁² + σ₂² + C₂))
    PSNR = 10 log₁₀(255² / mean squared difference)
    C₁ = (0.01·255)², C₂ = (0.03·255)²

SSIM follows Wang et al. 2004: moments under an 11×11 Gaussian window of σ = 1.5 with population
covariances, only where the whole window lies in the frame. skimage (`gaussian_weights`) and the FVD
toolboxes give the same; torchmetrics pads the border and differs by up to 6e-3. PSNR is computed
per frame and then averaged: the mean of decibels is not the decibel of the mean."""

import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import correlate1d

WINDOW, SIGMA = 11, 1.5
PEAK = 255.0
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
PSNR_AT_MOST_DB = 100.0
"""The value of equal frames, whose PSNR is infinite; the finite values of 8-bit frames lie below
102 dB up to 256 px."""

SMALLEST_LPIPS_PX = 32
"""The network of `perceptual.py` takes no smaller frames."""


def ssim(
    pixels: UInt8[np.ndarray, "batch frames height width 3"],
    *,
    truth: UInt8[np.ndarray, "batch frames height width 3"],
) -> Float[np.ndarray, " batch"]:
    """Structural similarity of each video, 1 for equal ones.

    Raises:
        AssertionError: for frames smaller than the window.
    """
    _check(pixels, truth=truth)
    assert min(pixels.shape[2:4]) >= WINDOW, (
        f"SSIM's window is {WINDOW} px wide, the frames are {pixels.shape[3]}"
    )
    return np.array(
        [
            [_ssim_frame(one, other) for one, other in zip(*pair, strict=True)]
            for pair in zip(pixels, truth, strict=True)
        ]
    ).mean(1)


def psnr(
    pixels: UInt8[np.ndarray, "batch frames height width 3"],
    *,
    truth: UInt8[np.ndarray, "batch frames height width 3"],
) -> Float[np.ndarray, " batch"]:
    """Peak signal-to-noise ratio of each video in dB, `PSNR_AT_MOST_DB` at most for any frame."""
    _check(pixels, truth=truth)
    error = np.array(
        [
            ((one.astype(np.float64) - other) ** 2).mean((1, 2, 3))
            for one, other in zip(pixels, truth, strict=True)
        ]
    )
    with np.errstate(divide="ignore"):
        return np.minimum(10.0 * np.log10(PEAK**2 / error), PSNR_AT_MOST_DB).mean(1)


def _check(pixels: np.ndarray, *, truth: np.ndarray) -> None:
    assert pixels.shape == truth.shape, f"frames of {pixels.shape} against {truth.shape}"


def _ssim_frame(one: np.ndarray, other: np.ndarray) -> float:
    x, y = one.astype(np.float64), other.astype(np.float64)
    mean_x, mean_y, square_x, square_y, product = _window(np.stack([x, y, x * x, y * y, x * y]))
    var_x, var_y, covariance = square_x - mean_x**2, square_y - mean_y**2, product - mean_x * mean_y
    above = (2 * mean_x * mean_y + C1) * (2 * covariance + C2)
    below = (mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2)
    return float((above / below).mean())


def _window(maps: np.ndarray) -> np.ndarray:
    """Gaussian means of maps[K, H, W, 3] at the places where the whole window lies inside."""
    reach = WINDOW // 2
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * SIGMA**2))
    weights /= weights.sum()
    for axis in (1, 2):
        maps = correlate1d(maps, weights, axis=axis)
    return maps[:, reach:-reach, reach:-reach]
