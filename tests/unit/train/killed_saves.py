"""Trainings that are killed while they save, again and again, as a process:
`python -m tests.unit.train.killed_saves FOLDER WORLD KILLS SEED`.

Every step saves. Every second kill waits for a save that has begun. After each kill every visible
checkpoint must be whole. A training that ends must have the losses and files of the undisturbed
one; then the next begins. The one line of output says what happened."""

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from physscale.records.store import read_folder
from physscale.train.checkpoint import folders
from physscale.train.loop import train
from physscale.train.parallel import Workers
from physscale.train.task import TrainTask
from tests.unit.train.forks import ended_well, fork
from tests.unit.train.tasks import PlainContext, small_task

STEPS = 12


@dataclass
class Told:
    """What happened."""

    kills: int = 0
    while_writing: int = 0
    ended: int = 0
    differing: list[str] = field(default_factory=list)


def task_of(folder: Path, *, world: int) -> TrainTask:
    task = small_task(folder, steps=STEPS, parallel="fsdp" if world > 1 else "ddp")
    return replace(task, checkpoint_every=1)


def begin(folder: Path, *, world: int, attempt: int) -> list[int]:
    """Starts the workers; their process numbers once all of them train."""
    folder.mkdir(parents=True, exist_ok=True)

    def work(workers: Workers) -> None:
        (folder / f"begun-{attempt}-{workers.rank}").touch()
        context = PlainContext(rank=workers.rank, world=world)
        train(task_of(folder, world=world), context=context)

    processes = fork(folder / f"meeting-{attempt}", world=world, work=work)
    while not all((folder / f"begun-{attempt}-{rank}").exists() for rank in range(world)):
        time.sleep(0.001)
    return processes


def begun_saves(folder: Path) -> list[Path]:
    return list((folder / "checkpoints").glob(".*.tmp"))


def wait_for_save(folder: Path, *, most_s: float) -> None:
    """Until a save has begun; in vain where the training has made its last."""
    until_s = time.monotonic() + most_s
    while not begun_saves(folder) and time.monotonic() < until_s:
        time.sleep(0.0002)


def kill(processes: list[int], *, chance: random.Random) -> bool:
    """`kill -9` for all workers, one after the other at random moments; whether all had ended."""
    for process in chance.sample(processes, len(processes)):
        os.kill(process, signal.SIGKILL)
        time.sleep(chance.uniform(0, 0.05) if len(processes) > 1 else 0)
    return ended_well(processes)


def check(folder: Path, *, whole: Path, told: Told) -> None:
    for name in (folders(whole / "checkpoints")[-1]).iterdir():
        own = folders(folder / "checkpoints")[-1] / name.name
        if own.read_bytes() != name.read_bytes():
            told.differing.append(f"{folder.name}/{own.parent.name}/{name.name}")


def main(root: Path, *, world: int, kills: int, seed: int) -> Told:
    chance, told, whole = random.Random(seed), Told(), root / "whole"
    processes = begin(whole, world=world, attempt=0)
    begun_s = time.monotonic()
    assert ended_well(processes)
    usual_s = time.monotonic() - begun_s
    while told.kills < kills:
        folder = root / f"killed-{told.ended}"
        processes = begin(folder, world=world, attempt=told.kills)
        time.sleep(chance.uniform(0, usual_s))
        if told.kills % 2:
            wait_for_save(folder, most_s=usual_s)
        if kill(processes, chance=chance):
            check(folder, whole=whole, told=told)
            told.ended += 1
            continue
        told.kills += 1
        told.while_writing += bool(begun_saves(folder))
        for visible in folders(folder / "checkpoints"):
            read_folder(visible)
    folder = root / f"killed-{told.ended}"
    assert ended_well(begin(folder, world=world, attempt=told.kills))
    check(folder, whole=whole, told=told)
    return told


if __name__ == "__main__":
    torch.set_num_threads(1)
    place, count, times, chosen = Path(sys.argv[1]), *map(int, sys.argv[2:])
    print(json.dumps(vars(main(place, world=count, kills=times, seed=chosen))))
