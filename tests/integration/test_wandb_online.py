"""W&B with a server, well or not: live, resumed, silent; dashboards; what was not sent is sent
later."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from physscale.dataset.mp4 import write_mp4
from physscale.records.errors import UserError
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.metrics import MetricLog
from physscale.records.spec import canonical
from physscale.records.store import Store, write_atomic
from physscale.scheduling.resources import Machine
from physscale.study.drive import drive
from physscale.study.plan import plan, write_study
from physscale.tracking.follow import where
from physscale.tracking.launch import following, send
from tests.sweep_doubles import counting_execute, leave_finished, no_watch, tiny_study
from tests.wandb_server import Mood, Server, wandb_server

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings(
        "ignore:.*Pydantic V1 style:DeprecationWarning"
    ),  # wandb-workspaces, on import
]
STUDY = tiny_study(seeds=range(2), steps=5)
FIRST = next(iter(STUDY.runs))


def use(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in server.environment.items():
        monkeypatch.setenv(key, value)


def finished(root: Path) -> Store:
    store = Store(root / "tiny")
    write_study(STUDY, store=store, rows=plan(STUDY, store=store, flops_per_s=1e10))
    drive(
        STUDY,
        store=store,
        backend="plain",
        machine=Machine(),
        execute=counting_execute,
        watch=no_watch,
    )
    for run in STUDY.runs:
        write_mp4(store.run(run).video("id"), np.zeros((4, 32, 32, 3), np.uint8), frames_per_s=8)
    return store


def wait_until(condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
    deadline_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.1)


def steps(server: Server, run: str) -> list[int]:
    return [line["_step"] for line in server.history.get(run[:12], [])]


def test_a_run_is_seen_while_it_goes_on_and_goes_on_as_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, ledger, owner = (
        Store(tmp_path / "tiny"),
        Ledger(tmp_path / "tiny" / "ledger.jsonl"),
        Owner(),
    )
    folder, log = store.run(FIRST), MetricLog(store.run(FIRST).metrics)
    with wandb_server() as server:
        use(server, monkeypatch)
        ledger.claim(FIRST, owner=owner)
        write_atomic(folder.spec, canonical(STUDY.runs[FIRST]).encode())
        with following(store):
            for step in (1, 2, 3):
                log.append(step=step, loss=1.0 / step)
            wait_until(lambda: len(steps(server, FIRST)) >= 2)
            ledger.finish(FIRST, State.PREEMPTED, owner=owner)
        assert where(store, FIRST, tracker="wandb") is None
        ledger.claim(FIRST, owner=owner)
        with following(store):
            for step in (2, 3, 4, 5):
                log.append(step=step, loss=1.0 / step)
            leave_finished(STUDY.runs[FIRST], store=store)
            ledger.finish(FIRST, State.DONE, owner=owner)
        assert where(store, FIRST, tracker="wandb") == "online"
        assert list(server.runs) == [FIRST[:12]]
        assert steps(server, FIRST) == [1, 2, 3, 4, 5]
        assert [line["loss"] for line in server.history[FIRST[:12]]] == [
            1 / step for step in range(1, 6)
        ]
        assert server.summary[FIRST[:12]]["id/loss"] == pytest.approx(0.2)
        assert server.unknown == []


@pytest.mark.slow
@pytest.mark.parametrize("mood", ["429", "500", "silent", "reset"])
def test_a_server_that_does_not_answer_costs_a_minute_at_most_and_nothing_is_lost(
    tmp_path: Path, mood: Mood, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    store = finished(tmp_path)
    with wandb_server(mood) as server:
        use(server, monkeypatch)
        begun_s = time.monotonic()
        with following(store):
            pass
        assert time.monotonic() - begun_s < 90
        assert "2 runs were not sent; `physscale sync tiny` sends them" in capfd.readouterr().err
        assert {where(store, run, tracker="wandb") for run in STUDY.runs} == {"offline"}
        assert len(list(store.root.glob("wandb/offline-run-*/run-*.wandb"))) == 2
        server.mood = "well"
        assert sorted(send(store).sent) == sorted(STUDY.runs)
        assert all(steps(server, run) == [1, 2, 3, 4, 5] for run in STUDY.runs)
        assert send(store).sent == [], "what is there is left alone"


@pytest.mark.slow
def test_without_a_key_runs_end_and_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    store = finished(tmp_path)
    with wandb_server() as server:
        use(server, monkeypatch)
        monkeypatch.delenv("WANDB_API_KEY")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        begun_s = time.monotonic()
        with following(store):
            pass
        assert time.monotonic() - begun_s < 90
        said = capfd.readouterr().err
        assert said.count("\n") == 1
        assert said.endswith("follower.log says why\n")
        log = (store.root / "tracking" / "follower.log").read_text()
        assert "not online: " in log
        assert "api_key" in log or "API key" in log, log
        assert {where(store, run, tracker="wandb") for run in STUDY.runs} == {"offline"}
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        assert sorted(send(store).sent) == sorted(STUDY.runs)


def test_offline_runs_are_sent_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = finished(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    with following(store):
        pass
    with wandb_server() as server:
        use(server, monkeypatch)
        assert send(store).left == []
        video = store.run(FIRST).video("id").read_bytes()
        assert video in [data for name, data in server.files.items() if name.startswith(FIRST[:12])]
        assert all(steps(server, run) == [1, 2, 3, 4, 5] for run in STUDY.runs)


def test_sending_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no ledger there"):
        send(Store(tmp_path))


def test_the_dashboard_is_the_same_every_time_names_every_split_and_can_be_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from physscale.finished.tables import write_study_tables
    from physscale.tracking import dashboard

    store = finished(tmp_path)
    write_study_tables(store, groups=dict.fromkeys(STUDY.runs, "seeds"))
    found = dashboard.measured(store)
    board = dashboard.workspace(found, entity="somebody", project="physscale")
    again = dashboard.workspace(dashboard.measured(store), entity="somebody", project="physscale")
    assert dashboard.specification(board) == dashboard.specification(again)
    text = json.dumps(dashboard.specification(board))
    assert all(
        word in text
        for word in (
            "Scaling",
            "Errors: id",
            "videos/id",
            "Parallel Coordinates Plot",
            "summary:id/loss",
        )
    )
    with wandb_server() as server:
        use(server, monkeypatch)
        assert "somebody/physscale" in dashboard.publish(board)
        (view,) = server.views
        assert "Errors: id" in json.dumps(view)


def test_a_dashboard_of_nothing_is_refused(tmp_path: Path) -> None:
    from physscale.tracking import dashboard

    with pytest.raises(UserError, match="no scores"):
        dashboard.measured(Store(tmp_path))
