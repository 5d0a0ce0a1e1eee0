"""A process that computes deterministically, and the machine file that asks for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from physscale.records.errors import UserError
from physscale.scheduling.machine_file import read_machine
from tests.paths import ROOT

PROGRAM = """
import os, sys, torch
from pathlib import Path
from physscale.scheduling.arithmetic import prepare
from physscale.train.loop import train
from tests.unit.train.tasks import PlainContext, small_task
prepare(threads=1, arithmetic=sys.argv[1])
for optimiser in ("muon", "adamw"):
    task = small_task(Path(sys.argv[2]) / optimiser, steps=4, optimiser=optimiser)
    print(train(task, context=PlainContext()).losses.tolist())
print(torch.are_deterministic_algorithms_enabled(), os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
      file=sys.stderr)
"""


def trained(arithmetic: str, folder: Path) -> tuple[str, str]:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, arithmetic, str(folder / arithmetic)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout, ended.stderr.strip().splitlines()[-1]


def test_a_training_runs_by_deterministic_kernels_and_on_a_cpu_has_the_usual_bits(
    tmp_path: Path,
) -> None:
    fast, deterministic = (trained(word, tmp_path) for word in ("fast", "deterministic"))
    assert fast[0] == deterministic[0]
    assert fast[1].startswith("False")
    assert deterministic[1] == "True :4096:8"


def test_the_machine_file_says_which(tmp_path: Path) -> None:
    file = tmp_path / "machine.yaml"
    file.write_text("name: exact\narithmetic: deterministic\n")
    assert read_machine(file).arithmetic == "deterministic"
    file.write_text("name: exact\narithmetic: exact\n")
    with pytest.raises(UserError, match="arithmetic=exact: must be one of 'fast', 'deterministic'"):
        read_machine(file)
