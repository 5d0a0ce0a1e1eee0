"""The drill of `docs/extend/pendulum.md`: a scenario from outside the package with new physics is
simulated, shown, detected and studied from its plan to its scores."""

import importlib
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.special import ellipk

from physscale.dataset.file import read_videos, with_frames, write_videos
from physscale.evaluate.abnormal.detector import Detections, detect
from physscale.records.errors import UserError
from physscale.records.registry import PLUGINS
from physscale.records.spec import from_plain, plain
from physscale.records.video import Videos
from physscale.render.canvas import Canvas
from physscale.simulate.batch import stack
from physscale.simulate.engines.registry import ENGINES
from physscale.simulate.simulate import simulate
from physscale.simulate.spec import DataSpec, row_generator, row_key
from tests.paths import ROOT

EXTEND = ROOT / "docs" / "extend"
ROWS = np.arange(40)
CANVAS = Canvas(size_px=32)
EXPERIMENT = """
from dataclasses import replace
from pendulum import Pendulum
from physscale.simulate.spec import DataSpec
from physscale.study.spec import Study
from tests.tiny import tiny_run

run = tiny_run(steps=4)
data = DataSpec(scenario=Pendulum(), videos=16)
wide = Pendulum(angle_rad=((1.2, 1.4),))
corpus = DataSpec(scenario=Pendulum().still(), videos=64, frames=1)
held_out = DataSpec(scenario=Pendulum(), videos=4, draw="held_out", split="id")
wider = replace(held_out, scenario=wide, split="speed_high")
splits = tuple(
    replace(split, data=one) for split, one in zip(run.test_splits, (held_out, wider))
)
run = replace(run, data=data, codec=replace(run.codec, corpus=corpus), test_splits=splits)
study = Study(name="swings", question="Does it learn to swing?", groups={"all": [run]})
"""


