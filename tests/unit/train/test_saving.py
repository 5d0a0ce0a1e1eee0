"""Checkpoints written while the training goes on: what they hold, when they come, what other
workers make of them, and what becomes of a full disk."""

import json
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from physscale.records import parts
from physscale.records.errors import UserError
from physscale.records.store import write_folder
from physscale.train import saving
from physscale.train.checkpoint import folders, latest, load_model
from physscale.train.flat import layout_of
from physscale.train.loop import train
from physscale.train.stored import KINDS, Stored
from tests.paths import ROOT

from .tasks import Killed, PlainContext, small_task


def steps_of(folder: Path) -> list[int]:
    return [int(path.name.removeprefix("step_")) for path in folders(folder / "checkpoints")]


def assert_same_files(ours: Path, theirs: Path) -> None:
    assert {file.name for file in ours.iterdir()} == {file.name for file in theirs.iterdir()}
    for file in ours.iterdir():
        assert file.read_bytes() == (theirs / file.name).read_bytes(), file.name


@dataclass
class Gate:
    """Opens when the context has been asked `after` times."""

    after: int
    opened: threading.Event
    rank: int = 0
    world: int = 1
    asked: int = 0
    seat: None = None

    def stop_requested(self) -> bool:
        self.asked += 1
        if self.asked > self.after:
            self.opened.set()
        return False


