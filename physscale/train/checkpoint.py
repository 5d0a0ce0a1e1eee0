"""A training on disk: everything that a step depends on, complete or invisible, without pickle.

    step_00001500/  model.safetensors  ema.safetensors  first.safetensors  second.safetensors
                    losses.safetensors  state.json  manifest.json

`stored.py` says how tensors lie in files, `saving.py` writes them. `state.json` says what was
trained, so that a checkpoint alone gives back its model."""

import hashlib
import json
import logging
import shutil
import struct
import time
from pathlib import Path

from torch import Tensor

from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone import Backbone
from physscale.model.backbone_spec import BackboneSpec
from physscale.records.errors import DamagedData, UserError
from physscale.records.latent_shape import LatentShape
from physscale.records.spec import canonical, from_plain, plain
from physscale.records.store import MANIFEST, read_folder, sha256_of
from physscale.train.parallel import Workers, digest_of
from physscale.train.spec import computed_plainly
from physscale.train.step import TrainState
from physscale.train.stored import Stored
from physscale.train.task import TrainTask

__all__ = ["agreed", "folder_of", "folders", "latest", "load_model", "recipe", "restore"]

SEEN_WITHIN_S = 120.0
"""How long a worker waits until it sees the checkpoint that the first worker chose. NFS clients
keep a directory listing for up to 60 s (`acdirmax`)."""

_LOOK_S = 0.25

_CHOICE = struct.Struct(">q32s")
"""A step and the SHA-256 of its manifest; step -1: no checkpoint."""


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
    if workers.world == 1:
        return latest(checkpoints)
    step, digest = _CHOICE.unpack(workers.gathered(_choice(checkpoints, workers=workers))[0])
    if step < 0:
        return None
    folder = folder_at(checkpoints, step=step)
    seen = workers.rank == 0 or _seen(folder, digest=digest.hex())
    blind = [rank for rank, sees in enumerate(workers.gathered(bytes([seen]))) if not sees[0]]
    if blind:
        raise DamagedData(
            f"{folder}: workers {blind} of {workers.world} did not see it whole with manifest "
            f"SHA-256 {digest.hex()} within {SEEN_WITHIN_S:g} s; look at their file system, then "
            "run again"
        )
    return folder


def _choice(checkpoints: Path, *, workers: Workers) -> bytes:
    """The first worker's; the others have none."""
    newest = latest(checkpoints) if workers.rank == 0 else None
    if newest is None:
        return _CHOICE.pack(-1, b"")
    step = int(newest.name.removeprefix("step_"))
    return _CHOICE.pack(step, bytes.fromhex(sha256_of(newest / MANIFEST)))


def _seen(folder: Path, *, digest: str) -> bool:
    """Whether the folder verifies with this manifest before the patience ends."""
    deadline, said = time.monotonic() + SEEN_WITHIN_S, ""
    while reason := _unseen(folder, digest=digest):
        if reason != said:
            logging.getLogger(__name__).warning("waiting for a checkpoint: %s", reason)
            said = reason
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    return True


def _unseen(folder: Path, *, digest: str) -> str:
    """Why this worker cannot take the folder; empty when it can. Large files are read last."""
    try:
        own = sha256_of(folder / MANIFEST)
        if own != digest:
            return f"{folder}: manifest SHA-256 {own}, not {digest}"
        read_folder(folder)
    except (DamagedData, OSError) as error:
        return str(error)
    return ""


def restore(state: TrainState, folder: Path, *, task: TrainTask, workers: Workers) -> None:
    """Restore the state as it was saved, bit for bit. Every worker calls it.

    Raises UserError when the checkpoint belongs to another training.
    """
    stored = Stored(folder, state.model)
    if canonical(stored.state["recipe"]) != canonical(recipe(task)):
        raise UserError(
            f"{folder}: a checkpoint of another training; choose another folder or delete this one"
        )
    seen = hashlib.sha256()

    def read(kind: str, name: str) -> Tensor:
        tensor = stored.tensor(kind, name)
        if workers.world > 1:
            seen.update(digest_of({f"{kind} {name}": tensor}))
        return tensor

    state.weights.load(read)
    state.step = stored.state["step"]
    state.losses[: state.step] = stored.losses
    seen.update(digest_of({"losses": stored.losses}))
    if workers.world > 1:
        state.origin = seen.digest()


def load_model(folder: Path) -> Backbone:
    """The averaged model of a checkpoint, whatever kind of training wrote it.

    Raises:
        DamagedData: when its manifest does not verify.
    """
    read_folder(folder)
    trained = json.loads((folder / "state.json").read_text())["recipe"]
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
