"""Do numbers or a sentence on the first state help beside the first frames, in and out of
distribution?

The ablation of arXiv 2411.02385 (v1 figure 12) on collisions has three cases: frames alone, frames
with every body's first state as a token, and frames with a sentence on that state. A small
transformer of our own reads the sentence for cross-attention (T5 in the paper). Expectation, from
the paper: no gain in distribution, and a larger error out of distribution, largest with text (0.21,
0.29 and 0.54 m/s there). Cost: 20 minutes on one CPU core."""

from dataclasses import replace

from experiments.laws import COLLISION, COLLISION_SPLITS
from physscale.cli.main import run_as_module
from physscale.model.conditioning_spec import TextSpec
from physscale.model.dit_spec import DiTSpec
from physscale.model.sizes import SIZES
from physscale.run.spec import RunSpec
from physscale.study.design import factorial
from physscale.study.recipe import small_run
from physscale.study.spec import Study

BASE = small_run(COLLISION, test_splits=COLLISION_SPLITS, videos=2000, components=64, steps=1600)
MODEL, SEEDS = SIZES["d64"], (0, 1, 2)


def runs_of(model: DiTSpec) -> list[RunSpec]:
    """The study's runs with this model."""
    return factorial(replace(BASE, model=model), seed=SEEDS)


study = Study(
    name="conditioning",
    question="Do numbers or a sentence on the first state help beside the first frames, in and "
    "out of distribution?",
    groups={
        "frames": runs_of(MODEL),
        "numbers": runs_of(replace(MODEL, conditioning="numbers", bodies=2)),
        "text": runs_of(
            replace(
                MODEL,
                conditioning="text",
                text=TextSpec(tokens=160, width=64, depth=2, heads=2),
            )
        ),
    },
)

if __name__ == "__main__":
    run_as_module(study.name)
