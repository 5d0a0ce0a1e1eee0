"""Uniform motion: does the error fall with data and model size, inside and outside the trained
speeds?

Expectation (arXiv 2411.02385, figure 3): inside, the error falls towards the codec's floor; at
higher speeds, it stays an order of magnitude above. Both directions are trained, so speeds below 1
m/s lie between -4 and 4 m/s, where the model interpolates. Cost: 5 minutes on 2 CPU cores."""

from dataclasses import replace

from physscale.cli.main import run_as_module
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.study.recipe import small_run, splits
from physscale.study.spec import Study

# A seed of its own for every level: they scatter independently. Levels tell more than seeds do.
VIDEOS = (30, 50, 80, 130, 220, 370, 600, 1000)
SIZES = ("d6", "d8", "d12", "d16", "d24", "d32", "d48", "d64")

TRAINED = UniformMotion(speed_m_s=((1.0, 4.0),), radius_m=((0.7, 1.4),), direction="both")
TEST_SPLITS = splits(
    id=("id", TRAINED),
    speed_high=("ood", replace(TRAINED, speed_m_s=((4.5, 6.0),))),
    speed_low=("ood", replace(TRAINED, speed_m_s=((0.0, 0.8),))),
    radius=("ood", replace(TRAINED, radius_m=((0.3, 0.6), (1.5, 2.0)))),
)

study = Study(
    name="motion",
    question="Does the error of uniform motion fall with data and model size, in and out of "
    "distribution?",
    groups={
        "data": [
            small_run(TRAINED, test_splits=TEST_SPLITS, videos=videos, seed=seed)
            for seed, videos in enumerate(reversed(VIDEOS))
        ],
        "size": [
            small_run(TRAINED, test_splits=TEST_SPLITS, size=size, seed=seed)
            for place, size in enumerate(reversed(SIZES))
            for seed in (place, place + len(SIZES))
        ],
        "workers": [
            small_run(TRAINED, test_splits=TEST_SPLITS, size="d16", workers=workers)
            for workers in (1, 2)
        ],
    },
    demonstrations={"workers": "workers"},
)

if __name__ == "__main__":
    run_as_module(study.name)
