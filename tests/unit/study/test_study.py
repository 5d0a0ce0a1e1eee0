"""A study's runs, its loading by name, and its plan."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from physscale.records.errors import UserError
from physscale.records.ledger import Ledger, Owner, State
from physscale.records.store import Store
from physscale.study.overrides import overridden
from physscale.study.plan import plan, recorded_rows, write_study
from physscale.study.spec import Study, load_study
from physscale.study.speed import Speed
from tests.paths import ROOT
from tests.sweep_doubles import leave_finished, tiny_study
from tests.tiny import tiny_run

RATE = 1e10


def test_a_run_of_two_groups_is_one_run() -> None:
    shared, other = tiny_run(seed=0), tiny_run(seed=1)
    study = Study(name="shared", question="?", groups={"a": [shared, other], "b": [shared]})
    assert list(study.runs) == [shared.fingerprint, other.fingerprint]
    assert study.groups_of == {shared.fingerprint: ["a", "b"], other.fingerprint: ["a"]}
    assert list(study.only(["b"]).runs) == [shared.fingerprint]


def test_the_number_of_workers_makes_another_run_and_one_worker_is_neutral() -> None:
    assert tiny_run(workers=2).fingerprint != tiny_run().fingerprint
    assert replace(tiny_run(workers=2), workers=1).fingerprint == tiny_run().fingerprint


@pytest.mark.parametrize("name", ["../escape", "/abs", "UPPER", "", "a" * 65, "a\nb", "~"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(UserError):
        Study(name=name, question="?", groups={"a": [tiny_run()]})


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An `experiments/` of another folder, in a process that has not imported ours."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").touch()
    ours = {
        name: loaded for name, loaded in sys.modules.items() if name.split(".")[0] == "experiments"
    }
    forget_experiments()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path / "experiments" / "question.py"
    forget_experiments()
    sys.modules.update(ours)


def forget_experiments() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "experiments"]:
        del sys.modules[name]


def test_the_present_folder_is_asked_first(module: Path) -> None:
    module.write_text(
        '"""A question."""\nfrom physscale.study.spec import Study\nfrom tests.tiny import '
        "tiny_run\n"
        'study = Study(name="question", question="?", groups={"a": [tiny_run()]})\n'
    )
    assert list(load_study("question").runs) == [tiny_run().fingerprint]
    with pytest.raises(UserError, match="did you mean 'question'"):
        load_study("qestion")


def test_a_folder_that_python_would_pass_over_is_not_passed_over(module: Path) -> None:
    """Without `__init__.py` the installed experiments hide it: the wrong `motion` would run."""
    module.with_name("__init__.py").unlink()
    module.with_name("motion.py").write_text("study = None")
    with pytest.raises(UserError, match=r"motion.py .*touch experiments/__init__.py"):
        load_study("motion")


def test_the_present_folder_comes_before_others_on_the_path(module: Path) -> None:
    sys.path.append(str(module.parents[1]))
    module.write_text("study = 3")
    with pytest.raises(UserError, match="must be a Study with name='question'"):
        load_study("question")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "study = 1 / 0",
            r"question.py: ZeroDivisionError: division by zero \(question.py line 1\)",
        ),
        ("studdy = 3", "AttributeError"),
        ("study = 3", "must be a Study with name='question'"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_module_that_defines_no_study_is_named(module: Path, text: str, said: str) -> None:
    module.write_text(text)
    with pytest.raises(UserError, match=said) as caught:
        load_study("question")
    assert "\n" not in str(caught.value)


def test_the_plan_tells_what_is_done_by_files_not_by_word(tmp_path: Path) -> None:
    study, store, owner = tiny_study(seeds=range(4)), Store(tmp_path), Owner()
    finished, lost, going, left = study.runs
    ledger = Ledger(store.ledger)
    for run in (finished, lost, going, left):
        assert ledger.claim(run, owner=owner)
    for run in (finished, lost):
        leave_finished(study.runs[run], store=store)
        store.run(run).metrics.write_text('{"step": 1, "loss": 1.0}\n')
        ledger.finish(run, State.DONE, owner=owner, seconds=100.0)
    store.run(lost).outcomes.unlink()
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    ledger.finish(left, State.PREEMPTED, owner=owner)
    assert ledger.claim(left, owner=replace(owner, process=int(gone.stdout)))
    rows = plan(study, store=store, flops_per_s=RATE)
    assert [row.state for row in rows] == ["DONE", "PLANNED", "RUNNING", "PREEMPTED"]
    assert [row.attempts for row in rows] == [1, 1, 1, 2]
    assert rows[2].estimated_s == pytest.approx(100.0, rel=0.01), "finished runs correct the guess"


def test_what_was_run_is_told_with_its_overrides(tmp_path: Path) -> None:
    store, speed = Store(tmp_path), Speed(RATE, "")
    assert recorded_rows(store, speed=speed) == []
    study = overridden(tiny_study(), overrides=["train.steps=9"])
    rows = plan(study, store=store, flops_per_s=RATE)
    write_study(study, store=store, rows=rows)
    assert recorded_rows(store, speed=speed) == rows
    Ledger(store.ledger).claim(rows[1].fingerprint, owner=Owner())
    assert [row.state for row in recorded_rows(store, speed=speed)] == [
        "PLANNED",
        "RUNNING",
        "PLANNED",
    ]


def test_study_json_holds_what_lasts(tmp_path: Path) -> None:
    study, store = tiny_study(), Store(tmp_path)
    write_study(study, store=store, rows=plan(study, store=store, flops_per_s=RATE))
    content = json.loads(store.study.read_text())
    assert [run["fingerprint"] for run in content["runs"]] == list(study.runs)
    assert {"parameters", "flops", "videos", "combinations", "seed", "group", "label"} <= set(
        content["runs"][0]
    )
    assert "state" not in content["runs"][0]


def test_a_plan_needs_neither_torch_nor_ray() -> None:
    code = (
        "import sys; from physscale.cli.main import main\n"
        "try: main(['plan', 'quickstart', '--json'])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "assert not {'torch', 'ray', 'wandb'} & set(sys.modules), 'heavy'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runs"][0].keys() >= {
        "fingerprint",
        "parameters",
        "flops",
        "state",
    }


def test_a_demonstration_names_a_group_and_goes_with_it(tmp_path: Path) -> None:
    runs = [tiny_run()]
    with pytest.raises(UserError, match="which it does not have"):
        Study(name="x", question="?", groups={"a": runs}, demonstrations={"b": "gap"})
    study = Study(
        name="x", question="?", groups={"a": runs, "b": runs}, demonstrations={"b": "gap"}
    )
    assert study.only(["a"]).demonstrations == {}
    assert overridden(study.only(["b"]), overrides=["train.steps=7"]).demonstrations == {"b": "gap"}
    store = Store(tmp_path / "x")
    write_study(study, store=store, rows=[])
    assert json.loads(store.study.read_text())["demonstrations"] == {"b": "gap"}
