"""Fréchet distances: closed forms, scipy's matrix root, and the sample-size bias; FVD on a network
made here."""

from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.evaluate.frames.frechet import extrapolated, frechet
from physscale.evaluate.frames.fvd import fvd, video_network
from physscale.records.errors import DamagedData, UserError


def cloud(count: int, *, features: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, features)) @ rng.normal(size=(features, features)) + rng.normal(
        size=features
    )


def reference(real: np.ndarray, fake: np.ndarray, *, ddof: int) -> float:
    one, other = np.cov(real, rowvar=False, ddof=ddof), np.cov(fake, rowvar=False, ddof=ddof)
    root = scipy.linalg.sqrtm(one @ other).real
    return float(((real.mean(0) - fake.mean(0)) ** 2).sum() + np.trace(one + other - 2 * root))


@given(
    real=st.integers(30, 80),
    fake=st.integers(30, 80),
    features=st.integers(2, 12),
    seed=st.integers(0, 10**6),
    ddof=st.sampled_from([0, 1]),
)
@settings(max_examples=40)
def test_agrees_with_scipys_root(real: int, fake: int, features: int, seed: int, ddof: int) -> None:
    ours, theirs = (
        cloud(real, features=features, seed=seed),
        cloud(fake, features=features, seed=seed + 1),
    )
    found = frechet(ours, fake=theirs, covariance="unbiased" if ddof else "biased")
    assert found.value == pytest.approx(reference(ours, theirs, ddof=ddof), rel=1e-4)
    assert found.value == pytest.approx(
        frechet(theirs, fake=ours, covariance="unbiased" if ddof else "biased").value, rel=1e-9
    )
    assert found.mean_term + found.covariance_term == pytest.approx(found.value)


def test_gaussians_of_known_distance() -> None:
    """Same samples, stretched and shifted: d² = |shift|² + Σ (s - 1)² along the axes."""
    base = np.random.default_rng(0).normal(size=(500, 3))
    base = (base - base.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(base, rowvar=False)).T)
    moved = base * [1.0, 2.0, 0.25] + [3.0, 0.0, -1.0]
    assert frechet(base, fake=moved).value == pytest.approx(10.0 + 1.0 + 0.75**2, rel=1e-10)
    assert abs(frechet(base, fake=base).value) < 1e-10


def test_fewer_samples_than_features_is_no_special_case() -> None:
    """A singular covariance: rotating the space moves nothing, and the same videos are at no
    distance."""
    ours, theirs = cloud(6, features=20, seed=1), cloud(9, features=20, seed=2)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(20, 20)))[0]
    assert frechet(ours, fake=theirs).value == pytest.approx(
        frechet(ours @ turn, fake=theirs @ turn).value, rel=1e-9
    )
    assert abs(frechet(ours, fake=ours[::-1]).value) < 1e-9 * (ours**2).sum()


def test_the_limit_takes_the_sample_size_out() -> None:
    """Two draws from one Gaussian: the raw value is all bias."""
    rng = np.random.default_rng(5)
    ours, theirs = rng.normal(size=(2, 800, 40))
    line = extrapolated(ours, fake=theirs)
    raw = frechet(ours, fake=theirs).value
    assert line.enough
    assert line.values[0] > 2 * line.values[-1] > raw
    assert abs(line.limit) < 0.15 * raw
    far = extrapolated(ours, fake=theirs + 0.5)
    assert far.limit == pytest.approx(10.0, rel=0.1)
    assert not extrapolated(ours[:40], fake=theirs[:40]).enough


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(UserError, match="at least 2"):
        frechet(np.zeros((1, 3)), fake=np.zeros((5, 3)))
    with pytest.raises(UserError, match="not a number"):
        frechet(np.full((4, 3), np.nan), fake=np.zeros((5, 3)))
    with pytest.raises(UserError, match="at least 8"):
        extrapolated(np.zeros((7, 3)), fake=np.zeros((9, 3)))


class Tiny(torch.nn.Module):
    """Mean colour and motion, behind the interface of StyleGAN-V's file; `gain` sets the black and
    white distance."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(
        self,
        videos: torch.Tensor,
        rescale: bool = False,
        resize: bool = False,
        return_features: bool = False,
    ) -> torch.Tensor:
        if resize:
            videos = torch.nn.functional.interpolate(
                videos, size=(videos.shape[2], 28, 28), mode="trilinear", align_corners=False
            )
        if rescale:
            videos = videos / 127.5 - 1.0
        motion = (videos[:, :, 1:] - videos[:, :, :-1]).abs().mean(dim=(2, 3, 4))
        return torch.cat([videos.mean(dim=(2, 3, 4)), motion], 1) * self.gain


def network_file(tmp_path: Path, *, gain: float) -> Path:
    path = tmp_path / f"tiny_{gain}.pt"
    torch.jit.script(Tiny(gain)).save(str(path))
    return path


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_fvd_of_a_network_made_here(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    real = rng.integers(0, 255, (12, 17, 32, 32, 3), np.uint8)
    fake = (real * 0.7).astype(np.uint8)
    foreign = video_network(network_file(tmp_path, gain=1.0))
    ours, theirs = foreign.features(real), foreign.features(fake)
    assert np.array_equal(ours, foreign.features(real[:, :16])), "the first 16 frames count"
    found = fvd(ours, fake=theirs, network=foreign, extrapolate=True)
    assert found.metric == f"frechet_{foreign.sha256[:8]}", (
        "a foreign network's number must not be called FVD"
    )
    expected = reference(ours, theirs, ddof=0)
    assert found.distance.value == pytest.approx(expected, rel=1e-4)
    assert found.distance.value > 100 * abs(
        fvd(ours, fake=ours[::-1].copy(), network=foreign).distance.value
    )
    assert found.extrapolation is not None
    gain = float(np.sqrt(131.0 / 12.0))
    assert video_network(network_file(tmp_path, gain=gain)).metric == "fvd"


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_a_wrong_file_or_digest_or_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        video_network(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("not a network")
    with pytest.raises(DamagedData, match="TorchScript"):
        video_network(tmp_path / "text.pt")
    path = network_file(tmp_path, gain=1.0)
    with pytest.raises(UserError, match="SHA-256 is"):
        video_network(path, sha256="ab" * 32)
    short = np.zeros((4, 12, 32, 32, 3), np.uint8)
    with pytest.raises(UserError, match="frames=16: use 9 to 12"):
        video_network(path).features(short)
