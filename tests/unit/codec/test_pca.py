"""The frame codec: exact where it can be, the same every time, strict about what it is given."""

from pathlib import Path

import numpy as np
import pytest
import torch

from physscale.codec.kinds import PcaSpec
from physscale.codec.pca import PcaCodec, fit_pca, load_pca
from physscale.records.errors import UserError


def discs(count: int, *, size: int = 16, seed: int = 0) -> np.ndarray:
    """Coloured soft discs u8[count, size, size, 3] at random places and sizes."""
    rng = np.random.default_rng(seed)
    x, y, radius = rng.uniform(0, size, (3, count, 1, 1))
    rows, columns = np.mgrid[:size, :size] + 0.5
    cover = np.clip(radius / 4 - np.hypot(columns - x, rows - y) + 0.5, 0, 1)[..., None]
    return np.rint(255 * (1 - cover * rng.uniform(0.2, 1, (count, 1, 1, 3)))).astype(np.uint8)


@pytest.fixture(scope="module")
def codec() -> PcaCodec:
    return fit_pca(discs(600), components=24)


def test_components_are_the_leading_eigenvectors_of_the_ink() -> None:
    frames = discs(600)
    codec = fit_pca(frames, components=8)
    ink = 1 - frames.reshape(600, -1).astype(np.float64) / 255
    variance = np.linalg.svd(ink - ink.mean(axis=0), compute_uv=False)[:8] ** 2 / 600
    projected = (ink - ink.mean(axis=0)) @ codec.components
    np.testing.assert_allclose(codec.components.T @ codec.components, np.eye(8), atol=1e-5)
    np.testing.assert_allclose(projected.var(axis=0), variance, rtol=1e-3)
    assert codec.scale == pytest.approx(np.sqrt(variance.mean()), rel=1e-4)


def test_latents_of_the_corpus_have_mean_square_one(codec: PcaCodec) -> None:
    latents = codec.encode(discs(600).reshape(60, 10, 16, 16, 3))
    assert latents.shape == (60, 10, 24, 1, 1)
    assert latents.dtype == torch.float32
    assert float(latents.square().mean()) == pytest.approx(1, abs=1e-3)


def test_fit_is_the_same_bit_for_bit(codec: PcaCodec) -> None:
    again = fit_pca(discs(600), components=24)
    assert np.array_equal(codec.components, again.components)
    assert codec.scale == again.scale


def test_all_components_give_the_pixels_back() -> None:
    frames = discs(300, size=6)
    codec = fit_pca(frames, components=108)
    videos = frames.reshape(30, 10, 6, 6, 3)
    assert np.array_equal(codec.decode(codec.encode(videos)), videos)


def test_more_components_err_less_on_unseen_frames() -> None:
    unseen = discs(100, seed=1).reshape(10, 10, 16, 16, 3)

    def error(components: int) -> float:
        codec = fit_pca(discs(600), components=components)
        return float(np.abs(codec.decode(codec.encode(unseen)).astype(int) - unseen).mean())

    assert error(4) > 1.3 * error(32) > 1.3 * error(200)


def test_a_video_is_encoded_alike_alone_and_in_company(codec: PcaCodec) -> None:
    videos = discs(2400, seed=2).reshape(150, 16, 16, 16, 3)
    torch.testing.assert_close(
        codec.encode(videos)[140:141], codec.encode(videos[140:141]), rtol=1e-4, atol=1e-5
    )


def test_saved_and_loaded_is_equal(codec: PcaCodec, tmp_path: Path) -> None:
    codec.save(tmp_path)
    loaded = load_pca(tmp_path)
    videos = discs(20, seed=3).reshape(2, 10, 16, 16, 3)
    assert torch.equal(loaded.encode(videos), codec.encode(videos))
    assert np.array_equal(loaded.decode(codec.encode(videos)), codec.decode(codec.encode(videos)))


def test_wrong_cases_say_what_is_allowed(codec: PcaCodec) -> None:
    with pytest.raises(UserError, match=r"components=0: must be at least 1"):
        PcaSpec(components=0)
    with pytest.raises(
        UserError, match=r"components=50: needs as many frames and pixels, got 20 and 768"
    ):
        fit_pca(discs(20), components=50)
    with pytest.raises(UserError, match=r"16 x 16 px, got 8 x 8"):
        codec.encode(discs(4, size=8).reshape(1, 4, 8, 8, 3))
