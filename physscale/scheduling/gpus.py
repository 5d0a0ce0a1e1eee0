"""The GPUs of this machine as torch sees them, or why it sees none.

The machine file decides where a run computes. torch is only asked whether that is possible. A
process that was promised no GPU never asks, because asking torch can cost a CUDA context."""

import os
from typing import Literal

from physscale.records.errors import Unschedulable

Device = Literal["cpu", "cuda"]

HIDDEN = {"CUDA_VISIBLE_DEVICES": ""}
"""The environment of a process that computes on the CPU. Ray does not hide GPUs from a process that
asked for none, and Ray Train opens a CUDA context on every GPU that it sees."""


def visible_gpus() -> int:
    """How many GPUs torch can use here, counted without a CUDA context."""
    import torch  # seconds: only where a machine file promises GPUs

    return torch.cuda.device_count()


def why_none() -> str:
    """Why torch sees no GPU here, in a few words."""
    import torch

    if torch.version.cuda is None:
        return f"torch {torch.__version__} is a CPU build"
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown is not None and not shown.strip():
        return "CUDA_VISIBLE_DEVICES is empty"
    needs = f"torch {torch.__version__} needs a driver for CUDA {torch.version.cuda}"
    return needs if shown is None else f"CUDA_VISIBLE_DEVICES={shown}; {needs}"


def own_card() -> tuple[str, int]:
    """The name and the bytes of the GPU that this process computes on; it opens a CUDA context."""
    import torch

    card = torch.cuda.get_device_properties(torch.cuda.current_device())
    return card.name, card.total_memory


def checked(device: Device) -> Device:
    """The device, if torch can use it.

    Raises:
        Unschedulable: for a GPU that was promised and cannot be used.
    """
    if device == "cuda" and not visible_gpus():
        raise Unschedulable(
            f"the machine file promises a GPU and torch sees none on {os.uname().nodename}: "
            f"{why_none()}; repair that, or choose another --machine"
        )
    return device
