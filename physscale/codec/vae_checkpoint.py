"""The training of a VAE on disk, complete or invisible, so that a killed one goes on bit for bit.

    step_00001000/  tensors.safetensors  state.json  manifest.json

The folder is deleted once the codec is there."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from physscale.codec.training_spec import VaeTraining
from physscale.codec.vae_step import VaeState
from physscale.records.errors import UserError
from physscale.records.json_value import parsed
from physscale.records.spec import canonical, plain
from physscale.records.store import remove_folder, write_folder
from physscale.train.checkpoint import agreed, folder_at, folders
from physscale.train.parallel import Workers, digest_of
from physscale.train.spec import CHECKPOINTS_KEPT
from physscale.train.stored import readable

__all__ = ["Saving", "digest", "resume", "save"]


@dataclass(frozen=True)
class Saving:
    """Where a training is saved, and after how many steps or seconds, whichever comes first. The
    first worker's clock counts."""

    folder: Path
    every_steps: int = 1000
    every_s: float = 600.0

    def due(self, *, step: int, since_s: float) -> bool:
        """Whether to save before this step, so long after the last time."""
        return step > 0 and (
            step % self.every_steps == 0 or time.monotonic() - since_s >= self.every_s
        )


def save(state: VaeState, saving: Saving, *, training: VaeTraining, workers: Workers) -> None:
    """Write the state and delete all but the newest two. The first worker writes."""
    if workers.rank:
        return
    with write_folder(folder_at(saving.folder, step=state.step)) as temporary:
        safetensors.torch.save_file(tensors_of(state), temporary / "tensors.safetensors")
        described = {"step": state.step, "training": _identity(training)}
        (temporary / "state.json").write_text(json.dumps(described, indent=1))
    for old in folders(saving.folder)[:-CHECKPOINTS_KEPT]:
        remove_folder(old)


def resume(state: VaeState, saving: Saving, *, training: VaeTraining, workers: Workers) -> None:
    """Restore the newest checkpoint that the first worker finds, if there is one.

    Raises:
        DamagedData: on every worker, when some do not see it; or when it is none of ours.
        UserError: for the checkpoint of another training.
    """
    newest = agreed(saving.folder, workers=workers)
    if newest is None:
        return
    with readable(newest):
        described = parsed((newest / "state.json").read_text())
        if canonical(described["training"]) != canonical(_identity(training)):
            raise UserError(f"{newest}: a checkpoint of another training; choose another --results")
        _load(state, safetensors.torch.load_file(newest / "tensors.safetensors"))
        state.step = int(described["step"])


def _load(state: VaeState, tensors: dict[str, Tensor]) -> None:
    for name, network, adam in _networks(state):
        network.load_state_dict(_below(f"{name}.", tensors))
        moments = {
            number: _below(f"{name}_adam.{number}.", tensors)
            for number in range(len(list(network.parameters())))
        }
        adam.load_state_dict(
            {
                "state": {number: kept for number, kept in moments.items() if kept},
                "param_groups": adam.state_dict()["param_groups"],
            }
        )


def tensors_of(state: VaeState) -> dict[str, Tensor]:
    """All weights and moments by name, on the CPU."""
    tensors: dict[str, Tensor] = {}
    for name, network, adam in _networks(state):
        tensors |= {f"{name}.{key}": tensor for key, tensor in network.state_dict().items()}
        for number, moments in adam.state_dict()["state"].items():
            tensors |= {f"{name}_adam.{number}.{key}": moments[key] for key in moments}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def digest(state: VaeState) -> bytes:
    """SHA-256 of the state, which all workers share."""
    return digest_of(tensors_of(state))


def _networks(state: VaeState) -> list[tuple[str, torch.nn.Module, torch.optim.Adam]]:
    networks: list[tuple[str, torch.nn.Module, torch.optim.Adam]] = [("vae", state.vae, state.adam)]
    if state.adversaries is not None:
        both = torch.nn.ModuleList([state.adversaries.frames, state.adversaries.clips])
        networks.append(("adversaries", both, state.adversaries.adam))
    return networks


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _identity(training: VaeTraining) -> object:
    """What a result depends on by more than rounding."""
    return plain(replace(training, recompute="none", accumulate=1))
