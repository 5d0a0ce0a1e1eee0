"""What the live table shows, from files alone."""

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from physscale.records.ledger import Ledger, Owner, State
from physscale.records.metrics import MetricLog
from physscale.records.store import Store
from physscale.study.plan import plan
from physscale.study.progress import LiveTable, Standing, progress, remaining_s, span, status_table
from tests.sweep_doubles import tiny_study

STUDY = tiny_study(seeds=range(30), steps=100)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Run 0 has failed, run 1 is going at step 40, run 2 was stopped at step 50; the others
    wait."""
    store, owner = Store(tmp_path), Owner()
    ledger, runs = Ledger(store.ledger), list(STUDY.runs)
    ledger.plan(runs)
    for run, state, step in (
        (runs[0], State.FAILED, 0),
        (runs[2], State.PREEMPTED, 50),
        (runs[1], None, 40),
    ):
        ledger.claim(run, owner=owner)
        if step:
            MetricLog(store.run(run).metrics).append(step=step, loss=0.5)
        if state:
            ledger.finish(run, state, owner=owner)
    return store


def look(store: Store) -> list[Standing]:
    return LiveTable(plan(STUDY, store=store, flops_per_s=1e10), store=store).look()


def drawn(store: Store, *, lines: int, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(status_table(look(store), lines=lines))
    return out.getvalue().splitlines()


def test_every_state_is_read_from_the_files(store: Store) -> None:
    failed, going, stopped, waiting, *_ = look(store)
    assert [item.row.state for item in (failed, going, stopped, waiting)] == [
        "FAILED",
        "RUNNING",
        "PREEMPTED",
        "PLANNED",
    ]
    assert [item.step for item in (failed, going, stopped, waiting)] == [0, 40, 50, 0]
    assert (going.loss, failed.left_s) == (0.5, 0.0)
    assert stopped.left_s == pytest.approx(waiting.left_s / 2)


def test_time_left_follows_the_speed_seen(store: Store) -> None:
    follower, run = (
        LiveTable(plan(STUDY, store=store, flops_per_s=1.0), store=store),
        list(STUDY.runs)[1],
    )
    assert follower.look()[1].left_s > 1e6, "only the formula is known at first"
    time.sleep(0.2)
    MetricLog(store.run(run).metrics).append(step=60, loss=0.4)
    assert follower.look()[1].left_s == pytest.approx(0.4, rel=0.5), (
        "20 steps took 0.2 s, 40 are left"
    )


def test_the_work_left_is_shared_out_but_one_run_is_not(store: Store) -> None:
    standings = look(store)
    total_s = sum(item.left_s for item in standings)
    assert remaining_s(standings, at_a_time=2) == pytest.approx(total_s / 2)
    assert remaining_s(standings, at_a_time=1000) == max(item.left_s for item in standings)
    assert remaining_s([], at_a_time=2) == 0.0


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_small_terminal_shows_what_matters(store: Store, width: int) -> None:
    lines = drawn(store, lines=5, width=width)
    assert len(lines) == 6
    assert all(len(line) <= width for line in lines)
    assert [line.split()[0] for line in lines[1:]] == [
        "FAILED",
        "RUNNING",
        "PREEMPTED",
        "PLANNED",
        "PLANNED",
    ]


def test_without_a_terminal_every_change_is_one_line(store: Store) -> None:
    out, waiting = io.StringIO(), list(STUDY.runs)[3]
    rows = plan(STUDY, store=store, flops_per_s=1e10)
    with progress(rows, store=store, at_a_time=2, console=Console(file=out, width=40)) as watch:
        watch()
        assert out.getvalue() == ""
        Ledger(store.ledger).claim(waiting, owner=Owner())
        watch()
        watch()
    (line,) = out.getvalue().splitlines()
    assert "RUNNING" in line
    assert waiting[:12] in line
    assert "(0 of 30 done" in line


def test_a_codec_s_training_is_shown_before_the_run_s_own(store: Store) -> None:
    waiting = list(STUDY.runs)[3]
    Ledger(store.ledger).claim(waiting, owner=Owner())
    history = MetricLog(store.run(waiting).codec_fit)
    rows, out = plan(STUDY, store=store, flops_per_s=1e10), io.StringIO()
    with progress(rows, store=store, at_a_time=2, console=Console(file=out, width=200)) as watch:
        for step in (900, 100, 120, 300):  # killed at 900, begun again
            history.append(step=step, steps=1000, reconstruction=0.5)
            time.sleep(0.05)
            watch()
    assert look(store)[3].fit is not None
    assert look(store)[3].left_s == pytest.approx(0.1 * 700 / 200 + rows[3].estimated_s, rel=0.6)
    assert [line.split("codec ")[1].split(" ")[0] for line in out.getvalue().splitlines()] == [
        "900/1000",
        "100/1000",
        "300/1000",
    ]
    assert any("codec 300/1000" in line for line in drawn(store, lines=30, width=200))
    MetricLog(store.run(waiting).metrics).append(step=5, loss=0.5)
    assert look(store)[3].fit is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (120, "2 min"), (5399, "90 min"), (7500, "2 h 05 min")],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds).replace("1 h 30 min", "90 min") == text
