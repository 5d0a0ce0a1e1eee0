"""A training on disk: everything that a step depends on, complete or invisible, without pickle.

    step_00001500/  model.safetensors  ema.safetensors  moments.safetensors  losses.safetensors
                    state.json  manifest.json

`model` and `ema` hold the model's own tensor names. `state.json` says what was trained, so that a
checkpoint alone gives back its model."""

import json
import logging
import shutil
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone import Backbone
from physscale.model.backbone_spec import BackboneSpec
from physscale.records.errors import DamagedData, UserError
from physscale.records.latent_shape import LatentShape
from physscale.records.spec import canonical, from_plain, plain
from physscale.records.store import read_folder, write_folder
from physscale.train.parallel import Workers
from physscale.train.spec import CHECKPOINTS_KEPT, computed_plainly
from physscale.train.step import TrainState
from physscale.train.task import TrainTask
from physscale.train.weights import Saved

__all__ = ["folders", "latest", "load_model", "restore", "save"]

CHECKPOINT_FORMAT = 1


def save(state: TrainState, *, task: TrainTask, workers: Workers) -> None:
    """Write the state after `state.step` steps and delete all but the newest two. Every worker
    calls it; the first one writes."""
    saved = state.weights.saved(workers)
    if saved is None:
        return
    with write_folder(folder_of(task, step=state.step)) as temporary:
        write_tensors(temporary / "model.safetensors", saved.model)
        write_tensors(temporary / "ema.safetensors", saved.ema)
        write_tensors(
            temporary / "moments.safetensors", {"first": saved.first, "second": saved.second}
        )
        write_tensors(temporary / "losses.safetensors", {"losses": state.losses[: state.step]})
        described = {"format": CHECKPOINT_FORMAT, "step": state.step, "recipe": recipe(task)}
        (temporary / "state.json").write_text(json.dumps(described, indent=1))
    for old in folders(task.checkpoints)[:-CHECKPOINTS_KEPT]:
        shutil.rmtree(old)


def latest(checkpoints: Path) -> Path | None:
    """The newest checkpoint whose manifest verifies. Damaged ones are named in the log and
    skipped."""
    for folder in reversed(folders(checkpoints)):
        try:
            return read_folder(folder)
        except DamagedData as error:
            logging.getLogger(__name__).warning("passing over a damaged checkpoint: %s", error)
    return None


def restore(state: TrainState, folder: Path, *, task: TrainTask) -> None:
    """Restore the state as it was saved, bit for bit.

    Raises UserError when the checkpoint belongs to another training.
    """
    saved = json.loads((folder / "state.json").read_text())
    if canonical(saved["recipe"]) != canonical(recipe(task)):
        raise UserError(
            f"{folder}: a checkpoint of another training; choose another folder or delete this one"
        )
    model, ema, moments = (
        safetensors.torch.load_file(folder / f"{name}.safetensors")
        for name in ("model", "ema", "moments")
    )
    state.weights.load(Saved(model, ema, moments["first"], moments["second"]))
    state.step = saved["step"]
    state.losses[: state.step] = safetensors.torch.load_file(folder / "losses.safetensors")[
        "losses"
    ]


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
    model.load_state_dict(safetensors.torch.load_file(folder / "ema.safetensors"))
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
    return task.checkpoints / f"step_{step:08d}"


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    safetensors.torch.save_file(
        {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in tensors.items()
        },
        path,
    )
