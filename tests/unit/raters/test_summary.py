"""What the answers come to: rates, agreement, the detector beside the raters, and the command."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from physscale.cli.main import main
from physscale.raters.answers import read_answers, write_answer
from physscale.raters.summary import detected_rows, summarise
from physscale.records.errors import DamagedData, UserError
from tests.unit.raters.planted import HOSTILE, planted


def test_rates_average_over_raters_and_agreement_is_of_shared_clips() -> None:
    answers = planted(Ada=[True] * 4 + [False] * 4, Bob=[True] * 2 + [False] * 6, Eve=[True] * 4)
    summary = summarise(
        answers,
        detections={("gone.arrow", row): True for row in range(4)}
        | {("true.arrow", row): False for row in range(4, 8)},
    )
    assert summary.raters == {"Ada": 8, "Bob": 8, "Eve": 4}
    assert summary.rates["gone.arrow"].value == pytest.approx((3 + 3 + 2 + 2) / 12)
    assert summary.rates["true.arrow"].value == 0
    assert summary.all_raters is not None
    assert summary.all_raters.count == 4
    kappas = {
        (pair.first, pair.second): pair.kappa for pair in [*summary.pairs, *summary.with_detector]
    }
    assert kappas["Ada", "Bob"].value == pytest.approx(0.5)
    assert kappas["Ada", "detector"].value == 1
    assert kappas["Eve", "detector"].value is None
    assert kappas["majority of raters", "detector"].value == 1


def test_the_detector_is_asked_about_the_rated_rows(folder: Path) -> None:
    answers = [replace(answer, source="gone.arrow") for answer in planted(Ada=[True] * 3)]
    answers += [
        replace(answer, source=f"{HOSTILE}/true.arrow") for answer in planted(Ada=[False] * 2)
    ]
    detections = detected_rows(answers, folder=folder)
    assert detections == {("gone.arrow", row): True for row in range(3)} | {
        (f"{HOSTILE}/true.arrow", row): False for row in range(2)
    }


def test_agreement_as_a_command(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, called = tmp_path / "a.jsonl", tmp_path / "detections.parquet"
    for answer in planted(Ada=[True, True, False, False], Bob=[True, False, False, False]):
        write_answer(file, answer)
    pq.write_table(
        pa.table(
            {
                "source": ["gone.arrow"] * 4,
                "index": [0, 1, 2, 3],
                "abnormal": [True, True, False, False],
            }
        ),
        called,
    )
    with pytest.raises(SystemExit) as end:
        main(
            [
                "study-page",
                str(folder),
                "--answers",
                str(file),
                "--agreement",
                "--detector",
                str(called),
                "--json",
            ]
        )
    assert not end.value.code
    said = json.loads(capsys.readouterr().out)
    assert said["all_raters"]["count"] == 4
    assert said["with_detector"][0]["kappa"]["value"] == 1
    with pytest.raises(SystemExit):
        main(["study-page", str(folder), "--answers", str(file), "--agreement"])
    assert "kappa 0.50" in capsys.readouterr().out


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no answers yet"):
        summarise([])
    (tmp_path / "x.jsonl").write_text('{"rater": "Ada"}\n')
    with pytest.raises(DamagedData, match="line 1"):
        read_answers(tmp_path / "x.jsonl")
