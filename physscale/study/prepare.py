"""The plan of a study inside its limits, with everything that it was asked to take into account."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from physscale.records.ledger import FINAL
from physscale.records.store import Store
from physscale.run.check import check
from physscale.run.latent_cache import cache_notes
from physscale.run.spec import RunSpec
from physscale.run.weights import check_weights
from physscale.scheduling.packs import packs
from physscale.scheduling.resources import Machine
from physscale.study.axes import together
from physscale.study.budget import within_flops, within_hours
from physscale.study.card_memory import check_fits, memory_note
from physscale.study.codec_cost import codec_cost
from physscale.study.drive import at_a_time, check_schedulable
from physscale.study.plan import Row, plan
from physscale.study.spec import Study
from physscale.study.speed import DeviceSpeed, Pace, pace_of


@dataclass(frozen=True)
class Opened:
    """A whole study, and the part of it (`study`) that this command is about.

    Raises:
        UserError: if a run of that part could not be carried out (`run/check.py`).
    """

    whole: Study
    study: Study
    store: Store

    def __post_init__(self) -> None:
        for run in self.study.runs.values():
            check(run)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A plan with everything that it was asked to take into account."""

    opened: Opened
    rows: list[Row]
    left_out: tuple[str, ...]
    notes: list[str]
    schedule: list[str]
    speed: Pace
    wall_s: float


def prepare(
    opened: Opened,
    *,
    machine: Machine,
    budget: float | None = None,
    hours: float | None = None,
    speed: Pace | None = None,
    backend: Literal["ray", "plain"] = "ray",
) -> Prepared:
    """The plan inside its limits.

    Raises:
        Unschedulable: if some run that is missing could never be placed.
        UserError: if nothing fits into the limits, or a run does not fit into the memory of a
            named card, or weights that a codec begins with are not where they are said to lie.
        DamagedData: if a file of latents that a run would read is torn or foreign.
    """
    study, store = opened.study, opened.store
    speed = speed or pace_of(machine, results=store.root.parent)
    rows = plan(study, store=store, flops_per_s=machine.flops_per_s, speed=speed)
    schedule = check_schedulable(rows, machine=machine, backend=backend) if missing(rows) else []
    beside = at_a_time(rows, machine=machine, backend=backend)
    notes: list[str] = []
    left_out: tuple[str, ...] = ()
    if budget is not None:
        kept = within_flops(study, rows=rows, flops=budget)
        study, left_out, notes = kept.study, kept.left_out, [kept.said]
        rows = [row for row in rows if row.fingerprint in study.runs]
    if hours is not None:
        kept = within_hours(study, rows=rows, hours=hours, at_a_time=beside)
        study, left_out, notes = kept.study, (*left_out, *kept.left_out), [*notes, kept.said]
        rows = [row for row in rows if row.fingerprint in study.runs]
    notes += [
        f"group {group}: {said}" for group, runs in study.groups.items() for said in together(runs)
    ]
    if machine.promises_gpus or (isinstance(speed, DeviceSpeed) and speed.rates.kind == "cuda"):
        notes += memory_note(study.runs.values())
    if isinstance(speed, DeviceSpeed):
        check_fits(study.runs.values(), rates=speed.rates, machine=machine)
        notes += step_notes(rows, study=study, speed=speed)
    longest = sorted(missing(rows), key=lambda row: -row.estimated_s)  # as `drive` starts them
    left = [study.runs[row.fingerprint] for row in longest]
    codecs = codec_cost(left, store=store, pace=speed)
    notes += codecs.notes
    notes += [*check_weights(left, store=store), *cache_notes(left, store=store)]
    notes += pack_notes(left, machine=machine)
    wall_s = codecs.seconds + sum(row.estimated_s / beside[row.workers] for row in missing(rows))
    return Prepared(
        opened=dataclasses.replace(opened, study=study),
        rows=rows,
        left_out=left_out,
        notes=notes,
        schedule=schedule,
        speed=speed,
        wall_s=max([wall_s, *(row.estimated_s for row in missing(rows))], default=0.0),
    )


def pack_notes(runs: Sequence[RunSpec], *, machine: Machine) -> list[str]:
    """How the runs train together, where the machine file lets them."""
    if machine.pack == 1:
        return []
    found = packs(runs, largest=machine.pack)
    alone = sum(len(together) == 1 for together in found)
    return [
        f"packs: {len(runs)} runs train as {len(found)} programs, the largest of "
        f"{max(map(len, found), default=0)} runs, {alone} of a single one"
    ]


def step_notes(rows: list[Row], *, study: Study, speed: DeviceSpeed) -> list[str]:
    """Of what a step of the longest run consists."""
    longest = max(rows, key=lambda row: row.estimated_s, default=None)
    if longest is None:
        return []
    step = speed.step(study.runs[longest.fingerprint])
    return [f"step of {longest.label}: {step.parts}"]


def as_object(prepared: Prepared) -> dict[str, object]:
    """A plan for programs."""
    return {
        "study": prepared.opened.study.name,
        "question": prepared.opened.study.question,
        "schedule": prepared.schedule,
        "speed": prepared.speed.source,
        "hours": round(prepared.wall_s / 3600, 4),
        "notes": prepared.notes,
        "left_out": list(prepared.left_out),
        "runs": [dataclasses.asdict(row) for row in prepared.rows],
    }


def missing(rows: list[Row]) -> list[Row]:
    """The runs that have not ended."""
    return [row for row in rows if row.state not in FINAL]
