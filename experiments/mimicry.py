"""Mimicry: what does the model do between two trained clusters of speed, and when mirrored videos
make both directions possible?

Expectation (arXiv 2411.02385, figures 5 and 7): speeds in the gap snap to the nearest trained
cluster; slow balls are drawn too fast, and with mirrored training videos some reverse. Cost: 1
minute on 2 CPU cores."""

from dataclasses import replace

from physscale.cli.main import run_as_module
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.study.recipe import small_run, splits
from physscale.study.spec import Study

CLUSTERS = UniformMotion(speed_m_s=((1.0, 1.25), (3.75, 4.0)))
BOTH_WAYS = UniformMotion(speed_m_s=((2.5, 4.0),), direction="both")
ONE_WAY = replace(BOTH_WAYS, direction="right")


def slower(trained: UniformMotion) -> UniformMotion:
    """The speeds below the trained ones."""
    return replace(trained, speed_m_s=((0.0, 2.5),))


study = Study(
    name="mimicry",
    question="Does the model draw unseen speeds, or the nearest ones it saw?",
    groups={
        "gap": [
            small_run(
                CLUSTERS,
                size="d32",
                test_splits=splits(
                    id=("id", CLUSTERS), gap=("ood", replace(CLUSTERS, speed_m_s=((1.25, 3.75),)))
                ),
            )
        ],
        "flip": [
            small_run(
                BOTH_WAYS,
                size="d32",
                test_splits=splits(id=("id", BOTH_WAYS), slow=("ood", slower(BOTH_WAYS))),
            )
        ],
        "noflip": [
            small_run(
                ONE_WAY,
                size="d32",
                test_splits=splits(id=("id", ONE_WAY), slow=("ood", slower(ONE_WAY))),
            )
        ],
    },
    demonstrations={"gap": "gap", "flip": "flip", "noflip": "flip"},
)

if __name__ == "__main__":
    run_as_module(study.name)
