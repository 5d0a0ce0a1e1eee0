"""The training loop: counts steps, logs, saves and stops. A run that is killed and run again has
the losses of an undisturbed run, bit for bit."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from physscale.flow.objective import Share
from physscale.model.backbone import Backbone
from physscale.records.errors import Diverged, Preempted
from physscale.records.metrics import MetricLog
from physscale.records.spec import short
from physscale.train import checkpoint
from physscale.train.context import Context
from physscale.train.parallel import Workers
from physscale.train.prefetch import Prefetch
from physscale.train.saving import Saving
from physscale.train.spec import learning_rate_factor
from physscale.train.step import StepResult, TrainState, begin, learn, loss_of
from physscale.train.task import Observer, TrainResult, TrainTask

__all__ = ["averaged", "train"]

FIRST_STEPS, FAR = 10, 10.0
"""Weights whose loss is so many times that of so many first steps are worse than none."""


def train(task: TrainTask, *, context: Context) -> TrainResult:
    """Train to the end from the newest whole checkpoint, or from the start. The first worker
    chooses, and no worker starts before all hold the same state.

    Raises:
        DamagedData: when a worker cannot read the chosen checkpoint, or starts from other weights.
        Diverged: with the state before the first step whose loss or gradient is not finite; on a
            GPU when the next line of the history or checkpoint is due. Also after the last step,
            without a checkpoint of it, if its update broke the weights.
        Preempted: when the context asks to stop, after a checkpoint.
        UserError: when the batch cannot be dealt out to the workers, the folder holds checkpoints
            of another training, or a checkpoint cannot be written.
    """
    workers = Workers(rank=context.rank, world=context.world)
    workers.rows(task.train.batch)
    started = time.perf_counter()
    state = begin(
        task.model,
        train=task.train,
        shape=task.backbone_shape,
        seed=task.seed,
        device=task.device,
        workers=workers,
    )
    newest = checkpoint.agreed(task.checkpoints, workers=workers)
    if newest is not None:
        checkpoint.restore(state, newest, task=task, workers=workers)
    workers.check_same(state.origin, what=f"{task.checkpoints}: weights at step {state.step}")
    if workers.rank == 0:
        checkpoint.discard_unfinished(task.checkpoints)
    with (
        Saving(state, task=task, workers=workers, resumed=newest is not None) as saving,
        Prefetch(
            # a pack moves the shares of all its members to the device together
            task if context.seat is None else replace(task, device="cpu"),
            start=state.step,
            workers=workers,
        ) as shares,
    ):
        learned = (
            partial(learn, train=task.train, workers=workers)
            if context.seat is None
            else context.seat.enter(state, train=task.train)
        )
        last = _steps(
            state,
            shares,
            learned=learned,
            task=task,
            context=context,
            workers=workers,
            saving=saving,
        )
        if last is not None:
            _check_learned(state, last, task=task, workers=workers)
        saving.save(state)
        saving.finish()
    return TrainResult(
        averaged(state),
        losses=state.losses.cpu(),
        checkpoint=checkpoint.folder_of(task, step=state.step),
        seconds=time.perf_counter() - started,
    )


def _steps(
    state: TrainState,
    shares: Prefetch,
    *,
    learned: Callable[[TrainState, Share], StepResult],
    task: TrainTask,
    context: Context,
    workers: Workers,
    saving: Saving,
) -> Share | None:
    """All steps that are left; the share of the last. `state.guard` is asked before a number or a
    weight is used."""
    clock = _Clock(step=state.step)
    share = None
    try:
        while state.step < task.train.steps:
            asked = saving.asked(step=state.step, stop=context.stop_requested())
            if asked.save or asked.stop:
                state.guard.check()
                saving.save(state)
            if asked.stop:
                saving.finish()
                raise Preempted(
                    f"stopped after step {state.step} of {task.train.steps}; run again to go on"
                )
            share = next(shares)
            done = learned(state, share)
            last = state.step == task.train.steps
            looking = [
                observer for observer in task.observers if last or state.step % observer.every == 0
            ]
            if last or looking or state.step % task.log_every == 0:
                state.guard.check()
                pace = clock.lap(state.step)
                seen = _looked(state, looking)
                if context.seat is not None:
                    seen["pack"] = float(context.seat.members)
                clock.restart()
                _log(state, done, task=task, workers=workers, seconds=pace, seen=seen)
    except Diverged:
        _log_finite(state, task=task, workers=workers)
        raise
    return share


def _check_learned(state: TrainState, share: Share, *, task: TrainTask, workers: Workers) -> None:
    """The weights that are scored have learned from the last update, or at least lost nothing.

    Raises:
        Diverged: if their loss on the last batch is far above that of the first steps.
    """
    model = averaged(state).to(share.x0.device)
    loss = loss_of(model, share, train=task.train)
    workers.average(loss)
    begun = float(state.losses[:FIRST_STEPS].mean())
    if not float(loss) <= FAR * begun:
        raise Diverged(
            f"after step {state.step}: loss {float(loss):.3g} of the averaged weights, and "
            f"{begun:.3g} in the first steps; the last updates broke them"
        )


class _Clock:
    """Seconds per step since the last lap."""

    def __init__(self, *, step: int) -> None:
        self.step, self.time = step, time.perf_counter()

    def lap(self, step: int) -> float:
        seconds = (time.perf_counter() - self.time) / (step - self.step)
        self.step = step
        return seconds

    def restart(self) -> None:
        self.time = time.perf_counter()


def _looked(state: TrainState, observers: Sequence[Observer]) -> dict[str, float]:
    """What the observers return. Every worker contributes its shards of the averaged model, and
    calls the observers."""
    if not observers:
        return {}
    model = averaged(state)
    seen: dict[str, float] = {}
    for observer in observers:
        seen |= observer.look(model, state.step)
    return seen


def _log(
    state: TrainState,
    done: StepResult,
    *,
    task: TrainTask,
    workers: Workers,
    seconds: float,
    seen: Mapping[str, float],
) -> None:
    """Log the mean loss since the last multiple of `log_every`; a resumed run logs the same."""
    since = (state.step - 1) // task.log_every * task.log_every
    metrics = {
        "loss": float(state.losses[since : state.step].mean()),
        "learning_rate": task.train.learning_rate
        * learning_rate_factor(task.train, step=state.step - 1),
        "gradient_norm": float(done.gradient_norm),
        "ms_per_step": 1e3 * seconds,
        "videos_per_s": task.train.batch / seconds,
        "workers": float(workers.world),
    }
    if task.device_flops_per_s is not None:
        passes = task.train.batch * task.objective.passes(task.latents.shape)
        flops = passes * task.model.training_flops(task.backbone_shape)
        metrics["mfu"] = flops / (seconds * workers.world * task.device_flops_per_s)
    if workers.rank == 0:
        named = {"run": short(task.run)} if task.run else {}
        MetricLog(task.metrics).append(step=state.step, **metrics, **seen, **named)


def _log_finite(state: TrainState, *, task: TrainTask, workers: Workers) -> None:
    """Log the mean loss of the finite steps since the last line of a training that diverges."""
    finite = state.guard.finite_steps
    since = finite // task.log_every * task.log_every
    if finite > since and workers.rank == 0:
        loss = float(state.losses[since:finite].mean())
        MetricLog(task.metrics).append(step=finite, loss=loss)


def averaged(state: TrainState) -> Backbone:
    """The model with its averaged weights, whole, in memory of its own. Every worker calls it."""
    tensors = state.weights.averages()
    model = state.spec.build(state.model.shape).to(next(iter(tensors.values())).device)
    model.load_state_dict(tensors)
    return model.eval().requires_grad_(requires_grad=False)
