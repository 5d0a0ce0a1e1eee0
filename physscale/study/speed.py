"""How long a run takes: from seconds per step measured on this class of machine, or from a named
device's peak.

Every driver notes, for each run that it finished, the median seconds per step of the run's own
history in `speed.jsonl` beside the studies. A plan interpolates them over FLOPs per step: small
models cost what a step costs by itself, large ones what their FLOPs cost."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from physscale.records.errors import UserError
from physscale.records.json_lines import append_line, read_lines
from physscale.records.ledger import Ledger, State
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.scheduling.resources import Machine
from physscale.study.environment import processor

PEAK_FLOPS_PER_S = {
    "t4": 65e12,
    "v100": 125e12,
    "a10": 125e12,
    "l4": 121e12,
    "l40s": 362e12,
    "rtx3090": 71e12,
    "rtx4090": 165e12,
    "a100": 312e12,
    "h100": 989e12,
    "h200": 989e12,
    "b200": 2250e12,
    "mi300x": 1307e12,
}
"""Dense 16-bit matrix products with 32-bit sums, as the makers' data sheets have them."""

THIS_CPU = "this-cpu"
"""Beside the table: the processor that asks, all threads of its process."""

UTILISATION = 0.3
"""Share of the peak that a training reaches, unless said otherwise; video transformers report 0.25
to 0.45."""

_BESIDES_TRAINING_S = 4.0
"""Simulation, codec, sampling and scoring of a small run, about."""


@dataclass(frozen=True)
class Speed:
    """Seconds of a run, by its FLOPs per step.

    Attributes:
        flops, step_s: measured pairs, ascending in FLOPs per step; empty where only `flops_per_s`
            is known.
        besides_s: a run's seconds besides its training.
        source, kind: where the numbers come from, in words and in one; `assumed` ones are corrected
            by the finished runs of a ledger.
    """

    flops_per_s: float
    source: str
    kind: Literal["assumed", "measured", "device"] = "assumed"
    flops: tuple[float, ...] = ()
    step_s: tuple[float, ...] = ()
    besides_s: float = _BESIDES_TRAINING_S

    def seconds(self, *, flops: float, steps: int) -> float:
        """Of a run that spends `flops` in `steps` steps."""
        return self.besides_s + steps * self._step_s(flops / steps)

    def _step_s(self, flops: float) -> float:
        if not self.flops:
            return flops / self.flops_per_s
        return float(np.interp(flops, self.flops, self.step_s)) * max(1.0, flops / self.flops[-1])


def speed_of(machine: Machine, *, results: Path) -> Speed:
    """What this class of machine was measured at, or the machine file's FLOPs per second."""
    lines = [
        line
        for line in read_lines(results / "speed.jsonl")
        if line["machine"] == machine_class(machine)
    ]
    if not lines:
        return Speed(
            machine.flops_per_s, f"{machine.flops_per_s:.2g} FLOP/s of machine {machine.name}"
        )
    by_flops: dict[float, list[float]] = {}
    for line in lines:
        by_flops.setdefault(line["flops_per_step"], []).append(line["step_s"])
    flops = tuple(sorted(by_flops))
    # a larger model is never faster: what looks so is noise of small ones
    step_s = tuple(
        float(value) for value in np.maximum.accumulate([median(by_flops[key]) for key in flops])
    )
    return Speed(
        machine.flops_per_s,
        f"{len(lines)} runs measured on {machine_class(machine)}",
        kind="measured",
        flops=flops,
        step_s=step_s,
        besides_s=median(line["besides_s"] for line in lines),
    )


def device_speed(name: str, *, utilisation: float = UTILISATION) -> Speed:
    """A share of a named device's peak; that of `THIS_CPU` is measured now, in float32.

    Raises:
        UserError: for a device that is not in the table, or a share outside 0 to 1.
    """
    device, known = name.lower(), (*PEAK_FLOPS_PER_S, THIS_CPU)
    if device not in known:
        raise UserError(f"--device {name[:40]!r}: there are {', '.join(known)}")
    if not 0 < utilisation <= 1:
        raise UserError(f"--utilisation {utilisation}: a share of the peak, above 0 and at most 1")
    peak = _peak_of_this_cpu() if device == THIS_CPU else PEAK_FLOPS_PER_S[device]
    return Speed(
        utilisation * peak,
        f"{utilisation:.0%} of the peak of one {device}, {peak / 1e12:.3g} TFLOP/s",
        kind="device",
    )


def _peak_of_this_cpu() -> float:
    import torch  # only where it is asked for

    from physscale.run.peak_flops import product_flops_per_s

    return product_flops_per_s("cpu", dtype=torch.float32)


def machine_class(machine: Machine) -> str:
    """Runs on machines of one class take equal times; this machine's is its processor's name."""
    return (
        f"{machine.name}, {processor()}, {machine.threads} threads"
        if machine.name == "local"
        else machine.name
    )


def note_speed(store: Store, *, runs: Sequence[str], machine: Machine) -> None:
    """Adds those of these runs to the table that are done and not in it yet."""
    table = store.root.parent / "speed.jsonl"
    known = {line["run"] for line in read_lines(table)}
    entries = Ledger(store.ledger).entries()
    for run in runs:
        if run in known or run not in entries or entries[run].state is not State.DONE:
            continue
        record = json.loads(store.run(run).spec.read_text())
        laps = [
            line["ms_per_step"] / 1e3
            for line in read_metrics(store.run(run).metrics)
            if "ms_per_step" in line
        ]
        if laps:
            step_s = median(laps)
            besides_s = max(
                0.0, entries[run].details.get("seconds", 0.0) - step_s * record["steps"]
            )
            per_step = record["flops"] / record["steps"]
            append_line(
                table,
                {
                    "run": run,
                    "machine": machine_class(machine),
                    "flops_per_step": per_step,
                    "step_s": step_s,
                    "besides_s": besides_s,
                },
            )
