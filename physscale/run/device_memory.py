"""Memory of a training on each of its devices, by formula and without torch; held to FakeTensor by
`tests/unit/run/test_device_memory.py`.

Weights: 20 bytes a parameter (value, gradient, two moments, average, float32), dealt out over the
workers with FSDP (arXiv 1910.02054), which gathers a block and the next, in the precision of the
products; there the gradients' slices come as the activations go.

Activations, numbers kept for the backward pass, a token and a block (D width, r MLP ratio, K heads;
Korthikanti et al., arXiv 2205.05198, count them for other blocks):

    what                                              float32                 bfloat16 autocast, bytes
    two norms: input, normed, modulated               6 D                     2 (4 + 4 + 2) D
    query, key, value, and the turned query and key   5 D                     (6 + 4) D
    attention's output, its projection                2 D                     (2 + 4) D
    MLP: before and after the activation, output      (2 r + 1) D             (4 r + 4) D - and the products' own copies, below
    means and scales of the norms, attention's sums   4 + K                   4 (4 + K)

With `recompute`, a block keeps its input alone, and one block at a time all of the above. Told
numbers are tokens like the others; a text of P tokens of width E adds, a token of each kind:

    a block's cross-attention, a video token          4 D + 2 + K             (4 + 2 + 2 + 2) D + 4 (2 + K)
    the same, a token of the text                     2 D                     4 D + 4 E - and the products' own copies, below
    a layer that reads it, a token of the text        16 E + 4 + heads        36 E + 4 (4 + heads)

Plans ask about GPUs. A CPU in bfloat16 with N tokens up to 1024 keeps attention's probabilities
(`model/on_cpu.py`), 2 K N bytes a token and block, and query, key and value once: 4 D + 4 K bytes
less."""

from dataclasses import dataclass

from physscale.model.sizes import input_channels, parameters
from physscale.model.spec import DiTSpec
from physscale.records.latent_shape import LatentShape
from physscale.run.cost import latent_shape
from physscale.run.spec import RunSpec
from physscale.train.spec import TrainSpec

__all__ = ["Memory", "memory", "run_memory"]

FLOAT = 4
HALF = 2


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes of one device at the fullest moment of a step.

    Attributes:
        weights: values, gradients, moments and average; with FSDP this worker's share of them, but
            for gradients, and gathered blocks.
        activations: what the forward pass keeps for the backward pass.
        working: what comes and goes beside these. AdamW moves the weights where they lie, Muon all
            matrices of one shape at once, when the activations are gone.
    """

    weights: int
    activations: int
    working: int

    @property
    def total(self) -> int:
        return self.weights + self.activations + self.working


def memory(model: DiTSpec, *, shape: LatentShape, train: TrainSpec, workers: int = 1) -> Memory:
    """Of a worker that has its share of the global batch, in as many parts as the training says."""
    count = parameters(model, shape=shape)
    videos = -(-train.batch // (workers * train.accumulate))
    tokens = videos * (model.tokens(shape) + model.conditioning_tokens)
    width = tokens * model.width
    bf16 = train.precision == "bf16"
    block = _kept_by_block(model, tokens=tokens, bf16=bf16)
    if model.conditioning == "text":
        block += _kept_by_asking(model, tokens=tokens, text=videos * model.text.tokens, bf16=bf16)
    sharded = train.parallel == "fsdp" and workers > 1
    copies = HALF * _matrices(model) if bf16 and not sharded else 0
    modulations = 6 if model.adaln == "shared" else 6 * model.depth + 2

    latent = videos * shape.frames * shape.channels * shape.height * shape.width
    seen = latent * input_channels(shape.channels) // shape.channels
    modulation = 2 * FLOAT * videos * 6 * model.depth * model.width
    ends = (
        (FLOAT + FLOAT + (HALF if bf16 else FLOAT)) * width
        + FLOAT * (2 * seen + 5 * latent)
        + modulation
    )
    ends += HALF * modulations * model.width**2 if bf16 else 0
    ends += _kept_by_reading(model, text=videos * model.text.tokens, bf16=bf16)
    if train.recompute == "block":
        activations = ends + model.depth * FLOAT * width
        again = 0 if bf16 else _PASSING_AGAIN
        working = max(model.depth * copies + _PASSING * width, block + copies + again * width)
    else:
        activations = ends + model.depth * (block + copies)
        working = _PASSING * width

    weights = 20 * count
    if train.optimiser == "muon":
        working = max(
            working, _moved_by_muon(model, blocks=1 if sharded else model.depth) - activations
        )
    if sharded:
        share = -(-count // workers)
        weights = 16 * share + (2 * (HALF if bf16 else FLOAT) + FLOAT) * _matrices(model)
        working = max(working, FLOAT * share - activations)
    return Memory(weights=weights, activations=activations, working=working)


def run_memory(run: RunSpec) -> Memory:
    """Of each device of a run."""
    return memory(run.model, shape=latent_shape(run), train=run.train, workers=run.workers)


_PASSING = 12
"""Bytes a token and a unit of width, beside what is kept: gradients on their way."""

_PASSING_AGAIN = 5
"""The same in float32 while a block is made again: what it keeps is complete only when its last
layer's turn has come."""


def _matrices(model: DiTSpec) -> int:
    """Numbers in the matrices of one block."""
    cross = (
        2 * model.width**2 + 2 * model.width * model.text.width
        if model.conditioning == "text"
        else 0
    )
    return (4 + 2 * model.mlp_ratio) * model.width**2 + cross


def _moved_by_muon(model: DiTSpec, *, blocks: int) -> int:
    """Bytes: momentum and gradient together of all matrices, and for those of one shape what
    `train.optim.orthogonalise` holds of each."""
    squares = 6 if model.conditioning == "text" else 4
    held = max(6 * squares, 2 * model.mlp_ratio + 4) * model.width**2
    return FLOAT * blocks * (_matrices(model) + held)


def _kept_by_block(model: DiTSpec, *, tokens: int, bf16: bool) -> int:
    """Bytes."""
    sums = FLOAT * (4 + model.heads)
    if bf16:
        return tokens * ((36 + 4 * model.mlp_ratio) * model.width + sums)
    return tokens * (FLOAT * (14 + 2 * model.mlp_ratio) * model.width + sums)


def _kept_by_asking(model: DiTSpec, *, tokens: int, text: int, bf16: bool) -> int:
    """Bytes of a block's cross-attention."""
    sums = FLOAT * (2 + model.heads)
    if bf16:
        return tokens * (10 * model.width + sums) + text * (4 * model.width + 4 * model.text.width)
    return tokens * (FLOAT * 4 * model.width + sums) + text * FLOAT * 2 * model.width


def _kept_by_reading(model: DiTSpec, *, text: int, bf16: bool) -> int:
    """Bytes of what reads a text."""
    if model.conditioning != "text":
        return 0
    width, sums = model.text.width, FLOAT * (4 + model.text.heads)
    layer = (36 if bf16 else FLOAT * 16) * width + sums
    return text * (model.text.depth * layer + FLOAT * 2 * width)
