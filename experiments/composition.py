"""Composition: six kinds of balls, each with its own behaviour. How many of the 36 pairs must be
seen before an unseen pair is right?

Expectation (arXiv 2411.02385, table 2): the error on held-out pairs falls with coverage C at a
fixed number of videos. The error on trained pairs rises slightly, since each pair is seen less
often. Cost: 2 minutes on 2 CPU cores."""

from physscale.cli.main import run_as_module
from physscale.simulate.scenarios.composition import Composition, shifts
from physscale.study.recipe import small_run, splits
from physscale.study.spec import Study

SEEDS = (0, 1)
COVERED = ((0,), (0, 1), (0, 1, 2), (0, 1, 2, 4), (0, 1, 2, 4, 5))
TEST_SPLITS = splits(
    pairs_held=("combinatorial", Composition(pairs=shifts(3))),
    pairs_seen=("id", Composition(pairs=shifts(0))),
)

study = Study(
    name="composition",
    question="How many pairs must be seen before an unseen pair is right?",
    groups={
        "composition": [
            small_run(
                Composition(pairs=shifts(*steps)),
                test_splits=TEST_SPLITS,
                videos=1200,
                size="d32",
                seed=seed,
                components=40,
            )
            for steps in COVERED
            for seed in SEEDS
        ]
    },
)

if __name__ == "__main__":
    run_as_module(study.name)
