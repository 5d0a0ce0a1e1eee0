"""The machine files of `cluster/`."""

from pathlib import Path

import pytest

from physscale.scheduling.machine_file import read_machine
from physscale.scheduling.resources import Machine, Node, slots
from tests.paths import ROOT

FILES = sorted((ROOT / "cluster").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_a_machine_on_which_a_run_fits(path: Path) -> None:
    machine = read_machine(path)
    assert slots(machine, nodes=[Node(cpus=16.0, gpus=2.0)]).concurrency >= 1
    assert slots(machine, nodes=[Node(cpus=16.0, gpus=2.0)], workers=2).concurrency >= 1


def test_local_is_what_no_file_means() -> None:
    assert (
        read_machine(next(path for path in FILES if path.name == "local.yaml"))
        == Machine()
        == read_machine(None)
    )


def test_four_small_runs_share_a_gpu() -> None:
    gpu_node = read_machine(next(path for path in FILES if path.name == "gpu_node.yaml"))
    assert slots(gpu_node, nodes=[Node(cpus=16.0, gpus=2.0)]).concurrency == 8
