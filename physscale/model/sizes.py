"""How large a model is and what it costs, by formula: parameters and FLOPs without building
anything (no torch).

A block has 12 d^2 weights (attention 4, MLP 8) and 9 d biases; one adaLN projection (6 d^2) is
shared by all blocks, each of which adds a bias of its own to it (PixArt-alpha, arXiv 2310.00426).
Only this count meets the four sizes published with arXiv 2411.02385 (22.5M, 89.5M, 310.0M, 456.0M);
one projection a block (`adaln="block"`), as in the first DiT, gives 33M for S."""

from physscale.model.conditioning_spec import NUMBERS_A_BODY
from physscale.model.spec import DiTSpec
from physscale.records.latent_shape import LatentShape

__all__ = [
    "SIZES",
    "TIME_FEATURES",
    "forward_flops",
    "input_channels",
    "parameters",
    "training_flops",
]

TIME_FEATURES = 256
"""Sines and cosines that describe the time t; narrow models use fewer (`time_features`)."""

SIZES: dict[str, DiTSpec] = {
    "d6": DiTSpec(width=6, depth=3, heads=1),
    "d8": DiTSpec(width=8, depth=3, heads=1),
    "d16": DiTSpec(width=16, depth=3, heads=1),
    "d32": DiTSpec(width=32, depth=3, heads=1),
    "d64": DiTSpec(width=64, depth=3, heads=2),
    "d96": DiTSpec(width=96, depth=3, heads=3),
    "S": DiTSpec(width=384, depth=12, heads=6, patch=2, activation="gelu"),
    "B": DiTSpec(width=768, depth=12, heads=12, patch=2, activation="gelu"),
    "L": DiTSpec(width=1024, depth=24, heads=16, patch=2, activation="gelu"),
    "XL": DiTSpec(width=1152, depth=28, heads=16, patch=2, activation="gelu"),
}
"""From the CPU ladder's smallest (whole-frame latents, one token a frame) to the paper's S, B, L,
XL (head width 64 and 72)."""


def input_channels(channels: int) -> int:
    """Noisy latents, given frames (zero elsewhere) and the mask that tells which are given, side by
    side."""
    return 2 * channels + 1


def time_features(spec: DiTSpec) -> int:
    return min(TIME_FEATURES, spec.width)


def parameters(spec: DiTSpec, *, shape: LatentShape) -> int:
    """Number of trained numbers of the model on latents of this shape."""
    d, hidden = spec.width, spec.mlp_ratio * spec.width
    block = 4 * d * d + 2 * d * hidden + (4 * d + hidden + d)
    shared, own = 6 * (d * d + d) + (6 * spec.depth + 2) * d, (6 * spec.depth + 2) * (d * d + d)
    modulation = shared if spec.adaln == "shared" else own
    time = (time_features(spec) + 1) * d + (d + 1) * d
    embed = (input_channels(shape.channels) * spec.cells + 1) * d
    head = (d + 1) * shape.channels * spec.cells
    return spec.depth * block + modulation + time + embed + head + _told_parameters(spec)


def forward_flops(spec: DiTSpec, *, shape: LatentShape) -> int:
    """Floating-point operations of the matrix products of one forward pass on one video (a
    multiply-add is 2)."""
    d, tokens = spec.width, spec.tokens(shape)
    met = tokens + spec.conditioning_tokens
    projections = spec.depth * (4 * d * d + 2 * d * spec.mlp_ratio * d) * met
    attention = spec.depth * 2 * met * met * d
    modulations = 6 if spec.adaln == "shared" else 6 * spec.depth + 2
    once_a_video = modulations * d * d + time_features(spec) * d + d * d
    ends = (input_channels(shape.channels) + shape.channels) * spec.cells * d * tokens
    return 2 * (projections + attention + once_a_video + ends + _told_products(spec, tokens=tokens))


def training_flops(spec: DiTSpec, *, shape: LatentShape, batch: int, steps: int) -> float:
    """Matrix products of forward and backward (twice the forward) passes of a whole training,
    optimiser not counted.

    The input needs no gradient, so the backward pass of the embedding and of the first time layer
    is one product less."""
    d = spec.width
    no_gradient = d * (
        input_channels(shape.channels) * spec.cells * spec.tokens(shape) + time_features(spec)
    ) + _told_first(spec)
    return float(batch * steps) * (3 * forward_flops(spec, shape=shape) - 2 * no_gradient)


def _told_parameters(spec: DiTSpec) -> int:
    """Of the reader of what is told, and the blocks' cross-attention."""
    d, text = spec.width, spec.text
    if spec.conditioning == "text":
        return text.parameters + spec.depth * (2 * (d + 1) * d + 2 * (text.width + 1) * d)
    return (NUMBERS_A_BODY + 1) * d if spec.conditioning == "numbers" else 0


def _told_products(spec: DiTSpec, *, tokens: int) -> int:
    """Multiply-adds of one video with so many tokens, besides those of the told tokens in the
    blocks."""
    d, text = spec.width, spec.text
    if spec.conditioning != "text":
        return _told_first(spec)
    cross = 2 * d * d * tokens + 2 * text.width * d * text.tokens + 2 * tokens * text.tokens * d
    return _told_first(spec) + text.forward_products + spec.depth * cross


def _told_first(spec: DiTSpec) -> int:
    """Multiply-adds of the first layer of what is told: its input needs no gradient."""
    return (
        spec.text.first_products
        if spec.conditioning == "text"
        else NUMBERS_A_BODY * spec.width * spec.conditioning_tokens
    )
