"""Frame metrics against second implementations, and on frames that are wrong."""

import sys
import types
from pathlib import Path

import lpips as reference_lpips
import numpy as np
import pytest
import torch
import torchvision
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from physscale.evaluate.frames.perceptual import lpips, st_lpips
from physscale.evaluate.frames.pixels import PSNR_AT_MOST_DB, psnr, ssim
from physscale.records.errors import DamagedData, UserError
from physscale.records.store import sha256_of
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

AGREE = 1e-4


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    videos = simulate(DataSpec(scenario=Collision(), videos=3, frames=4), indices=np.arange(3))
    return render(videos, canvas=Canvas(size_px=64))


def noisy(truth: np.ndarray, *, sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, truth.shape)
    return np.clip(truth + noise, 0, 255).round().astype(np.uint8)


@pytest.fixture(scope="module")
def wrong(truth: np.ndarray) -> np.ndarray:
    return noisy(np.roll(truth, 2, axis=3), sigma=12)


def test_ssim_is_skimages(truth: np.ndarray, wrong: np.ndarray) -> None:
    expected = [
        np.mean(
            [
                structural_similarity(
                    a,
                    b,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                    channel_axis=-1,
                    data_range=255,
                )
                for a, b in zip(one, other, strict=True)
            ]
        )
        for one, other in zip(wrong, truth, strict=True)
    ]
    np.testing.assert_allclose(ssim(wrong, truth=truth), expected, rtol=1e-9)


def test_psnr_is_the_mean_of_skimages_decibels(truth: np.ndarray, wrong: np.ndarray) -> None:
    expected = [
        np.mean([peak_signal_noise_ratio(a, b) for a, b in zip(one, other, strict=True)])
        for one, other in zip(truth, wrong, strict=True)
    ]
    np.testing.assert_allclose(psnr(wrong, truth=truth), expected, rtol=1e-9)


def test_equal_frames(truth: np.ndarray) -> None:
    np.testing.assert_allclose(ssim(truth, truth=truth), 1.0)
    np.testing.assert_array_equal(psnr(truth, truth=truth), PSNR_AT_MOST_DB)
    np.testing.assert_array_equal(st_lpips()(truth, truth=truth), 0.0)


def test_one_bad_frame_moves_the_mean_and_pools_nothing(truth: np.ndarray) -> None:
    bad = truth.copy()
    bad[:, 0] = 255 - bad[:, 0]
    alone = psnr(bad[:, :1], truth=truth[:, :1])
    np.testing.assert_allclose(psnr(bad, truth=truth), (alone + 3 * PSNR_AT_MOST_DB) / 4)
    assert (ssim(bad, truth=truth) < 0.8).all()


def test_all_get_worse_with_more_noise(truth: np.ndarray) -> None:
    some, more = noisy(truth, sigma=6), noisy(truth, sigma=24)
    assert (ssim(some, truth=truth) > ssim(more, truth=truth)).all()
    assert (psnr(some, truth=truth) > psnr(more, truth=truth)).all()
    assert (st_lpips()(some, truth=truth) < st_lpips()(more, truth=truth)).all()


def test_st_lpips_is_its_packages(
    truth: np.ndarray, wrong: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package itself, with stand-ins for the two debugging tools that it imports and does not
    use."""
    for missing, attribute in (("IPython", "embed"), ("torchsummary", "summary")):
        module = types.ModuleType(missing)
        setattr(module, attribute, None)
        monkeypatch.setitem(sys.modules, missing, module)
    package = pytest.importorskip(
        "stlpips_pytorch.stlpips", reason="its other imports are missing", exc_type=ImportError
    )
    reference = package.LPIPS(net="alex", variant="shift_tolerant", verbose=False)
    np.testing.assert_allclose(
        st_lpips()(wrong, truth=truth), by_reference(reference, wrong, truth), rtol=AGREE
    )


@pytest.mark.filterwarnings(
    "ignore:.*pretrained:UserWarning", "ignore:Arguments other than a weight enum:UserWarning"
)
@pytest.mark.parametrize("network", ["alex", "squeeze"])
def test_lpips_is_its_packages_on_the_same_network(
    network: str, truth: np.ndarray, wrong: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "network.pth"
    trunk = {"alex": torchvision.models.alexnet, "squeeze": torchvision.models.squeezenet1_1}[
        network
    ](weights=None)
    torch.save(trunk.state_dict(), path)
    ours = lpips(path)
    assert (ours.name, ours.official, ours.sha256) == (f"lpips_{network}", False, sha256_of(path))
    reference = reference_lpips.LPIPS(net=network, pnet_rand=True, verbose=False)
    for name, value in trunk.features.state_dict().items():
        layer = name.split(".")[0]
        piece = next(
            part for part in reference.net.children() if layer in dict(part.named_children())
        )
        piece.state_dict()[name].copy_(value)
    np.testing.assert_allclose(
        ours(wrong, truth=truth), by_reference(reference, wrong, truth), rtol=AGREE
    )


def by_reference(metric: torch.nn.Module, pixels: np.ndarray, truth: np.ndarray) -> list[float]:
    one, other = (
        torch.from_numpy(part).permute(0, 1, 4, 2, 3).float() / 127.5 - 1
        for part in (pixels, truth)
    )
    with torch.no_grad():
        return [float(metric(a, b).mean()) for a, b in zip(one, other, strict=True)]


def test_a_foreign_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file.*alexnet"):
        lpips(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("not weights")
    with pytest.raises(DamagedData, match="plain tensors"):
        lpips(tmp_path / "text.pth")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="AlexNet, VGG-16 or SqueezeNet"):
        lpips(tmp_path / "other.pth")


def test_frames_too_small_are_refused(truth: np.ndarray) -> None:
    small = np.ascontiguousarray(truth[:, :, ::4, ::4])
    with pytest.raises(UserError, match="too small"):
        st_lpips()(small, truth=small)


def test_the_distance_of_a_training_is_the_metric_and_has_gradients(
    truth: np.ndarray, wrong: np.ndarray
) -> None:
    metric = st_lpips().on("cpu")
    one, other = (
        torch.from_numpy(part[0]).movedim(-1, 1).float() / 127.5 - 1 for part in (wrong, truth)
    )
    one.requires_grad_(True)
    distance = metric.distance(one, other).mean()
    assert float(distance.detach()) == pytest.approx(
        metric(wrong[:1], truth=truth[:1])[0], rel=1e-5
    )
    torch.autograd.backward(distance)
    assert one.grad is not None
    assert one.grad.isfinite().all()
    assert one.grad.any()
    assert not any(
        parameter.requires_grad for piece in metric.slices for parameter in piece.parameters()
    )
