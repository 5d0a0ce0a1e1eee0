"""What the analysis proposes, as runs of a study: nearest models, next seeds, the same again."""

import json
from pathlib import Path

import pytest

from physscale.model.sizes import SIZES
from physscale.records.errors import UserError
from physscale.records.store import Store
from physscale.run.cost import cost
from physscale.simulate.scenarios.composition import Composition, shifts
from physscale.study.design import factorial
from physscale.study.proposal import group_of, keep_proposal, with_proposals
from physscale.study.recipe import small_run, splits
from physscale.study.spec import Study

TRAINED = Composition(pairs=shifts(0, 1, 2, 4, 5))
TEST_SPLITS = splits(pairs_held=("combinatorial", Composition(pairs=shifts(3))))
BASE = small_run(TRAINED, test_splits=TEST_SPLITS, size="d16", steps=10)
COVERED = [shifts(*steps) for steps in ((0,), (0, 1), (0, 1, 2), (0, 1, 2, 4, 5))]
STUDY = Study(
    name="grid",
    question="?",
    groups={
        "grid": factorial(
            BASE, size=("d16", "d64"), videos=(100, 1000), coverage=COVERED, seed=(0, 1)
        ),
        "other": [small_run(TRAINED, test_splits=splits(elsewhere=("id", TRAINED)), size="d16")],
    },
)


def written(folder: Path, *runs: dict[str, float], name: str = "next.json") -> Path:
    path = folder / name
    plan = {
        "parameter": "alpha",
        "runs": [{**run, "flops": 1.0} for run in runs],
        "flops": 1.0,
        "se_before": 0.2,
        "se_after": 0.1,
    }
    path.write_text(json.dumps(plan))
    return path


def proposed(folder: Path, *runs: dict[str, float]) -> Study:
    return with_proposals(
        STUDY, store=Store(folder / "results"), given=written(folder, *runs), only=["grid"]
    )


def test_a_point_of_the_study_is_its_configuration_with_the_next_seeds(tmp_path: Path) -> None:
    sizes = {
        name: cost(run).parameters
        for name in ("d16", "d64")
        for run in factorial(BASE, size=(name,))
    }
    runs = proposed(tmp_path, *[{"N": sizes["d64"], "D": 1000, "C": 12}] * 3).groups["next-1"]
    assert [(run.model, run.data.videos, run.combinations, run.seed) for run in runs] == [
        (SIZES["d64"], 1000, 12, seed) for seed in (2, 3, 4)
    ]
    assert {run.test_splits for run in runs} == {TEST_SPLITS}


@pytest.mark.parametrize("count", [5e3, 3.3e4, 1.2e5, 1e6])
def test_between_the_sizes_the_nearest_width_is_taken(tmp_path: Path, count: float) -> None:
    (run,) = proposed(tmp_path, {"N": count, "D": 317.6, "C": 8.4}).groups["next-1"]
    assert cost(run).parameters == pytest.approx(count, rel=0.2)
    assert (run.data.videos, run.combinations, run.seed) == (318, 8, 0)
    assert set(run.data.scenario.pairs) <= set(TRAINED.pairs), "no held-out pair is ever trained on"  # type: ignore[attr-defined]
    assert run.model.depth == 3


def test_what_was_begun_stays_part_of_the_study_and_is_not_proposed_twice(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    first, second = (
        written(tmp_path, {"D": 200.0}),
        written(tmp_path, {"D": 200.0}, {"D": 300.0}, name="b.json"),
    )
    for _ in range(2):
        keep_proposal(first, store=store, only=["grid"])
    again = with_proposals(STUDY, store=store, given=first, only=["grid"])
    assert list(again.groups) == ["grid", "other", "next-1"]
    assert group_of(second, study=STUDY, store=store, only=["grid"]) == "next-2"
    both = with_proposals(STUDY, store=store, given=second, only=["grid"])
    assert both.groups["next-1"] == again.groups["next-1"]
    assert [run.seed for run in both.groups["next-2"]] == [1, 0], (
        "the first one has seed 0 of that point"
    )
    assert len(both.runs) == len(STUDY.runs) + 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "not what `python -m analysis next"),
        ("[]", "not what"),
        ('{"parameter": "a", "runs": []}', "0 runs"),
        ('{"parameter": "a", "runs": [{"x": 3}]}', "axis 'x'; runs of a study have N, D, C"),
        ('{"parameter": "a", "runs": [{"N": -3}]}', "N=-3, must be 1 or more"),
        ('{"parameter": "a", "runs": [{"N": NaN}]}', "must be 1 or more"),
        ('{"parameter": "a", "runs": [{"N": "many"}]}', "not what"),
    ],
)
def test_a_file_that_proposes_nothing_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "next.json").write_text(text)
    with pytest.raises(UserError) as caught:
        with_proposals(STUDY, store=Store(tmp_path), given=tmp_path / "next.json", only=["grid"])
    assert said in str(caught.value)


def test_whose_law_it_is_must_be_said_where_the_study_has_several(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"say whose law it is with --only \(grid, other\)"):
        with_proposals(STUDY, store=Store(tmp_path), given=written(tmp_path, {"D": 10.0}))
    with pytest.raises(UserError, match="No such file"):
        with_proposals(STUDY, store=Store(tmp_path), given=tmp_path / "nowhere.json")
