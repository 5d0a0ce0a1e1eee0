"""The engines that come with the package."""

from physscale.simulate.engines import analytic, box2d, pymunk
from physscale.simulate.engines.registry import ENGINES, Engine

for _engine in (
    Engine("analytic", analytic.run),
    Engine("pymunk", pymunk.run),
    Engine("box2d", box2d.run),
):
    ENGINES.register(_engine)
