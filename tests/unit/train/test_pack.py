"""Runs of one shape that train as one program: each learns what it learns alone, to the last bit
whoever shares its pack, and has its own history, checkpoints and end."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from physscale.flow.flow_spec import FlowSpec
from physscale.flow.noise import generator
from physscale.flow.objective import Share
from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.records.errors import Diverged, Preempted
from physscale.records.metrics import read_metrics
from physscale.train.latents import order
from physscale.train.loop import train
from physscale.train.pack import Pack
from physscale.train.packed import Packed
from physscale.train.parallel import ALONE
from physscale.train.prefetch import Prefetch
from physscale.train.step import TrainState, begin, learn
from physscale.train.task import Observer, TrainResult, TrainTask
from tests.dispatched import Dispatched
from tests.unit.model.test_backbones import SPECS

from .tasks import Killed, MortalSet, PlainContext, small_latents, small_task
from .test_pairs import OBJECTIVES_HERE

PACKING = OBJECTIVES_HERE | {"FlowSpec": FlowSpec(condition_frames=2)}

Ending = TrainResult | BaseException


def seeded(folder: Path, seed: int, **fields: Any) -> TrainTask:
    """A small task of this seed, in a folder of its own."""
    return replace(small_task(folder / str(seed), **fields), seed=seed)


def packed(
    tasks: Sequence[TrainTask], *, contexts: Sequence[PlainContext] | None = None
) -> list[Ending]:
    """How each member of a pack ends."""
    pack = Pack(seats=len(tasks))
    around = contexts or [PlainContext() for _ in tasks]

    def member(number: int) -> Ending:
        with pack.seat(number) as seat:
            try:
                return train(tasks[number], context=replace(around[number], seat=seat))
            except (Exception, Killed) as error:
                return error

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(member, range(len(tasks))))


def fresh(task: TrainTask) -> TrainState:
    return begin(
        task.model,
        train=task.train,
        shape=task.backbone_shape,
        seed=task.seed,
        device=task.device,
    )


def first_share(task: TrainTask) -> Share:
    with Prefetch(task, start=0, workers=ALONE) as ready:
        return next(ready)


def losses(ending: Ending) -> torch.Tensor:
    assert isinstance(ending, TrainResult), ending
    return ending.losses


def assert_close(ending: Ending, alone: TrainResult, *, apart: float = 1e-4) -> None:
    torch.testing.assert_close(losses(ending), alone.losses, atol=apart, rtol=apart)


def assert_same(ending: Ending, other: Ending) -> None:
    assert isinstance(ending, TrainResult), ending
    assert isinstance(other, TrainResult), other
    assert torch.equal(ending.losses, other.losses)
    for value, twin in zip(ending.model.parameters(), other.model.parameters(), strict=True):
        assert torch.equal(value, twin)


@pytest.mark.parametrize(
    "fields",
    [
        {"optimiser": "adamw", "parametrisation": "mup", "base_width": 4, "schedule": "cosine"},
        {"optimiser": "muon", "noise": "device"},
        {"conditioning": "numbers"},
        {"conditioning": "text", "width": 16},
        {"width": 128, "steps": 3},
    ],
    ids=str,
)
def test_each_learns_what_it_learns_alone(tmp_path: Path, fields: dict[str, Any]) -> None:
    alone = [
        train(seeded(tmp_path / "a", seed, **fields), context=PlainContext()) for seed in (1, 2)
    ]
    together = packed([seeded(tmp_path / "b", seed, **fields) for seed in (1, 2)])
    for ending, own in zip(together, alone, strict=True):
        assert isinstance(ending, TrainResult), ending
        assert_close(ending, own)
        for value, twin in zip(ending.model.parameters(), own.model.parameters(), strict=True):
            torch.testing.assert_close(value, twin, atol=2e-3, rtol=1e-3)
    for seed in (1, 2):
        logged = [read_metrics(tmp_path / x / str(seed) / "metrics.jsonl") for x in "ab"]
        assert [row["step"] for row in logged[0]] == [row["step"] for row in logged[1]]
        assert {row["pack"] for row in logged[1]} == {2.0}


def test_bfloat16_stays_within_its_rounding(tmp_path: Path) -> None:
    fields = {"precision": "bf16", "width": 16, "steps": 10}
    alone = train(seeded(tmp_path / "a", 1, **fields), context=PlainContext())
    together = packed([seeded(tmp_path / "b", seed, **fields) for seed in (1, 2)])
    assert_close(together[0], alone, apart=2e-2)


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_the_company_changes_no_bit(tmp_path: Path, optimiser: str) -> None:
    def first(name: str, *others: int) -> Ending:
        folder = tmp_path / name
        seeds = (1, *others)
        return packed([seeded(folder, seed, optimiser=optimiser) for seed in seeds])[0]

    by_itself = first("by itself")
    for name, others in (("two", (2,)), ("others", (3,)), ("many", (4, 5, 6, 7))):
        assert_same(first(name, *others), by_itself)


def test_rates_steps_and_data_are_each_members_own(tmp_path: Path) -> None:
    tasks = [
        seeded(tmp_path, 1, steps=20),
        seeded(tmp_path, 2, learning_rate=1e-4, muon_learning_rate=1e-3, steps=30),
        replace(seeded(tmp_path, 3, steps=12), latents=MortalSet(-small_latents(videos=11))),
    ]
    alone = [
        train(replace(task, checkpoints=tmp_path / f"alone{task.seed}"), context=PlainContext())
        for task in tasks
    ]
    for ending, own in zip(packed(tasks), alone, strict=True):
        assert_close(ending, own)


def test_killed_and_run_again_equals_undisturbed(tmp_path: Path) -> None:
    """Also where the members are not at the same step, and one has ended."""
    whole = packed([seeded(tmp_path / "whole", seed) for seed in (1, 2, 3)])
    train_one = packed([seeded(tmp_path / "killed", 3)])
    assert_same(train_one[0], whole[2])
    endings = packed([seeded(tmp_path / "killed", 1, dies_at=20), seeded(tmp_path / "killed", 2)])
    assert isinstance(endings[0], Killed)
    assert_same(endings[1], whole[1])
    again = packed([seeded(tmp_path / "killed", seed) for seed in (1, 2, 3)])
    for ending, other in zip(again, whole, strict=True):
        assert_same(ending, other)


def test_one_that_diverges_or_stops_leaves_the_others_alone(tmp_path: Path) -> None:
    poisoned = small_latents()
    poisoned[3] = float("nan")
    tasks = [seeded(tmp_path, seed) for seed in (1, 2, 3)]
    whole = packed([replace(tasks[0], checkpoints=tmp_path / "whole")])
    tasks[1] = replace(tasks[1], latents=MortalSet(poisoned))
    contexts = [PlainContext(), PlainContext(), PlainContext(stop_before=11)]
    endings = packed(tasks, contexts=contexts)
    assert_same(endings[0], whole[0])
    assert isinstance(endings[1], Diverged)
    assert "loss nan" in str(endings[1])
    assert not list(tasks[1].checkpoints.glob("step_*"))
    assert isinstance(endings[2], Preempted)
    assert (tasks[2].checkpoints / "step_00000011" / "manifest.json").exists()


def test_what_the_step_raises_reaches_every_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("the card is full")

    monkeypatch.setattr("physscale.train.packed.Packed.learn", full)
    endings = packed([seeded(tmp_path, seed) for seed in (1, 2)])
    assert [str(ending) for ending in endings] == ["the card is full"] * 2


def test_one_thread_works_at_a_time(tmp_path: Path) -> None:
    """Memory, torch's switches and the observers of members never meet."""
    free, alone = threading.Semaphore(1), []

    def look(*_: object) -> dict[str, float]:
        alone.append(free.acquire(blocking=False))
        time.sleep(0.01)
        free.release()
        return {}

    watched = (Observer(every=1, look=look),)
    packed([replace(seeded(tmp_path, seed, steps=4), observers=watched) for seed in range(4)])
    assert alone == [True] * 16


