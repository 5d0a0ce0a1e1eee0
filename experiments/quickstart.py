"""Does a video model learn the law of motion, or the cases it saw? The whole question in miniature:
the four small studies as one.

Expectation (arXiv 2411.02385): the error in distribution falls with data and size, and the error at
unseen speeds stays an order of magnitude above it. Held-out combinations are learned once enough
others are seen. Unseen speeds snap to seen ones. Cost: 8 minutes on 2 CPU cores."""

from experiments import composition, laws, mimicry, motion
from physscale.cli.main import run_as_module
from physscale.study.spec import Study

study = Study(
    name="quickstart",
    question="Does a small video model learn the law of motion, or only the cases it saw?",
    groups={
        **motion.study.groups,
        **composition.study.groups,
        **mimicry.study.groups,
        **laws.study.groups,
    },
    demonstrations={**motion.study.demonstrations, **mimicry.study.demonstrations},
)

if __name__ == "__main__":
    run_as_module(study.name)
