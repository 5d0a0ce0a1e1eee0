"""Every command: its help has an example, its JSON parses, a wrong key is one line and exit code 2;
and the shell completes it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from physscale.cli.commands import COMMANDS
from physscale.cli.main import main
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.metrics import MetricLog
from physscale.records.mirror import mirror_at, push
from physscale.records.store import Store
from physscale.study.spec import load_study
from tests.command_line import said
from tests.paths import ROOT
from tests.sweep_doubles import leave_finished

PHYSSCALE = str(Path(sys.executable).with_name("physscale"))
RUNS = list(load_study("laws").runs)

JSON = {
    "plan": ["laws"],
    "run": ["laws"],
    "tune": ["laws", "--dry-run"],
    "status": ["laws"],
    "metrics": ["laws"],
    "logs": ["laws", RUNS[0][:8]],
    "diff": [RUNS[0][:8], RUNS[1][:8]],
    "retry": ["laws", "--dry-run"],
    "gc": ["laws", "--dry-run"],
    "doctor": [],
    "simulate": ["uniform", "--videos", "2", "--out", "drawn", "--size", "32"],
    "show": ["uniform", "--out", "shown"],
    "check": ["data"],
    "evaluate": ["data"],
    "example": [],
    "fit": ["{folder}/runs.csv", "--response", "loss", "--axes", "N"],
    "verdict": ["{folder}/runs.csv", "--response", "loss", "--axes", "N"],
    "study-page": None,  # serves until it is ended: tests/unit/raters/test_raters.py, tests/browser
    "push": ["laws", "{folder}/copies"],
    "pull": ["laws", "{folder}/copies"],
}
"""Arguments with which a command succeeds in the folder `finished`; the others need a cluster, an
account or videos (own tests)."""

NAMES = [*(name for name in COMMANDS if name != "phyre"), "phyre setup", "phyre status"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the study `laws` is done, its copies are pushed and `data` holds two
    videos: no test here waits for another."""
    folder = tmp_path_factory.mktemp("finished")
    store, owner = Store(folder / "results" / "laws"), Owner()
    for full, run in load_study("laws").runs.items():
        Ledger(store.ledger).claim(full, owner=owner)
        leave_finished(run, store=store)
        MetricLog(store.run(full).metrics).append(step=1, loss=1.0)
        Ledger(store.ledger).finish(full, State.DONE, owner=owner, seconds=1.0)
    table = "N,loss\n" + "".join(f"{n},{n**-0.5}\n" for n in (10, 30, 100, 300, 1000))
    (folder / "runs.csv").write_text(table)
    push(store, mirror_at(str(folder / "copies"), study="laws"))
    with pytest.raises(SystemExit, match="0"):
        main(
            [
                "simulate",
                "uniform",
                "--videos",
                "2",
                "--out",
                str(folder / "data"),
                "--size",
                "32",
                "--json",
            ]
        )
    return folder


