"""The twelve kinds of figures: each from one file, drawn from its own table, with its numbers, at
the size of print."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from analysis.data.study import read_study
from analysis.data.table import Runs
from analysis.design.ladders import ladders
from analysis.figures import (
    contours,
    contrasts,
    fitted_curves,
    forest,
    held_out,
    iso_flops,
    ladder_grid,
    pairs,
    profiles,
    ratio,
    reducible,
    residuals,
    sensitivity,
    split_panels,
    three_panels,
    workers,
)
from analysis.figures.drawing import Drawing
from analysis.figures.style import WIDTH_IN, Layout, pdf, png, svg
from analysis.fit.splits import SplitFit, fit_splits
from analysis.laws.registry import law_named
from analysis.report.findings import find_out
from analysis.report.table_drawings import contrasts_of, drawings_across, split_drawings

SMALLEST_POINTS = 5.5
# scaling.md's twelve kinds -> the names and files that draw them
KINDS: dict[str, tuple[str, Callable[..., object]]] = {
    "1 response against each axis": ("0_curves", fitted_curves.draw),
    "2 reducible part": ("0_reducible", reducible.draw),
    "3 splits side by side, verdict above": ("main", split_panels.draw),
    "4 equal compute": ("0_iso_flops", iso_flops.draw),
    "5 contours and frontier": ("0_contours", contours.draw),
    "6 residuals": ("0_residuals", residuals.draw),
    "7 profile likelihoods": ("0_profiles", profiles.draw),
    "8 bootstrap pairs": ("0_pairs", pairs.draw),
    "9 predicted against held out": ("0_hold_out", held_out.draw),
    "10 exponents across splits": ("forest", forest.draw),
    "10 paired differences": ("contrasts", contrasts.draw),
    "11 sensitivity": ("0_sensitivity", sensitivity.draw),
    "12 shares with two laws": ("ratio", ratio.draw),
}


def sweep(*, split: str) -> Runs:
    """Sizes and budgets of equal compute, two seeds; "ood" does not move."""
    rng = np.random.default_rng(0)
    n, c, _ = (
        part.ravel()
        for part in np.meshgrid(np.geomspace(1e4, 1e6, 5), np.geomspace(1e11, 1e13, 3), [0, 1])
    )
    d = c / 6 / n
    loss = np.full(len(n), 0.4) if split == "ood" else 0.02 + 3 * n**-0.35 + 20 * d**-0.4
    names = np.full(len(n), split, dtype=object)
    return Runs(
        {"N": n, "D": d},
        loss * np.exp(0.02 * rng.standard_normal(len(n))),
        names,
        np.tile(["0", "1"], len(n) // 2),
        None,
        None,
        (),
    )


@cache
def parts() -> list[SplitFit]:
    two = [sweep(split="<b>in $x$_" + "very long " * 9), sweep(split="ood")]
    both = Runs(
        {name: np.concatenate([run.axes[name] for run in two]) for name in ("N", "D")},
        np.concatenate([run.response for run in two]),
        np.concatenate([run.split for run in two]),
        np.concatenate([run.seed for run in two]),
        None,
        None,
        (),
    )
    asked: dict[str, Any] = {"delta": None, "floor": None, "bootstrap": 60, "seed": 0}
    scaling, flat = fit_splits(
        law_named("power-nd"), runs=both, **asked, with_profile=False, with_hold_out=False
    )
    whole = fit_splits(law_named("power-nd"), runs=two[0], **asked)[0]
    return [replace(whole, verdicts=scaling.verdicts), flat]


@cache
def drawn() -> dict[str, Drawing]:
    words, trials = np.full(4, ""), np.full(4, 100.0)
    shares = Runs(
        {"x": np.array([6.0, 12.0, 30.0, 60.0])},
        np.array([0.67, 0.4, 0.18, 0.1]),
        words,
        words,
        trials,
        None,
        (),
    )
    found = fit_splits(
        law_named("ratio-power"), runs=shares, delta=None, floor=None, bootstrap=60, seed=0
    )
    drawings = [
        *drawings_across(parts(), response="loss", names={}),
        *split_drawings(parts()[0], response="loss", prefix="0_"),
    ]
    return {
        drawing.name: drawing
        for drawing in [*drawings, *split_drawings(found[0], response="abnormal")]
    }


def bare_axes(figure: Figure) -> list[tuple[float, float]]:
    """The ranges of logarithmic axes that show fewer than two numbers."""
    FigureCanvasAgg(figure).draw()
    bare = []
    for side in (side for axes in figure.axes for side in (axes.xaxis, axes.yaxis)):
        ticks = [*side.get_major_ticks(), *side.get_minor_ticks()]
        shared = not any(tick.label1.get_visible() for tick in ticks)
        low, high = sorted(side.get_view_interval())
        numbers = [t for t in ticks if low <= t.get_loc() <= high and t.label1.get_text()]
        if side.get_scale() == "log" and not shared and len(numbers) < 2:
            bare.append((low, high))
    return bare


@pytest.mark.parametrize("kind", KINDS)
def test_a_logarithmic_axis_has_numbers(kind: str) -> None:
    assert not bare_axes(drawn()[KINDS[kind][0]].figure("row"))


@pytest.mark.parametrize("losses", [(0.35, 0.3, 0.28), (3.5, 0.3, 0.02)], ids=["narrow", "wide"])
def test_losses_within_one_decade_have_numbers_too(losses: tuple[float, ...]) -> None:
    """No power of ten lay among them, and the axis was bare."""
    rows = [
        {"workers": count, "step": step, "loss": loss, "relative_difference": (count - 1) * 2e-6}
        for count in (1, 2)
        for step, loss in enumerate(losses)
    ]
    figure = workers.draw(pa.Table.from_pylist(rows, schema=workers.SCHEMA))
    assert not bare_axes(figure)


@pytest.mark.parametrize("layout", ["row", "column"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_fits_a_page_and_every_word_is_read(kind: str, layout: Layout) -> None:
    name, draw = KINDS[kind]
    drawing = drawn()[name]
    assert drawing.draw is draw
    figure = drawing.figure(layout)
    assert figure.get_figwidth() <= WIDTH_IN[layout] + 1e-9
    svg(figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    texts = [
        artist
        for artist in figure.findobj(Text)
        if isinstance(artist, Text) and artist.get_visible() and artist.get_text().strip()
    ]
    sizes = {text.get_text(): float(text.get_fontsize()) for text in texts}
    assert min(sizes.values()) >= SMALLEST_POINTS, sizes
    page = figure.bbox
    for head in (axes.title for axes in figure.axes):
        assert head.get_window_extent(renderer).x1 <= page.x1 + 1, head.get_text()
    assert drawing.words


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_has_its_numbers_and_embeds_its_fonts(kind: str) -> None:
    drawing = drawn()[KINDS[kind][0]]
    rows = list(csv.reader(io.StringIO(drawing.csv().decode())))
    assert rows[0] == drawing.table.column_names
    assert len(rows) == drawing.table.num_rows + 1
    page = pdf([drawing.figure()])
    assert b"/FontFile2" in page
    assert b"/Type3" not in page


def test_the_same_table_gives_the_same_bytes() -> None:
    one = drawn()["0_curves"]
    assert png(one.figure()) == png(one.figure())


def test_only_splits_that_scale_have_exponents() -> None:
    scaling, flat = parts()
    assert {verdict.word for verdict in flat.verdicts} <= {"flat", "undetermined"}
    assert set(drawn()["forest"].table["split"].to_pylist()) == {scaling.name}
    assert {contrast.quantity for contrast in contrasts_of(parts())}.isdisjoint({"alpha", "beta"})


def test_partial_residuals_fall_on_the_planted_powers() -> None:
    rows = [
        row
        for row in drawn()["0_reducible"].table.to_pylist()
        if row["role"] == "law" and row["axis"] == "D"
    ]
    slope = np.log(rows[-1]["y"] / rows[0]["y"]) / np.log(rows[-1]["x"] / rows[0]["x"])
    assert slope == pytest.approx(-0.4, abs=0.08)


def test_the_verdict_stands_above_every_panel() -> None:
    notes = {row["panel"]: row["note"] for row in drawn()["main"].table.to_pylist()}
    assert notes[0.0].startswith("scales")
    assert "no exponent" in notes[1.0]


def test_a_study_has_the_three_panels_too(results: object) -> None:
    findings = find_out(read_study(results))  # type: ignore[arg-type]
    figure = three_panels.draw(three_panels.table(findings.leading))
    assert figure.get_figwidth() <= WIDTH_IN["row"]
    assert (
        ladder_grid.draw(ladder_grid.table(ladders(findings.study)[:4])).get_figwidth()
        <= WIDTH_IN["row"]
    )