@pytest.fixture(scope="module")
def plugin() -> ModuleType:
    """The page's module, as the environment variable would import it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXTEND)
        return importlib.import_module("pendulum")


@pytest.fixture(scope="module")
def true(plugin: ModuleType) -> Videos:
    data = DataSpec(scenario=plugin.Pendulum(), videos=len(ROWS), draw="held_out")
    return with_frames(simulate(data, indices=ROWS), canvas=CANVAS)


def test_a_swing_has_the_period_of_the_elliptic_integral_and_keeps_its_energy(
    plugin: ModuleType,
) -> None:
    """T = 4 √(L/g) K(sin²(θ₀/2)): after one period it is where it began."""
    angle, length, gravity = 1.0, 3.0, 9.8
    scenario = plugin.Pendulum(angle_rad=((angle, angle),), length_m=((length, length),))
    period = 4 * math.sqrt(length / gravity) * ellipk(math.sin(angle / 2) ** 2)
    data = DataSpec(scenario=scenario, videos=1, interval_s=period / 8, frames=9)
    state = simulate(data, indices=np.arange(1)).state[0, :, 0].astype(np.float64)
    np.testing.assert_allclose(state[8], state[0], atol=1e-4)
    np.testing.assert_allclose(state[4, 0], 10.0 - state[0, 0], atol=1e-4)
    energy = 0.5 * (state[:, 3] ** 2 + state[:, 4] ** 2) + gravity * state[:, 1]
    np.testing.assert_allclose(energy, energy[0], rtol=1e-5)
    np.testing.assert_allclose(np.hypot(state[:, 0] - 5.0, state[:, 1] - 9.0), length, rtol=1e-6)


@pytest.mark.parametrize("engine", ["analytic", "box2d"])
def test_engines_that_know_no_rods_refuse_it(plugin: ModuleType, engine: str) -> None:
    """They once moved it as a parabola."""
    scenario = plugin.Pendulum()
    with pytest.raises(UserError, match=f"engine '{engine}': .* runs on pymunk"):
        DataSpec(scenario=scenario, videos=1, engine=engine)
    data = DataSpec(scenario=scenario, videos=1)
    batch = stack([scenario.draw(row_generator(row_key(data), index=0))])
    with pytest.raises(UserError, match=f"engine {engine}: .*none on a rod; use engine=pymunk"):
        ENGINES.named(engine).run(batch, time_s=np.arange(4) * 0.1)


def test_true_videos_are_normal(true: Videos) -> None:
    found = detect(true)
    assert found.physics == "pendulum"
    assert int(found.abnormal.sum()) == 0, {name: int(f.sum()) for name, f in found.fired.items()}


def wrong(true: Videos, state: np.ndarray) -> Detections:
    """The rows with frames of other states."""
    return detect(true.with_pixels(with_frames(shown(true, state), canvas=CANVAS).pixels))


def shown(true: Videos, state: np.ndarray) -> Videos:
    return replace(true.with_pixels(None), state=state.astype(np.float32))


def test_weak_gravity_is_abnormal(plugin: ModuleType, true: Videos) -> None:
    """The same first frames, and a swing under a third of the gravity."""
    slow = DataSpec(
        scenario=plugin.Pendulum(gravity_m_s2=9.8 / 3), videos=len(ROWS), draw="held_out"
    )
    assert wrong(true, simulate(slow, indices=ROWS).state).abnormal.all()


def test_a_disc_that_leaves_its_circle_or_jumps_is_abnormal(true: Videos) -> None:
    loose, jumps = true.state.copy(), true.state.copy()
    loose[:, 4:, :, 1] -= 0.5
    assert wrong(true, loose).fired["rod"].all()
    jumps[:, 8, :, 0] = 10.0 - jumps[:, 0, :, 0]
    assert wrong(true, jumps).fired["swing"].all()


def test_without_its_rules_it_is_refused(true: Videos, monkeypatch: pytest.MonkeyPatch) -> None:
    """True videos of a pendulum were once called abnormal, 40 of 40."""
    from physscale.evaluate.abnormal.rules import RULES

    RULES.entries()
    monkeypatch.delitem(RULES._entries, "pendulum")
    with pytest.raises(UserError, match="physics 'pendulum', for which there are no rules"):
        detect(true)


def test_rows_are_written_and_read_back(plugin: ModuleType, true: Videos, tmp_path: Path) -> None:
    write_videos(tmp_path / "rows.arrow", true)
    back = read_videos(tmp_path / "rows.arrow")
    assert back.rod is not None
    np.testing.assert_array_equal(back.rod, true.rod)
    data = DataSpec(scenario=plugin.Pendulum(), videos=4)
    assert from_plain(DataSpec, plain(data)) == data


def run(*words: str, at: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "physscale", *words],
        cwd=at,
        env=os.environ
        | {PLUGINS: "pendulum", "PYTHONPATH": f"{EXTEND}{os.pathsep}{ROOT}"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_study_goes_from_its_plan_to_its_scores(tmp_path: Path) -> None:
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "swings.py").write_text(EXPERIMENT)
    assert json.loads(run("plan", "swings", "--json", at=tmp_path))
    run("run", "swings", "--backend", "plain", at=tmp_path)
    scores = pq.read_table(next((tmp_path / "results").glob("swings/runs/*/scores.parquet")))
    rows = scores.to_pylist()
    assert {row["split"] for row in rows} == {"id", "speed_high"}
    assert {row["source"] for row in rows} == {"model", "truth", "codec", "extrapolate", "nearest"}
    assert all(row["combinations"] == 0 for row in rows)


def test_it_is_shown_and_detected_by_name(tmp_path: Path) -> None:
    run("show", "pendulum", "--videos", "2", "--out", "shown", at=tmp_path)
    assert (tmp_path / "shown" / "pendulum.png").exists()
    run("simulate", "pendulum", "--videos", "4", "--size", "32", "--out", "data", at=tmp_path)
    assert "0 of 4 abnormal" in run("detect", "data", at=tmp_path)
