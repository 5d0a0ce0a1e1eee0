"""`physscale probe` over a run of a second and over a file: every question is answered, and every
wrong one refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from physscale.cli.main import main
from physscale.codec.kinds import PcaSpec
from physscale.dataset.file import read_videos, write_videos
from physscale.finished.runs import finished_runs, read_run
from physscale.records.errors import DamagedData, UserError
from physscale.records.json_file import read_json, write_json
from physscale.records.store import Store
from physscale.run.context import PlainContext
from physscale.run.execute import execute, run_record
from physscale.run.spec import CodecRecipe, TestSplit
from physscale.simulate.scenarios.attributes import HELD, Attributes
from physscale.simulate.scenarios.registry import scenario_named
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec
from tests.tiny import tiny_run

SEEN = Attributes(pair=("colour", "size"), steps="binary")
BALL = tiny_run(steps=4)
CROSSED = replace(
    BALL,
    data=replace(BALL.data, scenario=SEEN),
    codec=CodecRecipe(spec=PcaSpec(8), corpus=DataSpec(scenario=SEEN.still(), videos=64, frames=1)),
    test_splits=(
        TestSplit(
            kind="combinatorial",
            data=DataSpec(
                scenario=replace(SEEN, combinations=HELD),
                videos=6,
                draw="held_out",
                split="crossed",
            ),
        ),
    ),
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("probed"))
    for run in (BALL, CROSSED):
        execute(run, store=store, context=PlainContext())
    return store.root


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["probe", *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_a_run_is_read_back_from_its_own_folder(study: Path) -> None:
    runs = {one.run.fingerprint: one.run for one in finished_runs(Store(study), beginnings=[])}
    assert runs == {BALL.fingerprint: BALL, CROSSED.fingerprint: CROSSED}
    one = finished_runs(Store(study), beginnings=[BALL.fingerprint[:6]])[0]
    assert one.model(device="cpu").shape.frames == BALL.data.frames


@pytest.mark.parametrize(
    "name",
    [
        "uniform",
        "collision",
        "composition",
        "hole_three_squares",
        "uniform_30k",
        "phyre_six",
        "still",
    ],
)
def test_every_scenario_is_rebuilt(name: str, tmp_path: Path) -> None:
    """A description is written and read back with the same fingerprint, whatever its scenario
    holds."""
    run = replace(
        BALL,
        data=DataSpec(scenario=scenario_named(name) if name != "still" else SEEN.still(), videos=8),
    )
    folder = Store(tmp_path).run(run.fingerprint)
    write_json(folder.spec, run_record(run))
    assert read_run(folder) == run


@pytest.mark.parametrize("what", ["attributes", "memory", "hull", "twins", "features"])
def test_every_question_has_an_answer_for_people_and_for_programs(
    what: str, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [] if what == "attributes" else [BALL.fingerprint[:8]]
    code, out, err = said([str(study), *asked, "--what", what, "--json"], capsys)
    assert code == 0, err
    written = json.loads(out)
    if what == "attributes":
        assert [row["pair"] for row in written["conflicts"]] == [["colour", "size"]]
        assert sum(
            rate["value"] for rate in written["conflicts"][0]["outcomes"].values()
        ) == pytest.approx(1.0)
        assert written["ranking"]["verdict"] == "undetermined", "six videos of an untrained model"
    else:
        assert [row["run"] for row in written["runs"]] == [BALL.fingerprint[:12]]
    code, out, err = said([str(study), *asked, "--what", what], capsys)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) >= 4


def test_a_file_of_copies_is_found_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], study: Path
) -> None:
    one = finished_runs(Store(study), beginnings=[BALL.fingerprint[:8]])[0]
    (samples,) = one.samples(BALL.test_splits[0]).parts()
    training = simulate(replace(BALL.data, videos=60), indices=np.arange(60))
    write_videos(tmp_path / "trained.arrow", training)
    write_videos(tmp_path / "samples.arrow", samples)
    code, out, err = said(
        [str(tmp_path / "samples.arrow"), "--trained", str(tmp_path / "trained.arrow"), "--json"],
        capsys,
    )
    assert code == 0, err
    assert json.loads(out)["runs"][0]["splits"][0]["videos"] == len(samples)
    frames = f"--videos 8 --frames {BALL.data.frames} --size 32".split()
    with pytest.raises(SystemExit, match="0"):
        main(["simulate", "uniform", *frames, "--out", str(tmp_path / "set"), "--json"])
    capsys.readouterr()
    code, out, err = said(
        [str(tmp_path / "set"), "--trained", str(tmp_path / "trained.arrow"), "--json"], capsys
    )
    assert code == 0, err
    assert json.loads(out)["runs"][0]["splits"][0]["videos"] == 8
    code, out, err = said(
        [
            str(tmp_path / "samples.arrow"),
            "--trained",
            str(tmp_path / "trained.arrow"),
            "--what",
            "hull",
        ],
        capsys,
    )
    assert (code, err) == (0, "")


def test_what_cannot_be_asked_is_one_line(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_videos(tmp_path / "rows.arrow", simulate(BALL.data, indices=np.arange(4)))
    rows = str(tmp_path / "rows.arrow")
    assert read_videos(tmp_path / "rows.arrow").pixels is None
    for arguments, hint in (
        ([str(tmp_path / "nothing")], "neither a study's folder nor a file"),
        ([str(tmp_path)], "no finished run"),
        ([str(study), "zzzz"], "0 finished runs"),
        ([str(study), "--trained", rows], "belong to videos"),
        ([rows, "--what", "twins"], "a file holds no model"),
        ([rows], "--trained"),
        ([rows, "--trained", rows], "no frames"),
        ([rows, "--trained", rows, "--what", "attributes"], "--pair A,B"),
        (
            [rows, "--trained", rows, "--what", "attributes", "--pair", "size,weight"],
            "two different ones",
        ),
        (
            [str(study), BALL.fingerprint[:8], "--what", "attributes"],
            "no run was trained on crossed attributes",
        ),
        ([str(study), "--what", "magic"], "magic"),
    ):
        code, out, err = said(arguments, capsys)
        assert (code, out, err.count("\n")) == (2, "", 1), arguments
        assert hint in err


def test_a_description_of_another_version_is_refused(study: Path, tmp_path: Path) -> None:
    root = tmp_path / "study"
    shutil.copytree(study, root)
    spec = Store(root).run(BALL.fingerprint).spec
    written = read_json(spec)
    spec.write_text(json.dumps(written | {"spec": written["spec"] | {"seed": 5}}))
    with pytest.raises(UserError, match="another version"):
        finished_runs(Store(root), beginnings=[BALL.fingerprint[:8]])
    written["spec"]["data"]["scenario"]["type"] = "Perpetuum"
    spec.write_text(json.dumps(written))
    with pytest.raises(UserError, match="Perpetuum"):
        finished_runs(Store(root), beginnings=[BALL.fingerprint[:8]])
    for damaged in ("{", json.dumps(written | {"spec": 7})):
        spec.write_text(damaged)
        with pytest.raises(DamagedData, match="readable"):
            finished_runs(Store(root), beginnings=[BALL.fingerprint[:8]])
