"""Tuned rates carried to other sizes."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physscale.model.sizes import SIZES
from physscale.records.errors import UserError
from physscale.study.spec import Study
from physscale.study.tuned import Tuned, TunedSize, at_its_best, read_tuned, take_tuned, write_tuned
from tests.tiny import tiny_run

RUN = tiny_run(steps=24)


def size(width: int, *, rate: float, muon: float = 0.02, batch: int = 8) -> TunedSize:
    return TunedSize(
        width=width,
        learning_rate=rate,
        muon_learning_rate=muon,
        batch=batch,
        loss=0.1,
        recipe_loss=0.2,
        trials=4,
    )


def rates(width: int, *sizes: TunedSize) -> tuple[float, float]:
    run = at_its_best(
        replace(RUN, model=replace(RUN.model, width=width, heads=1)), tuned=Tuned("s", sizes)
    )
    return run.train.learning_rate, run.train.muon_learning_rate


def test_one_tuned_width_follows_the_theory() -> None:
    assert rates(8, size(8, rate=4e-3)) == (4e-3, 0.02)
    assert rates(32, size(8, rate=4e-3)) == (1e-3, 0.02)


@given(
    a=st.floats(-8, -3),
    slope=st.floats(-1.5, 0.5),
    width=st.integers(2, 200).map(lambda half: 2 * half),
)
def test_a_power_law_through_the_tuned_widths_is_found_and_followed(
    a: float, slope: float, width: int
) -> None:
    law = {w: math.exp(a + slope * math.log(w)) for w in (8, 16, 64, width)}
    found, _ = rates(width, *(size(w, rate=law[w]) for w in (8, 16, 64)))
    assert found == pytest.approx(law[width], rel=1e-3)


def test_a_tuned_width_takes_what_was_found_there() -> None:
    assert rates(16, size(8, rate=1e-3), size(16, rate=9e-3), size(64, rate=1e-3))[0] == 9e-3


def test_the_rates_of_another_study_are_refused() -> None:
    other = Tuned("motion", (size(8, rate=1e-3),))
    with pytest.raises(
        UserError, match=r"--tuned: .*'motion', not of 'tiny'; `physscale tune tiny`"
    ):
        take_tuned(Study(name="tiny", question="?", groups={"a": [RUN]}), tuned=other)


@pytest.mark.parametrize(("batch", "steps"), [(8, 24), (16, 12), (4, 48)])
def test_another_batch_sees_as_many_videos(batch: int, steps: int) -> None:
    run = at_its_best(RUN, tuned=Tuned("s", (size(8, rate=1e-3, batch=batch),)))
    assert (run.train.batch, run.train.steps) == (batch, steps)


def test_the_file_is_taken_as_it_was_written(tmp_path: Path) -> None:
    tuned = Tuned("tiny", (size(8, rate=1e-3), replace(size(64, rate=2e-4), at_edge=("batch",))))
    write_tuned(tmp_path / "tuned.json", tuned)
    assert read_tuned(tmp_path / "tuned.json") == tuned
    study = Study(name="tiny", question="?", groups={"a": [RUN, replace(RUN, model=SIZES["d64"])]})
    taken = take_tuned(study, tuned=tuned)
    assert [run.train.learning_rate for run in taken.groups["a"]] == [1e-3, 2e-4]
    assert set(taken.runs).isdisjoint(study.runs)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"study": "a", "sizes": []}', '{"study": "a", "sizes": [{"width": 3}]}'),
        json.dumps({"sizes": [asdict(size(8, rate=1e-3))]}),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tuned.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"--tuned .*tuned\.json"):
        read_tuned(path)
    broken = {"study": "a", "sizes": [size(8, rate=-1.0).__dict__ | {"at_edge": []}]}
    path.write_text(json.dumps(broken))
    with pytest.raises(UserError, match="must be positive"):
        read_tuned(path)
