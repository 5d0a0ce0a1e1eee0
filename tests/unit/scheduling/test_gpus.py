"""The machine file decides where a run computes; torch is asked only whether that can be kept."""

import re
from pathlib import Path

import pytest
import torch

from physscale.cli.main import main
from physscale.records.errors import Unschedulable
from physscale.scheduling.gpus import checked
from physscale.scheduling.machine_file import read_machine
from physscale.scheduling.resources import Machine, slots
from physscale.scheduling.this_machine import local_nodes
from tests.paths import ROOT

SHARED = Machine(name="shared", run_gpus=0.25)
GPU_NODE = ROOT / "cluster" / "gpu_node.yaml"


@pytest.fixture
def gpus(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """So many GPUs, as torch would count them."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: request.param)
    return int(request.param)


def test_nothing_in_the_library_asks_torch_which_device_to_take() -> None:
    found = [
        path.name
        for path in (ROOT / "physscale").rglob("*.py")
        if re.search(r"cuda\.is_available\(", path.read_text())
    ]
    assert found == []


def test_a_file_decides_for_runs_of_one_worker_and_of_several() -> None:
    assert [Machine().device(), Machine().device(workers=2)] == ["cpu", "cpu"]
    assert [SHARED.device(), SHARED.device(workers=2)] == ["cuda", "cpu"]
    assert read_machine(GPU_NODE).device(workers=8) == "cuda"


@pytest.mark.parametrize("gpus", [2], indirect=True)
def test_the_gpus_of_this_machine_are_counted(gpus: int) -> None:
    (node,) = local_nodes(SHARED)
    assert node.gpus == gpus
    assert slots(read_machine(GPU_NODE), nodes=[node], workers=1).concurrency >= 1


def test_a_file_without_gpus_never_asks_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> int:
        raise AssertionError("torch was asked")

    monkeypatch.setattr(torch.cuda, "device_count", asked)
    (node,) = local_nodes(Machine())
    assert node.gpus == 0
    assert checked("cpu") == "cpu"


@pytest.mark.parametrize("gpus", [0], indirect=True)
@pytest.mark.parametrize("hidden", ["", None])
def test_a_gpu_that_is_not_there_is_refused_with_the_reason(
    gpus: int, hidden: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    why = "CUDA_VISIBLE_DEVICES is empty" if hidden == "" else "needs a driver for CUDA 13.0"
    with pytest.raises(Unschedulable, match=rf"run_gpus=0.25.*torch sees no GPU here: .*{why}"):
        local_nodes(SHARED)
    with pytest.raises(Unschedulable, match=rf"promises a GPU and torch sees none on .*{why}"):
        checked("cuda")


@pytest.mark.parametrize("gpus", [0], indirect=True)
def test_a_plan_for_a_cluster_needs_no_gpu_here(gpus: int) -> None:
    (node,) = local_nodes(read_machine(ROOT / "cluster" / "gpu_cluster.yaml"))
    assert node.gpus == 0


@pytest.mark.parametrize("gpus", [0], indirect=True)
@pytest.mark.parametrize("backend", ["ray", "plain"])
def test_a_study_is_refused_in_one_line_before_anything_starts(
    gpus: int, backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--machine", str(GPU_NODE), "--results", str(tmp_path), "--backend", backend]
    with pytest.raises(SystemExit, match=f"{Unschedulable.exit_code}"):
        main(["run", "motion", "--only", "data", *given])
    assert Unschedulable.exit_code == 4
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "torch sees no" in said[0]
    assert not list(tmp_path.rglob("metrics.jsonl"))
