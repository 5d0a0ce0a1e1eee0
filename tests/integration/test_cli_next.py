"""From scores to a proposal to a plan to runs: the file of `python -m analysis next` is taken as it
is."""

import io
import json
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from physscale.cli.main import main
from physscale.records.scores import SCORES
from physscale.run.cost import cost
from physscale.study.spec import Study, load_study
from physscale.study.tuned import Tuned, TunedSize, write_tuned
from tests.paths import ROOT
from tests.unit.study.test_submit import FakeHead, serving

CHANGES = [
    "train.steps=6",
    "train.batch=8",
    "test_splits.*.data.videos=4",
    "codec.corpus.videos=64",
    "codec.spec.components=8",
]
MODULE = '''"""A grid over N and D."""

from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.study.design import factorial
from physscale.study.recipe import splits, small_run
from physscale.study.spec import Study

BASE = small_run(UniformMotion(), test_splits=splits(id=("id", UniformMotion())))
study = Study(
    name="grid",
    question="?",
    groups={
        "grid": factorial(
            BASE, size=("d8", "d16", "d32", "d64"), videos=(8, 16, 32, 64), seed=(0, 1)
        )
    },
)
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a study of N × D whose scores follow a law."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").touch()
    (tmp_path / "experiments" / "grid.py").write_text(MODULE)
    for name in [name for name in sys.modules if name.split(".")[0] == "experiments"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return tmp_path


def scores(study: Study, path: Path) -> None:
    """1 + N^-0.3 + D^-0.4 with a scatter that is the same every time."""
    rows = []
    for number, (full, run) in enumerate(study.runs.items()):
        count = cost(run).parameters
        value = (0.02 + 3 * count**-0.3 + 0.5 * run.data.videos**-0.4) * (1 + 0.03 * (-1) ** number)
        columns = {
            "parameters": count,
            "videos": run.data.videos,
            "steps": run.train.steps,
            "flops": cost(run).flops,
            "seed": run.seed,
        }
        rows.append(dict.fromkeys(SCORES.names) | columns | {
            "study": "grid", "run": full, "group": "grid", "split": "id", "kind": "id",
            "source": "model", "metric": "loss", "value": value, "count": 4, "combinations": 0,
        })  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, schema=SCORES), path)


def said(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    out, err = capsys.readouterr()
    assert not end.value.code, err
    return out


def test_what_the_analysis_proposes_is_planned_and_run(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = load_study("grid")
    scores(study, project / "scores.parquet")
    budget = 6 * max(cost(run).flops for run in study.runs.values())
    words = [
        "--response",
        "value",
        "--axes",
        "N=parameters,D=videos",
        "--flops-column",
        "flops",
        "--parameter",
        "alpha",
    ]
    command = [
        sys.executable,
        "-m",
        "analysis",
        "next",
        "scores.parquet",
        *words,
        "--bootstrap",
        "200",
    ]
    subprocess.run(
        [*command, "--budget", str(budget), "--out", "next.json"],
        cwd=project,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    proposal = json.loads((project / "next.json").read_text())

    plain = json.loads(said("plan", "grid", "--json", capsys=capsys))["runs"]
    planned = json.loads(
        said("plan", "grid", "--next", "next.json", "--only", "grid", "--json", capsys=capsys)
    )["runs"]
    assert len(planned) == len(proposal["runs"]) > 0
    assert {run["fingerprint"] for run in planned}.isdisjoint({run["fingerprint"] for run in plain})
    for run, point in zip(planned, proposal["runs"], strict=True):
        assert run["parameters"] == pytest.approx(point["N"], rel=0.2)
        assert run["videos"] == round(point["D"])
    assert not (project / "results").exists(), "planning writes nothing"

    small = json.loads(
        said(
            "plan",
            "grid",
            *CHANGES,
            "--next",
            "next.json",
            "--only",
            "grid",
            "--json",
            capsys=capsys,
        )
    )["runs"]
    cheap = [
        "--next",
        "next.json",
        "--only",
        "grid",
        "--budget",
        str(1.2 * min(run["flops"] for run in small)),
        "--backend",
        "plain",
    ]
    ended = json.loads(said("run", "grid", *CHANGES, *cheap, "--json", capsys=capsys))
    assert [run["state"] for run in ended["runs"]] == ["DONE"]
    after = json.loads(said("plan", "grid", *CHANGES, "--json", capsys=capsys))["runs"]
    assert {run["fingerprint"] for run in ended["runs"]} <= {
        run["fingerprint"] for run in after if run["state"] == "DONE"
    }
    assert "next-1" in {run["group"] for run in after}, "what was begun stays part of the study"


def test_a_submitted_job_has_its_files(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = next(iter(load_study("grid").runs.values()))
    point = {"N": cost(run).parameters, "D": 48}
    (project / "next.json").write_text(json.dumps({"parameter": "alpha", "runs": [point]}))
    size = TunedSize(
        width=run.model.width,
        learning_rate=1e-3,
        muon_learning_rate=1e-2,
        batch=8,
        loss=1.0,
        recipe_loss=1.0,
        trials=2,
    )
    write_tuned(project / "best.json", Tuned("grid", (size,)))
    (project / "big.yaml").write_text("name: big\nrun_cpus: 0.25\n")
    for words in (
        ["init", "-q"],
        ["add", "experiments"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "first"],
    ):
        subprocess.run(["git", *words], cwd=project, check=True)
    files = ["--next", "next.json", "--tuned", "best.json", "--machine", "big.yaml"]
    wanted = json.loads(said("plan", "grid", *files, "--only", "grid", "--json", capsys=capsys))
    fake = FakeHead()
    with serving(fake) as head:
        monkeypatch.setenv("RAY_AUTH_TOKEN", fake.token)
        said(
            "submit",
            "grid",
            "--address",
            head.address,
            "--results",
            "/shared",
            *files,
            "--only",
            "grid",
            capsys=capsys,
        )
    (job,), (content,) = fake.jobs, fake.packages.values()
    python, option, module, *arguments = shlex.split(str(job["entrypoint"]))
    assert [python, option, module] == ["python", "-m", "experiments.grid"]
    there = project / "there"
    zipfile.ZipFile(io.BytesIO(content)).extractall(there)
    monkeypatch.chdir(there)
    assert json.loads(said("plan", "grid", *arguments, "--json", capsys=capsys)) == wanted
