"""Memory of a diffusion transformer's forward and backward pass by formula (no torch).

Numbers kept for the backward pass, per token and block (D width, r MLP ratio, K heads; Korthikanti
et al., arXiv 2205.05198, count them for other blocks):

    what                                            float32           bfloat16 autocast, bytes
    two norms: input, normed, modulated             6 D               2 (4 + 4 + 2) D
    query, key, value, turned query and key         5 D               (6 + 4) D
    attention's output, its projection              2 D               (2 + 4) D, on CPUs (2 + 2) D
    MLP: before and after the activation, output    (2 r + 1) D       (4 r + 4) D, (4 r + 2) D
    means and scales of norms, attention's sums     4 + K             4 (4 + K)

CUDA's autocast widens what `addcmul` multiplies, the outputs of attention and MLP; the CPU's does
not. In bfloat16 the products keep copies of the matrices too. Numbers of bodies are tokens like the
others. A text of P tokens of width E adds, per token:

    a block's cross-attention, a video token        4 D + 2 + K       10 D + 4 (2 + K)
    the same, a token of the text                   2 D               4 D + 4 E
    a layer that reads it, a token of the text      16 E + 4 + heads  36 E + 4 (4 + heads)

A CPU in bfloat16 with N tokens up to `LONGEST_KEPT` keeps the attention's probabilities
(`model/on_cpu.py`), 2 K N bytes per token and block, and query, key and value once: 4 D + 4 K bytes
less."""

from physscale.model.backbone_spec import ActivationMemory, Autocast, BlockMemory
from physscale.model.dit_spec import DiTSpec
from physscale.records.latent_shape import BackboneShape

__all__ = ["LONGEST_KEPT", "memory"]

FLOAT = 4
HALF = 2

LONGEST_KEPT = 1024
"""Tokens up to which a CPU in bfloat16 keeps the probabilities of its attention."""

_PASSING = 12
"""Bytes per token and unit of width, beside what is kept: gradients on their way."""

_PASSING_AGAIN = 5
"""The same in float32 while a block is recomputed: what it keeps is complete only when the turn of
its last layer has come."""


def memory(
    spec: DiTSpec, *, shape: BackboneShape, videos: int, autocast: Autocast
) -> ActivationMemory:
    """Of so many videos that pass at once."""
    bf16 = autocast != "none"
    tokens, text = videos * _tokens(spec, shape=shape), videos * spec.text.tokens
    width = tokens * spec.width
    kept = _kept_by_block(spec, tokens=tokens, attended=tokens // videos, autocast=autocast)
    if spec.conditioning == "text":
        kept += _kept_by_cross_attention(spec, tokens=tokens, text=text, bf16=bf16)
    block = BlockMemory(
        kept=kept,
        input=FLOAT * width,
        matrices=_matrices(spec),
        products=_products(spec, tokens=tokens, text=text, autocast=autocast),
    )

    modulations = 6 if spec.adaln == "shared" else 6 * spec.depth + 2
    ends = (FLOAT + FLOAT + (HALF if bf16 else FLOAT)) * width
    ends += FLOAT * videos * shape.positions * shape.inputs
    ends += 2 * FLOAT * videos * 6 * spec.depth * spec.width
    ends += HALF * modulations * spec.width**2 if bf16 else 0
    ends += _kept_by_reader(spec, text=text, bf16=bf16)
    return ActivationMemory(
        ends=ends,
        blocks=(block,) * spec.depth,
        passing=_PASSING * width,
        passing_again=0 if bf16 else _PASSING_AGAIN * width,
    )


def _tokens(spec: DiTSpec, *, shape: BackboneShape) -> int:
    return spec.tokens(shape) + spec.conditioning_tokens


def _matrices(spec: DiTSpec) -> tuple[tuple[int, int], ...]:
    """Rows and columns of a block's matrices: attention 4, MLP 2, cross-attention 4."""
    d, hidden = spec.width, spec.mlp_ratio * spec.width
    own = ((d, d),) * 4 + ((hidden, d), (d, hidden))
    if spec.conditioning != "text":
        return own
    return (*own, (d, d), (d, d), (d, spec.text.width), (d, spec.text.width))


def _kept_by_block(spec: DiTSpec, *, tokens: int, attended: int, autocast: Autocast) -> int:
    """Bytes of `tokens` tokens, each of which attends to `attended`."""
    sums = FLOAT * (4 + spec.heads)
    if autocast == "none":
        return tokens * (FLOAT * (14 + 2 * spec.mlp_ratio) * spec.width + sums)
    if autocast == "cuda":
        return tokens * ((40 + 4 * spec.mlp_ratio) * spec.width + sums)
    if attended <= LONGEST_KEPT:
        sums += HALF * spec.heads * attended - FLOAT * (spec.width + spec.heads)
    return tokens * ((36 + 4 * spec.mlp_ratio) * spec.width + sums)


def _products(spec: DiTSpec, *, tokens: int, text: int, autocast: Autocast) -> int:
    """Bytes: query, key and value, attention with its sums, its projection, both layers of the MLP;
    of cross-attention the same, without the MLP."""
    each = FLOAT if autocast == "none" else HALF
    bytes_ = tokens * (each * (6 + spec.mlp_ratio) * spec.width + FLOAT * spec.heads)
    if spec.conditioning != "text":
        return bytes_
    crossed = tokens * (each * 3 * spec.width + FLOAT * spec.heads)
    return bytes_ + crossed + text * each * 2 * spec.width


def _kept_by_cross_attention(spec: DiTSpec, *, tokens: int, text: int, bf16: bool) -> int:
    """Bytes of one block."""
    sums = FLOAT * (2 + spec.heads)
    if bf16:
        return tokens * (10 * spec.width + sums) + text * (4 * spec.width + 4 * spec.text.width)
    return tokens * (FLOAT * 4 * spec.width + sums) + text * FLOAT * 2 * spec.width


def _kept_by_reader(spec: DiTSpec, *, text: int, bf16: bool) -> int:
    """Bytes of the layers that read a text."""
    if spec.conditioning != "text":
        return 0
    width, sums = spec.text.width, FLOAT * (4 + spec.text.heads)
    layer = (36 if bf16 else FLOAT * 16) * width + sums
    return text * (spec.text.depth * layer + FLOAT * 2 * width)
