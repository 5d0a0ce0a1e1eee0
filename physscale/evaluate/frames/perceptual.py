"""Distances in the features of a trained network: LPIPS with weights that the user provides, and
ST-LPIPS with weights from its package.

Both compare unit-length features of five layers (seven for SqueezeNet):

    d = Σ_layers mean over positions of w·(f₁/|f₁| - f₂/|f₂|)²

LPIPS is version 0.1 of arXiv 1801.03924, ST-LPIPS is arXiv 2207.13686. They are different metrics
with different names. `st_lpips` is the shift-tolerant AlexNet of the package `stlpips-pytorch`.
`lpips_alex`, `lpips_vgg` and `lpips_squeeze` need torchvision's ImageNet file (the paper used
AlexNet) and take the linear heads from the package `lpips`. The networks are built here; only
weights are read from the two packages."""

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torchvision
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from physscale.evaluate.frames.pixels import SMALLEST_LPIPS_PX
from physscale.records.errors import DamagedData, UserError
from physscale.records.given_file import check_file
from physscale.records.store import sha256_of

FRAMES_AT_ONCE = 16
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Mean and standard deviation of ImageNet for inputs in [-1, 1]."""

Network = Literal["alex", "vgg", "squeeze"]
CUTS: dict[str, tuple[int, ...]] = {
    "alex": (2, 5, 8, 10, 12),
    "vgg": (4, 9, 16, 23, 30),
    "squeeze": (2, 5, 8, 10, 11, 12, 13),
}
"""The ends of the compared slices in torchvision's `features`."""

OFFICIAL = {"alex": "7be5be79", "vgg": "397923af", "squeeze": "b8a52dc0"}
"""First digits of the SHA-256 of torchvision's files, as in their names."""


@dataclass(frozen=True)
class Perceptual:
    """A network cut into slices, and a weight for each channel.

    Attributes:
        name: name of the metric.
        sha256: digest of the file with the network.
        official: whether that is the published file.
    """

    name: str
    sha256: str
    official: bool
    slices: tuple[nn.Module, ...]
    heads: tuple[Float[Tensor, "1 _ 1 1"], ...]

    @torch.no_grad()
    def __call__(
        self,
        pixels: UInt8[np.ndarray, "batch frames height width 3"],
        *,
        truth: UInt8[np.ndarray, "batch frames height width 3"],
    ) -> Float[np.ndarray, " batch"]:
        """Mean distance over each video's frames; 0 for equal frames.

        Raises:
            UserError: if the frames are too small for the network.
        """
        assert pixels.shape == truth.shape, f"frames of {pixels.shape} against {truth.shape}"
        if min(pixels.shape[2:4]) < SMALLEST_LPIPS_PX:
            raise UserError(
                f"{self.name}: frames of {pixels.shape[3]} px are too small for the network, which "
                f"needs {SMALLEST_LPIPS_PX}"
            )
        frames, others = (part.reshape(-1, *part.shape[2:]) for part in (pixels, truth))
        starts = range(0, len(frames), FRAMES_AT_ONCE)
        parts = [
            self._distance(
                frames[start : start + FRAMES_AT_ONCE], others[start : start + FRAMES_AT_ONCE]
            )
            for start in starts
        ]
        return np.concatenate(parts).reshape(pixels.shape[:2]).mean(1)

    def _distance(self, frames: np.ndarray, others: np.ndarray) -> Float[np.ndarray, " frames"]:
        signed = (
            torch.from_numpy(np.concatenate([frames, others])).permute(0, 3, 1, 2).float() / 127.5
            - 1.0
        )
        one, other = signed.chunk(2)
        return self.distance(one, other).double().numpy()

    def distance(
        self,
        frames: Float[Tensor, "frames 3 height width"],
        others: Float[Tensor, "frames 3 height width"],
    ) -> Float[Tensor, " frames"]:
        """Distances between pairs of frames in -1..1, with gradients for training."""
        both = torch.cat([frames, others])
        both = (both - both.new_tensor(SHIFT).view(1, 3, 1, 1)) / both.new_tensor(SCALE).view(
            1, 3, 1, 1
        )
        total = both.new_zeros(len(frames))
        for piece, head in zip(self.slices, self.heads, strict=True):
            both = piece(both)
            unit = both / (both.square().sum(1, keepdim=True).sqrt() + 1e-10)
            one, other = unit.split(len(frames))
            total = total + ((one - other).square() * head).sum(1).mean((1, 2))
        return total

    def on(self, device: torch.device | str) -> "Perceptual":
        """The same network on a device, frozen."""
        slices = tuple(piece.to(device).requires_grad_(False) for piece in self.slices)
        return replace(self, slices=slices, heads=tuple(head.to(device) for head in self.heads))


