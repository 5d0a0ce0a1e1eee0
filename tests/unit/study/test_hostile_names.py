"""Names that lead out of a folder, or mean two things, never become a place on disk."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from physscale.cli.options import store_of
from physscale.records.errors import DamagedData, UserError
from physscale.records.mirror import mirror_at, pull
from physscale.records.store import NAME, RunFolder, Store, write_atomic
from physscale.simulate.spec import DataSpec
from physscale.study.overrides import overridden
from physscale.study.spec import Study
from physscale.tracking.trackers import chosen_tracker
from tests.command_line import said
from tests.hostile_names import LIST, hostile_names
from tests.sweep_doubles import tiny_study
from tests.tiny import UNIFORM, tiny_run

RUN, STUDY = tiny_run(), tiny_study(seeds=range(1))


def _as_override(name: str) -> None:
    overridden(STUDY, overrides=[f"data.split={name}"])


CHECKED: dict[str, Callable[[str], object]] = {
    "study": lambda name: Study(name=name, question="?", groups={"a": [RUN]}),
    "group": lambda name: Study(name="a", question="?", groups={name: [RUN]}),
    "split": lambda name: DataSpec(scenario=UNIFORM, videos=1, split=name),
    "split of an override": _as_override,
    "study of a mirror": lambda name: mirror_at("/tmp", study=name),
    "study of results": lambda name: store_of(name, results=Path("results")),
}


def everything(folder: Path) -> set[Path]:
    return {Path(where) / name for where, _, files in os.walk(folder) for name in files}


def found_wrong(root: Path, *, seed: int, times: int) -> list[tuple[str, str]]:
    """Which names are taken or refused against the rule, or led out of a run's folder."""
    folder, wrong = RunFolder(root / "inside"), []
    for name in hostile_names(seed=seed, times=times):
        good = NAME.fullmatch(name) is not None
        for what, make in CHECKED.items():
            try:
                make(name)
            except UserError as refused:
                if good or len(str(refused)) > 500:
                    wrong.append((what, name))
            else:
                if not good:
                    wrong.append((what, name))
        try:
            write_atomic(folder.samples(name), b"")
            write_atomic(folder.video(name), b"")
            write_atomic(folder.frames(name, suffix=".parquet"), b"")
        except UserError:
            if good:
                wrong.append(("file", name))
    outside = {path for path in everything(root) if not path.is_relative_to(folder.root)}
    return wrong + [("outside", str(path)) for path in outside]


def test_names_are_taken_by_one_rule_and_stay_inside(tmp_path: Path) -> None:
    assert found_wrong(tmp_path, seed=0, times=250) == []
    assert everything(tmp_path), "some names are good"


@pytest.mark.parametrize("command", ["plan", "status", "logs", "push", "pull", "submit", "report"])
def test_a_command_refuses_a_hostile_study_in_one_line_and_writes_nothing(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    uri = [str(tmp_path / "store")] if command in ("push", "pull") else []
    for name in LIST:
        if NAME.fullmatch(name) is None:
            code, out, err = said([command, "--", name, *uri], capsys)
            assert (code, out, err.count("\n")) == (2, "", 1), (name, code, out, err)
            assert len(err) < 500, name
    assert everything(tmp_path) == set()


@pytest.mark.parametrize("run", ["../../victim", "../../victim/" + "0" * 51, "", "0" * 63, 7, None])
def test_a_store_cannot_name_a_run_outside_the_study(run: object, tmp_path: Path) -> None:
    """A folder is named by a run's first twelve letters: `../../victim` are twelve."""
    store, mirror = (
        Store(tmp_path / "results" / "tiny"),
        mirror_at(str(tmp_path / "m"), study="tiny"),
    )
    write_atomic(tmp_path / "results" / "victim" / "kept", b"mine")
    event = {"run": run, "state": "DONE", "time_s": 1.0}
    mirror.write("ledger/1.json", json.dumps(event).encode())
    (tmp_path / "m" / "tiny" / "runs").mkdir(parents=True)
    write_atomic(tmp_path / "m" / "victim" / "mirror.json", b'{"files": {}}')
    with pytest.raises(DamagedData, match=r"ledger/1\.json: no line of a ledger"):
        pull(store, mirror)
    assert (tmp_path / "results" / "victim" / "kept").read_bytes() == b"mine"


def test_a_ledger_cannot_name_a_run_outside_the_study(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"run '\.\./\.\./victim'"):
        Store(tmp_path / "results" / "tiny").run("../../victim")


@pytest.mark.parametrize("event", [b"", b"[]", b"1", b"[" * 5000, b'{"run": 1}', b"\xff"])
def test_a_store_that_holds_other_things_is_refused(event: bytes, tmp_path: Path) -> None:
    mirror = mirror_at(str(tmp_path / "m"), study="tiny")
    mirror.write("ledger/1.json", event)
    with pytest.raises(DamagedData, match="no line of a ledger"):
        pull(Store(tmp_path / "tiny"), mirror)


def test_runs_that_would_share_a_folder_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fingerprints that agree in their first twelve digits do not happen by chance: one digit is
    taken for all of them here."""
    monkeypatch.setattr("physscale.study.spec.short", lambda full: full[:1])
    study = Study(name="a", question="?", groups={"a": [tiny_run(seed=k) for k in range(17)]})
    with pytest.raises(UserError, match="begin alike, and would share a folder"):
        study.runs  # noqa: B018


@pytest.mark.parametrize("name", ["a/b", "a\\b", "a#b", "a?b", "a%b", "a:b", "a\nb", "a" * 129])
def test_a_project_that_wandb_would_refuse_is_refused_before_a_run_begins(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHYSSCALE_TRACKER", "wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_PROJECT", name)
    with pytest.raises(UserError, match=r"WANDB_PROJECT=.*at most 128 letters"):
        chosen_tracker()
    monkeypatch.setenv("WANDB_PROJECT", "")
    assert chosen_tracker() == "wandb"
