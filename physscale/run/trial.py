"""A trial training: its loss at each rung, on held-out videos of no test split. So tuning never
uses the videos that a run is scored on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from physscale.records.store import Store
from physscale.run.codec import codec_of
from physscale.run.conditioning import conditioning_of, conditioning_source
from physscale.run.context import Context
from physscale.run.cost import VALIDATION_VIDEOS, backbone_shape
from physscale.run.inference import inference_of
from physscale.run.spec import RunSpec
from physscale.run.training_data import training_latents, training_source
from physscale.run.validation import unseen
from physscale.scheduling.gpus import checked
from physscale.simulate.simulate import simulate
from physscale.train.loop import averaged
from physscale.train.parallel import Workers
from physscale.train.step import begin, train_step


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
    checked(context.device)
    codec = codec_of(run, store=store, context=context)
    latents = training_source(run, codec=codec, context=context, store=store)
    plainly = replace(run.train, flip="none")
    validation = training_latents(
        replace(run, data=unseen(run), train=plainly), codec=codec, context=context
    ).latents
    conditioning, objective = conditioning_source(run), run.objective.build()
    rows = simulate(unseen(run), indices=np.arange(VALIDATION_VIDEOS))
    of_validation = conditioning_of(run.model.conditioned_on, rows)
    state = begin(
        run.model,
        train=run.train,
        shape=backbone_shape(run),
        seed=run.seed,
        device=context.device,
    )
    alone = Workers(rank=0, world=1)
    device = next(state.model.parameters()).device
    batches = latents.batches(0, seed=run.seed, batch=run.train.batch, workers=alone)
    for share in shares:
        while state.step < max(1, round(share * run.train.steps)):
            read = None
            if conditioning is not None:
                read = conditioning.batch(
                    state.step, seed=run.seed, batch=run.train.batch, workers=alone
                ).to(device)
            train_step(
                state,
                next(batches).to(device),
                seed=run.seed,
                train=run.train,
                objective=objective,
                workers=alone,
                conditioning=read,
            )
        state.guard.check()
        indices = np.arange(VALIDATION_VIDEOS).tolist()
        errors = inference_of(run, averaged(state)).held_out(
            validation, indices=indices, conditioning=of_validation
        )
        yield Rung(share, state.step, loss=float(errors.as_trained.double().mean()))
