"""Signals at 30 moments of a study, from its imports to its tables: each ends the command in time,
with its code and no traceback; called again and again, it ends equal to the undisturbed study."""

import contextlib
import os
import random
import resource
import signal
import time
from pathlib import Path

import pytest

from tests.chaos.command import begin, ended, run_words, struck_store
from tests.chaos.conftest import Figures, share
from tests.chaos.struck_drivers import seen
from tests.integration.test_signals import hears
from tests.ray_nodes import ancestors

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]
SIGNALS = 30
CHANGES = ["train.steps=300"]
UNTIL_S = {"plain": 8.0, "ray": 16.0}
"""After it hears signals, when the last one comes: about when the command ends."""

GRACE_CPU_S = {"plain": 10.0, "ray": 20.0}
"""What it may still compute once it is told to go. On a busy machine only this is its own. It ends
no import half-way, and torch with all that follows takes 4 to 7 s; so do Ray's workers."""


def words(results: Path, *, backend: str) -> list[str]:
    return [*run_words(results, backend=backend), *CHANGES]


def cpu_s(process: int) -> float:
    """What it, its descendants and those of them that have ended have computed so far."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        if process not in {int(file.parent.name), *ancestors(int(file.parent.name))}:
            continue
        with contextlib.suppress(OSError):  # it has ended: its parent counts it
            ticks += sum(map(int, file.read_text().rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def children_cpu_s() -> float:
    """What all processes that this one has waited for computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def scratch(results: Path) -> set[Path]:
    """What is there only while a command works."""
    return {*results.rglob("*.tmp"), *results.rglob(".driver-*")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder = tmp_path_factory.mktemp("whole")
    code, said = ended(begin(words(folder, backend="plain"), folder=folder))
    assert code == 0, said
    return seen(struck_store(folder))


def test_it_ends_by_its_signal_and_goes_on_to_the_last_bit(
    whole: object, seed: int, tmp_path: Path, figures: Figures
) -> None:
    chance, sent, studies, code, before_s = random.Random(seed), 0, 0, 0, 0.0
    while sent < share(SIGNALS, seed=seed) or code:
        results = tmp_path / str(studies)
        backend = "ray" if sent % 5 == 4 else "plain"
        earlier_s, left_before = children_cpu_s(), scratch(results)
        process = begin(words(results, backend=backend), folder=tmp_path)
        number = chance.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        times = 1 + (number == signal.SIGINT and chance.random() < 0.5)
        if sent < share(SIGNALS, seed=seed):
            while process.poll() is None and not hears(process.pid):
                time.sleep(0.01)
            time.sleep(chance.uniform(0, UNTIL_S[backend]))
            before_s = cpu_s(process.pid)
            for _ in range(times):
                process.send_signal(number)
                time.sleep(chance.uniform(0, 0.2))
        code, said = ended(process)
        told = (seed, sent, backend, number, times, said)
        assert "Traceback" not in said, told
        if code == 0:  # it was done before, or was not asked
            equal = seen(struck_store(results)) == whole
            assert equal, told
            studies += 1
            continue
        sent += 1
        figures.count(f"signal: {number.name}{' twice' * (times - 1)}", injected=1)
        assert code in {128 + number, -number}, told  # both are one to a shell
        assert children_cpu_s() - earlier_s - before_s < GRACE_CPU_S[backend], told
        if times == 1:
            assert scratch(results) <= left_before, told  # two at once leave some
