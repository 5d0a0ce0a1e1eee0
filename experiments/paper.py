"""Does the error of the paper's own sizes fall with data and size, in and out of distribution
(arXiv 2411.02385, figure 3)?

The paper's recipe on the paper's data: DiT-S, B, L on the official sets of 30K, 300K and 3M videos
(collisions: 26K, 307K, 3.2M after its filter), moved by its engine and drawn in its style, 32
frames at 128 px. All rows of the official evaluation files are test videos, in the groups of the
official script, and every run is scored by that script and by our own metrics. Latents of a VAE in
the layout of Stable Diffusion 1.5 (8 x 8 pixels, 4 channels), v-prediction on the cosine path,
three given frames, AdamW 1e-4 with cosine decay, batch 256, 100K steps, mirrored videos. Not
published, and therefore chosen here: patch 2, no compression in time, EMA, warm-up, bfloat16,
sampler. With the weights of the paper's VAE: `codec.weights=SHA256
codec.training.learning_rate=1e-5` on the command line (`physscale/train/README.md`). Expectation:
in distribution, the error falls with data and with size; out of distribution, it shows no trend.
Cost: 133 hours on 32 A100 (GPU only)."""

from dataclasses import replace
from typing import get_args

from physscale.cli.main import run_as_module
from physscale.codec.kinds import VaeSpec
from physscale.codec.training_spec import VaeTraining
from physscale.flow.flow_spec import FlowSpec
from physscale.render.canvas import Canvas
from physscale.run.spec import CodecRecipe, RunSpec, TestSplit
from physscale.simulate.named import named_data
from physscale.simulate.paper.grids import Motion
from physscale.simulate.spec import DataSpec
from physscale.study.design import factorial
from physscale.study.recipe import official_splits, small_run
from physscale.study.spec import Study
from physscale.train.spec import TrainSpec

SD_LAYOUT = VaeSpec(widths=(128, 256, 512, 512), blocks=2, groups=32, levels_back=2)
VAE_TRAINING = VaeTraining(batch=32, precision="bf16", recompute="block")
LAWS, SETS, SIZES = get_args(Motion), ("30k", "300k", "3m"), ("S", "B", "L")
FLOW = FlowSpec(prediction="v", path="cosine", shift=1.0, sampler_steps=50)
ADAMW = TrainSpec(
    steps=100_000,
    batch=256,
    warmup_steps=1000,
    optimiser="adamw",
    learning_rate=1e-4,
    adam_beta_2=0.999,
)
TRAIN = replace(
    ADAMW,
    decay_fraction=1.0,
    schedule="cosine",
    ema_decay=0.9999,
    precision="bf16",
    noise="device",
    flip="horizontal",
)


def paper_run(data: DataSpec, *, test_splits: tuple[TestSplit, ...]) -> RunSpec:
    """One run of the recipe, on 32 devices."""
    return replace(
        small_run(data.scenario, test_splits=test_splits, workers=32),
        data=data,
        canvas=Canvas(size_px=128, style="paper"),
        codec=CodecRecipe(
            spec=SD_LAYOUT,
            corpus=DataSpec(scenario=data.scenario.still(), videos=8192, frames=1),
            training=VAE_TRAINING,
        ),
        objective=FLOW,
        train=TRAIN,
    )


study = Study(
    name="paper",
    question="Does the error of the paper's own sizes fall with data and size, in and out of "
    "distribution?",
    groups={
        law: [
            run
            for data in SETS
            for run in factorial(
                paper_run(named_data(f"{law}_{data}"), test_splits=official_splits(law)),
                size=SIZES,
            )
        ]
        for law in LAWS
    },
)

if __name__ == "__main__":
    run_as_module(study.name)
