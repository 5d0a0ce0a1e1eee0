"""The other official files by name: attribute pairs, controls, gaps, holes and their test sets,
listed scene by scene (`simulate.paper`)."""

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float32

from physscale.records.errors import UserError
from physscale.records.scene import Scene
from physscale.records.video import Videos
from physscale.render.canvas import Style
from physscale.simulate.paper.files import ATTRIBUTE_FILES, Recipe
from physscale.simulate.paper.grids import Motion
from physscale.simulate.paper.holes import GAP_FILES, HOLE_FILES, MASS_TEST, OLD_FILES, SPEED_TEST
from physscale.simulate.paper.sets import CLOCK, PAPER_ENGINES, anywhere, one_ball, two_balls
from physscale.simulate.paper.starts import Scenes, replay
from physscale.simulate.scenario import Clock, Listing
from physscale.simulate.scenarios.collision import BLUE
from physscale.simulate.scenarios.holes import CollisionHoles, papers_holes
from physscale.simulate.scenarios.still import StillDiscs
from physscale.simulate.scenarios.uniform import RED

HOLE_TESTS: dict[str, Recipe] = {
    f"{name}_eval": MASS_TEST if hole.plane == "radius" else SPEED_TEST
    for name, hole in papers_holes().items()
}
"""One list for all holes of a plane; its rows tell how far each pair lies from this hole's
training."""

FILES: dict[str, Recipe] = {
    **ATTRIBUTE_FILES,
    **GAP_FILES,
    **HOLE_FILES,
    **HOLE_TESTS,
    **OLD_FILES,
}


@dataclass(frozen=True, kw_only=True)
class PaperFile(Listing):
    """One official file; in attribute files a template `1-0` is a blue disc, `0-1` a red square."""

    name: ClassVar[str] = "paper_file"
    physics: ClassVar[str] = "free_discs"
    clock: ClassVar[Clock] = CLOCK
    style: ClassVar[Style] = "paper"

    file: str = "colour_size_eval"

    def __post_init__(self) -> None:
        if self.file not in FILES:
            raise UserError(
                f"file={self.file!r:.60}: the official files listed here are {', '.join(FILES)}"
            )

    @property
    def official(self) -> bool:
        return True

    @property
    def engines(self) -> tuple[str, ...]:
        shaped = self.file in ATTRIBUTE_FILES and "shape" in self.file
        return tuple(name for name in PAPER_ENGINES if not shaped or name != "pymunk")

    @property
    def count(self) -> int:
        return len(scenes_of(self.file).rows)

    @property
    def trained(self) -> CollisionHoles | None:
        """The collisions that the distances in a row are measured from, for files about a hole."""
        return papers_holes().get(self.file.removesuffix("_eval"))

    def from_trained(self, videos: Videos) -> Float32[np.ndarray, "batch 2"] | None:
        return None if self.trained is None else self.trained.from_trained(videos)

    def scene(self, index: int) -> Scene:
        row, x, y = scenes_of(self.file).numbers(index)
        if FILES[self.file].balls == 2:
            return Scene(bodies=two_balls(row, x_m=x, y_m=y))
        template = f"{row[2]:.0f}-{row[3]:.0f}" if self.file in ATTRIBUTE_FILES else ""
        return Scene(bodies=(one_ball(row, x_m=x[0], y_m=y),), template=template)

    def still(self) -> StillDiscs:
        two = FILES[self.file].balls == 2
        return anywhere((RED,), (BLUE,)) if two else anywhere((RED, BLUE))


@functools.lru_cache(maxsize=4)
def scenes_of(file: str) -> Scenes:
    """The whole file as arrays."""
    recipe = FILES[file]
    rows = recipe.rows()
    law: Motion = "collision" if recipe.balls == 2 else "uniform"
    starts = replay(
        law,
        rows=rows,
        chunk=recipe.chunk,
        contact_frames=recipe.contact_frames,
        dropped_from=recipe.dropped_from,
    )
    kept = starts.kept if recipe.chosen is None else starts.kept & recipe.chosen(rows)
    return Scenes(rows[kept], starts.x_m[kept], starts.y_m[kept])
