"""What scoring could not do is refused before anything is trained."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from physscale.evaluate.metrics import METRICS, metrics_of
from physscale.records.errors import UserError
from physscale.run import rehearsal
from physscale.run.rehearsal import check_scoring
from physscale.run.spec import RunSpec, TestSplit
from physscale.simulate.named import named_data
from tests.tiny import tiny_run


def judged_on(name: str, *, trained_on: str = "uniform") -> RunSpec:
    data = named_data(trained_on, videos=8)
    split = replace(named_data(name, videos=8), split="other", draw="held_out", frames=data.frames)
    run = tiny_run()
    return replace(run, data=data, test_splits=(TestSplit(kind="ood", data=split),))


@pytest.mark.parametrize(
    ("name", "trained_on"),
    [("uniform_speed_high", "uniform"), ("phyre", "phyre"), ("collision", "composition")],
)
def test_splits_that_can_be_scored_pass(name: str, trained_on: str) -> None:
    check_scoring([judged_on(name, trained_on=trained_on)])


@pytest.mark.parametrize(
    ("name", "trained_on"),
    [("collision", "uniform"), ("composition", "uniform"), ("uniform", "collision")],
)
def test_a_split_that_does_not_go_with_the_training_is_refused(name: str, trained_on: str) -> None:
    """It ended in a traceback after the training."""
    said = f"'other': rows of '{name}' cannot be scored in a run on '{trained_on}'"
    with pytest.raises(UserError, match=said) as refused:
        check_scoring([judged_on(name, trained_on=trained_on)])
    assert "\n" not in str(refused.value)


def test_a_metric_that_fails_is_refused() -> None:
    def fails(generated: object) -> np.ndarray:
        raise ZeroDivisionError("by nothing")

    broken = replace(metrics_of("run")[0], values=fails)
    with (
        patch.object(METRICS, "entries", return_value={broken.name: broken}),
        pytest.raises(UserError, match="ZeroDivisionError: by nothing"),
    ):
        check_scoring([tiny_run()])


def test_a_video_that_no_row_holds_is_refused() -> None:
    run = judged_on("uniform_speed_low")
    (split,) = run.test_splits
    split = replace(split, data=replace(split.data, frames=256))
    run = replace(run, canvas=replace(run.canvas, size_px=2048), test_splits=(split,))
    with pytest.raises(UserError, match=r"size_px=2048 has 3221225472 bytes; at most 2147483647"):
        check_scoring([run])


def test_runs_that_share_their_splits_are_rehearsed_once() -> None:
    runs = [replace(judged_on("uniform_speed_low"), seed=seed) for seed in range(5)]
    with patch.object(rehearsal, "scored_split", wraps=rehearsal.scored_split) as drawn:
        check_scoring(runs)
    assert drawn.call_count <= 1
