"""Whether runs fit into the memory of their card, with all that share it."""

from collections.abc import Iterable

from physscale.records.errors import UserError
from physscale.run.device_memory import run_memory
from physscale.run.spec import RunSpec
from physscale.scheduling.resources import Machine
from physscale.study.devices import Rates
from physscale.study.plan import label
from physscale.study.progress import gigabytes

__all__ = ["CONTEXT_BYTES", "check_fits", "memory_note", "sharing"]

CONTEXT_BYTES = 1_000_000_000
"""What a process holds on a card besides its tensors: the CUDA context, the libraries' kernels and
their workspace, about."""


def sharing(machine: Machine, *, workers: int) -> int:
    """How many runs, or workers of runs of several, share a card."""
    part = machine.run_gpus if workers == 1 else machine.worker_gpus
    return int(1 / part) if 0 < part < 1 else 1


def check_fits(runs: Iterable[RunSpec], *, rates: Rates, machine: Machine) -> None:
    """Raises UserError for the first run that its card does not hold beside the others."""
    if rates.kind != "cuda":
        return
    for run in runs:
        held = run_memory(run, device="cuda").total + CONTEXT_BYTES
        beside = sharing(machine, workers=run.workers)
        if beside * held <= rates.memory_bytes:
            continue
        key = "run_gpus" if run.workers == 1 else "worker_gpus"
        each = f", {beside} of them share one ({key} in machine {machine.name})" * (beside > 1)
        raise UserError(
            f"{label(run)}: needs {gigabytes(held)} on each device{each}, and a {rates.name} has "
            f"{gigabytes(rates.memory_bytes)}; try train.recompute=block, train.precision=bf16, a "
            "larger train.accumulate, or more workers"
        )


def memory_note(runs: Iterable[RunSpec]) -> list[str]:
    """What the fullest run holds, in words."""
    held = [(run_memory(run, device="cuda").total, label(run)) for run in runs]
    if not held:
        return []
    most, fullest = max(held)
    return [f"memory: at most {gigabytes(most)} per device, {fullest}"]
