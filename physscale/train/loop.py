"""Counts steps, logs, saves, stops: run again after any kill and the losses are those of an undisturbed run, bit for bit."""

import time

from physscale.model.dit import DiT
from physscale.records.metrics import MetricLog
from physscale.train import checkpoint
from physscale.train.parallel import Workers
from physscale.train.spec import learning_rate_factor
from physscale.train.step import StepFacts, TrainState, begin, train_step
from physscale.train.stop import Preempted
from physscale.train.task import Context, TrainResult, TrainTask

__all__ = ["averaged", "train"]


def train(task: TrainTask, *, context: Context) -> TrainResult:
    """Train to the end from the newest whole checkpoint, or from the start.

    Raises:
        Diverged: before a step whose loss or gradient is not finite would be taken.
        Preempted: when the context asks to stop, after a checkpoint.
        UserError: when the batch cannot be dealt out to the workers, or the folder holds checkpoints of another training.
    """
    workers = Workers(rank=context.rank, world=context.world)
    workers.rows(task.train.batch)
    started = time.perf_counter()
    state = begin(task.model, train=task.train, shape=task.latents.shape, seed=task.seed, device=task.device, workers=workers)
    newest = checkpoint.latest(task.checkpoints)
    if newest is not None:
        checkpoint.restore(state, newest, task=task)
    if workers.rank == 0:
        checkpoint.discard_unfinished(task.checkpoints)
    clock = _Clock(step=state.step)

    batches = task.latents.batches(state.step, seed=task.seed, batch=task.train.batch, workers=workers)
    while state.step < task.train.steps:
        if workers.any(context.stop_requested()):
            checkpoint.save(state, task=task, workers=workers)
            raise Preempted(f"stopped after step {state.step} of {task.train.steps}; run again to go on")
        x0 = next(batches).to(task.device)
        facts = train_step(state, x0, seed=task.seed, train=task.train, flow=task.flow, workers=workers)
        last = state.step == task.train.steps
        if last or state.step % task.log_every == 0:
            _log(state, facts, task=task, workers=workers, context=context, milliseconds=clock.lap(state.step))
        if last or state.step % task.checkpoint_every == 0:
            checkpoint.save(state, task=task, workers=workers)

    folder = checkpoint.folder_of(task, step=state.step)
    return TrainResult(averaged(state), losses=state.losses, checkpoint=folder, seconds=time.perf_counter() - started)


class _Clock:
    """Milliseconds a step since the last lap."""

    def __init__(self, *, step: int) -> None:
        self.step, self.time = step, time.perf_counter()

    def lap(self, step: int) -> float:
        now = time.perf_counter()
        milliseconds = 1e3 * (now - self.time) / (step - self.step)
        self.step, self.time = step, now
        return milliseconds


def _log(state: TrainState, facts: StepFacts, *, task: TrainTask, workers: Workers, context: Context, milliseconds: float) -> None:
    """The mean loss since the last multiple of `log_every`, which a resumed run knows too."""
    since = (state.step - 1) // task.log_every * task.log_every
    metrics = {
        "loss": float(state.losses[since : state.step].mean()),
        "learning_rate": task.train.learning_rate * learning_rate_factor(task.train, step=state.step - 1),
        "gradient_norm": facts.gradient_norm,
        "ms_per_step": milliseconds,
    }
    if workers.rank == 0:
        MetricLog(task.metrics).append(step=state.step, **metrics)
    context.report(step=state.step, **metrics)


def averaged(state: TrainState) -> DiT:
    """The model with its averaged weights, whole, in memory of its own. Every worker calls it."""
    tensors = state.weights.averages()
    model = DiT(state.model.spec, shape=state.model.shape).to(next(iter(tensors.values())).device)
    model.load_state_dict(tensors)
    return model.eval().requires_grad_(requires_grad=False)
