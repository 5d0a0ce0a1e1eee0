"""Every column of a plan, and what `study.json` keeps of it."""

import dataclasses
from pathlib import Path

import pytest

from physscale.records.json_file import read_json, write_json
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.store import Store
from physscale.run.cost import cost
from physscale.study.plan import (
    complete,
    label,
    plan,
    recorded_rows,
    recorded_runs,
    standing,
    write_study,
)
from physscale.study.spec import Study
from physscale.study.speed import Speed
from tests.sweep_doubles import finish, tiny_study
from tests.tiny import tiny_run

RATE = 1e10
SPEED = Speed(RATE, "")


def test_a_row_says_what_the_run_is_and_costs(tmp_path: Path) -> None:
    run, other = tiny_run(seed=3, workers=2), tiny_run(steps=7, videos=32)
    study = Study(name="two", question="?", groups={"a": (run, other), "b": (run,)})
    row, small = plan(study, store=Store(tmp_path), flops_per_s=RATE)
    price = cost(run)
    assert dataclasses.asdict(row) == {
        "fingerprint": run.fingerprint,
        "label": "uniform d8 D=16 seed=3 x2",
        "group": "a",
        "groups": ["a", "b"],
        "parameters": price.parameters,
        "flops": price.flops,
        "videos": 16,
        "combinations": run.combinations,
        "steps": 24,
        "seed": 3,
        "workers": 2,
        "state": "PLANNED",
        "attempts": 0,
        "estimated_s": round(SPEED.run_s(run, flops=price.flops), 1),
        "data_bytes": price.data_bytes,
        "disk_bytes": price.disk_bytes,
    }
    assert (small.label, small.steps, small.videos) == ("uniform d8 D=32 seed=0", 7, 32)
    assert label(tiny_run()) == "uniform d8 D=16 seed=0"


@pytest.mark.parametrize("name", ["spec", "metrics", "scores", "outcomes"])
def test_a_run_is_complete_with_all_its_files_and_none_empty(tmp_path: Path, name: str) -> None:
    study, store = tiny_study(seeds=range(1)), Store(tmp_path)
    finish(store, runs=study.runs)
    (full,) = study.runs
    folder, entry = store.run(full), Ledger(store.ledger).entries()[full]
    assert complete(folder)
    assert (standing(entry, folder=folder), standing(None, folder=folder)) == ("DONE", "PLANNED")
    content = getattr(folder, name).read_bytes()
    getattr(folder, name).write_bytes(content[:1])
    assert complete(folder), "what is in them is for their readers to judge"
    getattr(folder, name).write_bytes(b"")
    assert not complete(folder)
    assert standing(entry, folder=folder) == "PLANNED"
    getattr(folder, name).unlink()
    assert not complete(folder)
    getattr(folder, name).mkdir()
    assert not complete(folder)
    failed = dataclasses.replace(entry, state=State.FAILED)
    assert standing(failed, folder=folder) == "FAILED", "what has not ended well needs no files"


def test_finished_runs_correct_assumed_times_by_their_median(tmp_path: Path) -> None:
    study, store, owner = tiny_study(seeds=range(5)), Store(tmp_path), Owner()
    ledger, runs = Ledger(store.ledger), list(study.runs)
    guess_s = plan(study, store=store, flops_per_s=RATE)[0].estimated_s
    took_s = {State.DONE: [guess_s * 2, guess_s * 30, guess_s * 4], State.DIVERGED: [9e9]}
    pairs = [(state, seconds) for state, all_s in took_s.items() for seconds in all_s]
    for run, (state, seconds) in zip(runs, [*pairs, (State.DONE, 0.0)], strict=True):
        assert ledger.claim(run, owner=owner)
        ledger.finish(run, state, owner=owner, seconds=seconds)
    corrected = plan(study, store=store, flops_per_s=RATE)[0].estimated_s
    assert corrected == pytest.approx(4 * guess_s, rel=0.1), "a diverged one says nothing, nor 0 s"
    measured = dataclasses.replace(SPEED, kind="measured")
    assert plan(study, store=store, flops_per_s=RATE, speed=measured)[0].estimated_s == guess_s


def test_what_was_recorded_comes_back_as_it_stands_now(tmp_path: Path) -> None:
    study, store = tiny_study(seeds=range(2)), Store(tmp_path)
    assert (recorded_runs(store), recorded_rows(store, speed=SPEED)) == ([], [])
    write_study(study, store=store, rows=plan(study, store=store, flops_per_s=RATE))
    assert recorded_runs(store) == list(study.runs)
    content = read_json(store.study)
    assert (content["name"], content["question"]) == (study.name, study.question)
    assert {"overrides", "demonstrations", "environment"} <= set(content)
    for row in content["runs"]:
        assert not {"state", "attempts", "estimated_s"} & set(row)
        row["unknown"] = 1
        del row["data_bytes"], row["disk_bytes"]
    write_json(store.study, content)
    finish(store, runs=dict(list(study.runs.items())[:1]))
    slow = Speed(RATE / 1234, "")
    rows = recorded_rows(store, speed=slow)
    assert [(row.state, row.attempts) for row in rows] == [("DONE", 1), ("PLANNED", 0)]
    assert (rows[0].data_bytes, rows[0].disk_bytes) == (0, 0), "an older file does not say"
    seconds = slow.seconds(flops=rows[0].flops, steps=rows[0].steps)
    assert rows[0].estimated_s == round(seconds, 1)
