"""Processes race for the runs of one ledger while some of them are killed: no run has two workers
at a time, and each ends exactly once; no line is lost, torn or doubled."""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from physscale.records import fault
from physscale.records.json_lines import append_line, read_lines
from physscale.records.ledger import Ledger, Owner, State
from tests.chaos.conftest import Figures

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]
SPAWN = multiprocessing.get_context("spawn")
RUNS = [f"{number:064d}" for number in range(40)]
WORKERS, KILLS = 4, 12
WRITERS, LINES = 8, 1000


def compete(folder: Path, seed: int, mortal: bool) -> None:
    """Works on every run that it can claim. A mortal one kills itself at a random fault point."""
    chance, book, owner = random.Random(seed), Ledger(folder / "ledger.jsonl"), Owner()
    left = chance.randint(1, 30) if mortal else -1

    def strike(name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    fault.arm(strike)
    for run in chance.sample(RUNS, len(RUNS)):
        if not book.claim(run, owner=owner):
            continue
        holder = folder / run
        if holder.exists() and Path(f"/proc/{holder.read_text()}").exists():
            (folder / f"twice-{run}").touch()
        holder.write_text(str(os.getpid()))
        time.sleep(chance.uniform(0, 0.01))
        holder.unlink()
        book.finish(run, State.DONE, owner=owner)


def test_no_run_has_two_workers_and_each_ends_once(
    tmp_path: Path, seed: int, figures: Figures
) -> None:
    chance, killed, book = random.Random(seed), 0, Ledger(tmp_path / "ledger.jsonl")
    book.plan(RUNS)
    while any(entry.state is not State.DONE for entry in book.entries().values()):
        workers = [
            SPAWN.Process(
                target=compete, args=(tmp_path, chance.getrandbits(32), killed + number < KILLS)
            )
            for number in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        killed += sum(worker.exitcode == -signal.SIGKILL for worker in workers)
    done = Counter(
        line["run"] for line in read_lines(book.path) if line["state"] == State.DONE.value
    )
    figures.count("ledger: workers killed", injected=killed)
    assert not list(tmp_path.glob("twice-*"))
    assert done == dict.fromkeys(RUNS, 1)
    assert killed >= WORKERS


def write(path: Path, writer: int, dies_at: int) -> None:
    for number in range(LINES):
        if number == dies_at:
            fault.arm(lambda name: os.kill(os.getpid(), signal.SIGKILL))
        append_line(path, {"writer": writer, "number": number})


def test_eight_writers_of_which_two_die_leave_whole_lines(
    tmp_path: Path, seed: int, figures: Figures
) -> None:
    path, chance = tmp_path / "log.jsonl", random.Random(seed)
    dying = {0: chance.randrange(LINES), 1: chance.randrange(LINES)}
    writers = [
        SPAWN.Process(target=write, args=(path, writer, dying.get(writer, -1)))
        for writer in range(WRITERS)
    ]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    figures.count("lines: writers killed", injected=len(dying))
    lines = read_lines(path)
    for writer in range(WRITERS):
        numbers = [line["number"] for line in lines if line["writer"] == writer]
        wanted = list(range(dying.get(writer, LINES)))
        assert numbers[: len(wanted)] == wanted
        assert len(numbers) - len(wanted) <= 1, "a line that was on its way may be there"
