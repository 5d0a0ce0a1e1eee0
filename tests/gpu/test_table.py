"""The GPU table without a GPU: every row's code runs at the tiny scale, and the table tells what
passed, what failed and what was not run."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch

from tests.gpu import __main__ as table
from tests.gpu.page import PAGE, measured, page
from tests.gpu.row import Bench, Measure, NotHere, Reading, Row
from tests.gpu.rows import ROWS

MINUTES = ("compiled", "hidden", "resume", "ray_train", "sharing", "packed", "shards")
"""Rows that compile, or start whole processes."""


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # Dynamo's
@pytest.mark.parametrize(
    "row",
    [pytest.param(r, id=r.name, marks=[pytest.mark.slow] * (r.name in MINUTES)) for r in ROWS],
)
def test_the_code_of_every_row_runs_on_a_cpu(row: Row) -> None:
    result = table.run(row, device="cpu", tiny=True)
    assert result.state == "passed", result.said
    assert result.readings


def test_names_of_rows_are_their_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is at hand")
def test_without_a_gpu_every_row_is_shown_and_nothing_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert table.main([]) == 4
    shown = capsys.readouterr()
    assert shown.out.count("not run") == len(ROWS)
    assert shown.err == "make gpu: torch sees no CUDA device; nothing was measured\n"


def test_an_unknown_row_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert table.main(["memroy"]) == 2
    assert "'memroy': no such row; there are agreement, " in capsys.readouterr().err


def over_the_limit(_: Bench) -> Sequence[Reading]:
    return [Reading(name="gap", value=0.2, at_most=0.05)]


def not_a_number(_: Bench) -> Sequence[Reading]:
    return [Reading(name="peak", value=float("nan"), at_most=1.0)]


def breaks_off(_: Bench) -> Iterator[Reading]:
    yield Reading(name="first", value=1.0)
    raise RuntimeError("out of memory")


def lacks_a_package(_: Bench) -> Sequence[Reading]:
    raise ModuleNotFoundError("No module named 'diffusers'", name="diffusers")


def lacks_a_card(_: Bench) -> Sequence[Reading]:
    raise NotHere("needs two GPUs")


@pytest.mark.parametrize(
    ("measure", "state", "said"),
    [
        (over_the_limit, "failed", "gap 0.2 (!)"),
        (not_a_number, "failed", "peak nan (!)"),
        (breaks_off, "failed", "RuntimeError: out of memory"),
        (lacks_a_package, "not run", "needs the package diffusers"),
        (lacks_a_card, "not run", "needs two GPUs"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_goes_wrong_in_a_row_is_its_result(measure: Measure, state: str, said: str) -> None:
    row = Row(name="row", item="", passes="", measure=measure)
    result = table.run(row, device="cpu", tiny=True)
    assert (result.state, result.said) == (state, said)


def test_the_page_is_of_todays_rows() -> None:
    assert PAGE.read_text() == page(measured()), "run python -m tests.gpu.page"


def test_a_measured_table_shows_its_figures_and_its_card(tmp_path: Path) -> None:
    reading = {"name": "gap", "value": 0.031, "at_most": 0.05, "at_least": None, "unit": ""}
    row = {"name": ROWS[0].name, "state": "passed", "readings": [reading], "why": ""}
    machine = {"card": "H200", "torch": "2.11", "cuda": "13.0"}
    text = page(json.loads(json.dumps({"machine": machine, "rows": [row]})))
    assert "Measured on one H200 with torch 2.11, CUDA 13.0." in text
    assert f"passed: gap 0.031 | `make gpu ONLY={ROWS[0].name}`" in text
    assert text.count("not run: no GPU yet") == len(ROWS) - 1
