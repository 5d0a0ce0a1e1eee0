"""Does a video model learn the law of motion, or the cases it saw? The whole question in miniature.

Expectation (arXiv 2411.02385): in-distribution error falls with data and size towards the codec's floor; error at unseen speeds stays an
order of magnitude above it; held-out combinations are learned once enough other combinations are seen. A trained gap in speed is not
filled but snapped to its nearest edge, and a mirrored training set makes slow balls turn round. Cost: about 8 minutes of 2 CPU cores.
"""

from dataclasses import replace

from physscale.cli import run_as_module
from physscale.simulate.scenarios.collision import Collision
from physscale.simulate.scenarios.composition import Composition, shifts
from physscale.simulate.scenarios.parabola import Parabola
from physscale.simulate.scenarios.uniform import UniformMotion
from physscale.study.recipe import judged, small_run
from physscale.study.spec import Study

SEEDS = (0, 1)
FAST, SMALL_OR_LARGE = ((4.5, 6.0),), ((0.3, 0.6), (1.5, 2.0))

UNIFORM = UniformMotion()
UNIFORM_JUDGES = judged(
    id=("id", UNIFORM),
    speed_high=("ood", replace(UNIFORM, speed_m_s=FAST)),
    speed_low=("ood", replace(UNIFORM, speed_m_s=((0.0, 0.8),))),
    radius=("ood", replace(UNIFORM, radius_m=SMALL_OR_LARGE)),
)
DATA = [small_run(UNIFORM, judges=UNIFORM_JUDGES, videos=videos, seed=seed) for videos in (30, 100, 300, 1000) for seed in SEEDS]
SIZE = [small_run(UNIFORM, judges=UNIFORM_JUDGES, size=size, seed=seed) for size in ("d6", "d8", "d16", "d32", "d64") for seed in SEEDS]
WORKERS = [small_run(UNIFORM, judges=UNIFORM_JUDGES, size="d16", workers=workers) for workers in (1, 2)]

HELD, SEEN = Composition(pairs=shifts(3)), Composition(pairs=shifts(0))
COVERAGE = [
    small_run(
        Composition(pairs=shifts(*steps)),
        judges=judged(pairs_held=("combinatorial", HELD), pairs_seen=("id", SEEN)),
        videos=1200,
        seed=seed,
        components=40,
    )
    for steps in ((0,), (0, 1), (0, 1, 2), (0, 1, 2, 4, 5))
    for seed in SEEDS
]

GAP = UniformMotion(speed_m_s=((1.0, 1.25), (3.75, 4.0)))
FAST_ONLY, SLOW = UniformMotion(speed_m_s=((2.5, 4.0),)), ((0.0, 2.5),)
ONE_WAY = replace(FAST_ONLY, direction="right")
COLLISION = Collision()
PARABOLA = Parabola()

study = Study(
    name="quickstart",
    question="Does a small video model learn the law of motion, or only the cases it saw?",
    groups={
        "data": DATA,
        "size": SIZE,
        "composition": COVERAGE,
        "gap": [small_run(GAP, judges=judged(id=("id", GAP), gap=("ood", replace(GAP, speed_m_s=((1.25, 3.75),)))))],
        "flip": [small_run(FAST_ONLY, judges=judged(id=("id", FAST_ONLY), slow=("ood", replace(FAST_ONLY, speed_m_s=SLOW))))],
        "noflip": [small_run(ONE_WAY, judges=judged(id=("id", ONE_WAY), slow=("ood", replace(ONE_WAY, speed_m_s=SLOW))))],
        "collision": [
            small_run(
                COLLISION,
                judges=judged(
                    id=("id", COLLISION),
                    speed_high=("ood", replace(COLLISION, left_speed_m_s=FAST, right_speed_m_s=FAST)),
                    radius=("ood", replace(COLLISION, left_radius_m=SMALL_OR_LARGE, right_radius_m=SMALL_OR_LARGE)),
                ),
                videos=2000,
                components=64,
                steps=2000,
            )
        ],
        "parabola": [
            small_run(
                PARABOLA,
                judges=judged(
                    id=("id", PARABOLA),
                    speed_high=("ood", replace(PARABOLA, speed_m_s=FAST)),
                    radius=("ood", replace(PARABOLA, radius_m=SMALL_OR_LARGE)),
                ),
                videos=2000,
                components=128,
                steps=2000,
            )
        ],
        "workers": WORKERS,
    },
)

if __name__ == "__main__":
    run_as_module(study.name)
