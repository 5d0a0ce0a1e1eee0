"""The real thing, killed: a sweep of real runs under Ray whose driver dies twice equals the
undisturbed one, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from physscale.records.ledger import Ledger, State
from physscale.records.metrics import read_metrics
from physscale.records.store import Store
from physscale.study.drive import Backend
from physscale.study.overrides import overridden
from physscale.study.spec import load_study
from tests.chaos.conftest import Figures
from tests.paths import ROOT

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]
CHANGES = [
    "train.steps=300",
    "data.videos=64",
    "test_splits.*.data.videos=8",
    "codec.corpus.videos=200",
]
GROUPS = ["gap", "flip", "noflip", "collision", "parabola"]
STUDY = overridden(load_study("quickstart"), overrides=CHANGES).only(GROUPS)


def start(results: Path, *, backend: Backend = "ray") -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "experiments.quickstart",
        *(word for group in GROUPS for word in ("--only", group)),
        "--backend",
        backend,
        "--results",
        str(results),
        *CHANGES,
    ]
    with (results / "driver.log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, env=os.environ | {"WANDB_MODE": "disabled"}
        )


def ended(store: Store) -> int:
    return store.ledger.read_text().count('"DONE"') if store.ledger.exists() else 0


def losses(store: Store) -> dict[str, list[tuple[int, float]]]:
    return {
        run: [(line["step"], line["loss"]) for line in read_metrics(store.run(run).metrics)]
        for run in STUDY.runs
    }


def test_a_driver_killed_twice_loses_nothing_and_repeats_nothing(
    tmp_path: Path, figures: Figures
) -> None:
    disturbed, calm = tmp_path / "disturbed", tmp_path / "calm"
    disturbed.mkdir()
    calm.mkdir()
    store = Store(disturbed / "quickstart")
    for wanted in (1, 3):
        driver = start(disturbed)
        deadline_s = time.monotonic() + 300
        while ended(store) < wanted:
            assert driver.poll() is None, (disturbed / "driver.log").read_text()
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        figures.count("Ray: drivers killed", injected=1)
    assert start(disturbed).wait(600) == 0, (disturbed / "driver.log").read_text()
    assert start(calm, backend="plain").wait(600) == 0, (calm / "driver.log").read_text()
    assert ended(store) == len(STUDY.runs)
    assert {entry.state for entry in Ledger(store.ledger).entries().values()} == {State.DONE}
    assert losses(store) == losses(Store(calm / "quickstart"))
