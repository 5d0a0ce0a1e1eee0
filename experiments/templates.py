"""How many PHYRE templates must be seen before scenes of a new one are right (arXiv 2411.02385,
section 4, table 2)?

The paper's combinatorial recipe as one configuration: DiT-B and DiT-XL on 6, 30 and 60 of the 70
templates (0.6M, 3M and 6M videos less the trials kept for testing), 32 frames at 256 px, one given
frame, 1,000K steps, latents of a VAE in the layout of Stable Diffusion 1.5. All else, including
what is not published, is as in `experiments/paper.py`. The test splits are unseen trials of the
trained templates, and the ten reserved templates. Expectation: the error on trained templates
stays; the error on reserved ones falls more with the number of templates than with model size.
Bodies share colours, so runs are scored by their loss, and by `physscale evaluate` from their
frames. Cost: 4,408 hours on 32 A100 (`cluster/paper.md`; GPU only)."""

from dataclasses import replace

from experiments.paper import FLOW, SD_LAYOUT, TRAIN, VAE_TRAINING
from physscale.cli.main import run_as_module
from physscale.model.sizes import SIZES
from physscale.render.canvas import Canvas
from physscale.run.spec import CodecRecipe, RunSpec, TestSplit
from physscale.simulate.phyre.scenario import Phyre, in_template, out_of_template, phyre_data
from physscale.simulate.phyre.templates import SIX, SIXTY, THIRTY
from physscale.study.spec import Study

MODELS, COVERED = ("B", "XL"), (SIX, THIRTY, SIXTY)
TEST_VIDEOS = 500


def template_run(templates: tuple[int, ...], *, size: str) -> RunSpec:
    """One run of the recipe, on 32 devices. The VAE is trained on first frames, in which nothing
    moves."""
    scenes = Phyre(templates=templates)
    seen = phyre_data(in_template(scenes), videos=TEST_VIDEOS, split="in_template")
    new = phyre_data(out_of_template(scenes), videos=TEST_VIDEOS, split="out_of_template")
    test_splits = (
        TestSplit(kind="id", data=replace(seen, draw="held_out")),
        TestSplit(kind="combinatorial", data=replace(new, draw="held_out")),
    )
    still = replace(phyre_data(Phyre(templates=SIXTY), videos=8192), frames=1)
    return RunSpec(
        data=phyre_data(scenes),
        canvas=Canvas(size_px=256, style="hard"),
        codec=CodecRecipe(
            spec=SD_LAYOUT, corpus=still, training=replace(VAE_TRAINING, accumulate=4)
        ),
        model=SIZES[size],
        objective=replace(FLOW, condition_frames=1),
        train=replace(TRAIN, steps=1_000_000, recompute="block"),
        test_splits=test_splits,
        workers=32,
    )


study = Study(
    name="templates",
    question="How many templates must be seen before scenes of a new one are right?",
    groups={
        "templates": [
            template_run(templates, size=size) for size in MODELS for templates in COVERED
        ]
    },
)

if __name__ == "__main__":
    run_as_module(study.name)
