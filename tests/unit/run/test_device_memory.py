"""The memory of a training step by formula is what torch would hold (`tests/fake_memory.py`)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.testing._internal.distributed.fake_pg import FakeStore

from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.model.conditioning_spec import TextSpec
from physscale.model.sizes import SIZES
from physscale.model.unet_spec import UNetSpec
from physscale.records.latent_shape import LatentShape
from physscale.run.device_memory import Memory
from physscale.run.device_memory import memory as memory_of
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from tests.fake_memory import DIFFUSION, fullest

TOLERANCE = 0.03
"""Of the fullest moment of a step."""

memory: Callable[..., Memory] = partial(memory_of, objective=DIFFUSION, device="cuda")
PAPER = LatentShape(32, 4, 16, 16)
TEXT = TextSpec(tokens=512, width=256, depth=3, heads=4)


SLOW = pytest.mark.slow


@pytest.mark.parametrize("recompute", ["none", "block"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("size_px", [128, pytest.param(256, marks=SLOW)])
@pytest.mark.parametrize(
    ("size", "batch"), [("S", 2), ("B", 2), pytest.param("L", 4, marks=SLOW), ("XL", 4)]
)
def test_formula_meets_the_fullest_moment_of_a_step(
    size: str, batch: int, size_px: int, precision: Any, recompute: Any
) -> None:
    train = TrainSpec(batch=batch, optimiser="adamw", precision=precision, recompute=recompute)
    shape = replace(PAPER, height=size_px // 8, width=size_px // 8)
    measured = fullest(SIZES[size], shape=shape, train=train)
    assert memory(SIZES[size], shape=shape, train=train).total == pytest.approx(
        measured, rel=TOLERANCE
    )


@pytest.mark.parametrize("model", [SIZES["S"], UNetSpec(width=64)], ids=["S", "unet"])
def test_formula_counts_the_windows_of_next_frame_prediction(model: BackboneSpec) -> None:
    objective = AutoregressiveSpec()
    shape, train = LatentShape(16, 4, 16, 16), TrainSpec(batch=1, optimiser="adamw")
    measured = fullest(model, shape=shape, train=train, objective=objective)
    formula = memory(model, objective=objective, shape=shape, train=train)
    assert formula.total == pytest.approx(measured, rel=TOLERANCE)


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
@pytest.mark.parametrize("recompute", ["none", "block"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_formula_meets_the_fullest_moment_of_a_unet(
    precision: Any, recompute: Any, optimiser: Any
) -> None:
    model, shape = UNetSpec(width=64), LatentShape(16, 4, 16, 16)
    train = TrainSpec(batch=4, optimiser=optimiser, precision=precision, recompute=recompute)
    measured = fullest(model, shape=shape, train=train)
    assert memory(model, shape=shape, train=train).total == pytest.approx(measured, rel=TOLERANCE)


@pytest.mark.parametrize("recompute", ["none", "block"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "conditioning",
    [{"conditioning": "numbers", "bodies": 600}, {"conditioning": "text", "text": TEXT}],
    ids=["numbers", "text"],
)
def test_formula_counts_the_conditioning(conditioning: Any, precision: Any, recompute: Any) -> None:
    train = TrainSpec(batch=2, optimiser="adamw", precision=precision, recompute=recompute)
    model = replace(SIZES["S"], **conditioning)
    measured = fullest(model, shape=PAPER, train=train)
    assert memory(model, shape=PAPER, train=train).total == pytest.approx(measured, rel=TOLERANCE)
    plain = memory(SIZES["S"], shape=PAPER, train=train).total
    assert plain < (1 - 1.5 * TOLERANCE) * measured, "it is seen at all"


@pytest.mark.parametrize(
    ("model", "precision"),
    [
        (SIZES["S"], "fp32"),
        (SIZES["S"], "bf16"),
        (replace(SIZES["S"], conditioning="text", text=TEXT), "bf16"),
        (UNetSpec(width=64), "bf16"),
    ],
    ids=str,
)
def test_formula_counts_what_selective_recomputation_keeps(
    model: BackboneSpec, precision: Any
) -> None:
    train = TrainSpec(batch=2, optimiser="adamw", precision=precision, recompute="selective")
    measured = fullest(model, shape=PAPER, train=train)
    assert memory(model, shape=PAPER, train=train).total == pytest.approx(measured, rel=TOLERANCE)


@pytest.mark.parametrize("tokens", [1024, 2048])
@pytest.mark.parametrize("size", ["S", "B"])
def test_a_cpu_in_bfloat16_keeps_other_things_than_a_gpu(size: str, tokens: int) -> None:
    """The probabilities of attention, up to 1024 tokens; narrow operands of `addcmul`."""
    model, shape = SIZES[size], replace(PAPER, frames=tokens // 64)
    train = TrainSpec(batch=2, optimiser="adamw", precision="bf16")
    measured = fullest(model, shape=shape, train=train, device="cpu")
    on_cpu = memory(model, shape=shape, train=train, device="cpu").total
    assert on_cpu == pytest.approx(measured, rel=TOLERANCE)
    on_gpu = memory(model, shape=shape, train=train).total
    assert abs(on_gpu / measured - 1) > TOLERANCE, "the difference is seen at all"


@pytest.mark.parametrize(
    ("size", "recompute"), [("S", "none"), ("S", "block"), ("L", "none"), ("XL", "block")]
)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_formula_counts_a_projection_a_block_and_muon(
    size: str, precision: Any, recompute: Any
) -> None:
    """With `recompute`, Muon's own moment is the fullest one of the larger models."""
    train = TrainSpec(batch=2, precision=precision, recompute=recompute)
    model = replace(SIZES[size], adaln="block")
    assert memory(model, shape=PAPER, train=train).total == pytest.approx(
        fullest(model, shape=PAPER, train=train), rel=TOLERANCE
    )


