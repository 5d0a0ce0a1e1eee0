"""One run from its description to its scores, in one function."""

import torch

from physscale.records.errors import UserError
from physscale.records.json_file import write_json
from physscale.records.spec import plain
from physscale.records.store import RunFolder, Store
from physscale.run.check import check_card
from physscale.run.codec import codec_of
from physscale.run.conditioning import conditioning_source
from physscale.run.context import Context
from physscale.run.cost import cost
from physscale.run.peak_flops import product_flops_per_s
from physscale.run.score import Trained, score_run
from physscale.run.spec import RunSpec
from physscale.run.training_data import training_source
from physscale.run.validation import observers
from physscale.scheduling.gpus import Device, checked, own_card
from physscale.train.checkpoint import folders
from physscale.train.latents import LatentSource
from physscale.train.loop import train
from physscale.train.parallel import Workers
from physscale.train.task import Observer, TrainTask


def execute(run: RunSpec, *, store: Store, context: Context) -> None:
    """Train and score. `run.json`, history, checkpoints, samples, videos and scores are in the
    run's folder afterwards.

    Safe to repeat: training continues from the newest whole checkpoint, scoring after the last
    whole test split.

    Raises:
        Diverged, Preempted: as `train.loop.train` does.
        UserError: for a description that cannot be run, or does not fit into the memory of the
            GPU.
        Unschedulable: if torch cannot use the device that the context names.
    """
    folder = store.run(run.fingerprint)
    device = checked(context.device)
    if device == "cuda":
        card, memory_bytes = own_card()
        members = 1 if context.seat is None else context.seat.members
        check_card(run, card=card, memory_bytes=memory_bytes, pack=members)
    if context.rank == 0:
        _begin(run, folder=folder)
    codec = codec_of(run, store=store, context=context)
    latents = training_source(run, codec=codec, context=context, store=store)
    result = train(
        _task(
            run,
            latents=latents,
            folder=folder,
            device=device,
            observers=observers(
                run,
                codec=codec,
                folder=folder,
                workers=Workers(rank=context.rank, world=context.world),
            ),
        ),
        context=context,
    )
    trained = Trained(
        model=result.model, codec=codec, study=store.root.name, checkpoint=result.checkpoint
    )
    score_run(run, trained=trained, folder=folder, context=context)


def _begin(run: RunSpec, *, folder: RunFolder) -> None:
    """Writes `run.json`, which every checkpoint of a run finds there already.

    Raises:
        UserError: where it does not: what is left of the folder has a history with a hole.
    """
    if folders(folder.checkpoints) and not folder.spec.exists():
        raise UserError(
            f"{folder.root}: has checkpoints and no {folder.spec.name}, so a part of this run was "
            "deleted while it trained; move the rest of that folder away, and the run begins again"
        )
    write_json(folder.spec, run_record(run))


def run_record(run: RunSpec) -> dict[str, object]:
    """What `run.json` says: the fingerprint, the axes of the study, and the whole description."""
    price = cost(run)
    return {
        "fingerprint": run.fingerprint,
        "parameters": price.parameters,
        "videos": run.data.videos,
        "combinations": run.combinations,
        "steps": run.train.steps,
        "flops": price.flops,
        "seed": run.seed,
        "workers": run.workers,
        "scenario": run.data.scenario.name,
        "spec": plain(run),
    }


def _task(
    run: RunSpec,
    *,
    latents: LatentSource,
    folder: RunFolder,
    device: Device,
    observers: tuple[Observer, ...],
) -> TrainTask:
    dtype = torch.bfloat16 if run.train.precision == "bf16" else torch.float32
    return TrainTask(
        model=run.model,
        objective=run.objective,
        train=run.train,
        seed=run.seed,
        run=run.fingerprint,
        latents=latents,
        checkpoints=folder.checkpoints,
        metrics=folder.metrics,
        checkpoint_every=run.train.steps_between_checkpoints,
        checkpoint_minutes=run.train.checkpoint_minutes,
        device=device,
        observers=observers,
        conditioning=conditioning_source(run),
        device_flops_per_s=product_flops_per_s(device, dtype=dtype)
        if run.train.validate_every
        else None,
    )
