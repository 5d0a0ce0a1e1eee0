"""A figure that can be drawn: its name, its table, and the function that draws the table."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import pyarrow as pa

from analysis.figures.style import Layout
from analysis.figures.tidy import csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@runtime_checkable
class Draw(Protocol):
    """Draws a table. A "row" is as wide as a two-column page; a "column" as one of its columns, or
    as a phone."""

    def __call__(self, drawn: pa.Table, /, *, layout: Layout = "row") -> "Figure": ...


@dataclass(frozen=True)
class Drawing:
    """A figure. `words` describes it to a reader who cannot see it."""

    name: str
    table: pa.Table
    draw: Draw
    words: str

    def figure(self, layout: Layout = "row") -> "Figure":
        """The figure, drawn from its table."""
        return self.draw(self.table, layout=layout)

    def csv(self) -> bytes:
        """The numbers behind the figure."""
        return csv(self.table)
