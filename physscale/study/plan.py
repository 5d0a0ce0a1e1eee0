"""What a study is made of and what is left of it: a table by formula and ledger, without torch and
without Ray."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from physscale.records.json_file import write_json
from physscale.records.ledger import Entry, Ledger, State
from physscale.records.planned import planned_runs
from physscale.records.store import RunFolder, Store
from physscale.run.cost import cost
from physscale.run.spec import RunSpec
from physscale.study.environment import environment
from physscale.study.spec import Study
from physscale.study.speed import Pace, Speed


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run of a plan."""

    fingerprint: str
    label: str
    group: str
    groups: list[str]
    parameters: int
    flops: float
    videos: int
    combinations: int
    steps: int
    seed: int
    workers: int
    state: str
    attempts: int
    estimated_s: float
    data_bytes: int
    disk_bytes: int


def plan(study: Study, *, store: Store, flops_per_s: float, speed: Pace | None = None) -> list[Row]:
    """One row a run, in the order of the study. Times are those of `speed`, or what `flops_per_s`
    gives; if only assumed, finished runs of this ledger correct them."""
    entries = Ledger(store.ledger).entries()
    groups = study.groups_of
    costs = {full: cost(run) for full, run in study.runs.items()}
    assumed = speed or Speed(flops_per_s, "")
    guesses = {
        full: assumed.run_s(run, flops=costs[full].flops) for full, run in study.runs.items()
    }
    factor = 1.0 if assumed.kind != "assumed" else _measured_factor(guesses, entries=entries)
    return [
        Row(
            fingerprint=full,
            label=label(run),
            group=groups[full][0],
            groups=groups[full],
            parameters=costs[full].parameters,
            flops=costs[full].flops,
            videos=run.data.videos,
            combinations=run.combinations,
            steps=run.train.steps,
            seed=run.seed,
            workers=run.workers,
            state=standing(entries.get(full), folder=store.run(full)),
            attempts=entries[full].attempts if full in entries else 0,
            estimated_s=round(factor * guesses[full], 1),
            data_bytes=costs[full].data_bytes,
            disk_bytes=costs[full].disk_bytes,
        )
        for full, run in study.runs.items()
    ]


def standing(entry: Entry | None, *, folder: RunFolder) -> str:
    """The state that counts: DONE only with all files there."""
    if entry is None:
        return State.PLANNED.value
    if entry.state is State.DONE and not complete(folder):
        return State.PLANNED.value
    return entry.state.value


def complete(folder: RunFolder) -> bool:
    """Whether all that a finished run leaves is there."""
    return all(
        path.is_file() and path.stat().st_size > 0
        for path in (folder.spec, folder.metrics, folder.scores, folder.outcomes)
    )


def label(run: RunSpec) -> str:
    """A few words that tell a run from its neighbours."""
    combinations = f" C={run.combinations}" if run.combinations else ""
    workers = f" x{run.workers}" if run.workers > 1 else ""
    model = f"{run.model.description} {run.objective.description}".rstrip()
    data = f"{run.data.scenario.name} {model} D={run.data.videos}{combinations}"
    return f"{data} seed={run.seed}{workers}"


def recorded_runs(store: Store) -> list[str]:
    """The fingerprints in `study.json`; none where there is no such file."""
    return [row["fingerprint"] for row in planned_runs(store.study)]


def recorded_rows(store: Store, *, speed: Speed) -> list[Row]:
    """The runs in `study.json`, as they stand now: those of the last `run`, with its
    overrides, tuned rates and proposals."""
    recorded_ones = planned_runs(store.study)
    entries = Ledger(store.ledger).entries()
    known = {field.name for field in dataclasses.fields(Row)}
    rows = []
    for recorded in recorded_ones:
        full = recorded["fingerprint"]
        changing = {
            "state": standing(entries.get(full), folder=store.run(full)),
            "attempts": entries[full].attempts if full in entries else 0,
            "estimated_s": round(
                speed.seconds(flops=recorded["flops"], steps=recorded["steps"]), 1
            ),
        }
        # an older file does not know what a newer row counts
        older = {"data_bytes": 0, "disk_bytes": 0}
        rows.append(
            Row(
                **{
                    key: value
                    for key, value in (older | recorded | changing).items()
                    if key in known
                }
            )
        )
    return rows


def write_study(study: Study, *, store: Store, rows: Sequence[Row]) -> None:
    """`study.json`: what the analysis needs to know besides the runs' own files."""
    lasting = [
        {
            key: value
            for key, value in dataclasses.asdict(row).items()
            if key not in {"state", "attempts", "estimated_s"}
        }
        for row in rows
    ]
    content: dict[str, Any] = {
        "name": study.name,
        "question": study.question,
        "overrides": list(study.overrides),
        "demonstrations": dict(study.demonstrations),
        "environment": environment(),
        "runs": lasting,
    }
    write_json(store.study, content)


def _measured_factor(guesses: Mapping[str, float], *, entries: Mapping[str, Entry]) -> float:
    ratios = [
        entries[full].details["seconds"] / guess
        for full, guess in guesses.items()
        if full in entries
        and entries[full].state is State.DONE
        and entries[full].details.get("seconds", 0) > 0
    ]
    return statistics.median(ratios) if ratios else 1.0
