"""Does a model of a million parameters learn uniform motion on latents that keep the image plane,
and on raw pixels?

Two runs: one on the latents of a causal VAE trained on stills, one on tubelets of pixels with
x-prediction (arXiv 2511.13720). Expectation: on the VAE's latents, the velocity error in
distribution falls below 0.1 m/s within two hours; pixels need longer. Cost: 45 minutes on one CPU
core per run, including the VAE's own training (16 minutes). Pixels get as many steps as fit in that
time."""

from dataclasses import replace

from experiments.motion import TEST_SPLITS, TRAINED
from physscale.cli.main import run_as_module
from physscale.codec.kinds import PixelSpec, VaeSpec
from physscale.codec.training_spec import VaeTraining
from physscale.model.dit_spec import DiTSpec
from physscale.run.spec import CodecRecipe
from physscale.simulate.spec import DataSpec
from physscale.study.recipe import small_run
from physscale.study.spec import Study
from physscale.train.spec import TrainSpec

STILLS = DataSpec(scenario=TRAINED.still(), videos=8192, frames=1)
BASE = small_run(TRAINED, test_splits=TEST_SPLITS, videos=2000)
VAE = replace(
    BASE,
    codec=CodecRecipe(spec=VaeSpec(), corpus=STILLS, training=VaeTraining(steps=2500)),
    model=DiTSpec(width=128, depth=5, heads=4, patch=4),
    train=TrainSpec(steps=6000),
)
PIXELS = replace(
    BASE,
    codec=CodecRecipe(spec=PixelSpec(), corpus=replace(STILLS, videos=1)),
    model=DiTSpec(width=128, depth=5, heads=4, patch=8, time_patch=2),
    train=TrainSpec(steps=3300),
)

study = Study(
    name="spatial",
    question="Does a model of a million parameters learn uniform motion on a VAE's latents, and "
    "on raw pixels?",
    groups={"vae": [VAE], "pixels": [PIXELS]},
)

if __name__ == "__main__":
    run_as_module(study.name)
