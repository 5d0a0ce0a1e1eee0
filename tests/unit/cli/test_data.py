"""simulate, show, check as a user types them."""

import json
import pickle
from pathlib import Path

import av
import matplotlib.image
import numpy as np
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner, Result

from physscale.cli import data as cli_data
from physscale.cli.main import main
from physscale.dataset.file import digest, with_frames, write_videos
from physscale.dataset.folder import Layout, open_dataset, write_dataset
from physscale.dataset.hdf5_write import write_published
from physscale.records.errors import DamagedData, UserError
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec

app = typer.Typer()
for command in (cli_data.simulate, cli_data.show, cli_data.check):
    app.command()(command)


def typed(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def answer_of(*words: object) -> dict[str, object]:
    result = typed(*words, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, object] = json.loads(result.stdout)
    return answer


def test_a_data_set_is_written_and_continued(tmp_path: Path) -> None:
    out = tmp_path / "set"
    first = answer_of("simulate", "uniform", "--videos", 50, "--out", out)
    before = {
        path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.suffix == ".arrow"
    }
    again = answer_of("simulate", "uniform", "--videos", 50, "--out", out)
    assert first["data"] == again["data"]
    assert {
        path.name: path.stat().st_mtime_ns for path in out.iterdir() if path.suffix == ".arrow"
    } == before
    expected = simulate(DataSpec(scenario=UniformMotion(), videos=50), indices=np.arange(50))
    assert digest(open_dataset(out).rows(np.arange(50))) == digest(expected)
    with pytest.raises(UserError, match="another data set"):
        raise typed(
            "simulate", "parabola", "--videos", 50, "--out", out
        ).exception or AssertionError("was written")


def test_frames_can_be_stored(tmp_path: Path) -> None:
    answer_of(
        "simulate",
        "collision_eval",
        "--videos",
        5,
        "--out",
        tmp_path / "set",
        "--size",
        32,
        "--style",
        "paper",
    )
    rows = open_dataset(tmp_path / "set").rows(np.arange(5))
    assert rows.pixels is not None
    assert rows.pixels.shape == (5, 32, 32, 32, 3)
    assert rows.time_s[0, 0] == pytest.approx(0.01)


@pytest.mark.parametrize("what", ["spatial_held", "parabola_eval", "ring_seen"])
def test_a_scenario_is_shown(tmp_path: Path, what: str) -> None:
    answer = answer_of("show", what, "--out", tmp_path, "--videos", 3, "--size", 48)
    sheet = matplotlib.image.imread(str(answer["sheet"]))
    assert sheet.shape[:2] == (3 * 49, 8 * 49)
    assert np.ptp(sheet[..., :3]) > 0.5
    with av.open(str(answer["mp4"])) as container:
        assert sum(1 for _ in container.decode(video=0)) == (32 if what == "parabola_eval" else 16)


def test_a_file_is_shown_with_its_own_frames(tmp_path: Path) -> None:
    videos = simulate(DataSpec(scenario=UniformMotion(), videos=4), indices=np.arange(4))
    black = with_frames(videos, canvas=Canvas(size_px=16)).with_pixels(
        np.zeros((4, 16, 16, 16, 3), np.uint8)
    )
    write_videos(tmp_path / "samples.arrow", black)
    answer = answer_of("show", tmp_path / "samples.arrow", "--out", tmp_path, "--videos", 2)
    assert Path(str(answer["sheet"])).name == "samples.png"
    assert matplotlib.image.imread(str(answer["sheet"]))[:16, :16, :3].max() == 0


def test_check_finds_what_is_wrong(tmp_path: Path) -> None:
    answer_of("simulate", "uniform", "--videos", 40, "--out", tmp_path / "set")
    assert answer_of("check", tmp_path / "set")["problems"] == []
    broken = simulate(DataSpec(scenario=UniformMotion(), videos=40), indices=np.arange(40))
    broken.state[3, 0, 0, 0] = np.nan
    write_videos(tmp_path / "broken.arrow", broken)
    result = typed("check", tmp_path / "broken.arrow", "--against", tmp_path / "set")
    assert "not finite" in result.stdout
    assert "39 rows with a first state that is also in the training data" in result.stdout
    shard = tmp_path / "set" / "shard_00000000.arrow"
    shard.write_bytes(shard.read_bytes()[:-1])
    assert isinstance(typed("check", tmp_path / "set").exception, DamagedData)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "unifrom"), "unknown"),
        (("show", "uniform", "--style", "x"), "exact, paper"),
        (("simulate", "uniform", "--engine", "x", "--out", "build/nowhere"), "analytic"),
        (("simulate", "uniform", "--encoding", "x", "--out", "build/nowhere"), "rgb, palette"),
        (
            ("simulate", "uniform_eval", "--videos", "2000", "--out", "build/nowhere"),
            "list of 1152 scenes",
        ),
        (("check", "build/nowhere"), "no such"),
    ],
)
def test_a_wrong_word_is_one_line(words: tuple[str, ...], said: str) -> None:
    error = typed(*words).exception
    assert isinstance(error, UserError)
    assert said in str(error)
    assert "\n" not in str(error)


