"""A section about a demonstration is there where a study declares it and its runs are what it says,
and nowhere else."""

import json
import os
import shutil
from pathlib import Path

import pytest

from analysis.commands.app import main
from analysis.data.study import Study, read_study
from analysis.report.demonstrations.demonstration import (
    DEMONSTRATIONS,
    Demonstration,
    shown_demonstrations,
)
from physscale.records.errors import DamagedData

EVERY = list(DEMONSTRATIONS.entries().values())


def with_record(results: Path, root: Path, **changed: object) -> Path:
    """A copy of the folder whose study.json says something else; None leaves the key out."""
    shutil.copytree(results, root)
    record = json.loads((root / "study.json").read_text()) | changed
    kept = {key: value for key, value in record.items() if value is not None}
    (root / "study.json").write_text(json.dumps(kept))
    return root


def titles(study: Study) -> list[str]:
    return [section.key for section in shown_demonstrations(study)]


def test_a_group_that_is_only_called_gap_is_no_demonstration(results: Path, tmp_path: Path) -> None:
    root = with_record(results, tmp_path / "named", demonstrations={})
    out = tmp_path / "page.html"
    assert main(["report", str(root), "--out", str(out)]) == 0
    page = out.read_text()
    assert 'id="gap"' not in page
    assert "of a trained one" not in page


def test_runs_that_are_no_gap_make_no_claim_but_a_reason(results: Path, tmp_path: Path) -> None:
    root = with_record(results, tmp_path / "other", demonstrations={"size": "gap"})
    (section,) = shown_demonstrations(read_study(root))
    assert section.key == "left_out"
    assert "two or more separate bands" in section.paragraphs[0]


@pytest.mark.parametrize("demonstration", EVERY, ids=lambda one: one.name)
class EveryDemonstration:
    def test_shows_the_runs_that_were_made_for_it(
        self, demonstration: Demonstration, results: Path
    ) -> None:
        study = read_study(results)
        runs = study.demonstrated_runs()[demonstration.name]
        assert demonstration.objection(study, runs) is None
        section = demonstration.section(study, runs)
        assert section.key == demonstration.name
        assert all(drawing.table.num_rows for drawing in section.drawings)
        assert any("%" in text for text in section.paragraphs)

    @pytest.mark.parametrize("group", ["composition", "collision", "parabola"])
    def test_objects_to_other_runs(
        self, demonstration: Demonstration, group: str, results: Path
    ) -> None:
        study = read_study(results)
        objection = demonstration.objection(study, study.in_group(group))
        assert objection
        assert objection[0].islower()


def test_workers_that_differ_in_more_are_no_comparison(results: Path) -> None:
    study = read_study(results)
    alone, _ = study.in_group("workers")
    runs = [alone, *(run for run in study.in_group("workers") if run.workers == 2)]
    assert DEMONSTRATIONS.named("workers").objection(study, runs) is None
    mixed = [*study.in_group("data"), *(run for run in runs if run.workers == 2)]
    assert "more than" in str(DEMONSTRATIONS.named("workers").objection(study, mixed))


def test_an_unknown_demonstration_is_named(results: Path, tmp_path: Path) -> None:
    root = with_record(results, tmp_path / "unknown", demonstrations={"gap": "gpa"})
    (section,) = shown_demonstrations(read_study(root))
    assert "“gpa” is unknown; there are gap, flip, workers" in section.paragraphs[0]


@pytest.mark.parametrize(
    ("name", "shown"), [("quickstart", ["gap", "flip", "workers"]), ("mine", [])]
)
def test_only_old_studies_are_known_without_the_field(
    name: str, shown: list[str], results: Path, tmp_path: Path
) -> None:
    """Version 0.1 wrote no field; its own studies keep their sections, and no other gets one."""
    root = with_record(results, tmp_path / name, name=name, demonstrations=None)
    assert titles(read_study(root)) == shown


def test_without_outcomes_there_is_a_reason(results: Path, tmp_path: Path) -> None:
    """`report` ended in a TypeError of NumPy."""
    root = with_record(results, tmp_path / "bare")
    (root / "outcomes.parquet").unlink()
    shown_demonstrations(read_study(root))


def test_outcomes_that_are_no_file_are_not_taken_for_none(results: Path, tmp_path: Path) -> None:
    root = with_record(results, tmp_path / "pipe")
    (root / "outcomes.parquet").unlink()
    os.mkfifo(root / "outcomes.parquet")
    with pytest.raises(DamagedData, match=r"outcomes\.parquet: .*a pipe, not a file"):
        read_study(root)