class BlurPool(nn.Module):
    """Smooths by [1, 2, 1]²/16 with two mirrored pixels of padding, then keeps every second pixel
    (arXiv 1904.11486)."""

    def forward(
        self, x: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height2 width2"]:
        line = x.new_tensor([0.25, 0.5, 0.25])
        kernel = (line[:, None] * line[None]).expand(x.shape[1], 1, 3, 3)
        return functional.conv2d(
            functional.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1]
        )


def st_lpips() -> Perceptual:
    """ST-LPIPS with the weights of the installed package."""
    path = _package("stlpips_pytorch") / "weights" / "vST0.0" / "alex_shift_tolerant.pth"
    weights = _weights(path)
    convolutions = [
        nn.Conv2d(3, 64, 11, padding=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.Conv2d(256, 256, 3, padding=1),
    ]
    for convolution, key in zip(
        convolutions, ("slice1.0", "slice2.5", "slice3.9", "slice4.11", "slice5.13"), strict=True
    ):
        convolution.load_state_dict(
            {part: weights[f"net.{key}.{part}"] for part in ("weight", "bias")}
        )
    first, second, third, fourth, fifth = convolutions
    slices = (
        nn.Sequential(first, BlurPool(), nn.ReLU()),
        nn.Sequential(nn.MaxPool2d(3, 1), BlurPool(), second, nn.ReLU()),
        nn.Sequential(nn.MaxPool2d(3, 1), BlurPool(), third, nn.ReLU()),
        nn.Sequential(fourth, nn.ReLU()),
        nn.Sequential(fifth, nn.ReLU()),
    )
    return Perceptual("st_lpips", sha256_of(path), True, slices, _heads(weights, count=5))


def lpips(path: Path) -> Perceptual:
    """LPIPS v0.1 on the network in this file: torchvision's AlexNet, VGG-16 or SqueezeNet 1.1,
    which differ in their layers.

    Raises:
        UserError: if there is no such file, or it holds another network.
        DamagedData: if it is not a file of plain tensors.
    """
    check_file(path, what="--lpips-weights")
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; --lpips-weights takes torchvision's alexnet-owt-7be5be79.pth "
            "(or its vgg16, squeezenet1_1)"
        )
    weights = {
        key.removeprefix("features."): value
        for key, value in _weights(path).items()
        if key.startswith("features.")
    }
    network = _network(weights)
    if network is None:
        raise UserError(
            f"{path}: not torchvision's AlexNet, VGG-16 or SqueezeNet 1.1 (their layers are "
            "called features.0.weight, ...)"
        )
    builder = {
        "alex": torchvision.models.alexnet,
        "vgg": torchvision.models.vgg16,
        "squeeze": torchvision.models.squeezenet1_1,
    }
    features = builder[network](weights=None).features
    features.load_state_dict(weights)
    for layer in features.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    ends = CUTS[network]
    slices = tuple(
        features[start:end].eval() for start, end in zip((0, *ends[:-1]), ends, strict=True)
    )
    heads = _heads(
        _weights(_package("lpips") / "weights" / "v0.1" / f"{network}.pth"), count=len(ends)
    )
    digits = sha256_of(path)
    return Perceptual(
        f"lpips_{network}", digits, digits.startswith(OFFICIAL[network]), slices, heads
    )


def _network(weights: dict[str, Tensor]) -> Network | None:
    if "3.squeeze.weight" in weights:
        return "squeeze"
    first = weights.get("0.weight", torch.empty(0)).shape
    if first == (64, 3, 11, 11):
        return "alex"
    return (
        "vgg"
        if first == (64, 3, 3, 3) and "28.weight" in weights and "34.weight" not in weights
        else None
    )


def _heads(weights: dict[str, Tensor], *, count: int) -> tuple[Tensor, ...]:
    return tuple(weights[f"lin{layer}.model.1.weight"] for layer in range(count))


def _weights(path: Path) -> dict[str, Tensor]:
    """Loads plain tensors only: no code in the file is run."""
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds for a foreign file
        raise DamagedData(
            f"{path}: not a file of plain tensors ({type(error).__name__})"
        ) from error
    if not isinstance(loaded, dict) or not all(
        isinstance(value, Tensor) for value in loaded.values()
    ):
        raise DamagedData(f"{path}: not a table of tensors by name")
    return loaded


def _package(name: str) -> Path:
    """The folder of a package, without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise UserError(
            f"the package {name.replace('_', '-')} is missing; install physscale with its "
            "dependencies again"
        )
    return Path(found.origin).parent
