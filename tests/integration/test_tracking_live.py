"""What a follower does with runs at work, seen by a tracker that writes down what it is told; and
TensorBoard's files, read back."""

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from physscale.records.errors import UserError
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.metrics import MetricLog
from physscale.records.spec import canonical
from physscale.records.store import Store, write_atomic
from physscale.tracking.follow import Follower, ShownRun, where
from physscale.tracking.tensorboard import TensorBoard
from physscale.tracking.trackers import TRACKERS, chosen_tracker
from tests.sweep_doubles import leave_finished, tiny_study

STUDY = tiny_study(seeds=range(2), steps=5)
FIRST, SECOND = STUDY.runs


@dataclass
class Noted:
    """One run on display; `first_step` as a server would know it."""

    first_step: int = 0
    steps: list[int] = field(default_factory=list)
    ended: str = ""

    def log(self, values: Mapping[str, float | str], *, step: int) -> None:
        assert "step" not in values
        self.steps.append(step)

    def finish(self, summary: Mapping[str, float], *, videos: Mapping[str, Path]) -> str:
        self.ended = f"finished with {sorted(summary)}"
        return "online"

    def leave(self) -> None:
        self.ended = "left"


@dataclass
class Notebook:
    name: str = "notebook"
    known_steps: int = 0
    sessions: list[Noted] = field(default_factory=list)

    def open(self, run: ShownRun) -> Noted:
        self.sessions.append(Noted(first_step=self.known_steps))
        return self.sessions[-1]


def begin(store: Store, run: str) -> Owner:
    owner = Owner()
    Ledger(store.ledger).claim(run, owner=owner)
    write_atomic(store.run(run).spec, canonical(STUDY.runs[run]).encode())
    return owner


def log(store: Store, run: str, *steps: int) -> None:
    for step in steps:
        MetricLog(store.run(run).metrics).append(step=step, loss=1.0 / step)


def test_lines_are_shown_as_they_come_and_none_twice(tmp_path: Path) -> None:
    store, notebook = Store(tmp_path / "tiny"), Notebook()
    follower, owner = Follower(store, notebook), begin(store, FIRST)
    follower.look()
    assert notebook.sessions == [], "nothing to show yet"
    log(store, FIRST, 1, 2)
    follower.look()
    follower.look()
    log(store, FIRST, 2, 3)
    with store.run(FIRST).metrics.open("ab") as file:
        file.write(b'{"step": 4, "lo')
    follower.look()
    (session,) = notebook.sessions
    assert session.steps == [1, 2, 3], (
        "a resumed attempt writes step 2 again; a line that is half there is none"
    )
    log(store, FIRST, 4, 5)
    leave_finished(STUDY.runs[FIRST], store=store)
    Ledger(store.ledger).finish(FIRST, State.DONE, owner=owner)
    follower.look()
    follower.look()
    assert (session.steps, session.ended) == ([1, 2, 3, 4, 5], "finished with ['id/loss']")
    assert where(store, FIRST, tracker="notebook") == "online"
    assert len(notebook.sessions) == 1


def test_a_run_that_stops_leaves_and_comes_back_where_the_display_is(tmp_path: Path) -> None:
    store, notebook = Store(tmp_path / "tiny"), Notebook()
    follower, owner = Follower(store, notebook), begin(store, FIRST)
    log(store, FIRST, 1, 2, 3)
    follower.look()
    Ledger(store.ledger).finish(FIRST, State.PREEMPTED, owner=owner)
    follower.look()
    assert notebook.sessions[0].ended == "left"
    assert where(store, FIRST, tracker="notebook") is None
    notebook.known_steps = 4
    begin(store, FIRST)
    log(store, FIRST, 2, 3, 4, 5)
    follower.look()
    assert notebook.sessions[1].steps == [4, 5]


def test_a_diverged_run_is_shown_to_its_end(tmp_path: Path) -> None:
    store, notebook = Store(tmp_path / "tiny"), Notebook()
    owner = begin(store, FIRST)
    log(store, FIRST, 1)
    Ledger(store.ledger).finish(FIRST, State.DIVERGED, owner=owner)
    Follower(store, notebook).look()
    assert (notebook.sessions[0].steps, notebook.sessions[0].ended) == ([1], "finished with []")


