"""Is it diffusion that fails out of distribution, or any video model?

Uniform motion in the small recipe, with two objectives (diffusion of all frames; prediction of the
next frame, rolled out) and two backbones (the transformer d64; a 3-D U-Net of about as many
parameters), three seeds each. All see the same three frames.

Expectation: errors in distribution differ. The ratio of the error out of distribution to that in
distribution does not fall to 1 for any of the four. Cost: 12 runs, about 20 minutes on 2 CPU cores.
"""

from experiments.motion import TEST_SPLITS, TRAINED
from physscale.cli.main import run_as_module
from physscale.flow.autoregressive_spec import AutoregressiveSpec
from physscale.flow.flow_spec import FlowSpec
from physscale.flow.objective_spec import ObjectiveSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.model.sizes import SIZES
from physscale.model.unet_spec import UNetSpec
from physscale.study.recipe import small_run
from physscale.study.spec import Study

BACKBONES: dict[str, BackboneSpec] = {"transformer": SIZES["d64"], "unet": UNetSpec(width=28)}
OBJECTIVES: dict[str, ObjectiveSpec] = {"diffusion": FlowSpec(), "next_frame": AutoregressiveSpec()}

study = Study(
    name="objective",
    question="Is it diffusion that fails out of distribution, or any video model?",
    groups={
        f"{objective}_{backbone}": [
            small_run(
                TRAINED,
                test_splits=TEST_SPLITS,
                size=BACKBONES[backbone],
                objective=OBJECTIVES[objective],
                seed=seed,
            )
            for seed in range(3)
        ]
        for objective in OBJECTIVES
        for backbone in BACKBONES
    },
)

if __name__ == "__main__":
    run_as_module(study.name)
