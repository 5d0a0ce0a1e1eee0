"""A trial training: its loss at each rung, on held-out videos of no test split. So tuning never
uses the videos that a run is scored on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from physscale.records.store import Store
from physscale.run.codec import codec_of
from physscale.run.conditioning import conditioning_source
from physscale.run.context import Context
from physscale.run.spec import RunSpec
from physscale.run.training_data import training_source
from physscale.run.validation import Watch
from physscale.scheduling.gpus import checked
from physscale.train.loop import averaged
from physscale.train.parallel import ALONE
from physscale.train.prefetch import Prefetch
from physscale.train.step import begin, learn
from physscale.train.task import TrainTask


@dataclass(frozen=True)
class Rung:
    """The state of a training after `share` of its steps. `loss` is that of the averaged weights,
    as trained (`objective.HeldOutErrors`), mean over videos."""

    share: float
    step: int
    loss: float


def rungs(
    run: RunSpec, *, store: Store, context: Context, shares: Sequence[float]
) -> Iterator[Rung]:
    """Train the run and pause after each share of its steps, in ascending order. Only the codec
    stays on disk.

    Raises:
        Diverged: on a loss that is not finite.
        Unschedulable: if torch cannot use the device that the context names.
    """
    device, folder = checked(context.device), store.run(run.fingerprint)
    codec = codec_of(run, store=store, context=context)
    task = TrainTask(
        model=run.model,
        objective=run.objective,
        train=run.train,
        seed=run.seed,
        latents=training_source(run, codec=codec, context=context, store=store),
        conditioning=conditioning_source(run),
        checkpoints=folder.checkpoints,
        metrics=folder.metrics,
        device=device,
    )
    watch = Watch(run, codec, folder, ALONE)
    state = begin(
        run.model, train=run.train, shape=task.backbone_shape, seed=run.seed, device=device
    )
    with Prefetch(task, start=0, workers=ALONE) as batches:
        for share in shares:
            while state.step < max(1, round(share * run.train.steps)):
                learn(state, next(batches), train=run.train, workers=ALONE)
            state.guard.check()
            seen = watch.validate(averaged(state), state.step)
            yield Rung(share, state.step, loss=seen["validation_loss"])
