"""The Fréchet distance between two sets of features, each modelled as a Gaussian, and its
dependence on the number of samples.

    d² = |μ₁ - μ₂|² + tr Σ₁ + tr Σ₂ - 2 tr (Σ₁ Σ₂)^½

The formula is that of Dowson and Landau (1982); see also arXiv 1706.08500. Let X and Y be the
centred features and Σ = XᵀX/(n - 1). Then tr (Σ₁ Σ₂)^½ is the sum of the singular values of X Yᵀ,
divided by √((n₁ - 1)(n₂ - 1)). This needs no square root of a non-symmetric product, gives no
imaginary part, loses no precision by squaring, and allows singular covariances. The QR factors of X
and Y take their place, so no matrix is larger than features by features.

With few samples the distance is too large: for n ≥ features the bias is about k/n for some constant
k. `extrapolated` fits this line over subsets and returns its value at 1/n = 0 (arXiv
1911.07023)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from physscale.records.errors import UserError

Covariance = Literal["unbiased", "biased"]
SUBSETS = 8
"""Number of subsets of each size."""

SHARES = (0.25, 1 / 3, 0.5, 0.75, 1.0)


@dataclass(frozen=True, kw_only=True)
class Distance:
    """The squared distance and its two parts."""

    value: float
    mean_term: float
    covariance_term: float
    real_count: int
    fake_count: int
    features: int


@dataclass(frozen=True, kw_only=True)
class Extrapolation:
    """The line through the distances at several sample sizes.

    Attributes:
        sizes, values: samples per side, and the mean distance of the subsets of that size.
        limit: the line's value at 1/n = 0.
        enough: whether the smallest subset has at least as many samples as features; otherwise the
            bias is not linear in 1/n.
    """

    sizes: tuple[int, ...]
    values: tuple[float, ...]
    limit: float
    enough: bool


def frechet(
    real: Float[np.ndarray, "real features"],
    *,
    fake: Float[np.ndarray, "fake features"],
    covariance: Covariance = "unbiased",
) -> Distance:
    """The distance; a `biased` covariance divides by n instead of n - 1, as in StyleGAN-V.

    Raises:
        UserError: if a side has fewer than two samples or features that are not finite.
    """
    for name, part in (("real", real), ("fake", fake)):
        if len(part) < 2:
            raise UserError(
                f"Fréchet distance: {len(part)} {name} videos; a covariance needs at least 2"
            )
        if not np.isfinite(part).all():
            raise UserError(f"Fréchet distance: a feature of the {name} videos is not a number")
    ours, theirs = _root(real, covariance=covariance), _root(fake, covariance=covariance)
    mean_term = float(((real.mean(0) - fake.mean(0)) ** 2).sum())
    cross = float(np.linalg.svd(ours @ theirs.T, compute_uv=False).sum())
    covariance_term = float((ours**2).sum() + (theirs**2).sum()) - 2.0 * cross
    return Distance(
        value=mean_term + covariance_term,
        mean_term=mean_term,
        covariance_term=covariance_term,
        real_count=len(real),
        fake_count=len(fake),
        features=real.shape[1],
    )


def extrapolated(
    real: Float[np.ndarray, "real features"],
    *,
    fake: Float[np.ndarray, "fake features"],
    covariance: Covariance = "unbiased",
    seed: int = 0,
) -> Extrapolation:
    """The distance at infinite sample size; both sides are cut to the same n.

    Raises:
        UserError: if a side has fewer than eight samples.
    """
    most = min(len(real), len(fake))
    if most < 8:
        raise UserError(
            f"extrapolation over the sample size: {most} videos on a side; it needs at least 8"
        )
    rng = np.random.Generator(np.random.Philox(key=seed))
    sizes = np.unique(np.round(np.array(SHARES) * most).astype(int))
    values = np.array(
        [
            [
                frechet(
                    real[rng.permutation(len(real))[:size]],
                    fake=fake[rng.permutation(len(fake))[:size]],
                    covariance=covariance,
                ).value
                for size in sizes
            ]
            for _ in range(SUBSETS)
        ]
    )
    limits = np.polynomial.polynomial.polyfit(1.0 / sizes, values.T, 1)[0]
    return Extrapolation(
        sizes=tuple(sizes.tolist()),
        values=tuple(values.mean(0).tolist()),
        limit=float(limits.mean()),
        enough=bool(sizes[0] >= real.shape[1]),
    )


def _root(features: np.ndarray, *, covariance: Covariance) -> Float[np.ndarray, "rank features"]:
    """R with RᵀR = Σ."""
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    root = (
        np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred
    )
    return root / np.sqrt(len(features) - (covariance == "unbiased"))
