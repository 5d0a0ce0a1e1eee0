"""A study: one question, and the runs that answer it, in named groups (one per figure).

A module of `experiments/` defines `study = Study(...)` from values alone. A run may serve several
groups; it is executed once."""

import importlib
import pkgutil
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from physscale.records.errors import UserError
from physscale.records.nearest import nearest
from physscale.records.spec import short
from physscale.records.store import checked_name
from physscale.run.spec import RunSpec
from physscale.study.design import MOST_RUNS, check_count


@dataclass(frozen=True, kw_only=True)
class Study:
    """A question and its runs.

    Attributes:
        name: the module's name in `experiments/`, and the folder's in `results/`.
        groups: the runs of each figure, in the order of the report.
        demonstrations: which groups the report shows as a demonstration, and which one: "gap",
            "flip", "workers" (analysis/report/demonstrations), or one that a plug-in registers.
            The report checks that the runs are what the demonstration says.
        overrides: what the command line changed (`train.steps=100`).
        most_runs: a study of more is refused: axes multiply faster than one expects.
    """

    name: str
    question: str
    groups: Mapping[str, Sequence[RunSpec]]
    demonstrations: Mapping[str, str] = field(default_factory=dict)
    overrides: tuple[str, ...] = field(default=())
    most_runs: int = MOST_RUNS

    def __post_init__(self) -> None:
        checked_name(self.name, what="study")
        for group, runs in self.groups.items():
            checked_name(group, what=f"study {self.name}, group")
            if not runs:
                raise UserError(f"study {self.name}: group {group!r} has no runs")
        check_count(
            sum(map(len, self.groups.values())),
            most_runs=self.most_runs,
            what=f"study {self.name}",
        )
        for group in self.demonstrations:
            if group not in self.groups:
                raise UserError(
                    f"study {self.name}: demonstrations name group {group!r}, which it does not "
                    f"have; {nearest(group, list(self.groups))}"
                )

    @cached_property
    def runs(self) -> dict[str, RunSpec]:
        """Each run once, by fingerprint, in order.

        Raises:
            UserError: if two runs would share a folder: it is named by a fingerprint's first
                digits.
        """
        runs = {run.fingerprint: run for runs in self.groups.values() for run in runs}
        folders: dict[str, str] = {}
        for full in runs:
            if folders.setdefault(short(full), full) != full:
                raise UserError(
                    f"study {self.name}: runs {full} and {folders[short(full)]} begin alike, and "
                    "would share a folder; give one of them another seed"
                )
        return runs

    @cached_property
    def groups_of(self) -> dict[str, list[str]]:
        """The groups that each run serves."""
        serves: dict[str, list[str]] = {}
        for group, runs in self.groups.items():
            for full in dict.fromkeys(run.fingerprint for run in runs):
                serves.setdefault(full, []).append(group)
        return serves

    def only(self, groups: Sequence[str]) -> "Study":
        """The study with these groups alone.

        Raises:
            UserError: for a group that it does not have.
        """
        for group in groups:
            if group not in self.groups:
                raise UserError(
                    f"--only {group}: study {self.name} has no such "
                    f"group; {nearest(group, list(self.groups))}"
                )
        return self.with_groups({name: self.groups[name] for name in self.groups if name in groups})

    def with_groups(self, groups: Mapping[str, Sequence[RunSpec]]) -> "Study":
        """The study with other runs; a demonstration goes with its group."""
        kept = {name: word for name, word in self.demonstrations.items() if name in groups}
        return replace(self, groups=groups, demonstrations=kept)


def load_study(name: str) -> Study:
    """The study of `experiments/NAME.py`, in the present folder if it has one, else in the
    installed project.

    Raises:
        UserError: if there is no such module, it does not define a study, or Python would pass
            over it.
    """
    here = Path("experiments")
    if (here / f"{name}.py").is_file() and not (here / "__init__.py").is_file():
        raise UserError(
            f"study {name!r}: experiments/{name}.py is there, but Python passes over a folder "
            "without __init__.py: touch experiments/__init__.py"
        )
    known = study_names()
    if name not in known:
        raise UserError(
            f"study {name[:80]!r}: no such module in experiments/; {nearest(name, known)}"
        )
    try:
        study = importlib.import_module(f"experiments.{name}").study
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        reason = " ".join(str(error).split())
        raise UserError(
            f"experiments/{name}.py: {type(error).__name__}: {reason} "
            f"({Path(where.filename).name} line {where.lineno})"
        ) from error
    if not isinstance(study, Study) or study.name != name:
        raise UserError(f"experiments/{name}.py: `study` must be a Study with name={name!r}")
    return study


def study_names() -> list[str]:
    """The modules of `experiments/`, of the present folder if it has one, else of the installed
    project."""
    here = str(Path.cwd())
    if Path(here, "experiments").is_dir() and sys.path[:1] != [here]:
        sys.path.insert(0, here)
    experiments = importlib.import_module("experiments")
    return sorted(
        module.name for module in pkgutil.iter_modules(experiments.__path__) if not module.ispkg
    )
