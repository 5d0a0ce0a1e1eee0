"""The gap: a band of speeds is left out of training.

Source: Kang et al. 2024 (arXiv 2411.02385), section 5."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from analysis.data.study import Study, StudyRun
from analysis.figures import gap
from analysis.figures.drawing import Drawing
from analysis.report.clips import clips_of
from analysis.report.section import Section
from analysis.report.words import percent


@dataclass(frozen=True)
class Gap:
    """Does the model draw unseen speeds as trained ones?"""

    name: str = "gap"

    def objection(self, study: Study, runs: Sequence[StudyRun]) -> str | None:
        """Every run needs the same trained bands of speed, at least two, and test balls between
        them."""
        bands = runs[0].trained_speeds
        if any(run.trained_speeds != bands for run in runs):
            return "its runs were trained on different speeds"
        if len(bands) < 2:
            return "its runs were not trained on two or more separate bands of speed"
        if gap.snapped(gap.table(study, runs=runs)) is None:
            return (
                "no test ball moves at a speed between two trained bands and more than "
                f"{gap.NEAR_M_S:g} m/s from both"
            )
        return None

    def section(self, study: Study, runs: Sequence[StudyRun]) -> Section:
        """Generated against true speed."""
        drawing = Drawing(
            "gap",
            gap.table(study, runs=runs),
            gap.draw,
            "Generated against true speed, with a band of speeds left out of training",
        )
        return Section(
            "gap",
            "The gap: speeds never seen",
            (
                "A band of speeds is left out of training. A model that knows the law puts every "
                "ball on the diagonal. A model that recalls cases draws the nearest trained speed.",
                _sentence(drawing.table),
            ),
            (drawing,),
            clips_of(runs[0], label=study.label(runs[0])),
        )


def _sentence(drawn: pa.Table) -> str:
    found = gap.snapped(drawn)
    assert found is not None
    share, law = found
    near = f"{gap.NEAR_M_S:g} m/s"
    return (
        f"Of the balls in the gap whose true speed is more than {near} from every trained speed, "
        f"{percent(share)} are drawn within {near} of a trained one; a model that knows the law "
        f"would give {law.value:.0%} (95 % Wilson intervals)."
    )
