"""A `study.json` that does not say what was planned is one line that names it."""

import json
from pathlib import Path
from typing import Any

import pytest

from physscale.records.errors import DamagedData
from physscale.records.planned import planned_runs

ROW: dict[str, Any] = {
    **dict.fromkeys(("parameters", "videos", "combinations", "steps", "seed", "workers"), 1),
    "fingerprint": "f",
    "label": "a run",
    "group": "size",
    "groups": ["size"],
    "flops": 1.0,
}


def test_rows_are_read_and_no_file_has_none(tmp_path: Path) -> None:
    file = tmp_path / "study.json"
    assert planned_runs(file) == []
    file.write_text(json.dumps({"runs": [ROW]}))
    assert planned_runs(file) == [ROW]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "no list 'runs'"),
        ({"runs": 3}, "no list 'runs'"),
        ({"runs": [ROW, 3]}, r"runs\[1\] has no usable 'fingerprint'"),
        ({"runs": [ROW | {"steps": "many"}]}, r"runs\[0\] has no usable 'steps'"),
        ({"runs": [{"fingerprint": "f"}]}, r"runs\[0\] has no usable 'label'"),
    ],
)
def test_anything_else_is_one_line(content: object, said: str, tmp_path: Path) -> None:
    file = tmp_path / "study.json"
    file.write_text(json.dumps(content))
    with pytest.raises(DamagedData, match=f"study.json: {said}") as refused:
        planned_runs(file)
    assert "\n" not in str(refused.value)
