"""PHYRE's sets by name, on the command line and off it: in-process by default, the real one where
it is set up."""

import json
from pathlib import Path

import av
import matplotlib.image
import numpy as np
import pytest

from physscale.dataset.file import digest
from physscale.dataset.folder import open_dataset
from physscale.records.errors import UserError
from physscale.records.video import BODY, Videos
from physscale.render.canvas import Canvas
from physscale.render.render import render
from physscale.simulate.named import named_data
from physscale.simulate.phyre.ambiguity import PhyreAmbiguity
from physscale.simulate.phyre.rows import NOBODY, PALETTE
from physscale.simulate.phyre.sets import PHYRE_SETS
from physscale.simulate.phyre.templates import RESERVED
from physscale.simulate.scenarios.registry import scenario_named
from physscale.simulate.simulate import own_frames, simulate
from tests.physics.phyre_cases import phyre_python
from tests.unit.cli.test_data import answer_of, typed


@pytest.mark.parametrize("name", PHYRE_SETS)
def test_every_set_draws_its_first_rows(name: str) -> None:
    """What every scenario's rows promise: finite, moving, different, and back from Arrow as they
    went."""
    assert scenario_named(name) is PHYRE_SETS[name]
    data = named_data(name, videos=None)
    ambiguous = isinstance(data.scenario, PhyreAmbiguity)
    videos = simulate(
        data, indices=np.arange(4) * (33 if ambiguous else 1)
    )  # the next row may be the same fall there
    assert set(videos.scenario) == {"phyre_ambiguity" if ambiguous else "phyre"}
    assert np.isfinite(videos.state).all()
    moving = (videos.body[:, :, BODY.index("mass_kg")] > 0) & (
        videos.body[:, :, BODY.index("kind")] != NOBODY
    )
    travelled = np.linalg.norm(videos.state[:, -1, :, :2] - videos.state[:, 0, :, :2], axis=-1)
    assert (travelled[moving].max() > 0.5, travelled[~moving].max() == 0.0) == (True, True)
    assert len(
        {row.tobytes() for row in np.concatenate([videos.state[:, 0], videos.body], -1)}
    ) == len(videos), "a row twice"
    assert {int(template) in RESERVED for template in videos.template} == {
        name == "phyre_out_of_template"
    }
    assert digest(Videos.from_arrow(videos.to_arrow())) == digest(videos)


def test_the_default_engine_is_the_one_in_process_and_others_are_refused() -> None:
    assert (named_data("phyre", videos=1).engine, named_data("uniform", videos=1).engine) == (
        "box2d",
        "analytic",
    )
    with pytest.raises(UserError, match="runs on box2d, phyre"):
        named_data("phyre", videos=1, engine="pymunk")
    with pytest.raises(UserError, match="scenario 'uniform' runs on analytic"):
        named_data("uniform", videos=1, engine="phyre")
    assert named_data("phyre", videos=None).videos == 1000
    assert named_data("phyre", videos=1, seed=3) != named_data("phyre", videos=1)


def test_phyre_is_shown(tmp_path: Path) -> None:
    answer = answer_of("show", "phyre", "--out", tmp_path, "--videos", 2, "--size", 64)
    assert matplotlib.image.imread(str(answer["sheet"])).shape[:2] == (2 * 65, 8 * 65)
    with av.open(str(answer["mp4"])) as container:
        assert sum(1 for _ in container.decode(video=0)) == 32


def test_palette_shards_are_written_continued_checked_and_shown(tmp_path: Path) -> None:
    words = (
        "simulate",
        "phyre_thirty",
        "--videos",
        5,
        "--out",
        tmp_path / "set",
        "--size",
        64,
        "--style",
        "hard",
    )
    first = answer_of(*words)
    description = json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert description["encoding"] == "palette"
    before = (tmp_path / "set" / "shard_00000000.arrow").stat().st_mtime_ns
    assert answer_of(*words)["data"] == first["data"]
    assert (tmp_path / "set" / "shard_00000000.arrow").stat().st_mtime_ns == before
    rows = open_dataset(tmp_path / "set").rows(np.arange(5))
    assert rows.pixels is not None
    drawn = render(
        simulate(named_data("phyre_thirty", videos=5), indices=np.arange(5)),
        canvas=Canvas(size_px=64, style="hard"),
    )
    np.testing.assert_array_equal(rows.pixels, drawn)
    assert {tuple(colour) for colour in rows.pixels.reshape(-1, 3)} <= set(PALETTE)
    assert answer_of("check", tmp_path / "set")["problems"] == []
    assert answer_of("show", tmp_path / "set", "--out", tmp_path, "--videos", 2)["videos"] == 2


def test_phyres_own_frames_are_stored_as_it_paints_them(tmp_path: Path) -> None:
    assert phyre_python().exists()
    answer = answer_of(
        "simulate",
        "phyre",
        "--videos",
        3,
        "--out",
        tmp_path / "set",
        "--engine",
        "phyre",
        "--style",
        "phyre",
    )
    assert isinstance(answer["bytes"], int)
    assert answer["bytes"] < 3 * 32 * 512 * 512 / 20
    rows = open_dataset(tmp_path / "set").rows(np.arange(3))
    assert rows.pixels is not None
    np.testing.assert_array_equal(
        rows.pixels, own_frames(named_data("phyre", videos=3, engine="phyre"), indices=np.arange(3))
    )
    ours = render(rows.with_pixels(None), canvas=Canvas(size_px=512, style="hard"))
    assert (rows.pixels != ours).any(-1).mean() < 1e-4
    assert answer_of("check", tmp_path / "set")["problems"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("phyre", "--style", "phyre"), "needs a set of PHYRE's and --engine phyre"),
        (("uniform", "--style", "phyre"), "needs a set of PHYRE's"),
        (("phyre", "--style", "phyre", "--engine", "phyre", "--size", "64"), "paints 512 px"),
        (
            ("phyre", "--style", "paper", "--size", "64", "--videos", "1"),
            "no rings, jars or sticks",
        ),
        (("phyre", "--videos", "600000"), "list of 594000 scenes"),
    ],
)
def test_what_cannot_be_painted_is_one_line(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    error = typed("simulate", *words, "--out", tmp_path / "set").exception
    assert isinstance(error, UserError)
    assert said in str(error)
    assert "\n" not in str(error)
