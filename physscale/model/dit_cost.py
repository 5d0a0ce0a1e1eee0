"""Parameters and FLOPs of a diffusion transformer by formula (no torch).

A block has 12 d^2 weights (attention 4, MLP 8) and 9 d biases; one adaLN projection (6 d^2) is
shared by all blocks, each of which adds a bias of its own to it (PixArt-alpha, arXiv 2310.00426).
Only this count meets the four sizes published with arXiv 2411.02385 (22.5M, 89.5M, 310.0M, 456.0M);
one projection per block (`adaln="block"`), as in the first DiT, gives 33M for S."""

from physscale.model.backbone_spec import Autocast, Work
from physscale.model.conditioning_spec import NUMBERS_A_BODY
from physscale.model.dit_spec import DiTSpec
from physscale.records.latent_shape import BackboneShape

__all__ = ["forward_flops", "parameters", "time_features", "training_flops", "work"]

TIME_FEATURES = 256
"""Sines and cosines that describe the time t; narrow models use fewer (`time_features`)."""


def time_features(spec: DiTSpec) -> int:
    return min(TIME_FEATURES, spec.width)


def parameters(spec: DiTSpec, *, shape: BackboneShape) -> int:
    """Number of trained numbers."""
    d, hidden = spec.width, spec.mlp_ratio * spec.width
    block = 4 * d * d + 2 * d * hidden + (4 * d + hidden + d)
    shared, own = 6 * (d * d + d) + (6 * spec.depth + 2) * d, (6 * spec.depth + 2) * (d * d + d)
    modulation = shared if spec.adaln == "shared" else own
    time = (time_features(spec) + 1) * d + (d + 1) * d
    embed = (shape.inputs * spec.cells + 1) * d
    head = (d + 1) * shape.channels * spec.cells
    return spec.depth * block + modulation + time + embed + head + _conditioning_parameters(spec)


def forward_flops(spec: DiTSpec, *, shape: BackboneShape) -> int:
    """Floating-point operations of the matrix products of one forward pass on one video (a
    multiply-add is 2)."""
    d, tokens = spec.width, spec.tokens(shape)
    met = tokens + spec.conditioning_tokens
    projections = spec.depth * (4 * d * d + 2 * d * spec.mlp_ratio * d) * met
    attention = spec.depth * 2 * met * met * d
    modulations = 6 if spec.adaln == "shared" else 6 * spec.depth + 2
    once_per_video = modulations * d * d + time_features(spec) * d + d * d
    ends = (shape.inputs + shape.channels) * spec.cells * d * tokens
    return 2 * (
        projections
        + attention
        + once_per_video
        + ends
        + _conditioning_products(spec, tokens=tokens)
    )


def training_flops(spec: DiTSpec, *, shape: BackboneShape) -> int:
    """The same of a forward and backward (twice the forward) pass on one video.

    The input needs no gradient, so the backward pass of the embedding and of the first time layer
    is one product less."""
    d = spec.width
    no_gradient = d * (
        shape.inputs * spec.cells * spec.tokens(shape) + time_features(spec)
    ) + _conditioning_first(spec)
    return 3 * forward_flops(spec, shape=shape) - 2 * no_gradient


def work(spec: DiTSpec, *, shape: BackboneShape, videos: int, autocast: Autocast) -> Work:
    """Bytes and operations as PyTorch's dispatcher counts them (`_BLOCK`, `_ENDS`)."""
    tokens = spec.tokens(shape)
    met = videos * (tokens + spec.conditioning_tokens)
    fixed, hidden, operations = _BLOCK[autocast]
    ends, operations_of_ends = _ENDS[autocast]
    if spec.activation == "relu2":
        hidden += _RELU2
    per_token = spec.depth * (fixed + hidden * spec.mlp_ratio) + ends
    ports = _PORT_BYTES * videos * shape.positions * (shape.inputs + shape.channels)
    return Work(
        attention_flops=4.0 * spec.depth * met * (tokens + spec.conditioning_tokens) * spec.width,
        bytes=float(met * spec.width * per_token + ports),
        operations=spec.depth * operations + operations_of_ends,
    )


_BLOCK: dict[Autocast, tuple[int, int, int]] = {
    "none": (440, 24, 70),
    "cpu": (408, 12, 94),
    "cuda": (452, 12, 97),
}
"""Of a block, forward and backward: bytes per token and unit of width, the same per MLP ratio, and
operations."""

_ENDS: dict[Autocast, tuple[int, int]] = {"none": (84, 87), "cpu": (90, 116), "cuda": (112, 118)}
"""Outside the blocks: bytes per token and unit of width, and operations."""

_RELU2 = 16
"""More than with gelu, per MLP ratio."""

_PORT_BYTES = 50
"""Per number of the input and of the output."""


def _conditioning_parameters(spec: DiTSpec) -> int:
    """Of the reader of the conditioning, and the blocks' cross-attention."""
    d, text = spec.width, spec.text
    if spec.conditioning == "text":
        return text.parameters + spec.depth * (2 * (d + 1) * d + 2 * (text.width + 1) * d)
    return (NUMBERS_A_BODY + 1) * d if spec.conditioning == "numbers" else 0


def _conditioning_products(spec: DiTSpec, *, tokens: int) -> int:
    """Multiply-adds for one video of so many tokens, besides those of the conditioning's tokens in
    the blocks."""
    d, text = spec.width, spec.text
    if spec.conditioning != "text":
        return _conditioning_first(spec)
    cross = 2 * d * d * tokens + 2 * text.width * d * text.tokens + 2 * tokens * text.tokens * d
    return _conditioning_first(spec) + text.forward_products + spec.depth * cross


def _conditioning_first(spec: DiTSpec) -> int:
    """Multiply-adds of the first layer that reads the conditioning: its input needs no gradient."""
    return (
        spec.text.first_products
        if spec.conditioning == "text"
        else NUMBERS_A_BODY * spec.width * spec.conditioning_tokens
    )
