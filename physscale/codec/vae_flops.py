"""Parameters and FLOPs of the video VAE by formula, without torch; the tests compare them with
torch's own count.

A convolution from a to b channels with k x k taps has k^2 a b weights, and does as many
multiply-adds per output pixel. A causal one has three taps in time as well."""

from collections.abc import Iterator

from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_layers import TAPS, Layer, decoder, encoder
from physscale.codec.vae_spec import VaeSpec

__all__ = ["decode_flops", "encode_flops", "training_flops", "vae_parameters"]


def encode_flops(spec: VaeSpec, *, frames: int, size_px: int) -> int:
    """Floating-point operations of the matrix products that encode one video (a multiply-add
    counts as 2)."""
    return 2 * sum(map(_products, encoder(spec, frames=frames, size_px=size_px)))


def decode_flops(spec: VaeSpec, *, frames: int, size_px: int) -> int:
    """The same for decoding the latents of one video."""
    return 2 * sum(map(_products, decoder(spec, frames=frames, size_px=size_px)))


def training_flops(spec: VaeSpec, training: VaeTraining, *, size_px: int) -> int:
    """The same for the whole training of the VAE, without a perceptual distance and discriminators.
    The backward pass takes twice the forward pass. Recomputing runs a layer again as far as the
    input of its last convolution."""
    sizes = {"frames": training.frames, "size_px": size_px}
    layers = [*encoder(spec, **sizes), *decoder(spec, **sizes)]
    products = 3 * sum(map(_products, layers))
    if training.recompute == "block":
        products += sum(_products(layer) - _last(layer) for layer in layers)
    return 2 * training.steps * training.batch * products


def vae_parameters(spec: VaeSpec) -> int:
    """Number of trained parameters."""
    size_px = spec.space_factor
    return sum(
        parameters(layer)
        for walk in (encoder, decoder)
        for layer in walk(spec, frames=1, size_px=size_px)
    )


def parameters(layer: Layer) -> int:
    """Number of a layer's parameters."""
    normed = {"res": layer.inputs + layer.outputs, "attention": layer.inputs, "out": layer.inputs}
    convolutions = sum(weights + outputs for weights, outputs, _ in _convolutions(layer))
    return convolutions + 2 * normed.get(layer.kind, 0)


def _products(layer: Layer) -> int:
    """Multiply-adds on one video."""
    products = sum(weights * pixels for weights, _, pixels in _convolutions(layer))
    if layer.kind == "attention":
        products += 2 * layer.pixels * layer.size_px**2 * layer.inputs
    return products


def _last(layer: Layer) -> int:
    """Multiply-adds of its last convolution on one video."""
    weights, _, pixels = list(_convolutions(layer))[-1]
    return weights * pixels


def _convolutions(layer: Layer) -> Iterator[tuple[int, int, int]]:
    """The weights, output channels and output pixels of each convolution and linear map, in the
    order in which they run."""
    inputs, outputs, pixels = layer.inputs, layer.outputs, layer.pixels
    match layer.kind:
        case "conv":
            yield layer.kernel**2 * inputs * outputs, outputs, pixels
        case "out":
            yield 9 * inputs * outputs, outputs, pixels
        case "res":
            yield 9 * inputs * outputs, outputs, pixels
            if inputs != outputs:
                yield inputs * outputs, outputs, pixels
            yield 9 * outputs * outputs, outputs, pixels
            if layer.back:
                yield TAPS * outputs * outputs, outputs, pixels
        case "attention":
            for _ in range(4):
                yield inputs * outputs, outputs, pixels
        case "down":
            taps = TAPS if layer.back else 1
            yield 9 * taps * inputs * outputs, outputs, layer.pixels_out
        case "up":
            if layer.time_stride == 2:
                yield TAPS * inputs * 2 * inputs, 2 * inputs, pixels
            yield 4 * inputs * outputs, 4 * outputs, layer.pixels_out // 4
            yield 9 * outputs * outputs, outputs, layer.pixels_out
