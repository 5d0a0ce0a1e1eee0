"""The command line as a user meets it."""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from physscale.records.ledger import Ledger, Owner
from physscale.records.store import Store
from physscale.study.spec import load_study
from tests.command_line import said
from tests.paths import ROOT
from tests.sweep_doubles import finish

SMALL = [
    "train.steps=6",
    "train.batch=8",
    "data.videos=16",
    "test_splits.*.data.videos=4",
    "codec.corpus.videos=64",
    "codec.spec.components=8",
]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["plan", "quikstart"], "did you mean 'quickstart'"),
        (["plan", "../escape"], "no such module"),
        (["run", "quickstart", "train.stepps=3"], "did you mean 'steps'"),
        (["run", "quickstart", "train.steps=many"], "must be int"),
        (["run", "quickstart", "train.steps"], "KEY=VALUE"),
        (["run", "quickstart", "--only", "dta"], "did you mean 'data'"),
        (["run", "quickstart", "--backend", "slurm"], "--backend"),
        (["run", "quickstart", "--dryrun"], "--dryrun"),
        (["run", "quickstart", "--machine", "nowhere.yaml"], "nowhere.yaml"),
        (["run", "quickstart", "--results", "/dev/null/results"], "/dev/null/results"),
        (["run"], "STUDY"),
        (["rnu", "quickstart"], "rnu"),
        (["metrics", "quickstart", "--results", "/nonexistent"], "no ledger"),
        (["gc", "../escape"], "study '../escape'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_one_line_and_exit_code_2(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(arguments, capsys)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("physscale: ")
    assert named in err
    assert len(err) <= 260


def test_a_results_folder_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results").write_text("a file where a folder should be")
    code, _, err = said(["run", "quickstart", "--results", str(tmp_path / "results")], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "choose another place, or make this one writable" in err
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_run_that_cannot_be_scheduled_is_exit_code_4_with_the_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "big.yaml").write_text("name: big\nrun_cpus: 4096\n")
    for command in ("plan", "run"):
        code, _, err = said(
            [
                command,
                "quickstart",
                "--machine",
                str(tmp_path / "big.yaml"),
                "--results",
                str(tmp_path),
            ],
            capsys,
        )
        assert (code, err.count("\n")) == (4, 1)
        assert "wants 4096 CPU" in err
    assert [path.name for path in tmp_path.iterdir()] == ["big.yaml"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("run_cpu: 1\n", "did you mean 'run_cpus'"),
        ("run_cpus: fast\n", "run_cpus"),
        ("- 1\n", "KEY: VALUE"),
        ("a: [\n", "YAML"),
        ("run_cpus: 0\n", "run_cpus"),
    ],
)
def test_a_machine_file_is_read_strictly(
    tmp_path: Path, text: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.yaml").write_text(text)
    code, _, err = said(["plan", "quickstart", "--machine", str(tmp_path / "m.yaml")], capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert named in err


def test_plan_as_json_and_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(["plan", "quickstart", "--json", "--results", str(tmp_path)], capsys)
    runs = json.loads(out)["runs"]
    assert code == 0
    assert [run["fingerprint"] for run in runs] == list(load_study("quickstart").runs)
    assert all(
        re.fullmatch("[0-9a-f]{64}", run["fingerprint"]) and run["state"] == "PLANNED"
        for run in runs
    )
    assert all(run["parameters"] > 0 and run["flops"] > 0 for run in runs)
    code, out, _ = said(["run", "quickstart", "--dry-run", "--results", str(tmp_path)], capsys)
    assert code == 0
    assert all(run["fingerprint"][:12] in out for run in runs)
    assert list(tmp_path.iterdir()) == [], "planning writes nothing"


@pytest.mark.parametrize("command", ["plan", "run", "status", "metrics", "gc", "doctor"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said([command, "--help"], capsys)
    assert code == 0
    assert f"physscale {command}" in out


def test_no_arguments_are_a_call_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said([], capsys)
    assert code == 0
    assert "quickstart" in out


def test_a_finished_study_says_so_at_once_and_where_the_report_is(tmp_path: Path) -> None:
    study, store = load_study("quickstart"), Store(tmp_path / "quickstart")
    finish(store, runs=study.runs)
    before_s = cpu_of_children_s()
    command = [
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "experiments.quickstart",
        "--results",
        str(tmp_path),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr
    assert f"all {len(study.runs)} runs are done" in done.stdout
    assert f"python -m analysis report {tmp_path}" in done.stdout
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, flags=re.MULTILINE))
    assert "physscale.study.drive" in imported
    assert not {"torch", "ray", "wandb"} & imported
    assert cpu_of_children_s() - before_s < 3


def cpu_of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_whole_way_with_the_plain_back_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    arguments = ["quickstart", "--only", "workers", "--results", str(tmp_path), *SMALL]
    code, out, _ = said(["run", *arguments, "--backend", "plain"], capsys)
    assert code == 0, out
    assert "2 of 2 done" in out
    assert "all 2 runs are done" in out
    store = Store(tmp_path / "quickstart")
    assert store.scores.exists()
    assert store.outcomes.exists()
    code, out, _ = said(["plan", *arguments, "--json"], capsys)
    assert [run["state"] for run in json.loads(out)["runs"]] == ["DONE", "DONE"]
    run = json.loads(out)["runs"][0]["fingerprint"]
    code, out, _ = said(
        ["metrics", "quickstart", run[:8], "--results", str(tmp_path), "--json"], capsys
    )
    assert [line["step"] for line in json.loads(out)["lines"]][-1] == 6


def test_status_shows_every_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / "quickstart")
    study = load_study("quickstart").only(["gap", "flip"])
    going, _ = study.runs
    Ledger(store.ledger).claim(going, owner=Owner())
    store.run(going).metrics.parent.mkdir(parents=True)
    store.run(going).metrics.write_text('{"step": 50, "loss": 0.25}\n')
    code, out, _ = said(["status", "quickstart", "--results", str(tmp_path), "--json"], capsys)
    shown = {run["fingerprint"]: run for run in json.loads(out)["runs"]}
    assert code == 0
    assert (shown[going]["state"], shown[going]["step"], shown[going]["loss"]) == (
        "RUNNING",
        50,
        0.25,
    )
    _, out, _ = said(["status", "quickstart", "--results", str(tmp_path)], capsys)
    assert re.search(rf"RUNNING +{going[:12]} .* 50/1500 +0\.2500", out)


def test_only_says_what_is_run_not_what_the_study_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "laws")
    command = [
        "run",
        "laws",
        *SMALL,
        "model.width=8",
        "model.heads=1",
        "--results",
        str(tmp_path),
        "--backend",
        "plain",
    ]
    for group, expected in (("collision", {"collision"}), ("parabola", {"collision", "parabola"})):
        assert said([*command, "--only", group], capsys)[0] == 0
        assert set(pq.read_table(store.scores)["group"].to_pylist()) == expected
        assert {row["group"] for row in json.loads(store.study.read_text())["runs"]} == {
            "collision",
            "parabola",
        }
    whole = store.scores.read_bytes()
    store.scores.unlink()  # as if the last driver had been killed just before
    assert said(command, capsys)[0] == 0
    assert store.scores.read_bytes() == whole


def test_a_seed_on_the_command_line_says_what_it_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--results", str(tmp_path), "--json"]
    code, out, err = said(["plan", "motion", "seed=7", *where], capsys)
    assert code == 0
    assert {run["seed"] for run in json.loads(out)["runs"]} == {7}
    assert err.count("\n") == 1
    assert "of each run and of its training videos" in err
    assert said(["plan", "motion", "data.seed=7", *where], capsys)[2] == ""
