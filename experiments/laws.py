"""The other two laws, elastic collision and parabola: are they learned, and how far out of
distribution?

One run per law. Expectation (arXiv 2411.02385, figure 3): both are learned inside the trained
ranges; at higher speeds the error is an order of magnitude larger. Cost: 1 minute on 2 CPU
cores."""

from dataclasses import replace

from physscale.cli.main import run_as_module
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.parabola import Parabola
from physscale.study.recipe import small_run, splits
from physscale.study.spec import Study

FAST, SMALL_OR_LARGE = ((4.5, 6.0),), ((0.3, 0.6), (1.5, 2.0))

COLLISION = Collision()
COLLISION_SPLITS = splits(
    id=("id", COLLISION),
    speed_high=("ood", replace(COLLISION, left_speed_m_s=FAST, right_speed_m_s=FAST)),
    radius=("ood", replace(COLLISION, left_radius_m=SMALL_OR_LARGE, right_radius_m=SMALL_OR_LARGE)),
)
PARABOLA = Parabola()
PARABOLA_SPLITS = splits(
    id=("id", PARABOLA),
    speed_high=("ood", replace(PARABOLA, speed_m_s=FAST)),
    radius=("ood", replace(PARABOLA, radius_m=SMALL_OR_LARGE)),
)

study = Study(
    name="laws",
    question="Are collision and parabola learned, and how far out of distribution?",
    groups={
        "collision": [
            small_run(
                COLLISION, test_splits=COLLISION_SPLITS, videos=2000, components=64, steps=1600
            )
        ],
        "parabola": [
            small_run(PARABOLA, test_splits=PARABOLA_SPLITS, videos=2000, components=64, steps=1600)
        ],
    },
)

if __name__ == "__main__":
    run_as_module(study.name)