@pytest.mark.parametrize("backbone", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("objective", PACKING.values(), ids=PACKING)
def test_every_backbone_packs_with_every_objective(
    tmp_path: Path, backbone: BackboneSpec, objective: ObjectiveSpec
) -> None:
    assert objective.packs

    def tasks(name: str) -> list[TrainTask]:
        return [
            replace(
                seeded(tmp_path / name, seed, steps=3, optimiser="adamw"),
                model=backbone,
                objective=objective,
            )
            for seed in (1, 2)
        ]

    alone = [train(task, context=PlainContext()) for task in tasks("a")]
    for ending, own in zip(packed(tasks("b")), alone, strict=True):
        assert_close(ending, own)


def test_every_objective_is_asked_here() -> None:
    assert PACKING.keys() == OBJECTIVES_HERE.keys()
    assert not FlowSpec(condition_dropout=0.1).packs


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_a_step_of_eight_starts_about_as_many_operations_as_a_step_of_one(
    tmp_path: Path, optimiser: str
) -> None:
    """What a small model costs on a GPU is the starting of operations."""
    tasks = [seeded(tmp_path, seed, optimiser=optimiser) for seed in range(8)]
    states = [fresh(task) for task in tasks]
    shares = [first_share(task) for task in tasks]
    with Dispatched() as alone:
        learn(fresh(tasks[0]), shares[0], train=tasks[0].train, workers=ALONE)
    program = Packed.of(states[0], train=tasks[0].train, seats=8)
    for number, (state, task) in enumerate(zip(states, tasks, strict=True)):
        program.enter(number, state, train=task.train)
    with Dispatched() as together:
        program.learn(dict(enumerate(shares)))
    assert together.operations < 1.5 * alone.operations


def test_no_number_of_a_packed_step_is_read_by_the_host(tmp_path: Path) -> None:
    """On a device whose tensors have no numbers, whoever asks for one raises."""
    tasks = [replace(seeded(tmp_path, seed), device="meta") for seed in range(2)]
    program = Packed.of(fresh(tasks[0]), train=tasks[0].train, seats=2)
    for number, task in enumerate(tasks):
        program.enter(number, fresh(task), train=task.train)
    done = program.learn({number: first_share(task) for number, task in enumerate(tasks)})
    assert done[1].loss.is_meta


def test_members_that_take_turns_permute_their_videos_once_an_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = []

    def counted(seed: int, **purpose: Any) -> np.random.Generator:
        drawn.append(seed)
        return generator(seed, **purpose)

    monkeypatch.setattr("physscale.train.latents.generator", counted)
    for step in range(20):
        for seed in range(1000, 1032):
            order(seed, videos=320, batch=32, step=step)
    assert len(drawn) == 32 * 2, "two epochs of ten steps"


@pytest.mark.parametrize("kernel", ["flash", "efficient", "cudnn"])
def test_a_gpus_fused_attention_is_batched_and_not_taken_apart_into_a_loop(kernel: str) -> None:
    name = f"aten::_scaled_dot_product_{kernel}_attention"
    assert torch._C._dispatch_has_kernel_for_dispatch_key(name, "FuncTorchBatched")


@pytest.mark.slow
def test_compiled_members_learn_the_same(tmp_path: Path) -> None:
    fields = {"compile": "block", "steps": 6}
    alone = [train(seeded(tmp_path / "a", s, steps=6), context=PlainContext()) for s in (1, 2)]
    together = packed([seeded(tmp_path / "b", seed, **fields) for seed in (1, 2)])
    for ending, own in zip(together, alone, strict=True):
        assert_close(ending, own)
