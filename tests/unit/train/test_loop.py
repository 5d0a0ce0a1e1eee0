"""The training loop: learns, logs, saves; killed, stopped or run twice it ends where the
undisturbed run ends, bit for bit."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from physscale.records.errors import DamagedData, Diverged, Preempted, UserError
from physscale.records.metrics import read_metrics
from physscale.train.checkpoint import load_model
from physscale.train.latents import order
from physscale.train.loop import train
from physscale.train.spec import CHECKPOINTS_KEPT, TrainSpec, learning_rate_factor
from physscale.train.task import TrainResult

from .tasks import Killed, PlainContext, small_latents, small_task


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    return train(small_task(tmp_path_factory.mktemp("undisturbed")), context=PlainContext())


def assert_same(result: TrainResult, other: TrainResult) -> None:
    assert torch.equal(result.losses, other.losses)
    for (name, value), twin in zip(
        result.model.named_parameters(), other.model.parameters(), strict=True
    ):
        assert torch.equal(value, twin), name


def test_learns(tmp_path: Path) -> None:
    result = train(small_task(tmp_path, steps=200), context=PlainContext())
    assert result.losses[-20:].mean() < 0.3 * result.losses[:5].mean()


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
@pytest.mark.parametrize("dies_at", [0, 3, 7, 8, 20, 29])
def test_killed_and_run_again_equals_undisturbed(
    tmp_path: Path, dies_at: int, optimiser: str
) -> None:
    whole = train(small_task(tmp_path / "whole", optimiser=optimiser), context=PlainContext())
    with pytest.raises(Killed):
        train(small_task(tmp_path, dies_at=dies_at, optimiser=optimiser), context=PlainContext())
    result = train(small_task(tmp_path, optimiser=optimiser), context=PlainContext())
    assert_same(result, whole)
    logged = [
        [(row["step"], row["loss"]) for row in read_metrics(folder / "metrics.jsonl")]
        for folder in (tmp_path, tmp_path / "whole")
    ]
    assert logged[0] == logged[1]


def test_killed_again_and_again(tmp_path: Path, undisturbed: TrainResult) -> None:
    for dies_at in (5, 9, 9, 16, 22, 28):
        with pytest.raises(Killed):
            train(small_task(tmp_path, dies_at=dies_at), context=PlainContext())
    assert_same(train(small_task(tmp_path), context=PlainContext()), undisturbed)


@pytest.mark.parametrize("stop_before", [0, 1, 11])
def test_asked_to_stop_saves_and_goes_on(
    tmp_path: Path, undisturbed: TrainResult, stop_before: int
) -> None:
    with pytest.raises(Preempted, match=f"stopped after step {stop_before} of 30"):
        train(small_task(tmp_path), context=PlainContext(stop_before=stop_before))
    assert (tmp_path / "checkpoints" / f"step_{stop_before:08d}" / "manifest.json").exists()
    context = PlainContext()
    assert_same(train(small_task(tmp_path), context=context), undisturbed)
    assert context.asked == 30 - stop_before


def test_run_again_after_the_end_trains_nothing(tmp_path: Path, undisturbed: TrainResult) -> None:
    train(small_task(tmp_path), context=PlainContext())
    context = PlainContext()
    again = train(small_task(tmp_path, dies_at=30), context=context)
    assert_same(again, undisturbed)
    assert context.asked == 0
    assert again.checkpoint.name == "step_00000030"


def test_newest_two_checkpoints_stay_and_stale_folders_go(tmp_path: Path) -> None:
    stale = tmp_path / "checkpoints" / ".step_00000007.abc.tmp"
    stale.mkdir(parents=True)
    train(small_task(tmp_path), context=PlainContext())
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["step_00000028", "step_00000030"]
    assert len(kept) == CHECKPOINTS_KEPT


def test_a_damaged_checkpoint_is_passed_over(
    tmp_path: Path, undisturbed: TrainResult, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Killed):
        train(small_task(tmp_path, dies_at=16), context=PlainContext())
    damaged = tmp_path / "checkpoints" / "step_00000014" / "ema.safetensors"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    assert_same(train(small_task(tmp_path), context=PlainContext()), undisturbed)
    assert "passing over a damaged checkpoint" in caplog.text


def test_a_checkpoint_alone_gives_back_its_averaged_model(tmp_path: Path) -> None:
    result = train(small_task(tmp_path), context=PlainContext())
    model = load_model(result.checkpoint)
    x, t = torch.randn(2, 8, 7, 1, 1), torch.rand(2)
    assert torch.equal(model(x, t), result.model(x, t))
    (result.checkpoint / "state.json").write_text("{}")
    with pytest.raises(DamagedData):
        load_model(result.checkpoint)


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    train(small_task(tmp_path, steps=8), context=PlainContext())
    with pytest.raises(UserError, match="a checkpoint of another training"):
        train(replace(small_task(tmp_path, steps=8), seed=6), context=PlainContext())


def test_a_loss_that_is_not_finite_stops_before_the_step(tmp_path: Path) -> None:
    poisoned = small_latents()
    poisoned[3] = float("nan")
    task = small_task(tmp_path, optimiser="adamw")
    with pytest.raises(Diverged, match=r"step 0: loss nan|step 1: loss nan|step 2: loss nan"):
        train(replace(task, latents=type(task.latents)(poisoned)), context=PlainContext())
    assert not list((tmp_path / "checkpoints").glob("step_*")), "no checkpoint holds a broken state"


def test_a_run_that_diverges_leaves_the_history_of_its_finite_steps(
    tmp_path: Path, undisturbed: TrainResult
) -> None:
    batches = [order(5, videos=20, batch=8, step=step) for step in range(3)]
    (late, *_) = set(batches[2]) - set(batches[1]) - set(batches[0])
    poisoned = small_latents()
    poisoned[late] = float("nan")
    task = small_task(tmp_path)
    with pytest.raises(Diverged, match="step 2: loss nan"):
        train(replace(task, latents=type(task.latents)(poisoned)), context=PlainContext())
    (line,) = read_metrics(tmp_path / "metrics.jsonl")
    assert line["step"] == 2
    assert line["loss"] == pytest.approx(float(undisturbed.losses[:2].mean()))


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_last_update_that_breaks_the_weights_is_no_end(
    tmp_path: Path, optimiser: str, accumulate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every loss is finite, and so are the weights; the run was DONE."""

    def jumps(spec: TrainSpec, *, step: int) -> float:
        return learning_rate_factor(spec, step=step) if step < 29 else 1e6

    monkeypatch.setattr("physscale.train.step.learning_rate_factor", jumps)
    task = small_task(tmp_path, optimiser=optimiser, accumulate=accumulate)
    with pytest.raises(Diverged, match=r"^after step 30: loss [^\n]+ the last updates broke them$"):
        train(task, context=PlainContext())
    assert read_metrics(tmp_path / "metrics.jsonl")[-1]["step"] == 30
    assert not (tmp_path / "checkpoints" / "step_00000030").exists()


