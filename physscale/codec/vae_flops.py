"""Parameters and FLOPs of the video VAE by formula, without torch; the tests compare them with
torch's own count.

A convolution from a to b channels with k x k taps has k^2 a b weights, and does as many
multiply-adds per output pixel. A causal one has three taps in time as well."""

from dataclasses import dataclass

from physscale.codec.vae_spec import VaeSpec

__all__ = ["decode_flops", "encode_flops", "vae_parameters"]

TAPS = 3
"""In time."""


def encode_flops(spec: VaeSpec, *, frames: int, size_px: int) -> int:
    """Floating-point operations of the matrix products that encode one video (a multiply-add
    counts as 2)."""
    return 2 * _encoder(spec, frames=frames, size_px=size_px).products


def decode_flops(spec: VaeSpec, *, frames: int, size_px: int) -> int:
    """The same for decoding the latents of one video."""
    return 2 * _decoder(spec, frames=frames, size_px=size_px).products


def vae_parameters(spec: VaeSpec) -> int:
    """Number of trained parameters."""
    size_px = spec.space_factor
    return sum(walk(spec, frames=1, size_px=size_px).parameters for walk in (_encoder, _decoder))


@dataclass
class _Walk:
    """The size of a video on its way through the layers, and their sums so far."""

    frames: int
    size_px: int
    products: int = 0
    parameters: int = 0

    def conv(self, inputs: int, outputs: int, *, kernel: int = 1, taps: int = 1) -> None:
        weights = taps * kernel**2 * inputs * outputs
        self.products += weights * self.frames * self.size_px**2
        self.parameters += weights + outputs

    def norm(self, channels: int) -> None:
        self.parameters += 2 * channels

    def block(self, inputs: int, outputs: int, *, looks_back: bool) -> None:
        self.norm(inputs)
        self.conv(inputs, outputs, kernel=3)
        self.norm(outputs)
        self.conv(outputs, outputs, kernel=3)
        if inputs != outputs:
            self.conv(inputs, outputs)
        if looks_back:
            self.conv(outputs, outputs, taps=TAPS)

    def middle(self, channels: int) -> None:
        pixels = self.size_px**2
        self.block(channels, channels, looks_back=True)
        self.norm(channels)
        for _ in range(4):
            self.conv(channels, channels)
        self.products += 2 * self.frames * pixels**2 * channels
        self.block(channels, channels, looks_back=True)

    def halved(self, *, time_stride: int) -> None:
        self.size_px //= 2
        self.frames = 1 + (self.frames - 1) // time_stride


def _encoder(spec: VaeSpec, *, frames: int, size_px: int) -> _Walk:
    walk, latent = _Walk(frames, size_px), spec.latent_channels
    walk.conv(3, spec.widths[0], kernel=3)
    for level, width in enumerate(spec.widths):
        back = spec.looks_back(level)
        for block in range(spec.blocks):
            walk.block(
                spec.widths[max(level - 1, 0)] if block == 0 else width, width, looks_back=back
            )
        if level < len(spec.widths) - 1:
            walk.halved(time_stride=spec.time_stride(level))
            walk.conv(width, width, kernel=3, taps=TAPS if back else 1)
    walk.middle(spec.widths[-1])
    walk.norm(spec.widths[-1])
    walk.conv(spec.widths[-1], 2 * latent, kernel=3)
    walk.conv(2 * latent, 2 * latent)
    return walk


def _decoder(spec: VaeSpec, *, frames: int, size_px: int) -> _Walk:
    shape = spec.latents(frames=frames, size_px=size_px)
    walk, deepest = _Walk(shape.frames, shape.height), spec.widths[-1]
    walk.conv(shape.channels, shape.channels)
    walk.conv(shape.channels, deepest, kernel=3)
    walk.middle(deepest)
    for level in reversed(range(len(spec.widths))):
        width = spec.widths[level]
        for block in range(spec.blocks + 1):
            first = spec.widths[min(level + 1, len(spec.widths) - 1)]
            walk.block(first if block == 0 else width, width, looks_back=spec.looks_back(level))
        if level:
            if spec.time_stride(level - 1) == 2:
                walk.conv(width, 2 * width, taps=TAPS)
                walk.frames = 2 * walk.frames - 1
            walk.conv(width, 4 * width)
            walk.size_px *= 2
            walk.conv(width, width, kernel=3)
    walk.norm(spec.widths[0])
    walk.conv(spec.widths[0], 3, kernel=3)
    return walk
