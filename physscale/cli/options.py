"""What the commands share: arguments with completion, and the opening of a study."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from physscale.records.errors import UserError
from physscale.records.store import Store, checked_folder, checked_name
from physscale.scheduling import gpus
from physscale.scheduling.resources import Machine
from physscale.study.overrides import overridden, seed_note
from physscale.study.plan import Row, plan, recorded_rows
from physscale.study.prepare import Opened
from physscale.study.proposal import group_of, with_proposals
from physscale.study.spec import load_study, study_names
from physscale.study.speed import speed_of
from physscale.study.tuned import read_tuned, take_tuned


def complete_study(incomplete: str) -> list[str]:
    """Names of experiments, for the shell."""
    return [name for name in study_names() if name.startswith(incomplete)]


def complete_override(ctx: typer.Context, incomplete: str) -> list[str]:
    """`train.le` → `train.learning_rate=`: the keys of the study's first run, one level at a
    time."""
    try:
        owner: Any = next(iter(load_study(ctx.params["name"]).runs.values()))
    except (UserError, KeyError):
        return []
    *path, beginning = incomplete.split(".")
    for key in path:
        owner = (
            owner[int(key)]
            if isinstance(owner, tuple) and key in map(str, range(len(owner)))
            else getattr(owner, key, None)
        )
    if not dataclasses.is_dataclass(owner):
        return []
    before = "".join(f"{key}." for key in path)
    names = [field.name for field in dataclasses.fields(owner) if field.name.startswith(beginning)]
    goes_on = (dict, tuple)
    ends = [
        "."
        if dataclasses.is_dataclass(item := getattr(owner, name)) or isinstance(item, goes_on)
        else "="
        for name in names
    ]
    return [f"{before}{name}{end}" for name, end in zip(names, ends, strict=True)]


Name = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="Name of a study: a module of experiments/.",
        autocompletion=complete_study,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Change a field of every run, as in train.steps=100.",
        autocompletion=complete_override,
    ),
]
Results = Annotated[
    Path,
    typer.Option(
        "--results",
        metavar="DIR",
        help="Folder that holds the results of all studies.",
        callback=checked_folder,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="GROUP", help="Only this group of runs; may be repeated."),
]
MachineFile = Annotated[
    Path | None,
    typer.Option(
        "--machine", metavar="FILE", help="Machine file, as in cluster/; without it, this machine."
    ),
]
DeviceMachine = Annotated[
    Path | None,
    typer.Option(
        "--machine",
        metavar="FILE",
        help="A machine of cluster/*.yaml: models and codecs use its GPUs; else the CPU.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Next = Annotated[
    Path | None,
    typer.Option(
        "--next", metavar="FILE", help="The runs that `physscale next --out FILE` proposed."
    ),
]
TunedFile = Annotated[
    Path | None,
    typer.Option(
        "--tuned",
        metavar="FILE",
        help="The learning rates and batch sizes that `physscale tune` found.",
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(
        "--budget", metavar="FLOPS", help="Keep the plan within this many FLOPs, as in 1e18."
    ),
]
Hours = Annotated[
    float | None,
    typer.Option(
        "--hours", metavar="H", help="Keep the plan within this many hours on this machine."
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        help="Predict times for one of these: h100, a100, l4 ...; or for what `physscale "
        "calibrate-device` measured: this-cpu, or its FILE.",
    ),
]


def store_of(name: str, *, results: Path) -> Store:
    """The results of the study with this name.

    Raises:
        UserError: for a name that is none, and for a file or a link to nowhere in its place.
    """
    _check_no_folder(name)
    return Store(checked_folder(results / checked_name(name, what="study")))


def _check_no_folder(name: str) -> None:
    """Raises UserError for a study's folder, which the analysis takes, in the place of its name."""
    folder = Path(name)
    if folder.name != name and (folder / "study.json").is_file():
        raise UserError(
            f"study {name!r}: a folder, where this command takes a name; write {folder.name} "
            f"--results {folder.parent}"
        )


def open_study(
    name: str,
    *,
    results: Path,
    overrides: list[str] | None = None,
    only: list[str] | None = None,
    proposal: Path | None = None,
    tuned: Path | None = None,
) -> Opened:
    """The study with this name, with its tuned rates, the command line's changes and the proposed
    runs.

    With a proposal, `only` names the groups that it extends, and the command covers only the
    proposed runs."""
    _check_no_folder(name)
    study = load_study(name)
    if tuned is not None:
        study = take_tuned(study, tuned=read_tuned(tuned))
    study = overridden(study, overrides=overrides or [])
    if note := seed_note(overrides or []):
        typer.echo(f"note: {note}", err=True)
    store = Store(checked_folder(results / study.name))
    whole = with_proposals(study, store=store, given=proposal, only=only or [])
    chosen = (
        [group_of(proposal, study=study, store=store, only=only or [])]
        if proposal and only
        else only
    )
    return Opened(whole, whole.only(chosen) if chosen else whole, store)


def device_of(machine: Machine) -> gpus.Device:
    """Where a command computes that opens finished runs.

    Raises:
        Unschedulable: if the machine promises a GPU, and torch sees none here.
    """
    return gpus.checked("cuda" if machine.promises_gpus else "cpu")


def rows_of(name: str, *, results: Path) -> list[Row]:
    """The runs of a study as the last `physscale run` recorded them, or as planned if it never
    ran."""
    store = store_of(name, results=results)
    speed = speed_of(Machine(), results=results)
    if rows := recorded_rows(store, speed=speed):
        return rows
    opened = open_study(name, results=results)
    return plan(opened.study, store=store, flops_per_s=speed.flops_per_s, speed=speed)
