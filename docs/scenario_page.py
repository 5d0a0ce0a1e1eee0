"""The page of pictures: one contact sheet a data set. `python -m docs.scenario_page` makes sheets
and page anew."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from physscale.dataset.file import with_frames
from physscale.dataset.sheet import contact_sheet, write_png
from physscale.render.canvas import Canvas
from physscale.simulate.named import named_data
from physscale.simulate.paper.presets import PRESETS
from physscale.simulate.phyre.sets import PHYRE_SETS
from physscale.simulate.scenarios.registry import scenario_names
from physscale.simulate.simulate import simulate

ROOT = Path(__file__).parents[1]
FIGURES, PAGE = (
    ROOT / "experiments" / "figures" / "scenarios",
    ROOT / "physscale" / "simulate" / "README.md",
)
CANVAS = Canvas(size_px=56)
VIDEOS, COLUMNS = 3, 10

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "The three laws": ("uniform", "collision", "parabola", "composition"),
    "The paper's evaluation files, row by row": ("uniform_eval", "parabola_eval", "collision_eval"),
    "Out of distribution": (
        "uniform_speed_high",
        "parabola_radius_low",
        "collision_cross_radius",
        "collision_code_both_low",
    ),
    "Directions and the flip": (
        "uniform_left",
        "uniform_up",
        "uniform_down",
        "parabola_flip",
        "collision_flip",
    ),
    "Interpolation: gaps in speed, holes in pairs of speeds": (
        "gap_1.25_3.75",
        "gap_1.25_3.75_inside",
        "hole_1.25_3.75",
        "hole_l_shape_inside",
        "paper_gap_eval",
        "paper_hole_2_3_eval",
    ),
    "Which attribute wins": (
        "colour_size_seen",
        "colour_size_held",
        "colour_shape_seen",
        "colour_shape_held",
        "velocity_size_binary_held",
        "ring_seen",
        "ring_held",
        "control_red_slow",
        "paper_colour_size_eval",
        "paper_colour_velocity_eval",
        "paper_size_shape_eval",
        "paper_velocity_shape_eval",
        "paper_colour_shape_eval",
    ),
    "Memorisation": ("memory_flip", "memory_test"),
    "Composition in space and time": (
        "spatial_seen",
        "spatial_held",
        "temporal_seen",
        "temporal_held",
    ),
    "What frames cannot tell": ("ambiguous_gap", "phyre_ambiguous_gap", "phyre_ambiguous_offset"),
    "Combinations of eight kinds of object, in PHYRE's world": (
        "phyre_six",
        "phyre_out_of_template",
    ),
}


def sheet(name: str) -> np.ndarray:
    """Some videos of a data set, one per row. A listed set is sampled over its length."""
    data = named_data(name, videos=None)
    step = (
        max(data.videos // VIDEOS, 1)
        if name.endswith("_eval") or name.startswith("phyre_ambiguous")
        else 1
    )
    rows = with_frames(simulate(data, indices=np.arange(VIDEOS) * step), canvas=CANVAS)
    assert rows.pixels is not None
    return contact_sheet(rows.pixels, columns=COLUMNS)


def page() -> str:
    """The page's text."""
    by_name = ", ".join(f"`{name}`" for name in sorted(scenario_names()))
    lines = [
        "# Every data set at a glance",
        "",
        "Made by `python -m docs.scenario_page`; three videos per sheet, time to the right. "
        "Draw any of them by name:",
        "`physscale show NAME`, `physscale simulate NAME --videos N --out DIR`, or "
        "`scenario_named(NAME)` in Python.",
        "",
        f"Scenarios with values of your own: {by_name}.",
        "",
        "Official files of the paper, row by row, with their counts, order, places and repeated "
        "seeds:",
        f"{_listed(lambda listed: listed)}.",
        "",
        "The same questions drawn anew, without their traps: "
        f"{_listed(lambda listed: not listed)}.",
        "",
        "Combinatorial scenes, on `box2d` in process or, with `--engine phyre`, on the real PHYRE "
        "(`physscale phyre setup`):",
        f"{', '.join(f'`{name}`' for name in PHYRE_SETS)}.",
        "",
    ]
    for title, names in SECTIONS.items():
        lines += [f"## {title}", ""]
        for name in names:
            lines += [
                f"`{name}`",
                "",
                f"![{name}](../../experiments/figures/scenarios/{name}.png)",
                "",
            ]
    return "\n".join(lines)


def _listed(chosen: Callable[[bool], bool]) -> str:
    """The names of the finite lists, or of all others."""
    return ", ".join(
        f"`{name}`" for name, scenario in PRESETS.items() if chosen(scenario.count is not None)
    )


def main() -> None:
    """Writes every sheet and the page."""
    for names in SECTIONS.values():
        for name in names:
            write_png(FIGURES / f"{name}.png", sheet(name))
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
