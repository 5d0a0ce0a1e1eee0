"""What the machine at hand does in a second, and plans by it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from physscale.records.spec import plain
from physscale.scheduling.resources import Machine
from physscale.study.calibrate_device import Calibration
from physscale.study.devices import DEVICE_FILE, read_rates
from physscale.study.speed import THIS_CPU, device_speed
from tests.command_line import said
from tests.paths import ROOT

WITHIN = 1.5


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_every_rate_is_measured_and_read_back(tmp_path: Path) -> None:
    calibration = Calibration(device="cpu", threads=1, turns_s=0.0)
    assert len(list(calibration.measure())) == Calibration.COUNT
    rates = calibration.rates
    assert rates.bf16 is not None
    for products in (rates.fp32, rates.bf16):
        assert all(1e7 < rate < 1e13 for _, rate in products.by_width)
        assert 1e8 < products.attention < 1e13
        assert 1e8 < products.convolutions < 1e13
    assert 1e-7 < rates.operation_s < 1e-3
    assert 1e8 < rates.bytes_per_s < 1e12
    assert rates.fp32.at(1024) > rates.fp32.at(8), "wide products are faster"
    assert rates.fp32.at(2048) == rates.fp32.at(1024), "as at the end of what was measured"
    path = tmp_path / DEVICE_FILE
    path.write_text(json.dumps(plain(rates)))
    assert read_rates(path) == rates
    assert device_speed(THIS_CPU, machine=Machine(), results=tmp_path).rates == rates


def test_what_cannot_be_measured_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(["calibrate-device", "--out", str(tmp_path / "device")], capsys)
    assert (code, out) == (2, "")
    assert "must end in .json" in err
    machine = tmp_path / "gpu.yaml"
    machine.write_text("name: gpu\nrun_gpus: 1\n")
    if not torch.cuda.is_available():
        code, out, err = said(["calibrate-device", "--machine", str(machine)], capsys)
        assert (code, out) == (4, "")
        assert "torch sees none" in err


@pytest.mark.slow
def test_steps_take_what_the_roofline_of_this_cpu_says(tmp_path: Path) -> None:
    """d8 to S, one thread, in the process's own time; in processes that check no shapes."""
    for module, *arguments in (
        ("physscale", "calibrate-device", "--results", str(tmp_path), "--json"),
        ("tests.unit.study.planned_steps", str(tmp_path)),
    ):
        command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(found)
    assert all(1 / WITHIN < by / real < WITHIN for real, by in found.values()), found
