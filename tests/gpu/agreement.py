"""The same numbers on a GPU as on the CPU: one step's loss and gradients, twenty steps, noise."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import torch
from torch import Tensor

from physscale.flow.device_noise import batch_normal
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.noise import Stream, normal
from physscale.model.dit_spec import DiTSpec
from physscale.model.sizes import SIZES
from physscale.records.latent_shape import BackboneShape
from physscale.train.parallel import Workers
from physscale.train.spec import TrainSpec
from physscale.train.step import TrainState, backward, begin, part_of, train_step
from physscale.train.weights import WholeWeights
from tests.gpu.row import Bench, Reading, Row
from tests.shapes import denoiser_shape

FLOW = FlowSpec(prediction="v")
OBJECTIVE = FLOW.build()
SEED, BATCH, STEPS = 0, 8, 20


@dataclass(frozen=True)
class Workload:
    name: str
    model: DiTSpec
    shape: BackboneShape

    @property
    def video(self) -> tuple[int, ...]:
        """Shape of one video's latents."""
        shape = self.shape
        return shape.frames, shape.channels, shape.height, shape.width

    def videos(self, count: int = BATCH) -> Tensor:
        return normal(SEED, stream=Stream.SAMPLE, counter=0, shape=(count, *self.video))


D64 = Workload("d64", SIZES["d64"], denoiser_shape(16, 32, 1, 1))
S2 = Workload("two blocks of S", replace(SIZES["S"], depth=2), denoiser_shape(16, 4, 16, 16))
TINY = Workload("d8", SIZES["d8"], denoiser_shape(16, 8, 1, 1))


def workloads(bench: Bench) -> tuple[Workload, ...]:
    return (TINY,) if bench.tiny else (D64, S2)


def agreement(bench: Bench) -> Iterator[Reading]:
    """Loss and gradients against float32 on the CPU, as ‖difference‖ ÷ ‖reference‖."""
    for workload, precision in product(workloads(bench), ("fp32", "bf16")):
        loss, gradients = loss_and_gradients(workload, device="cpu", train=train_spec())
        train = train_spec(precision=precision)
        found = loss_and_gradients(workload, device=bench.device, train=train)
        limit = 1e-4 if precision == "fp32" else 2e-2
        for what, value, reference in (("loss", found[0], loss), ("grad", found[1], gradients)):
            yield Reading(
                name=f"{workload.name} {precision} {what}",
                value=relative(value, reference=reference),
                at_most=limit,
            )


def train_spec(
    *, precision: str = "fp32", recompute: str = "none", compile: str = "none"
) -> TrainSpec:
    return TrainSpec(
        steps=STEPS,
        batch=BATCH,
        optimiser="adamw",
        learning_rate=1e-4,
        warmup_steps=0,
        precision=_precision(precision),
        recompute="block" if recompute == "block" else "none",
        compile="block" if compile == "block" else "none",
    )


def _precision(word: str) -> Literal["fp32", "bf16"]:
    return "bf16" if word == "bf16" else "fp32"


def loss_and_gradients(
    workload: Workload, *, device: str, train: TrainSpec
) -> tuple[Tensor, Tensor]:
    """Of one step, on the CPU: the loss, and all gradients in one vector."""
    state = shaken(workload, device=device, train=train)
    part = part_of(step=0, seed=SEED, train=train, workers=Workers())
    share = OBJECTIVE.draw(workload.videos(train.batch).to(device), part=part)
    state.weights.zero_gradients()
    loss = backward(state.model, share, train=train)
    return loss.cpu(), weights_of(state).flat.gradients.cpu().clone()


def shaken(workload: Workload, *, device: str, train: TrainSpec) -> TrainState:
    """A fresh model whose weights are all moved a little: fresh gates and heads are zero, which
    would leave most gradients zero."""
    state = begin(workload.model, train=train, shape=workload.shape, seed=SEED, device=device)
    values = weights_of(state).flat.values
    noise = normal(SEED, stream=Stream.WEIGHTS, counter=1, shape=tuple(values.shape))
    values.add_(0.02 * noise.to(device))
    return state


def weights_of(state: TrainState) -> WholeWeights:
    assert isinstance(state.weights, WholeWeights)
    return state.weights


def relative(value: Tensor, *, reference: Tensor) -> float:
    return float((value - reference).norm() / reference.norm())


def twenty_steps(bench: Bench) -> Iterator[Reading]:
    """Losses of twenty steps against the CPU's, and the device's noise bit by bit."""
    for workload in workloads(bench):
        losses = {where: losses_on(where, workload=workload) for where in ("cpu", bench.device)}
        difference = (losses[bench.device] / losses["cpu"] - 1).abs().max()
        yield Reading(name=f"{workload.name} losses", value=float(difference), at_most=1e-4)
    drawn = [
        batch_normal(
            SEED,
            stream=Stream.NOISE,
            counter=3,
            rows=slice(0, BATCH),
            batch=BATCH,
            shape=S2.video,
            device=where,
        ).cpu()
        for where in ("cpu", bench.device)
    ]
    differing = (drawn[0].view(torch.int32) != drawn[1].view(torch.int32)).sum()
    yield Reading(name="noise that differs", value=float(differing), at_most=0, unit="numbers")


def losses_on(device: str, *, workload: Workload) -> Tensor:
    train = train_spec()
    state = begin(workload.model, train=train, shape=workload.shape, seed=SEED, device=device)
    videos = workload.videos().to(device)
    for _ in range(STEPS):
        train_step(state, videos, seed=SEED, train=train, objective=OBJECTIVE, workers=Workers())
    return state.losses.cpu().clone()


ROWS = (
    Row(
        name="agreement",
        item="float32 (TF32 off) and bf16 against CPU: loss and gradients, d64 and two blocks of S",
        passes="≤ 1e-4; ≤ 2e-2",
        measure=agreement,
    ),
    Row(
        name="twenty_steps",
        item="20 steps on GPU and CPU; noise drawn on the device and on the CPU",
        passes="losses ≤ 1e-4 apart; noise equal to the bit",
        measure=twenty_steps,
    ),
)
