"""Whether runs fit into the memory of a named card, with all that share it."""

from collections.abc import Iterable

from physscale.run.check import check_card
from physscale.run.device_memory import run_memory
from physscale.run.spec import RunSpec
from physscale.scheduling.packs import packs
from physscale.scheduling.resources import Machine
from physscale.study.devices import Rates, sharing
from physscale.study.plan import label
from physscale.study.progress import gigabytes

__all__ = ["check_fits", "memory_note"]


def check_fits(runs: Iterable[RunSpec], *, rates: Rates, machine: Machine) -> None:
    """Raises UserError for the first run that its card does not hold beside the others."""
    if rates.kind != "cuda":
        return
    for together in packs(list(runs), largest=machine.pack):
        for run in together:
            check_card(
                run,
                card=rates.name,
                memory_bytes=rates.memory_bytes,
                sharing=sharing(machine, workers=run.workers),
                pack=len(together),
            )


def memory_note(runs: Iterable[RunSpec]) -> list[str]:
    """What the fullest run holds, in words."""
    held = [(run_memory(run, device="cuda").total, label(run)) for run in runs]
    if not held:
        return []
    most, fullest = max(held)
    return [f"memory: at most {gigabytes(most)} per device, {fullest}"]
