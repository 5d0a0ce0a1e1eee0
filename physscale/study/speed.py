"""How long a run takes: from seconds per step measured on this class of machine, or from what a
device does in a second (`study/roofline.py`).

Every driver notes, for each run that it finished, the median seconds per step of the run's own
history in `speed.jsonl` beside the studies. A plan interpolates them over FLOPs per step: small
models cost what a step costs by itself, large ones what their FLOPs cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from physscale.records.errors import UserError
from physscale.records.json_file import read_json
from physscale.records.json_lines import append_line, read_lines
from physscale.records.ledger import Ledger, State
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.run.cost import codec_training_flops, scoring_flops, validation_flops
from physscale.run.spec import RunSpec
from physscale.scheduling.resources import Machine
from physscale.study.devices import CARDS, DEVICE_FILE, Rates, card, read_rates, sharing
from physscale.study.environment import processor
from physscale.study.roofline import StepTime, ring_bytes, step_time

THIS_CPU = "this-cpu"
"""Beside the named cards: the processor that `physscale calibrate-device` measured."""

NODE_GPUS = 8
"""Devices of a node, where the machine file names no nodes."""

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
    kind: Literal["assumed", "measured"] = "assumed"
    flops: tuple[float, ...] = ()
    step_s: tuple[float, ...] = ()
    besides_s: float = _BESIDES_TRAINING_S

    def seconds(self, *, flops: float, steps: int) -> float:
        """Of a run that spends `flops` in `steps` steps."""
        return self.besides_s + steps * self._step_s(flops / steps)

    def run_s(self, run: RunSpec, *, flops: float) -> float:
        """Of a run that spends `flops`."""
        return self.seconds(flops=flops, steps=run.train.steps)

    def codec_s(self, run: RunSpec, *, workers: int) -> float:
        """Of the training of the run's codec, which nothing measures by itself. `flops_per_s` is
        that of all the run's workers."""
        return run.workers * _share(run, workers=workers) / self.flops_per_s

    def _step_s(self, flops: float) -> float:
        if not self.flops:
            return flops / self.flops_per_s
        return float(np.interp(flops, self.flops, self.step_s)) * max(1.0, flops / self.flops[-1])


@dataclass(frozen=True, kw_only=True)
class DeviceSpeed:
    """Seconds of a run by the roofline of its devices, linked as the machine file says."""

    rates: Rates
    machine: Machine
    kind: Literal["device"] = "device"

    @property
    def source(self) -> str:
        return f"predicted by the roofline of {self.rates.name}, not measured"

    def run_s(self, run: RunSpec, *, flops: float) -> float:
        """Of the whole run. Validation and scoring take as long per FLOP as a training step in
        their precision, and are dealt out over the workers."""
        plain = replace(
            run.train, precision=run.score_precision, recompute="none", optimiser="adamw"
        )
        step = self.step(replace(run, train=plain))
        looking = (scoring_flops(run) + validation_flops(run)) / (flops / run.train.steps)
        steps_s = run.train.steps * self.step(run).total
        return _BESIDES_TRAINING_S + steps_s + looking * (step.total - step.link_s)

    def codec_s(self, run: RunSpec, *, workers: int) -> float:
        """Of the training of the run's codec. Its gradients travel after the backward pass."""
        training = run.codec.training
        if training is None:
            return 0.0
        rate = self.rates.products(training.precision).convolutions
        sent = training.steps * ring_bytes(run.codec.spec.trained_parameters(), workers=workers)
        return _share(run, workers=workers) / rate + sent / self._link_bytes_per_s(workers)

    def step(self, run: RunSpec) -> StepTime:
        """One step and its parts; of a run in a full pack, its share of the pack's."""
        link = self._link_bytes_per_s(run.workers)
        step = step_time(run, rates=self.rates, link_bytes_per_s=link)
        pack = 1 if run.packs_with is None else self.machine.pack
        shared = sharing(self.machine, workers=run.workers)
        return replace(step, sharing=shared, host_s=step.host_s / pack)

    def _link_bytes_per_s(self, workers: int) -> float:
        """Of the slowest link between so many workers."""
        inside = self.machine.node_gpus if self.machine.nodes is not None else NODE_GPUS
        if workers <= inside:
            return self.rates.link_bytes_per_s
        return min(self.rates.link_bytes_per_s, self.machine.node_link_bytes_per_s)


Pace = Speed | DeviceSpeed
"""What tells how long a run takes."""


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


def pace_of(machine: Machine, *, results: Path) -> Pace:
    """What this class of machine was measured at; else the roofline of the machine file's card;
    else its FLOPs per second.

    Raises:
        UserError: for a card that is not in the table, whether it is needed or not.
    """
    rates = None if machine.gpu is None else card(machine.gpu)
    speed = speed_of(machine, results=results)
    if speed.kind == "measured" or rates is None:
        return speed
    return DeviceSpeed(rates=rates, machine=machine)


def device_speed(name: str, *, machine: Machine, results: Path) -> DeviceSpeed:
    """Of a named card, of a file of `physscale calibrate-device`, or of `THIS_CPU`.

    Raises:
        UserError: for a device that is not in the table, or a file that is no calibration.
    """
    if name.lower() == THIS_CPU or name.endswith(".json"):
        path = results / DEVICE_FILE if name.lower() == THIS_CPU else Path(name)
        rates = read_rates(path)
        if name.lower() == THIS_CPU and rates.kind != "cpu":
            raise UserError(f"device {name}: {path} is of {rates.name}; use --device {path}")
        return DeviceSpeed(rates=rates, machine=machine)
    if name.lower() not in CARDS:
        known = ", ".join((*CARDS, THIS_CPU))
        raise UserError(
            f"--device {name[:40]!r}: there are {known}, and files of physscale calibrate-device"
        )
    return DeviceSpeed(rates=card(name), machine=machine)


def machine_class(machine: Machine) -> str:
    """Runs on machines of one class take equal times; this machine's is its processor's name."""
    packed = f", packs of {machine.pack}" if machine.pack > 1 else ""
    return (
        f"{machine.name}, {processor()}, {machine.threads} threads{packed}"
        if machine.name == "local"
        else f"{machine.name}{packed}"
    )


def note_speed(store: Store, *, runs: Sequence[str], machine: Machine) -> None:
    """Adds those of these runs to the table that are done and not in it yet."""
    table = store.root.parent / "speed.jsonl"
    known = {line["run"] for line in read_lines(table)}
    entries = Ledger(store.ledger).entries()
    for run in runs:
        if run in known or run not in entries or entries[run].state is not State.DONE:
            continue
        record = read_json(store.run(run).spec)
        laps = [
            line["ms_per_step"] / 1e3
            for line in read_metrics(store.run(run).metrics, run=run)
            if "ms_per_step" in line
        ]
        if laps:
            pack = read_metrics(store.run(run).metrics)[-1].get("pack", 1)
            step_s = median(laps) / pack
            seconds = entries[run].details.get("seconds", 0.0) / pack
            besides_s = max(0.0, seconds - step_s * record["steps"])
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


def _share(run: RunSpec, *, workers: int) -> float:
    """FLOPs of the training of the run's codec on the busiest of so many workers."""
    training = run.codec.training
    if training is None:
        return 0.0
    return codec_training_flops(run) * -(-training.batch // workers) / training.batch
