"""What a plan predicts by the card's calibration against what a step takes."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from experiments.motion import TRAINED
from experiments.paper import paper_run
from physscale.model.sizes import SIZES
from physscale.run.cost import backbone_shape
from physscale.run.spec import RunSpec
from physscale.simulate.named import named_data
from physscale.study.calibrate_device import TURNS_S, Calibration
from physscale.study.recipe import small_run
from physscale.study.roofline import step_time
from tests.gpu.row import Bench, Reading, Row
from tests.gpu.speed import VIDEOS, latents, our_step

WITHIN = 1.5
ONE_CARD = 1e12
"""Bytes per second of a link that nothing uses."""


def planned(bench: Bench) -> Iterator[Reading]:
    """The roofline by `physscale calibrate-device` over the measured step, d8 to L."""
    calibration = Calibration(
        device=bench.device,
        threads=torch.get_num_threads(),
        turns_s=0.0 if bench.tiny else TURNS_S / 4,
    )
    for _ in calibration.measure():
        pass
    for name, run in runs(bench):
        shape = backbone_shape(run)
        step = our_step(run.model, shape=shape, train=run.train, device=bench.device)
        x0 = latents(shape, videos=run.train.batch, device=bench.device)
        real_s = bench.seconds(lambda step=step, x0=x0: step(x0), times=1 if bench.tiny else 10)
        by_plan_s = step_time(run, rates=calibration.rates, link_bytes_per_s=ONE_CARD).total
        limits = (None, None) if bench.tiny else (1 / WITHIN, WITHIN)
        yield Reading(name=name, value=by_plan_s / real_s, at_least=limits[0], at_most=limits[1])


def runs(bench: Bench) -> Iterator[tuple[str, RunSpec]]:
    """As the studies train them, on one card."""
    for size in ("d8",) if bench.tiny else ("d8", "d64"):
        yield size, small_run(TRAINED, test_splits=(), size=size)
    paper = replace(paper_run(named_data("uniform_30k"), test_splits=()), workers=1)
    for size, batch in () if bench.tiny else VIDEOS.items():
        yield size, replace(paper, model=SIZES[size], train=replace(paper.train, batch=batch))


ROWS = (
    Row(
        name="plan",
        item="step by `calibrate-device` and the roofline over the measured one, d8 to L",
        passes="within 1.5×",
        measure=planned,
    ),
)
