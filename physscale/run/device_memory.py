"""Memory of a training on each of its devices, by formula and without torch.
`tests/unit/run/test_device_memory.py` compares it with a count by FakeTensor.

Weights take 20 bytes per parameter (value, gradient, two moments, average, float32). FSDP shards
them over the workers (arXiv 1910.02054) and gathers one block and the next in the precision of the
products. The shards of the gradients are allocated while activations are freed. The forward pass
keeps what the formulas of the backbone (`BackboneSpec.memory`) and of the objective
(`ObjectiveSpec.step_bytes`) say. With `recompute`, each block keeps only its input (`selective`:
and the results of its products), and one block at a time all of its activations."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone_spec import ActivationMemory, Autocast, BackboneSpec, BlockMemory
from physscale.records.latent_shape import LatentShape
from physscale.run.cost import latent_shape
from physscale.run.spec import RunSpec
from physscale.scheduling.gpus import Device
from physscale.train.spec import TrainSpec

__all__ = ["CONTEXT_BYTES", "Memory", "codec_memory", "memory", "run_memory"]

FLOAT = 4
HALF = 2

CONTEXT_BYTES = 1_000_000_000
"""What a process holds on a GPU besides its tensors: the CUDA context, the libraries' kernels and
their workspace, about."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes on one device at the peak of a step.

    Attributes:
        weights: values, gradients, moments and average. With FSDP: this worker's share of them
            without the gradients, and the gathered blocks.
        activations: what the forward pass keeps for the backward pass.
        working: temporary memory beside these. AdamW updates the weights in place. Muon updates all
            matrices of one shape together, after the activations are freed.
    """

    weights: int
    activations: int
    working: int

    @property
    def total(self) -> int:
        return self.weights + self.activations + self.working


def memory(
    model: BackboneSpec,
    *,
    objective: ObjectiveSpec,
    shape: LatentShape,
    train: TrainSpec,
    device: Device,
    workers: int = 1,
) -> Memory:
    """Memory of a worker on this kind of device, with its share of the global batch in
    `accumulate` parts."""
    videos = -(-train.batch // (workers * train.accumulate))
    bf16 = train.precision == "bf16"
    sharded = train.parallel == "fsdp" and workers > 1
    ports = objective.backbone_shape(shape)
    autocast: Autocast = device if bf16 else "none"
    passed = model.memory(ports, videos=videos * objective.passes(shape), autocast=autocast)
    ends = passed.ends + objective.step_bytes(shape, videos=videos)
    activations, working = _activations(
        passed, recompute=train.recompute, copied=bf16 and not sharded
    )
    activations += ends

    count = model.parameters(ports)
    weights = 20 * count
    largest = max(passed.blocks, key=lambda block: block.numbers)
    if train.optimiser == "muon":
        moved = _moved_by_muon([largest] if sharded else passed.blocks)
        working = max(working, moved - activations)
    if sharded:
        share = -(-count // workers)
        weights = 16 * share + (2 * (HALF if bf16 else FLOAT) + FLOAT) * largest.numbers
        weights += FLOAT * count if train.accumulate > 1 else 0  # scattered after the last part
        working = max(working, FLOAT * share - activations)
    return Memory(weights=weights, activations=activations, working=working)


def run_memory(run: RunSpec, *, device: Device) -> Memory:
    """Memory of each device of a run."""
    return memory(
        run.model,
        objective=run.objective,
        shape=latent_shape(run),
        train=run.train,
        device=device,
        workers=run.workers,
    )


def codec_memory(run: RunSpec, *, workers: int) -> int:
    """Bytes on each device at the fullest moment of the training of the run's codec by so many
    workers."""
    training = run.codec.training
    if training is None:
        return 0
    return run.codec.spec.training_memory(training, size_px=run.canvas.size_px, workers=workers)


def _activations(passed: ActivationMemory, *, recompute: str, copied: bool) -> tuple[int, int]:
    """Bytes that the blocks keep, and temporary bytes. `copied`: products in bfloat16 keep copies
    of the matrices."""
    copies = [HALF * block.numbers if copied else 0 for block in passed.blocks]
    whole = [block.kept + copy for block, copy in zip(passed.blocks, copies, strict=True)]
    if recompute == "none":
        return sum(whole), passed.passing
    products = [block.products if recompute == "selective" else 0 for block in passed.blocks]
    again = max(all_ - held for all_, held in zip(whole, products, strict=True))
    again += passed.passing_again
    kept = sum(block.input for block in passed.blocks) + sum(products)
    return kept, max(sum(copies) + passed.passing, again)


def _moved_by_muon(blocks: Sequence[BlockMemory]) -> int:
    """Bytes: momentum and gradient of all matrices, and for the matrices of one shape what
    `orthogonalise` (`train/orthogonal.py`) holds: each matrix twice and four products of its
    smaller side."""
    shapes = Counter(shape for block in blocks for shape in block.matrices)
    held = [
        count * (2 * rows * columns + 4 * min(rows, columns) ** 2)
        for (rows, columns), count in shapes.items()
    ]
    return FLOAT * (sum(block.numbers for block in blocks) + max(held, default=0))