def test_the_history_has_the_mean_loss_since_the_last_line(tmp_path: Path) -> None:
    result = train(small_task(tmp_path, steps=12), context=PlainContext())
    logged = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["step"] for row in logged] == [5, 10, 12]
    assert logged[-1]["loss"] == pytest.approx(float(result.losses[10:].mean()))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "from physscale.flow.flow_spec import FlowSpec; FlowSpec(prediction='eps')",
            "flow prediction='eps': allowed are x, v",
        ),
        (
            "from physscale.train.spec import TrainSpec; TrainSpec(optimiser='sgd')",
            "train optimiser='sgd': allowed are 'muon' and 'adamw'",
        ),
    ],
)
def test_a_wrong_word_is_refused_without_the_tests_type_checker(code: str, message: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.stderr.strip().endswith(f"UserError: {message}")


def test_wrong_cases_say_what_is_allowed(tmp_path: Path) -> None:
    for fields, message in [
        ({"steps": 0}, r"steps=0: must be at least 1"),
        ({"learning_rate": 0.0}, r"learning_rate=0.0: must be above 0"),
        ({"decay_fraction": 1.5}, r"decay_fraction=1.5: must be at least 0 and at most 1"),
        ({"ema_decay": 1.0}, r"ema_decay=1.0: must be at least 0 and below 1"),
    ]:
        with pytest.raises(UserError, match=message):
            small_task(tmp_path, **fields)
    task = small_task(tmp_path)
    with pytest.raises(UserError, match=r"condition_frames=8: must be below the videos' 8 frames"):
        replace(task, objective=replace(task.objective, condition_frames=8))
    with pytest.raises(UserError, match=r"log_every=0: must be at least 1"):
        replace(task, log_every=0)
