"""A training on disk: everything that a step depends on, complete or invisible, without pickle.

    step_00001500/  model.safetensors  ema.safetensors  first.safetensors  second.safetensors
                    losses.safetensors  state.json  manifest.json

`stored.py` says how tensors lie in files, `saving.py` writes them. `state.json` says what was
trained, so that a checkpoint alone gives back its model."""

import hashlib
import logging
import shutil
from pathlib import Path

from torch import Tensor

from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone import Backbone
from physscale.model.backbone_spec import BackboneSpec
from physscale.records.errors import DamagedData, UserError
from physscale.records.latent_shape import LatentShape
from physscale.records.spec import canonical, from_plain, plain, short
from physscale.records.store import read_folder
from physscale.train.parallel import Workers, digest_of
from physscale.train.same_folder import same_folder
from physscale.train.spec import computed_plainly
from physscale.train.step import TrainState
from physscale.train.stored import Stored, read_state, readable
from physscale.train.task import TrainTask

__all__ = [
    "agreed",
    "folder_at",
    "folder_of",
    "folders",
    "latest",
    "load_model",
    "recipe",
    "restore",
]


def latest(checkpoints: Path) -> Path | None:
    """The newest checkpoint whose manifest verifies. Damaged ones are named in the log and
    skipped."""
    for folder in reversed(folders(checkpoints)):
        try:
            return read_folder(folder)
        except DamagedData as error:
            logging.getLogger(__name__).warning("passing over a damaged checkpoint: %s", error)
    return None


def agreed(checkpoints: Path, *, workers: Workers) -> Path | None:
    """The newest whole checkpoint that the first worker finds, once every worker sees that very
    one: its folder verifies, and its manifest has the same SHA-256. Every worker calls it.

    Raises:
        DamagedData: on every worker, when some do not see it within `SEEN_WITHIN_S`. Nobody takes
            another one.
    """
    newest = latest(checkpoints) if workers.rank == 0 else None
    return same_folder(newest, parent=checkpoints, workers=workers)


def restore(state: TrainState, folder: Path, *, task: TrainTask, workers: Workers) -> None:
    """Restore the state as it was saved, bit for bit. Every worker calls it.

    Raises:
        UserError: when the checkpoint belongs to another training.
        DamagedData: when it is none of ours.
    """
    stored = Stored(folder, state.model)
    with readable(folder):
        other = stored.state.get("run", task.run) != task.run  # version 0.1 names no run
        other = other or canonical(stored.state["recipe"]) != canonical(recipe(task))
        step = int(stored.state["step"])
    if other:
        raise UserError(f"{folder}: a checkpoint of another training; choose another folder")
    seen = hashlib.sha256()

    def read(kind: str, name: str) -> Tensor:
        tensor = stored.tensor(kind, name)
        if workers.world > 1:
            seen.update(digest_of({f"{kind} {name}": tensor}))
        return tensor

    state.weights.load(read)
    state.step = step
    with readable(folder):
        state.losses[:step] = stored.losses
    seen.update(digest_of({"losses": stored.losses}))
    if workers.world > 1:
        state.origin = seen.digest()


def load_model(folder: Path, *, run: str | None = None) -> Backbone:
    """The averaged model of a checkpoint, whatever kind of training wrote it.

    Args:
        run: the fingerprint of the run that it has to be of; None for any.

    Raises:
        DamagedData: when its manifest does not verify, it is of another run, or none of ours.
    """
    read_folder(folder)
    with readable(folder):
        state = read_state(folder)
        if run is not None and state.get("run", run) != run:
            raise DamagedData(f"{folder}: a checkpoint of run {short(state['run']) or 'unknown'}")
        trained = state["recipe"]
        spec = from_plain(BackboneSpec, trained["model"])  # type: ignore[type-abstract]
        objective = from_plain(ObjectiveSpec, trained["flow"])  # type: ignore[type-abstract]
        model = spec.build(objective.backbone_shape(from_plain(LatentShape, trained["shape"])))
        stored = Stored(folder, model)
        model.load_state_dict({name: stored.tensor("ema", name) for name in model.state_dict()})
    return model.eval()


def discard_unfinished(checkpoints: Path) -> None:
    """Remove what a killed writer left under temporary names."""
    for stale in checkpoints.glob(".step_*.tmp"):
        shutil.rmtree(stale)


def recipe(task: TrainTask) -> dict[str, object]:
    """What the losses depend on, except the data, and except what changes nothing but rounding: the
    number of workers and how a step is computed."""
    return {
        "model": plain(task.model),
        "shape": plain(task.latents.shape),
        "flow": plain(task.objective),
        "train": plain(computed_plainly(task.train)),
        "seed": task.seed,
    }


def folders(checkpoints: Path) -> list[Path]:
    """All checkpoints, oldest first."""
    return sorted(checkpoints.glob("step_*"))


def folder_of(task: TrainTask, *, step: int) -> Path:
    return folder_at(task.checkpoints, step=step)


def folder_at(checkpoints: Path, *, step: int) -> Path:
    return checkpoints / f"step_{step:08d}"