def scalars(folder: Path) -> Iterator[tuple[str, int, float]]:
    """The scalars of a TensorBoard event file: length, CRC, record, CRC; each record is a protocol
    buffer."""
    from tensorboardX.proto.event_pb2 import Event

    (file,) = folder.glob("events.*")
    data, at = file.read_bytes(), 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        event = Event()
        event.ParseFromString(data[at + 12 : at + 12 + length])
        at += length + 16
        for value in event.summary.value:
            if value.WhichOneof("value") == "simple_value":
                yield value.tag, event.step, value.simple_value


def test_tensorboard_has_the_history_and_the_scores(tmp_path: Path) -> None:
    store = Store(tmp_path / "tiny")
    follower, owner = Follower(store, TensorBoard()), begin(store, SECOND)
    log(store, SECOND, 1, 2, 3)
    follower.look()
    log(store, SECOND, 4, 5)
    leave_finished(STUDY.runs[SECOND], store=store)
    Ledger(store.ledger).finish(SECOND, State.DONE, owner=owner)
    follower.look()
    found = list(scalars(store.root / "tensorboard" / SECOND[:12]))
    assert [(step, pytest.approx(value)) for tag, step, value in found if tag == "train/loss"] == [
        (step, 1 / step) for step in range(1, 6)
    ]
    assert ("id/loss", 5, pytest.approx(0.2)) in found


@pytest.mark.parametrize("name", TRACKERS.entries())
def test_every_tracker_keeps_its_protocol(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its real library, offline: a run that stops is left, comes back, and ends once."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    store, tracker = Store(tmp_path / "tiny"), TRACKERS.named(name).open()
    assert tracker.name == name
    follower, owner = Follower(store, tracker), begin(store, FIRST)
    log(store, FIRST, 1, 2)
    follower.look()
    Ledger(store.ledger).finish(FIRST, State.PREEMPTED, owner=owner)
    follower.look()
    assert where(store, FIRST, tracker=name) is None
    owner = begin(store, FIRST)
    log(store, FIRST, 3, 4, 5)
    leave_finished(STUDY.runs[FIRST], store=store)
    Ledger(store.ledger).finish(FIRST, State.DONE, owner=owner)
    follower.look()
    assert where(store, FIRST, tracker=name) == "offline"
    files = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file()}
    follower.look()
    assert {path: path.read_bytes() for path in files} == files, "nothing is shown twice"


def test_a_tracker_of_a_plug_in_is_chosen_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_tracker.py").write_text(
        "import os\n"
        "from physscale.tracking.trackers import TRACKERS, TrackerKind\n"
        "TRACKERS.register(TrackerKind('mine', open=dict, enabled=lambda: 'MINE' in os.environ))\n"
    )
    monkeypatch.setenv("PHYSSCALE_PLUGINS", "my_tracker")
    monkeypatch.setenv("PHYSSCALE_TRACKER", "mine")
    code = (
        "from physscale.tracking.trackers import TRACKERS, chosen_tracker; print(chosen_tracker())"
    )
    for allowed, chosen in (({}, "none"), ({"MINE": "1"}, "mine")):
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        said = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | allowed | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.strip() == chosen


def test_an_unknown_tracker_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHYSSCALE_TRACKER", "tensorbord")
    with pytest.raises(UserError, match="there are wandb, tensorboard, none"):
        chosen_tracker()
    monkeypatch.setenv("PHYSSCALE_TRACKER", "wandb")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert chosen_tracker() == "none"


def test_a_look_at_a_thousand_runs_takes_little_of_a_core(tmp_path: Path) -> None:
    """What a follower could take from training is its own CPU time: one look every two seconds, at
    the lowest priority."""
    store, notebook = Store(tmp_path), Notebook()
    runs = [f"{number:064x}"[::-1] for number in range(1000)]
    ledger = Ledger(store.ledger)
    ledger.plan(runs)
    for run in runs[:8]:
        begin_as(store, run, steps=1000)
    follower = Follower(store, notebook)
    follower.look()
    assert len(notebook.sessions) == 8
    begun_s = time.process_time()
    for step in range(1001, 1006):
        for run in runs[:8]:
            MetricLog(store.run(run).metrics).append(step=step, loss=1.0)
        follower.look()
    assert time.process_time() - begun_s < 5 * 0.2, "a tenth of a core"
    assert all(session.steps[-1] == 1005 for session in notebook.sessions)


def begin_as(store: Store, run: str, *, steps: int) -> None:
    Ledger(store.ledger).claim(run, owner=Owner())
    write_atomic(store.run(run).spec, b"{}")
    lines = "".join(
        json.dumps({"step": step, "time_s": 0.0, "loss": 1.0}) + "\n"
        for step in range(1, steps + 1)
    )
    store.run(run).metrics.write_text(lines)
