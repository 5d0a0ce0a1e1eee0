"""The private cluster of a driver dies by SIGKILL, part by part. The driver starts it again, and
what is left is the undisturbed study, bit for bit."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from physscale.records.ledger import Ledger, State
from physscale.records.store import Store
from tests.chaos.conftest import Figures
from tests.chaos.test_ray_driver_killed import STUDY, ended, losses, start
from tests.ray_nodes import ancestors

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]


def processes_of(driver: int, *, named: str) -> list[int]:
    """The living descendants of the driver whose program has this name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(f"/{named}".encode()) and driver in ancestors(int(folder.name)):
            found.append(int(folder.name))
    return found


def wait_for_a_running_run(store: Store, *, driver: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + 300
    while not store.ledger.exists() or not any(
        entry.state is State.RUNNING for entry in Ledger(store.ledger).entries().values()
    ):
        assert driver.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def test_a_cluster_that_dies_is_started_again_and_nothing_is_lost(
    tmp_path: Path, figures: Figures
) -> None:
    disturbed, calm = tmp_path / "disturbed", tmp_path / "calm"
    disturbed.mkdir()
    calm.mkdir()
    store = Store(disturbed / "quickstart")
    driver = start(disturbed)
    for wanted, part in ((1, "raylet"), (3, "gcs_server")):
        deadline_s = time.monotonic() + 400
        while not store.ledger.exists() or ended(store) < wanted:
            assert driver.poll() is None, (disturbed / "driver.log").read_text()
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        wait_for_a_running_run(store, driver=driver)
        (process,) = processes_of(driver.pid, named=part)
        os.kill(process, signal.SIGKILL)
        figures.count(f"Ray: {part} killed", injected=1)
    assert driver.wait(900) == 0, (disturbed / "driver.log").read_text()
    said = (disturbed / "driver.log").read_text()
    assert said.count("Ray has died") == 2
    assert "Traceback" not in said
    assert "Raylet is terminated" in (store.root / "ray.log").read_text()
    assert start(calm, backend="plain").wait(600) == 0
    assert ended(store) == len(STUDY.runs)
    assert losses(store) == losses(Store(calm / "quickstart"))
