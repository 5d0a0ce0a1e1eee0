"""A training on disk: everything a step depends on, complete or invisible, no pickle.

step_00001500/  model.safetensors  ema.safetensors  moments.safetensors  losses.safetensors  state.json  manifest.json

`model` and `ema` hold the model's own tensor names; `state.json` says what was trained, so that a checkpoint alone gives back its model.
"""

import json
import logging
import shutil
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from physscale.model.dit import DiT
from physscale.model.spec import DiTSpec, LatentShape
from physscale.records.errors import DamagedData, UserError
from physscale.records.spec import canonical, from_plain, plain
from physscale.records.store import read_folder, write_folder
from physscale.train.spec import CHECKPOINTS_KEPT
from physscale.train.step import TrainState
from physscale.train.task import TrainTask

__all__ = ["latest", "load_model", "restore", "save"]

CHECKPOINT_FORMAT = 1


def save(state: TrainState, *, task: TrainTask) -> Path:
    """Write the state after `state.step` steps and drop all but the newest two."""
    folder = folder_of(task, step=state.step)
    flat = state.flat
    with write_folder(folder) as temporary:
        write_tensors(temporary / "model.safetensors", flat.named(flat.values))
        write_tensors(temporary / "ema.safetensors", flat.named(state.ema))
        write_tensors(temporary / "moments.safetensors", {"first": state.optimiser.first, "second": state.optimiser.second})
        write_tensors(temporary / "losses.safetensors", {"losses": state.losses[: state.step]})
        facts = {"format": CHECKPOINT_FORMAT, "step": state.step, "recipe": recipe(task)}
        (temporary / "state.json").write_text(json.dumps(facts, indent=1))
    for old in folders(task.checkpoints)[:-CHECKPOINTS_KEPT]:
        shutil.rmtree(old)
    return folder


def latest(checkpoints: Path) -> Path | None:
    """The newest checkpoint whose manifest verifies; damaged ones are named in the log and passed over."""
    for folder in reversed(folders(checkpoints)):
        try:
            return read_folder(folder)
        except DamagedData as error:
            logging.getLogger(__name__).warning("passing over a damaged checkpoint: %s", error)
    return None


def restore(state: TrainState, folder: Path, *, task: TrainTask) -> None:
    """Put the state back to what it was when it was saved, bit for bit.

    Raises UserError when the checkpoint belongs to another training.
    """
    facts = json.loads((folder / "state.json").read_text())
    if canonical(facts["recipe"]) != canonical(recipe(task)):
        raise UserError(f"{folder}: a checkpoint of another training; choose another folder or delete this one")
    for name, vector in (("model", state.flat.values), ("ema", state.ema)):
        saved = safetensors.torch.load_file(folder / f"{name}.safetensors")
        for key, view in state.flat.named(vector).items():
            view.copy_(saved[key])
    moments = safetensors.torch.load_file(folder / "moments.safetensors")
    state.optimiser.first.copy_(moments["first"])
    state.optimiser.second.copy_(moments["second"])
    state.step = facts["step"]
    state.losses[: state.step] = safetensors.torch.load_file(folder / "losses.safetensors")["losses"]


def load_model(folder: Path) -> DiT:
    """The averaged model of a checkpoint, whatever wrote it. Raises DamagedData when its manifest does not verify."""
    read_folder(folder)
    trained = json.loads((folder / "state.json").read_text())["recipe"]
    model = DiT(from_plain(DiTSpec, trained["model"]), shape=from_plain(LatentShape, trained["shape"]))
    model.load_state_dict(safetensors.torch.load_file(folder / "ema.safetensors"))
    return model.eval()


def discard_unfinished(checkpoints: Path) -> None:
    """Remove what a killed writer left under temporary names."""
    for stale in checkpoints.glob(".step_*.tmp"):
        shutil.rmtree(stale)


def recipe(task: TrainTask) -> dict[str, object]:
    """What the losses depend on, except the data and the number of workers (which change nothing, or rounding)."""
    return {
        "model": plain(task.model),
        "shape": plain(task.latents.shape),
        "flow": plain(task.flow),
        "train": plain(task.train),
        "seed": task.seed,
    }


def folders(checkpoints: Path) -> list[Path]:
    """All checkpoints, oldest first."""
    return sorted(checkpoints.glob("step_*"))


def folder_of(task: TrainTask, *, step: int) -> Path:
    return task.checkpoints / f"step_{step:08d}"


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    safetensors.torch.save_file(
        {name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}, path
    )
