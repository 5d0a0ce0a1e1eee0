"""A run of a second, with every part real: what the integration tests share."""

from dataclasses import replace

from physscale.codec.kinds import PcaSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.model.sizes import SIZES
from physscale.render.canvas import Canvas
from physscale.run.spec import CodecRecipe, RunSpec, TestSplit
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.simulate.spec import DataSpec
from physscale.train.spec import TrainSpec

UNIFORM = UniformMotion()


def tiny_run(*, steps: int = 24, videos: int = 16, seed: int = 0, workers: int = 1) -> RunSpec:
    """16 videos of 16 px, the smallest model, two test splits of four videos."""
    data = DataSpec(scenario=UNIFORM, videos=videos, seed=seed)
    fast = replace(UNIFORM, speed_m_s=((4.5, 6.0),))
    return RunSpec(
        data=data,
        canvas=Canvas(size_px=16),
        codec=CodecRecipe(
            spec=PcaSpec(8), corpus=DataSpec(scenario=UNIFORM.still(), videos=64, frames=1)
        ),
        model=SIZES["d8"],
        objective=FlowSpec(),
        train=TrainSpec(steps=steps, batch=8, warmup_steps=2),
        test_splits=(
            TestSplit(kind="id", data=replace(data, videos=4, seed=0, draw="held_out", split="id")),
            TestSplit(
                kind="ood",
                data=DataSpec(scenario=fast, videos=4, draw="held_out", split="speed_high"),
            ),
        ),
        seed=seed,
        workers=workers,
    )
