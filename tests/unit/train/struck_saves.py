"""A small training that saves at every step, struck at the fault points of a save: `python -m
tests.unit.train.struck_saves FOLDER STRIKES SEED STRIKE`."""

from dataclasses import replace
from pathlib import Path

import torch

from physscale.records.store import read_folder
from physscale.train.checkpoint import folders
from physscale.train.loop import train
from physscale.train.spec import CHECKPOINTS_KEPT
from tests.struck import Work, tell
from tests.unit.train.tasks import PlainContext, small_task

STEPS = 8


def save(folder: Path) -> None:
    for visible in folders(folder / "checkpoints"):
        read_folder(visible)  # each one that is visible is whole
    train(replace(small_task(folder, steps=STEPS), checkpoint_every=1), context=PlainContext())


def saved(folder: Path) -> object:
    """The last checkpoint, byte for byte, and what else lies there."""
    every = sorted((folder / "checkpoints").iterdir())
    left = [path.name for path in every]
    return (
        left[-CHECKPOINTS_KEPT:],
        {file.name: file.read_bytes() for file in every[-1].iterdir()},
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    tell(Work(save, saved, points=64))