def test_check_finds_a_row_that_another_shard_holds(tmp_path: Path) -> None:
    """Two shards of a set are sound each by itself, and share a row."""
    data = DataSpec(scenario=UniformMotion(), videos=12)

    def make(indices: np.ndarray) -> Videos:
        return simulate(data, indices=indices % 9)

    write_dataset(
        tmp_path / "set", Layout(identity="twice", videos=12, rows_per_shard=6), make=make
    )
    result = typed("check", tmp_path / "set")
    assert "3 rows with the same first state as an earlier row, first row 0" in result.stdout


def damaged(path: Path, *, how: str) -> None:
    """One file of the data set, or the file itself."""
    victim = next(iter(sorted(path.glob("*.arrow")))) if path.is_dir() else path
    whole = victim.read_bytes()
    middle = len(whole) // 2
    evil = pickle.dumps({"state": [1.0]})
    foreign = pa.BufferOutputStream()
    with pa.ipc.new_file(foreign, pa.schema([("a", pa.int64())])) as writer:
        writer.write_table(pa.table({"a": [1]}))
    contents = {
        "truncated": whole[:middle],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1 :],
        "foreign": foreign.getvalue().to_pybytes(),
        "pickled": evil,
        "of the same length": evil.ljust(len(whole), b"."),
    }
    victim.write_bytes(contents[how])


@pytest.mark.parametrize(
    "how", ["truncated", "flipped", "foreign", "pickled", "of the same length"]
)
@pytest.mark.parametrize("kind", ["states", "frames", "palette", "file", "hdf5"])
def test_damage_is_one_line_and_exit_code_5(
    tmp_path: Path, kind: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through the whole command line, for `check` and `show`; HDF5 has no sums of its own, so a
    flipped bit may stay unseen there."""
    if (kind, how) == ("hdf5", "flipped"):
        pytest.skip("the published layout has no checksums")
    path = tmp_path / {"file": "a.arrow", "hdf5": "a.hdf5"}.get(kind, "set")
    videos = with_frames(
        simulate(DataSpec(scenario=UniformMotion(), videos=6), indices=np.arange(6)),
        canvas=Canvas(size_px=32),
    )
    match kind:
        case "states":
            answer_of("simulate", "phyre", "--videos", 6, "--out", path)
        case "frames":
            answer_of("simulate", "uniform", "--videos", 6, "--out", path, "--size", 32)
        case "palette":
            answer_of(
                "simulate", "phyre", "--videos", 6, "--out", path, "--size", 32, "--style", "hard"
            )
        case "file":
            write_videos(path, videos)
        case "hdf5":
            write_published(path, videos)
    damaged(path, how=how)
    for command in ("check", "show"):
        with pytest.raises(SystemExit) as ending:
            main([command, str(path)] + (["--out", str(tmp_path)] if command == "show" else []))
        printed = capsys.readouterr()
        assert (ending.value.code, printed.out) == (5, ""), printed.err
        assert len(printed.err.strip().splitlines()) == 1
