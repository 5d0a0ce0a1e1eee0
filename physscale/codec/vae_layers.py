"""The layers of the video VAE as values, without torch: what its FLOPs, its parameters and its
memory are counted from (`vae_flops.py`, `vae_memory.py`)."""

from dataclasses import dataclass
from typing import Literal

from physscale.codec.vae_spec import VaeSpec

__all__ = ["TAPS", "Layer", "decoder", "encoder"]

TAPS = 3
"""In time, of a layer that looks back."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A part of the VAE and the size of a video on its way in.

    Attributes:
        kind: the class in `vae_blocks.py`; `conv` is a plain convolution, `out` one behind a norm.
        kernel: of a plain convolution.
        back: whether it sees earlier frames.
        time_stride: frames out per frame in, or in per out, after the first.
    """

    kind: Literal["conv", "res", "attention", "down", "up", "out"]
    inputs: int
    outputs: int
    frames: int
    size_px: int
    kernel: int = 1
    back: bool = False
    time_stride: int = 1

    @property
    def frames_out(self) -> int:
        if self.kind == "up" and self.time_stride == 2:
            return 2 * self.frames - 1
        return 1 + (self.frames - 1) // self.time_stride

    @property
    def size_px_out(self) -> int:
        if self.kind == "up":
            return 2 * self.size_px
        return self.size_px // 2 if self.kind == "down" else self.size_px

    @property
    def pixels(self) -> int:
        """Of all frames that go in."""
        return self.frames * self.size_px**2

    @property
    def pixels_out(self) -> int:
        """Of all frames that come out."""
        return self.frames_out * self.size_px_out**2


class _Path:
    """Layers in their order, each as large as the one before leaves the video."""

    def __init__(self, *, frames: int, size_px: int) -> None:
        self.layers: list[Layer] = []
        self.frames, self.size_px = frames, size_px

    def add(
        self,
        kind: Literal["conv", "res", "attention", "down", "up", "out"],
        inputs: int,
        outputs: int,
        *,
        kernel: int = 1,
        back: bool = False,
        time_stride: int = 1,
    ) -> None:
        layer = Layer(
            kind=kind,
            inputs=inputs,
            outputs=outputs,
            frames=self.frames,
            size_px=self.size_px,
            kernel=kernel,
            back=back,
            time_stride=time_stride,
        )
        self.layers.append(layer)
        self.frames, self.size_px = layer.frames_out, layer.size_px_out

    def middle(self, channels: int) -> None:
        self.add("res", channels, channels, back=True)
        self.add("attention", channels, channels)
        self.add("res", channels, channels, back=True)


def encoder(spec: VaeSpec, *, frames: int, size_px: int) -> list[Layer]:
    """From frames to the numbers of the posterior."""
    path, widths, latent = _Path(frames=frames, size_px=size_px), spec.widths, spec.latent_channels
    path.add("conv", 3, widths[0], kernel=3)
    for level, width in enumerate(widths):
        back = spec.looks_back(level)
        for block in range(spec.blocks):
            path.add("res", widths[max(level - 1, 0)] if block == 0 else width, width, back=back)
        if level < len(widths) - 1:
            path.add("down", width, width, back=back, time_stride=spec.time_stride(level))
    path.middle(widths[-1])
    path.add("out", widths[-1], 2 * latent)
    path.add("conv", 2 * latent, 2 * latent)
    return path.layers


def decoder(spec: VaeSpec, *, frames: int, size_px: int) -> list[Layer]:
    """From the latents of a video of this size to frames."""
    shape = spec.latents(frames=frames, size_px=size_px)
    path, widths = _Path(frames=shape.frames, size_px=shape.height), spec.widths
    path.add("conv", shape.channels, shape.channels)
    path.add("conv", shape.channels, widths[-1], kernel=3)
    path.middle(widths[-1])
    for level in reversed(range(len(widths))):
        width, back = widths[level], spec.looks_back(level)
        for block in range(spec.blocks + 1):
            first = widths[min(level + 1, len(widths) - 1)]
            path.add("res", first if block == 0 else width, width, back=back)
        if level:
            path.add("up", width, width, time_stride=spec.time_stride(level - 1))
    path.add("out", widths[0], 3)
    return path.layers
