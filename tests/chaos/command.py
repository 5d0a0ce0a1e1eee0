"""The command line at work on a study of four real runs, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from physscale.records.store import Store
from tests.paths import ROOT

LIMIT_S = 300
"""No command here takes longer, or it hangs."""

_STUDY = "from tests.chaos.struck_drivers import STUDY as study\n"


def begin(
    words: Sequence[str], *, folder: Path, prefix: Sequence[str] = (), **environment: str
) -> subprocess.Popen[str]:
    """`python -m WORDS` in this folder, where the study is known as `struck`."""
    experiments = folder / "experiments"
    if not experiments.exists():
        experiments.mkdir(parents=True)
        (experiments / "__init__.py").touch()
        (experiments / "struck.py").write_text(_STUDY)
    return subprocess.Popen(
        [*prefix, sys.executable, "-m", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "WANDB_MODE": "disabled"} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code, and what it said on standard error."""
    try:
        _, said = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
    return process.returncode, said


def run_words(results: Path, *, backend: str = "plain") -> list[str]:
    return ["physscale", "run", "struck", "--backend", backend, "--results", str(results)]


def struck_store(results: Path) -> Store:
    return Store(results / "struck")
