"""A section of a report."""

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.figures.drawing import Drawing
from analysis.report.clips import Clip
from analysis.report.tables import Grid


@dataclass(frozen=True)
class Section:
    """A heading, paragraphs, figures, clips and tables."""

    key: str
    title: str
    paragraphs: Sequence[str] = ()
    drawings: Sequence[Drawing] = ()
    clips: Sequence[Clip] = ()
    grids: Sequence[Grid] = ()
