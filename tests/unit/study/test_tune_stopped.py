"""A search that is interrupted, or loses trials, is never recorded as a whole one."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from physscale.ray_jobs.search import Found, Trial
from physscale.records.errors import ClusterLost, Preempted, UserError
from physscale.records.leaving import Stopped
from physscale.records.store import Store
from physscale.scheduling.resources import Machine
from physscale.study import tune as tune_module
from physscale.study.spec import Study
from physscale.study.tune import to_tune, tune_study
from physscale.study.tuned import Tuned, read_tuned
from tests.tiny import tiny_run

BASE = tiny_run(steps=8)
STUDY = Study(
    name="sizes",
    question="?",
    groups={"all": [replace(BASE, model=replace(BASE.model, width=width)) for width in (8, 16)]},
)
RUNS = to_tune(STUDY, sizes=2)
RECIPE = {
    "learning_rate": BASE.train.learning_rate,
    "muon_learning_rate": BASE.train.muon_learning_rate,
    "batch": float(BASE.train.batch),
}
WELL = Found(
    [
        Trial(RECIPE, 2.0, whole=True),
        Trial(RECIPE | {"learning_rate": 3 * RECIPE["learning_rate"]}, 1.0, whole=True),
    ],
    failed=[],
)
Act = Callable[[], Found]


def well() -> Found:
    return WELL


def stopped_by(number: signal.Signals) -> Act:
    """A signal to this process, which the search hears of."""

    def act() -> Found:
        os.kill(os.getpid(), number)
        raise Preempted("width 8: stopped, 1 of 2 trials were whole")

    return act


@pytest.fixture
def tune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Act]], Tuned]:
    """Tunes both sizes; each search does the next of these."""

    def tuned(acts: list[Act]) -> Tuned:
        left = iter(acts)
        monkeypatch.setattr(tune_module, "apart", lambda work, *, log: next(left)())
        found = tune_study(
            STUDY,
            runs=RUNS,
            trials=2,
            store=Store(tmp_path),
            machine=Machine(),
            out=tmp_path / "tuned.json",
            say=said.append,
        )
        assert next(left, None) is None, "no search more was needed"
        return found

    said: list[str] = []
    return tuned


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_sizes_and_what_was_whole_is_kept(
    tmp_path: Path, tune: Any, number: signal.Signals
) -> None:
    with pytest.raises(Stopped, match="1 of 2 trials") as stopped:
        tune([well, stopped_by(number)])
    assert stopped.value.exit_code == 128 + number
    assert [size.width for size in read_tuned(tmp_path / "tuned.json").sizes] == [8]
    assert not list(tmp_path.glob(".tune-*"))
    assert [size.width for size in tune([well]).sizes] == [8, 16], "only what was missing"


def test_before_the_first_whole_size_nothing_is_written(tmp_path: Path, tune: Any) -> None:
    with pytest.raises(Stopped):
        tune([stopped_by(signal.SIGINT)])
    assert not (tmp_path / "tuned.json").exists()


def test_a_later_size_that_is_known_outlives_an_interruption_of_an_earlier_one(
    tmp_path: Path, tune: Any
) -> None:
    tune([well, well])
    fewer = read_tuned(tmp_path / "tuned.json")
    one, other = fewer.sizes
    tune_module.write_tuned(
        tmp_path / "tuned.json", replace(fewer, sizes=(replace(one, trials=1), other))
    )
    with pytest.raises(Stopped):
        tune([stopped_by(signal.SIGINT)])
    assert [size.width for size in tune([well]).sizes] == [8, 16]


def test_the_file_of_another_study_is_not_written_over(tmp_path: Path, tune: Any) -> None:
    tune([well, well])
    out = tmp_path / "tuned.json"
    tune_module.write_tuned(out, replace(read_tuned(out), study="motion"))
    with pytest.raises(UserError, match=r"--out .*tuned\.json: .*'motion'; name another file"):
        tune([])
    assert read_tuned(out).study == "motion"


def die() -> Found:
    raise ClusterLost("its process ended")


def test_after_a_death_of_ray_the_search_begins_again(
    tune: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    assert [size.width for size in tune([die, die, die, well, die, well]).sizes] == [8, 16]
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("physscale: Ray has died (its process ended;") for line in lines)
    assert lines[2].endswith("the search at width 8 begins again (3 of 3)")


def test_a_ray_that_dies_again_and_again_is_one_line(tmp_path: Path, tune: Any) -> None:
    with pytest.raises(ClusterLost, match=r"^Ray has died 4 times and width 8 .*ray\.log") as lost:
        tune([die, die, die, die])
    assert lost.value.exit_code == 6
    assert not (tmp_path / "tuned.json").exists()


def test_a_death_after_a_signal_ends_the_search(tune: Any) -> None:
    def signalled() -> Found:
        os.kill(os.getpid(), signal.SIGTERM)
        return die()

    with pytest.raises(Stopped, match="width 8: Ray has died") as stopped:
        tune([signalled])
    assert stopped.value.exit_code == 143


def test_trials_that_fail_are_said_and_counted(tune: Any) -> None:
    found = tune([lambda: replace(WELL, failed=["out of memory"]), well])
    assert [size.trials for size in found.sizes] == [3, 2]


@pytest.mark.parametrize("trials", [[], WELL.trials[1:], [replace(WELL.trials[0], whole=False)]])
def test_no_rates_are_compared_with_a_recipe_that_was_not_trained(
    tune: Any, trials: list[Trial]
) -> None:
    with pytest.raises(UserError, match=r"width 8: the recipe's own trial failed: out of memory"):
        tune([lambda: Found(trials, failed=["out of memory"])])
