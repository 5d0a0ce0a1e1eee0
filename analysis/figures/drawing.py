"""A figure that can be drawn: its name, its table, and the function that draws the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa

from analysis.figures.tidy import csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Layout = Literal["row", "column"]


@dataclass(frozen=True)
class Drawing:
    """`words` describes the figure to who cannot see it."""

    name: str
    table: pa.Table
    draw: Callable[[pa.Table, Layout], "Figure"]
    words: str

    def figure(self, layout: Layout = "row") -> "Figure":
        """Draws it."""
        return self.draw(self.table, layout)

    def csv(self) -> bytes:
        """The numbers behind it."""
        return csv(self.table)
