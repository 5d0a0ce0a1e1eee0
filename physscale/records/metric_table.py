"""Every metric: its name, unit, direction and words, and where it is shown.

Scores, command line, dashboard, figures and report read this one table. It stands in `records`
because the analysis and the trackers import no room of evaluation; how a metric is computed stands
in `evaluate/metrics.py`. The study's `metrics.json` declares the metrics of plug-ins, so that a
report made without the plug-in still has their words. A metric that neither of them declares is
shown under its own name: nothing is known of its unit or direction, so nothing is claimed."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from physscale.records.errors import DamagedData, UserError
from physscale.records.json_file import read_json, write_json
from physscale.records.scores import SplitKind
from physscale.records.spec import from_plain, plain

__all__ = [
    "BUILT_IN",
    "Direction",
    "Metric",
    "Place",
    "metric_named",
    "read_metric_table",
    "shown_in",
    "write_metric_table",
]

Direction = Literal["lower", "higher", "none"]
"""Which values are better; `none` where the question has no answer, or none is known."""

Place = Literal["command line", "dashboard", "report", "frames report"]
"""`command line`: a column per group of `physscale evaluate FILE`. `dashboard`: drawn against N, D,
C and FLOPs. `report`: its ladders, largest first. `frames report`: a column of the table that
`physscale evaluate STUDY` adds to the report. Complete tables list every metric anyway."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric as its readers need it.

    Attributes:
        name: the name in tables, as in "velocity_error".
        words: the name in figures and sentences, as in "velocity error".
        unit: as in "m/s"; empty for a number without a unit.
        share: whether it is a share of videos or frames, from 0 to 1; no power law is fitted to it.
        shown: the places that show it, beside the complete tables.
        leads: the kinds of test split for which the report opens with this metric.

    Raises:
        UserError: for a name that is not `[a-z][a-z0-9_]{0,63}`, no words, or an unknown place.
    """

    name: str
    words: str
    unit: str = ""
    direction: Direction = "lower"
    share: bool = False
    shown: tuple[Place, ...] = ()
    leads: tuple[SplitKind, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UserError(
                f"metric {self.name[:80]!r}: use 1 to 64 of a-z 0-9 _ and start with a letter"
            )
        if not self.words.strip():
            raise UserError(f"metric {self.name}: words={self.words!r}; say it as a reader would")
        for allowed, given in ((Direction, (self.direction,)), (Place, self.shown)):
            for value in given:
                if value not in get_args(allowed):
                    raise UserError(
                        f"metric {self.name}: {value!r}; allowed are {', '.join(get_args(allowed))}"
                    )

    @property
    def label(self) -> str:
        """Words and unit, for an axis or a table's head."""
        return f"{self.words} ({self.unit})" if self.unit else self.words

    @property
    def may_scale(self) -> bool:
        """Whether a power law may describe it: an error that falls, without an upper bound."""
        return self.direction == "lower" and not self.share


BUILT_IN = (
    Metric(
        name="velocity_error",
        words="velocity error",
        unit="m/s",
        shown=("command line", "dashboard", "report"),
        leads=("id", "ood"),
    ),
    Metric(
        name="loss",
        words="held-out loss",
        shown=("dashboard", "report"),
        leads=("combinatorial",),
    ),
    Metric(name="loss_grid", words="held-out loss, mean over noise levels"),
    Metric(name="frame_velocity_error", words="per-frame velocity error", unit="m/s"),
    Metric(name="position_error", words="position error", unit="m", shown=("command line",)),
    Metric(name="radius_error", words="radius error", unit="m"),
    Metric(name="vanish_rate", words="vanished", share=True, shown=("command line",)),
    Metric(name="reversal_rate", words="reversed", share=True, shown=("command line",)),
    Metric(name="teleport_rate", words="teleported", share=True, shown=("command line",)),
    Metric(name="duplicate_rate", words="duplicated", share=True),
    Metric(name="merge_rate", words="merged", share=True),
    Metric(name="radius_drift", words="radius drift", unit="m"),
    Metric(name="shape_change", words="relative change of shape"),
    Metric(name="colour_change", words="change of colour"),
    Metric(name="momentum_error", words="relative momentum error"),
    Metric(name="energy_error", words="relative energy error"),
    Metric(
        name="official_velocity_error",
        words="velocity error by the official script",
        unit="m/s",
        shown=("dashboard", "report"),
    ),
    Metric(
        name="official_position_error",
        words="position error by the official script",
        unit="m",
        shown=("dashboard", "report"),
    ),
    Metric(name="ssim", words="SSIM", direction="higher", shown=("frames report",)),
    Metric(name="psnr_db", words="PSNR", unit="dB", direction="higher", shown=("frames report",)),
    Metric(name="st_lpips", words="ST-LPIPS", shown=("frames report",)),
    Metric(name="state_frechet", words="state Fréchet", shown=("frames report",)),
    Metric(name="violation_frechet", words="violation Fréchet"),
    Metric(name="abnormal_rate", words="abnormal", share=True, shown=("frames report",)),
)
"""What comes with the package, in the order in which readers show it."""


def metric_named(name: str, *, table: Mapping[str, Metric]) -> Metric:
    """The declared metric. One that nobody declared is described by its name, without direction."""
    return table.get(name) or Metric(name=name, words=name, direction="none")


def shown_in(place: Place, *, table: Mapping[str, Metric]) -> list[Metric]:
    """The metrics of a place, in its order."""
    return [metric for metric in table.values() if place in metric.shown]


def read_metric_table(path: Path) -> dict[str, Metric]:
    """The metrics of the package and those that a study's `metrics.json` declares, by name.

    Raises:
        DamagedData: if the file is not readable.
        UserError: if another version wrote a field that this one does not know.
    """
    found = {metric.name: metric for metric in BUILT_IN}
    if not path.is_file():
        return found
    try:
        declared = [from_plain(Metric, row) for row in read_json(path)["metrics"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedData(
            f"{path}: no readable table of metrics ({type(error).__name__})"
        ) from error
    return found | {metric.name: metric for metric in declared if metric.name not in found}


def write_metric_table(path: Path, *, metrics: Iterable[Metric]) -> None:
    """Declares these metrics beside those that the file declares already."""
    own = {metric.name for metric in BUILT_IN}
    known = read_metric_table(path) | {metric.name: metric for metric in metrics}
    declared = [plain(metric) for name, metric in known.items() if name not in own]
    if declared:
        write_json(path, {"metrics": declared})
