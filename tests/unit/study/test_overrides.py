"""Changes from the command line: typed, by path, and refused in one line."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physscale.records.errors import UserError
from physscale.study.overrides import overridden
from physscale.study.spec import Study
from tests.sweep_doubles import tiny_study

STUDY = tiny_study(seeds=range(2))


def first(study: Study, group: str = "seeds") -> object:
    return study.groups[group][0]


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("train.steps=7", "train.steps", 7),
        ("train.learning_rate=1e-3", "train.learning_rate", 1e-3),
        ("objective.prediction=v", "objective.prediction", "v"),
        ("model.width=32", "model.width", 32),
        (
            "data.scenario.speed_m_s=[[1,2],[3,4]]",
            "data.scenario.speed_m_s",
            ((1.0, 2.0), (3.0, 4.0)),
        ),
        ("seed=5", "seed", 5),
    ],
)
def test_the_value_arrives_with_its_type(override: str, path: str, value: object) -> None:
    changed: object = first(overridden(STUDY, overrides=[override]))
    for key in path.split("."):
        changed = getattr(changed, key)
    assert changed == value
    assert type(changed) is type(value)


def test_text_is_taken_as_it_is() -> None:
    """YAML 1.1 made a split named 0100 one named 64."""
    changed = overridden(STUDY, overrides=["data.split=0100"])
    assert changed.groups["seeds"][0].data.split == "0100"


@pytest.mark.parametrize(
    ("overrides", "seed", "data_seed"),
    [
        (["seed=7"], 7, 7),
        (["data.seed=7"], 0, 7),
        (["seed=7", "data.seed=3"], 7, 3),
        (["data.seed=3", "seed=7"], 7, 3),
    ],
)
def test_the_seed_is_the_runs_and_the_datas_unless_the_datas_is_set(
    overrides: list[str], seed: int, data_seed: int
) -> None:
    run = overridden(tiny_study(seeds=[0]), overrides=overrides).groups["seeds"][0]
    assert (run.seed, run.data.seed) == (seed, data_seed)


def test_a_seed_of_the_command_line_is_the_seed_of_the_design() -> None:
    """`seed=1` gives the run that an experiment's seed 1 is: it is not trained twice."""
    (asked,) = overridden(tiny_study(seeds=[0]), overrides=["seed=1"]).runs
    (designed,) = tiny_study(seeds=[1]).runs
    assert asked == designed


def test_a_star_changes_every_item_and_a_number_one() -> None:
    everyone = (
        overridden(STUDY, overrides=["test_splits.*.data.videos=2"]).groups["seeds"][0].test_splits
    )
    assert [split.data.videos for split in everyone] == [2, 2]
    second = (
        overridden(STUDY, overrides=["test_splits.1.data.videos=2"]).groups["seeds"][0].test_splits
    )
    assert [split.data.videos for split in second] == [4, 2]


@given(steps=st.integers(1, 10_000).filter(lambda steps: steps != 4))
def test_an_overridden_run_is_another_run_and_the_same_override_the_same(steps: int) -> None:
    once = overridden(STUDY, overrides=[f"train.steps={steps}"])
    assert set(once.runs).isdisjoint(STUDY.runs)
    assert list(once.runs) == list(overridden(STUDY, overrides=[f"train.steps={steps}"]).runs)


def test_the_present_value_changes_nothing() -> None:
    assert list(overridden(STUDY, overrides=["train.steps=4"]).runs) == list(STUDY.runs)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.stepps=3", "train.stepps: no key 'stepps' in TrainSpec; did you mean 'steps'?"),
        ("trian.steps=3", "no key 'trian' in RunSpec; did you mean 'train'?"),
        ("train.steps=many", "train.steps=many: must be int"),
        ("train.steps=1.5", "must be int"),
        ("train.steps=0", "train.steps=0: train steps=0: must be at least 1"),
        ("objective.prediction=w", "must be one of 'x', 'v'"),
        ("train=3", "names a whole TrainSpec"),
        ("train.steps.more=3", "goes below a plain value"),
        ("test_splits.7.data.videos=3", "no position in a list of 2; use 0 to 1, or * for all"),
        ("data.scenario.speed_m_s=[[1,2,3]]", "must be tuple[tuple[float, float], ...]"),
        ("data.scenario.speed_m_s=[[1,fast]]", "must be tuple[tuple[float, float], ...]"),
        ("steps", "write KEY=VALUE"),
        ("seed=${oc.env:HOME}", "must be int"),
        ("train.steps=0100", "must be int (without zeros in front)"),
        ("seed=010", "must be int (without zeros in front)"),
        ("train.learning_rate=01.5", "must be float (without zeros in front)"),
        ("seed=1:30", "must be int"),
        ("seed=1_000", "must be int"),
        ("seed=0x10", "must be int"),
        ("seed=true", "must be int"),
        ("train.learning_rate=inf", "must be float (a finite number)"),
        ("train.learning_rate=.nan", "must be float (a finite number)"),
        ("train.learning_rate=1e400", "must be float (a finite number)"),
        ("data.scenario.speed_m_s=[[01,2]]", "without zeros in front"),
        ("data.frames=99999999999999999999", "must be at least 1 and at most 10,000"),
        ("codec.spec.components=1000000", "must be at least 1 and at most 100,000"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(override: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        overridden(STUDY, overrides=[override])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 240


@given(text=st.text(max_size=60))
def test_no_text_makes_anything_but_a_study_or_a_user_error(text: str) -> None:
    with contextlib.suppress(UserError):
        assert len(overridden(STUDY, overrides=[text]).runs) == 2


@given(value=st.text(max_size=40))
def test_no_value_gets_past_its_type(value: str) -> None:
    try:
        changed = overridden(STUDY, overrides=[f"train.steps={value}"])
    except UserError:
        return
    assert all(
        type(run.train.steps) is int and run.train.steps >= 1 for run in changed.groups["seeds"]
    )
