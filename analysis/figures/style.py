"""One look for all figures: a colour-blind-safe palette (Okabe and Ito 2008), thin grey axes, and
labels beside lines instead of legends.

matplotlib is imported when a figure is drawn, never when the command line starts.
"""

import contextlib
import io
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Layout = Literal["row", "column"]
WIDTH_IN = {"row": 7.0, "column": 3.4}
"""Widths of a journal's two-column page and of one column. Figures are drawn at their printed size,
with text of at least 5.5 points."""
BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, INK, GREY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#AA5C8F",
    "#56B4E9",
    "#E69F00",
    "#22272E",
    "#7A828C",
)
SOFT = "#4A525C"
KIND_COLOURS = {"id": BLUE, "ood": VERMILION, "combinatorial": GREEN}
OTHERS = (PURPLE, ORANGE, SKY)
_KINDS = {
    "in": "id",
    "in distribution": "id",
    "out": "ood",
    "out of distribution": "ood",
    "new combinations": "combinatorial",
}
SOURCE_WORDS = {
    "truth": "tracker floor",
    "codec": "codec floor",
    "clamp": "clamp to trained speeds",
    "mean_speed": "mean trained speed",
    "extrapolate": "3-frame extrapolation",
    "nearest": "nearest training case",
}
_LONGEST_LABEL = 32
_TICK_IN = 0.3
_SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 7.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 7.0,
    "axes.edgecolor": "#B9BFC6",
    "axes.linewidth": 0.7,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E8EBEE",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 6.2,
    "ytick.labelsize": 6.2,
    "text.color": INK,
    "text.parse_math": False,
    "legend.frameon": False,
    "legend.fontsize": 6.2,
    "lines.linewidth": 1.4,
    "svg.fonttype": "path",
    "svg.hashsalt": "physscale",
    "pdf.fonttype": 42,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "figure.dpi": 150,
    "savefig.dpi": 300,
    "figure.facecolor": "white",
}


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """matplotlib with this look, without a display."""
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Glyph .* missing"
        )  # a name in another script shows as boxes, without an error
        yield


def new_figure(*, width_in: float, height_in: float) -> "Figure":
    """A figure that belongs to no window and is freed with its last reference."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), layout="constrained")


@dataclass(frozen=True)
class Panels:
    """A figure and its panels in reading order, `across` of them side by side."""

    figure: "Figure"
    axes: "list[Axes]"
    across: int

    def leads(self, place: int) -> bool:
        """Whether this panel is the first of its line, the one that names the y axis."""
        return place % self.across == 0


def panels_of(
    count: int,
    *,
    layout: Layout,
    most_across: int,
    height_in: float,
    share_y: Literal["all", "none"] = "none",
) -> Panels:
    """`count` panels of this height, at most `most_across` side by side. A column stacks them."""
    across = min(count, most_across if layout == "row" else 1)
    lines = -(-count // across)
    width = WIDTH_IN[layout] if across > 1 or layout == "column" else WIDTH_IN["column"] + 0.6
    figure = new_figure(width_in=width, height_in=height_in * lines)
    grid = list(figure.subplots(lines, across, squeeze=False, sharey=share_y).flat)
    for empty in grid[count:]:
        empty.set_visible(False)
    return Panels(figure, grid[:count], across)


def _settle(figure: "Figure") -> None:
    """Lays the figure out once. By default, matplotlib does it twice per save, which takes most of
    a report's time."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def svg(figure: "Figure") -> bytes:
    """The figure as SVG, byte for byte the same each time."""
    buffer = io.BytesIO()
    with styled():
        _settle(figure)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def png(figure: "Figure") -> bytes:
    """The figure as PNG with 300 dots per inch at its printed size, byte for byte the same each
    time."""
    buffer = io.BytesIO()
    with styled():
        _settle(figure)
        figure.savefig(buffer, format="png", dpi=300, metadata={"Software": None})
    return buffer.getvalue()


def pdf(figures: Iterable["Figure"]) -> bytes:
    """Figures as the pages of one PDF."""
    from matplotlib.backends.backend_pdf import PdfPages

    buffer = io.BytesIO()
    with (
        styled(),
        PdfPages(buffer, metadata={"CreationDate": None, "Creator": "physscale"}) as pages,
    ):
        for figure in figures:
            _settle(figure)
            pages.savefig(figure)
    return buffer.getvalue()


def halo() -> list[Any]:
    """A white rim that keeps words readable over lines."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.2, foreground="white")]


def split_words(split: str) -> str:
    """A split's name in words: a label of one line."""
    return plain_text({"id": "in distribution"}.get(split, split.replace("_", " ")))


def kind_colour(split: str) -> str | None:
    """Colour of a split that says its kind, as in `ood` or `collision, out of distribution`."""
    said = split.lower().split(",")[-1].strip()
    return KIND_COLOURS.get(_KINDS.get(said, said))


def plain_text(text: str) -> str:
    """Text from a file as one line, cut to the length of a label. Mathematics is off in these
    figures."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LABEL else line[: _LONGEST_LABEL - 1] + "…"


def bound(line: str) -> str:
    """The text, unbreakable between `p` and its value."""
    return line.replace(" p ", " p\N{NO-BREAK SPACE}").replace(
        "p < ", "p\N{NO-BREAK SPACE}<\N{NO-BREAK SPACE}"
    )


def pitch_in(axes: "Axes") -> float:
    """Inches from one panel of a row to the next."""
    place = axes.get_subplotspec()
    across = place.get_gridspec().ncols if place is not None else 1
    return float(axes.get_figure(root=True).get_size_inches()[0]) / across  # type: ignore[union-attr]


def level_ticks(axes: "Axes", levels: np.ndarray) -> None:
    """Ticks of the x axis at the levels themselves, as short numbers (4.2k, 1M), thinned where they
    would touch."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    logs = np.log(levels)
    least = min(0.5, _TICK_IN / max(pitch_in(axes) - 0.4, 0.3)) * max(float(np.ptp(logs)), 1e-9)
    kept: list[int] = []
    for position in range(len(levels)):
        if not kept or logs[position] - logs[kept[-1]] > least:
            kept.append(position)
    axes.xaxis.set_major_locator(FixedLocator(list(levels[kept])))
    axes.xaxis.set_major_formatter(
        FixedFormatter([short_number(levels[position]) for position in kept])
    )
    axes.xaxis.set_minor_locator(NullLocator())


def decade_ticks(axes: "Axes") -> None:
    """Ticks of a logarithmic y axis as plain numbers: 1-2-5 where there is room, else decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axes.get_ylim()
    decades = float(np.log10(high / low))
    axes.yaxis.set_major_locator(
        LogLocator(base=10, subs=(1.0, 2.0, 5.0) if decades < 2.5 else (1.0,))
    )
    axes.yaxis.set_major_formatter(
        FuncFormatter(
            lambda value, _: (
                f"{value:.10f}".rstrip("0").rstrip(".") if value < 1e4 else f"{value:.0e}"
            )
        )
    )
    axes.yaxis.set_minor_formatter(NullFormatter())


def few_ticks(side: "Axis") -> None:
    """Plain numbers on a logarithmic axis that spans less than a decade or two, where powers of ten
    would leave it bare."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    low, high = sorted(side.get_view_interval())
    if high < 8 * low:
        side.set_major_locator(MaxNLocator(4))
    elif high < 100 * low:
        side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    side.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    side.set_minor_formatter(NullFormatter())


def short_number(value: float) -> str:
    """Writes 1234567 as 1.2M."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"
