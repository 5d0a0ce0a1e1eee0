"""The SLURM template on two nodes that are this machine: `srun` and `scontrol` are small scripts,
Ray and the study are real."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from physscale.records.ledger import Ledger, State
from physscale.records.store import Store
from tests.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SRUN = """#!/bin/bash
# runs the command here, once; says how it was called
echo "$@" >> "$SLURM_SAID"
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """#!/bin/bash
case $1 in
    show) printf 'one\\ntwo\\n' ;;
    *) echo "scontrol $@" >> "$SLURM_SAID" ;;
esac
"""
STUDY = [
    "motion",
    "--only",
    "data",
    "train.steps=30",
    "data.videos=16",
    "test_splits.*.data.videos=4",
    "codec.corpus.videos=64",
]


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    """The environment of a job's script."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    ours = {
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "PHYSSCALE_TRACKER": "none",
        "SLURM_SAID": str(tmp_path / "said"),
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_CPUS_PER_TASK": "1",
    }
    return {key: value for key, value in os.environ.items() if not key.startswith("RAY_")} | ours


def job(results: Path, *, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    script = ["bash", str(ROOT / "cluster" / "slurm" / "study.sbatch")]
    with (results.parent / "job.log").open("ab") as log:
        return subprocess.Popen(
            [*script, *STUDY, "--results", str(results)],
            env=environment,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )


def states(store: Store) -> list[State]:
    return [entry.state for entry in Ledger(store.ledger).entries().values()]


def of_ray(environment: dict[str, str]) -> list[str]:
    """Processes whose command names the job's folder."""
    folder = f"/tmp/physscale-{environment['SLURM_JOB_ID']}"
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in line:
            found.append(line)
    return found


def test_a_job_saves_when_its_time_is_over_and_goes_on_when_it_is_requeued(
    tmp_path: Path, slurm: dict[str, str]
) -> None:
    store = Store(tmp_path / "results" / "motion")
    first = job(store.root.parent, environment=slurm)
    deadline_s = time.monotonic() + 400
    while not (store.ledger.exists() and {State.RUNNING, State.DONE} & set(states(store))):
        assert first.poll() is None, (tmp_path / "job.log").read_text()
        assert time.monotonic() < deadline_s, (tmp_path / "job.log").read_text()
        time.sleep(0.2)
    first.send_signal(signal.SIGUSR1)
    code, log = first.wait(200), (tmp_path / "job.log").read_text()
    said = (tmp_path / "said").read_text()
    assert code == 143, log
    assert f"scontrol requeue {slurm['SLURM_JOB_ID']}" in said
    assert set(states(store)) != {State.DONE}
    assert of_ray(slurm) == []
    assert not Path(f"/tmp/physscale-{slurm['SLURM_JOB_ID']}").exists()

    second = job(store.root.parent, environment=slurm)
    assert second.wait(600) == 0, (tmp_path / "job.log").read_text()
    assert set(states(store)) == {State.DONE}
    assert of_ray(slurm) == []
    said = (tmp_path / "said").read_text()
    assert said.count("scontrol requeue") == 1, "a finished study is not begun again"
    assert said.count("--nodelist=one") == 2 * said.count("--exclude=one") * 2
    assert not list(tmp_path.rglob("auth_token")), "the token is written nowhere"
    shutil.rmtree(tmp_path / "results")


def test_a_job_without_a_study_says_what_is_missing(slurm: dict[str, str]) -> None:
    asked = subprocess.run(
        ["bash", str(ROOT / "cluster" / "slurm" / "study.sbatch")],
        env=slurm,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (asked.returncode, asked.stderr.count("\n")) == (2, 1)
    assert "name a study" in asked.stderr