def test_the_table_of_this_test_names_commands_that_there_are() -> None:
    assert set(JSON) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class EveryCommand:
    def test_help_has_an_example(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        code, out, _ = said([*name.split(), "--help"], capsys)
        assert code == 0
        assert f"`physscale {name}" in " ".join(out.split())

    def test_a_wrong_key_is_one_line_and_exit_code_2(
        self, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code, out, err = said([*name.split(), "--no-such-option"], capsys)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("physscale: ")
        assert "--no-such-option" in err

    def test_json_parses(
        self,
        name: str,
        finished: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        if (arguments := JSON.get(name)) is None:
            pytest.skip("needs what this machine may not have; tested where it is said")
        monkeypatch.chdir(finished)
        code, out, err = said(
            [*name.split(), *(word.format(folder=finished) for word in arguments), "--json"], capsys
        )
        assert code == 0, err
        assert isinstance(json.loads(out), dict)


@pytest.mark.parametrize("name", ["plan", "run", "tune", "submit"])
@pytest.mark.parametrize(
    ("override", "hint"),
    [("train.stepps=3", "'steps'"), ("trian.steps=3", "'train'"), ("train.steps=x", "must be int")],
)
def test_a_wrong_override_says_what_was_meant(
    name: str, override: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--results", "/shared"] if name == "submit" else []
    code, _, err = said([name, "laws", override, *where], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert hint in err


@pytest.mark.parametrize("name", ["plan", "run", "status", "sync", "submit"])
def test_a_bucket_is_no_place_to_run_in(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said([name, "laws", "--results", "s3://bucket/results"], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "physscale push STUDY URI" in err


def completed(words: str) -> list[str]:
    environment = os.environ | {
        "_PHYSSCALE_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    done = subprocess.run(
        [PHYSSCALE], env=environment, capture_output=True, text=True, cwd=ROOT, check=False
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("physscale st", ["status", "study-page"]),
        ("physscale plan quick", ["quickstart"]),
        ("physscale sync quick", ["quickstart"]),
        ("physscale run laws train.le", ["train.learning_rate="]),
        ("physscale run laws test_splits.0.", ["test_splits.0.kind=", "test_splits.0.data."]),
        ("physscale plan --bud", ["--budget"]),
    ],
)
def test_the_shell_completes(words: str, offered: list[str]) -> None:
    assert completed(words) == offered


def test_diff_says_what_differs_across_studies(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    motion = [run.fingerprint for run in load_study("motion").groups["size"]]
    monkeypatch.chdir(finished)
    code, out, _ = said(["diff", motion[0][:10], motion[1][:10]], capsys)
    assert code == 0
    assert out.splitlines()[2:] == ["data.seed: 0 -> 8", "seed: 0 -> 8"]
    _, out, _ = said(["diff", RUNS[0][:10], motion[0][:10]], capsys)
    assert "results of laws" in out
    assert "plan of motion" in out
    assert "train.steps: 1600 -> 1500" in out.splitlines()
    assert "one and the same run" in said(["diff", RUNS[0], RUNS[0][:6]], capsys)[1]
    for wrong, named in (
        ("zz", "0-9, a-f"),
        ("", "give the beginning"),
        ("0" * 20, "none begins so"),
        ("../..", "0-9, a-f"),
    ):
        code, _, err = said(["diff", wrong, RUNS[0]], capsys)
        assert (code, err.count("\n")) == (2, 1)
        assert named in err


def test_logs_and_retry_of_what_went_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, owner = Store(tmp_path / "laws"), Owner()
    failed, diverged = RUNS
    for run, state, columns in (
        (failed, State.FAILED, {"kind": "RuntimeError", "error": "no"}),
        (diverged, State.DIVERGED, {}),
    ):
        Ledger(store.ledger).claim(run, owner=owner)
        Ledger(store.ledger).heartbeat(run, owner=owner)
        MetricLog(store.run(run).metrics).append(step=1, loss=1.0)
        (store.run(run).checkpoints / "step_00000001").mkdir(parents=True)
        Ledger(store.ledger).finish(run, state, owner=owner, **columns)
    (store.run(failed).root / "error.txt").write_text("Traceback\nRuntimeError: no\n")
    results = ["--results", str(tmp_path)]
    _, out, _ = said(["logs", "laws", failed[:8], *results], capsys)
    assert [line.split()[2] for line in out.splitlines()[:2]] == ["RUNNING", "FAILED"], (
        "heartbeats are no events"
    )
    assert out.endswith("Traceback\nRuntimeError: no\n")
    assert (
        "1 runs would be put back"
        in said(["retry", "laws", "--only", "failed", "--dry-run", *results], capsys)[1]
    )
    assert said(["retry", "laws", "--only", "failed", diverged[:8], *results], capsys)[0] == 2
    assert "1 runs put back" in said(["retry", "laws", "--only", "diverged", *results], capsys)[1]
    states = {run: entry.state for run, entry in Ledger(store.ledger).entries().items()}
    assert states == {failed: State.FAILED, diverged: State.PLANNED}
    assert not store.run(diverged).checkpoints.exists(), "it would only diverge again"
    assert not store.run(diverged).metrics.exists()
    assert "1 runs put back" in said(["retry", "laws", *results], capsys)[1]
    assert store.run(failed).checkpoints.exists(), "what failed goes on from its checkpoint"


def test_gc_takes_checkpoints_of_no_run_and_leaves_their_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "laws")
    Ledger(store.ledger).plan(RUNS)
    for run in (RUNS[0], "f" * 64):
        (store.run(run).checkpoints / "step_00000001").mkdir(parents=True)
        store.run(run).scores.write_text("scores")
    outside = tmp_path / "outside"
    (outside / "kept").mkdir(parents=True)
    (store.root / "runs" / "eeeeeeeeeeee").mkdir()
    (store.root / "runs" / "eeeeeeeeeeee" / "checkpoints").symlink_to(outside)
    code, out, _ = said(["gc", "laws", "--results", str(tmp_path)], capsys)
    assert code == 0
    assert "2 items" in out
    assert store.run(RUNS[0]).checkpoints.exists()
    assert not store.run("f" * 64).checkpoints.exists()
    assert store.run("f" * 64).scores.exists()
    assert (outside / "kept").exists(), "a link is taken away, not what it leads to"
