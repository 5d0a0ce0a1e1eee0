"""The memory formula against what torch holds on the card."""

from collections.abc import Iterator
from itertools import product

from physscale.model.dit_spec import DiTSpec
from physscale.model.sizes import SIZES
from physscale.records.latent_shape import BackboneShape, LatentShape
from physscale.run.device_memory import memory
from physscale.train.spec import TrainSpec
from tests.gpu.agreement import FLOW, TINY
from tests.gpu.row import Bench, Reading, Row
from tests.gpu.speed import PAPER, latents, our_step

VIDEOS = {"S": 32, "B": 16}


def formula(bench: Bench) -> Iterator[Reading]:
    """The peak of three steps, by precision and recomputation, relative to the plan's figure."""
    sizes = {"d8": TINY.model} if bench.tiny else {size: SIZES[size] for size in VIDEOS}
    shape = TINY.shape if bench.tiny else PAPER
    for (size, model), precision, recompute in product(
        sizes.items(), ("fp32", "bf16"), ("none", "block")
    ):
        train = TrainSpec(
            batch=VIDEOS.get(size, 2),
            optimiser="adamw",
            precision="bf16" if precision == "bf16" else "fp32",
            recompute="block" if recompute == "block" else "none",
        )
        held = bench.peak_bytes(
            lambda m=model, t=train: steps(bench, model=m, shape=shape, train=t)
        )
        planned = memory(
            model, objective=FLOW, shape=video(shape), train=train, device=bench.device
        ).total
        yield Reading(
            name=f"{size} {precision}{' recompute' if recompute == 'block' else ''}",
            value=abs(planned / held - 1),
            at_most=None if bench.device == "cpu" else 0.03,
        )


def video(shape: BackboneShape) -> LatentShape:
    return LatentShape(shape.frames, shape.channels, shape.height, shape.width)


def steps(bench: Bench, *, model: DiTSpec, shape: BackboneShape, train: TrainSpec) -> None:
    step = our_step(model, shape=shape, train=train, device=bench.device)
    x0 = latents(shape, videos=train.batch, device=bench.device)
    for _ in range(3):
        step(x0)


ROWS = (
    Row(
        name="memory",
        item="memory formula against the most that torch held, S and B × precision × recompute",
        passes="≤ 3 % apart",
        measure=formula,
    ),
)
