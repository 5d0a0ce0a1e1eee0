"""A demonstration: a report section on a few runs that were made to show one effect.

A study declares which of its groups are demonstrations (`Study.demonstrations`, written into
`study.json`). The demonstration itself checks that the runs are what its section claims."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from analysis.data.study import Study, StudyRun
from analysis.report.section import Section
from physscale.records.registry import Registry


@runtime_checkable
class Demonstration(Protocol):
    """What each file of this folder registers."""

    @property
    def name(self) -> str:
        """The name that a study declares."""

    def objection(self, study: Study, runs: Sequence[StudyRun]) -> str | None:
        """Why these runs do not show the effect; None if they do."""

    def section(self, study: Study, runs: Sequence[StudyRun]) -> Section:
        """The section, for runs that raise no objection."""


DEMONSTRATIONS: Registry[Demonstration] = Registry(
    "demonstration",
    name_of=lambda demonstration: demonstration.name,
    built_in="analysis.report.demonstrations.built_in",
)


def shown_demonstrations(study: Study) -> list[Section]:
    """The sections of the declared demonstrations, and one that says why the others are left
    out."""
    declared = study.demonstrated_runs()
    found, reasons = [], []
    for name, demonstration in DEMONSTRATIONS.entries().items():
        runs = declared.pop(name, [])
        if not runs:
            continue
        objection = demonstration.objection(study, runs)
        if objection is None:
            found.append(demonstration.section(study, runs))
        else:
            reasons.append(f"Demonstration “{name}”: {objection}.")
    known = ", ".join(DEMONSTRATIONS.entries())
    reasons += [f"Demonstration “{name}” is unknown; there are {known}." for name in declared]
    if reasons:
        found.append(Section("left_out", "Demonstrations left out", reasons))
    return found