@pytest.fixture
def eight_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    """The first of eight that never meet: what is gathered has the size it would have. Their mesh
    is made beforehand, of real numbers."""
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=8)
    mesh = init_device_mesh("cpu", (8,))
    monkeypatch.setattr("physscale.train.sharded.init_device_mesh", lambda *_: mesh)
    yield Workers(rank=0, world=8)
    dist.destroy_process_group()


@pytest.mark.parametrize(
    ("precision", "recompute", "accumulate"),
    [
        ("fp32", "none", 1),
        ("fp32", "block", 1),
        ("bf16", "none", 1),
        ("bf16", "block", 1),
        ("bf16", "block", 2),
    ],
)
def test_formula_counts_a_workers_share(
    eight_workers: Workers, precision: Any, recompute: Any, accumulate: int
) -> None:
    train = TrainSpec(
        batch=16 * accumulate,
        optimiser="adamw",
        precision=precision,
        recompute=recompute,
        parallel="fsdp",
        accumulate=accumulate,
    )
    measured = fullest(SIZES["S"], shape=PAPER, train=train, workers=eight_workers)
    assert memory(SIZES["S"], shape=PAPER, train=train, workers=8).total == pytest.approx(
        measured, rel=TOLERANCE
    )


def test_shards_share_the_weights_and_parts_share_the_activations() -> None:
    train = TrainSpec(batch=256, optimiser="adamw", precision="bf16")
    one = memory(SIZES["XL"], shape=PAPER, train=train, workers=32)
    sharded = memory(
        SIZES["XL"],
        shape=PAPER,
        train=replace(train, precision="fp32", parallel="fsdp"),
        workers=32,
    )
    wide = memory(SIZES["XL"], shape=PAPER, train=replace(train, precision="fp32"), workers=32)
    parts = memory(SIZES["XL"], shape=PAPER, train=replace(train, accumulate=8), workers=32)
    assert one.weights == 20 * SIZES["XL"].parameters(DIFFUSION.backbone_shape(PAPER))
    assert sharded.weights < one.weights / 8
    assert sharded.activations == wide.activations
    assert parts.activations < one.activations / 5
