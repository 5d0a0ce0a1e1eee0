"""The memory of a training step by formula is what torch would hold: tensors without contents
(FakeTensor) counted as they come and go."""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.model.conditioning_spec import NUMBERS_A_BODY, TextSpec
from physscale.model.sizes import SIZES
from physscale.model.unet_spec import UNetSpec
from physscale.records.latent_shape import LatentShape
from physscale.run.device_memory import Memory
from physscale.run.device_memory import memory as memory_of
from physscale.train.parallel import Workers
from physscale.train.sharded import ShardedWeights
from physscale.train.spec import TrainSpec
from physscale.train.step import part_of
from physscale.train.weights import Weights, WholeWeights
from physscale.train.wrap import wrap

TOLERANCE = 0.03
"""Of the fullest moment of a step."""

ALONE = Workers()
DIFFUSION = FlowSpec(prediction="v")
memory: Callable[..., Memory] = partial(memory_of, objective=DIFFUSION)
PAPER = LatentShape(32, 4, 16, 16)
TEXT = TextSpec(tokens=512, width=256, depth=3, heads=4)


class Live(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes of all storages that are alive, and the most there were."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = self.most = 0
        self.seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            tensor = leaf.to_local() if isinstance(leaf, DTensor) else leaf
            if (
                isinstance(tensor, torch.Tensor)
                and tensor.untyped_storage()._cdata not in self.seen
            ):
                storage = tensor.untyped_storage()
                self.seen.add(storage._cdata)
                self.bytes += storage.nbytes()
                self.most = max(self.most, self.bytes)
                weakref.finalize(storage, self.gone, storage._cdata, storage.nbytes())
        return out

    def gone(self, key: int, count: int) -> None:
        self.seen.discard(key)
        self.bytes -= count


class LiveShards(Live):
    """The same where FSDP2 empties storages and fills them again."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            tensor = leaf.to_local() if isinstance(leaf, DTensor) else leaf
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                self.alive.setdefault(
                    storage._cdata,
                    weakref.ref(storage, lambda _, key=storage._cdata: self.alive.pop(key)),
                )
        self.bytes = sum(
            storage.nbytes()
            for reference in list(self.alive.values())
            if (storage := reference()) is not None
        )
        self.most = max(self.most, self.bytes)
        return out


def fullest(
    model: BackboneSpec,
    *,
    shape: LatentShape,
    train: TrainSpec,
    workers: Workers = ALONE,
    objective: ObjectiveSpec = DIFFUSION,
) -> int:
    """Bytes at the fullest moment of a step on one device, weights included."""
    with (
        FakeTensorMode(allow_non_fake_inputs=True),
        LiveShards() if workers.world > 1 else Live() as live,
    ):
        network = model.build(objective.backbone_shape(shape))
        wrap(network, train=train)
        weights: Weights
        if workers.world > 1:
            weights = ShardedWeights.of(
                network, spec=train, rates=None, workers=workers, device="cpu"
            )
        else:
            weights = WholeWeights.of(network, spec=train, rates=None)
        share = len(range(train.batch)[workers.rows(train.batch)])
        x0 = torch.empty(share, shape.frames, shape.channels, shape.height, shape.width)
        drawn = objective.build().draw(
            x0,
            part=part_of(step=0, seed=0, train=train, workers=workers),
            conditioning=fake_conditioning(model, batch=share),
        )
        live.most = live.bytes
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=train.precision == "bf16"):
            loss = drawn.loss(network, rows=slice(0, share))
        torch.autograd.backward(loss)
        weights.update(step=0, factor=1.0, alive=torch.ones(()))
        return live.most


def fake_conditioning(model: BackboneSpec, *, batch: int) -> torch.Tensor | None:
    """Of the shape that the model reads."""
    spec = model.conditioned_on
    if spec.kind == "text":
        return torch.empty(batch, spec.text.tokens, dtype=torch.int64)
    return torch.empty(batch, spec.bodies, NUMBERS_A_BODY) if spec.kind == "numbers" else None


@pytest.mark.parametrize("recompute", ["none", "block"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("size", "batch"), [("S", 2), ("B", 2), ("L", 4), ("XL", 4)])
def test_formula_meets_the_fullest_moment_of_a_step(
    size: str, batch: int, precision: Any, recompute: Any
) -> None:
    train = TrainSpec(batch=batch, optimiser="adamw", precision=precision, recompute=recompute)
    measured = fullest(SIZES[size], shape=PAPER, train=train)
    assert memory(SIZES[size], shape=PAPER, train=train).total == pytest.approx(
        measured, rel=TOLERANCE
    )


@pytest.mark.parametrize("model", [SIZES["S"], UNetSpec(width=64)], ids=["S", "unet"])
def test_formula_counts_the_windows_of_next_frame_prediction(model: BackboneSpec) -> None:
    objective = AutoregressiveSpec()
    shape, train = LatentShape(16, 4, 16, 16), TrainSpec(batch=1, optimiser="adamw")
    measured = fullest(model, shape=shape, train=train, objective=objective)
    formula = memory_of(model, objective=objective, shape=shape, train=train)
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


@pytest.mark.parametrize("size", ["S", "B"])
def test_a_cpu_in_bfloat16_keeps_the_probabilities_of_attention(size: str) -> None:
    model, shape, train = (
        SIZES[size],
        LatentShape(16, 4, 16, 16),
        TrainSpec(batch=2, optimiser="adamw", precision="bf16"),
    )
    tokens = model.tokens(DIFFUSION.backbone_shape(shape))
    more = (
        train.batch
        * model.depth
        * tokens
        * (2 * model.heads * tokens - 4 * model.width - 4 * model.heads)
    )
    measured = fullest(model, shape=shape, train=train)
    assert memory(model, shape=shape, train=train).total + more == pytest.approx(
        measured, rel=TOLERANCE
    )
    assert more > 3 * TOLERANCE * measured, "it is seen at all"


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


@pytest.mark.parametrize("recompute", ["none", "block"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_formula_counts_a_workers_share(
    eight_workers: Workers, precision: Any, recompute: Any
) -> None:
    train = TrainSpec(
        batch=16, optimiser="adamw", precision=precision, recompute=recompute, parallel="fsdp"
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
