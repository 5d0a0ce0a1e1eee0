"""Does the error of the paper's own sizes fall with data and size, in and out of distribution
(arXiv 2411.02385, figure 3)?

The paper's recipe as one configuration: DiT-S, B, L on 30K, 300K, 3M videos of 32 frames at 128 px,
latents of a VAE in the layout of Stable Diffusion 1.5 (8 x 8 pixels, 4 channels), v-prediction on
the cosine path, three given frames, AdamW 1e-4 with cosine decay, batch 256, 100K steps, mirrored
videos. Not published, and therefore chosen here: patch 2, no compression in time, EMA, warm-up,
bfloat16, sampler. With the weights of the paper's VAE: `codec.weights=SHA256
codec.training.learning_rate=1e-5` on the command line (`physscale/train/README.md`). Expectation:
in distribution, the error falls with data and with size; out of distribution, it shows no trend.
Cost: 134 hours on 32 A100 (GPU only)."""

from dataclasses import replace

from experiments.laws import COLLISION, COLLISION_SPLITS, PARABOLA, PARABOLA_SPLITS
from experiments.motion import TEST_SPLITS, TRAINED
from physscale.cli.main import run_as_module
from physscale.codec.kinds import VaeSpec
from physscale.codec.training_spec import VaeTraining
from physscale.flow.flow_spec import FlowSpec
from physscale.render.canvas import Canvas
from physscale.run.spec import CodecRecipe, RunSpec, TestSplit
from physscale.simulate.scenario import Scenario
from physscale.simulate.spec import DataSpec
from physscale.study.design import factorial
from physscale.study.recipe import small_run
from physscale.study.spec import Study
from physscale.train.spec import TrainSpec

SD_LAYOUT, VAE_TRAINING = (
    VaeSpec(widths=(128, 256, 512, 512), blocks=2, groups=32, levels_back=2),
    VaeTraining(batch=32, precision="bf16", recompute="block"),
)
SIZES, VIDEOS = ("S", "B", "L"), (30_000, 300_000, 3_000_000)
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


def paper_run(scenario: Scenario, *, test_splits: tuple[TestSplit, ...]) -> RunSpec:
    """One run of the recipe, on 32 devices."""
    return replace(
        small_run(scenario, test_splits=(), workers=32),
        data=DataSpec(scenario=scenario, videos=VIDEOS[0], frames=32),
        canvas=Canvas(size_px=128),
        codec=CodecRecipe(
            spec=SD_LAYOUT,
            corpus=DataSpec(scenario=scenario.still(), videos=8192, frames=1),
            training=VAE_TRAINING,
        ),
        objective=FLOW,
        train=TRAIN,
        test_splits=tuple(
            replace(split, data=replace(split.data, frames=32)) for split in test_splits
        ),
    )


LAWS = ((TRAINED, TEST_SPLITS), (COLLISION, COLLISION_SPLITS), (PARABOLA, PARABOLA_SPLITS))
study = Study(
    name="paper",
    question="Does the error of the paper's own sizes fall with data and size, in and out of "
    "distribution?",
    groups={
        "laws": [
            run
            for law, test_splits in LAWS
            for run in factorial(paper_run(law, test_splits=test_splits), size=SIZES, videos=VIDEOS)
        ]
    },
)

if __name__ == "__main__":
    run_as_module(study.name)
