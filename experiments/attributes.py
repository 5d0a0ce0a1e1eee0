"""Which attribute does a model keep, where two that always went together in training are crossed?

Six pairs of colour, size, velocity and shape, each at two extremes. Expectation (arXiv 2411.02385,
section 5.3): colour wins over size, size over velocity, and velocity over shape. `physscale probe
results/attributes --what attributes` counts the outcomes. Cost: 2 minutes on 2 CPU cores."""

from dataclasses import replace

from physscale.cli.main import run_as_module
from physscale.simulate.paper.presets import ATTRIBUTE_PAIRS
from physscale.simulate.scenarios.attributes import HELD, Attributes
from physscale.study.recipe import small_run, splits
from physscale.study.spec import Study

SEEN = {"_".join(pair): Attributes(pair=pair, steps="binary") for pair in ATTRIBUTE_PAIRS}

study = Study(
    name="attributes",
    question="Which attribute does a model keep, where two that always went together are crossed?",
    groups={
        name: [
            small_run(
                seen,
                size="d32",
                components=64,
                test_splits=splits(
                    id=("id", seen), crossed=("combinatorial", replace(seen, combinations=HELD))
                ),
            )
        ]
        for name, seen in SEEN.items()
    },
)

if __name__ == "__main__":
    run_as_module(study.name)