def test_steps_go_on_while_a_checkpoint_of_the_step_before_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread of the first save is held until six more steps are done."""
    gate, visible_at = Gate(13, threading.Event()), []

    def held(temporary: Path, **given: Any) -> None:
        assert gate.opened.wait(60)
        visible_at.append(gate.asked)
        parts.write_part(temporary, **given)

    monkeypatch.setattr(saving, "write_part", held)
    train(small_task(tmp_path, steps=14), context=gate)
    assert visible_at[0] >= 14, "the training did not wait for the save of step 7"
    train_until(tmp_path / "stopped", step=7, steps=14)
    assert_same_files(
        tmp_path / "checkpoints" / "step_00000007",
        tmp_path / "stopped" / "checkpoints" / "step_00000007",
    )


def train_until(folder: Path, *, step: int, steps: int) -> None:
    with pytest.raises(Killed):
        train(
            replace(small_task(folder, steps=steps, dies_at=step), checkpoint_every=step),
            context=PlainContext(),
        )


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 1 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_ends_the_training_and_leaves_the_checkpoints_before(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(small_task(tmp_path, dies_at=8), context=PlainContext())
    context = PlainContext()
    with (
        full_disk(),
        pytest.raises(UserError, match=r"^cannot write .*step_00000014.*; choose"),
    ):
        train(small_task(tmp_path), context=context)
    assert context.asked <= 15, "not after the next save (the 14 steps from 7 to 21)"
    assert steps_of(tmp_path) == [7]
    assert train(small_task(tmp_path), context=PlainContext()).checkpoint.exists()
    assert not list((tmp_path / "checkpoints").glob(".*")), "what was half-written is gone"


def test_a_full_disk_at_the_last_step_is_no_success(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(UserError, match=r"cannot write .*step_00000003"):
        train(small_task(tmp_path, steps=3), context=PlainContext())
    assert steps_of(tmp_path) == []


def test_an_exception_waits_for_the_write_and_names_a_lost_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with full_disk(), pytest.raises((Killed, UserError)):
        train(replace(small_task(tmp_path, dies_at=7), log_every=30), context=PlainContext())
    assert "the last save is lost: cannot write" in caplog.text


def test_minutes_bring_a_checkpoint_before_the_steps_do(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(
            replace(small_task(tmp_path, dies_at=3), checkpoint_minutes=1e-9),
            context=PlainContext(),
        )
    assert steps_of(tmp_path) == [2, 3]
    with pytest.raises(UserError, match=r"checkpoint_minutes=0.0: must be above 0"):
        replace(small_task(tmp_path), checkpoint_minutes=0.0)


def test_a_checkpoint_of_format_1_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """What version 0.1 wrote: one file with both moments as vectors, and no number of parts."""
    whole = train(small_task(tmp_path / "whole"), context=PlainContext())
    train_until(tmp_path / "new", step=14, steps=30)
    new = latest(tmp_path / "new" / "checkpoints")
    assert new is not None
    task = small_task(tmp_path / "old")
    model = task.model.build(task.backbone_shape)
    read, layout = Stored(new, model), layout_of(model)
    moments = {kind: torch.zeros(layout.total) for kind in ("first", "second")}
    for kind, vector in moments.items():
        for name, view in layout.named(vector).items():
            view.copy_(read.tensor(kind, name))
    with write_folder(tmp_path / "old" / "checkpoints" / new.name) as old:
        for kind in ("model", "ema", "losses"):
            (old / f"{kind}.safetensors").write_bytes((new / f"{kind}.safetensors").read_bytes())
        safetensors.torch.save_file(moments, old / "moments.safetensors")
        state = read.state | {"format": 1}
        del state["parts"]
        (old / "state.json").write_text(json.dumps(state))
    result = train(task, context=PlainContext())
    assert torch.equal(result.losses, whole.losses)
    assert_same_files(result.checkpoint, whole.checkpoint)


CHAIN = ["whole", "in 2", "in 4", "whole again", "in 2 again"]
"""Each is loaded from the one before and saved again by other workers."""


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("chain")
    train(small_task(root / "whole", steps=7), context=PlainContext())

    def job(to: str, *, world: int, **given: Any) -> dict[str, Any]:
        of = CHAIN[CHAIN.index(to) - 1] if to in CHAIN else "whole"
        return {"of": of, "to": to, "steps": 7, "world": world, "parallel": "fsdp"} | given

    jobs = [
        job("in 2", world=2),
        job("in 4", world=4),
        job("whole again", world=4, parallel="ddp"),
        job("in 2 again", world=2),
        job("full", world=2, full=1),
    ]
    command = [sys.executable, "-W", "error", "-m", "tests.unit.train.resave"]
    subprocess.run([*command, str(root), json.dumps(jobs)], cwd=ROOT, check=True)
    return root


def stored(root: Path, name: str) -> Stored:
    task = small_task(root / name, steps=7)
    newest = latest(task.checkpoints)
    assert newest is not None
    return Stored(newest, task.model.build(task.backbone_shape))


@pytest.mark.parametrize(
    ("name", "count"), [("in 2", 2), ("in 4", 4), ("whole again", 1), ("in 2 again", 2)]
)
def test_parts_of_other_workers_are_the_same_tensors_bit_for_bit(
    chain: Path, name: str, count: int
) -> None:
    ours, whole = stored(chain, name), stored(chain, "whole")
    assert ours.state == whole.state | {"parts": count}
    assert len(list(ours.folder.glob("ema*.safetensors"))) == count
    for kind in KINDS:
        for parameter, _ in ours.model.named_parameters():
            one, other = ours.tensor(kind, parameter), whole.tensor(kind, parameter)
            assert torch.equal(one, other), (kind, parameter)
    assert torch.equal(ours.losses, whole.losses)
    assert not list(ours.folder.parent.glob(".*"))


def test_a_model_in_parts_opens_without_workers(chain: Path) -> None:
    whole, four = (load_model(stored(chain, name).folder) for name in ("whole", "in 4"))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(four.state_dict()[name], tensor)


def test_workers_stop_together_when_the_disk_of_one_is_full(chain: Path) -> None:
    own, other = ((chain / f"full.{rank}.txt").read_text() for rank in (1, 0))
    assert own.startswith("cannot write ")
    assert other.startswith(f"worker 1: UserError: {own[:100]}")
    assert not folders(chain / "full" / "checkpoints")


@pytest.mark.parametrize("harm", ["lost", "torn", "unfinished"])
def test_parts_that_are_lost_or_torn_are_no_checkpoint(
    chain: Path, tmp_path: Path, harm: str
) -> None:
    whole = stored(chain, "in 4").folder
    token = "0123"
    place = parts.unfinished(tmp_path / whole.name, token=token)
    for part in range(3 if harm == "unfinished" else 4):

        def files(folder: Path, part: int = part) -> list[Path]:
            own = [file for file in whole.iterdir() if f"-{part + 1:05d}-of" in file.name]
            if not part:
                own += [whole / "state.json", whole / "losses.safetensors"]
            for file in own:
                (folder / file.name).write_bytes(file.read_bytes())
            return [folder / file.name for file in own]

        parts.write_part(place, part=part, write=files)
    if harm == "unfinished":
        with pytest.raises(UserError, match=r"parts \[3\] of 4 were not written within 0 s"):
            parts.complete(place, path=tmp_path / whole.name, parts=4, patience_s=0.0)
        assert not list(tmp_path.iterdir())
        return
    parts.complete(place, path=tmp_path / whole.name, parts=4, patience_s=0.0)
    assert_same_files(tmp_path / whole.name, whole)
    file = tmp_path / whole.name / "second-00003-of-00004.safetensors"
    if harm == "lost":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    assert latest(tmp_path) is None
