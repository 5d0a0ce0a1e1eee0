"""Seconds of a training step on one thread, measured and planned by the calibration in a folder:
`python -m tests.unit.study.planned_steps FOLDER` prints both by size, as JSON."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from experiments.motion import TRAINED
from experiments.paper import paper_run
from physscale.model.sizes import SIZES
from physscale.run.cost import backbone_shape, latent_shape
from physscale.run.spec import RunSpec
from physscale.scheduling.resources import Machine
from physscale.simulate.named import named_data
from physscale.study.recipe import small_run
from physscale.study.speed import THIS_CPU, device_speed
from physscale.train.parallel import Workers
from physscale.train.step import begin, train_step


def runs() -> Iterator[tuple[str, RunSpec]]:
    """As the studies train them; S on one video of 2,048 tokens."""
    for size in ("d8", "d16", "d32", "d64", "d96"):
        yield size, small_run(TRAINED, test_splits=(), size=size)
    paper = replace(
        paper_run(named_data("uniform_30k"), test_splits=()), model=SIZES["S"], workers=1
    )
    one = replace(paper.train, batch=1, noise="host")
    yield "S fp32", replace(paper, train=replace(one, precision="fp32"))
    yield "S bf16", replace(paper, train=replace(one, precision="bf16"))


def measured(run: RunSpec) -> float:
    """The best of the process's own time, as the calibration's; other programs change it little."""
    latents, objective = latent_shape(run), run.objective.build()
    x0 = torch.randn(
        run.train.batch, latents.frames, latents.channels, latents.height, latents.width
    )
    state = begin(run.model, train=run.train, shape=backbone_shape(run), seed=0, device="cpu")
    laps = []
    for _ in range(41 if run.model.width < 100 else 2):
        before_s = time.process_time()
        train_step(state, x0, seed=0, train=run.train, objective=objective, workers=Workers())
        laps.append(time.process_time() - before_s)
    return min(laps[1:])


if __name__ == "__main__":
    torch.set_num_threads(1)
    speed = device_speed(THIS_CPU, machine=Machine(), results=Path(sys.argv[1]))
    print(json.dumps({name: [measured(run), speed.step(run).total] for name, run in runs()}))
