"""The study's W&B dashboard as code, made from the study's files.

It has five sections: scaling (the error on each split against N, D, C and FLOPs on logarithmic
axes), errors per split (the model beside its floors and baselines), training, videos, and the sweep
as parallel coordinates. The same files give the same dashboard. Its specification is a JSON file
that can be kept, compared and published."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws

from physscale.records.errors import UserError
from physscale.records.json_value import parsed
from physscale.records.metric_table import (
    Metric,
    metric_named,
    read_metric_table,
    shown_in,
)
from physscale.records.store import Store
from physscale.records.tables import read_scores

AXES = {"parameters": "N", "videos": "D", "combinations": "C", "flops": "FLOPs"}
"""The axes that an error may scale with: the key in a run's configuration, and its symbol."""


@dataclass(frozen=True)
class Measured:
    """What a study has measured.

    Attributes:
        axes: the `AXES` that vary.
        metrics: the metrics of each split.
        sources: the sources of each `SPLIT/METRIC`, the model first.
        table: every declared metric, by name.
    """

    study: str
    axes: list[str]
    splits: list[str]
    metrics: dict[str, list[str]]
    sources: dict[str, list[str]]
    table: Mapping[str, Metric]

    def against_axes(self, split: str) -> list[Metric]:
        """The metrics of this split that are drawn against the axes."""
        chosen = shown_in("dashboard", table=self.table)
        return [metric for metric in chosen if metric.name in self.metrics[split]]

    def label(self, metric: str) -> str:
        """Words and unit of a metric."""
        return metric_named(metric, table=self.table).label

    def keys(self, split: str, metric: str) -> list[str]:
        """The summary keys of a metric, the model's first."""
        names = self.sources[f"{split}/{metric}"]
        return [
            f"{split}/{metric}" if source == "model" else f"{split}/{metric}/{source}"
            for source in names
        ]


def measured(store: Store) -> Measured:
    """Splits, metrics and varying axes, from the study's own tables.

    Raises:
        UserError: if no run of the study has ended yet.
    """
    if not store.scores.exists():
        raise UserError(
            f"{store.root}: no scores.parquet yet; `physscale run {store.root.name}` writes it "
            "when runs have ended"
        )
    rows = read_scores(store.scores).to_pylist()
    splits = list(dict.fromkeys(row["split"] for row in rows))
    sources: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: row["source"] != "model"):
        known = sources.setdefault(f"{row['split']}/{row['metric']}", [])
        if row["source"] not in known:
            known.append(row["source"])
    return Measured(
        study=store.root.name,
        axes=[axis for axis in AXES if len({row[axis] for row in rows}) > 1],
        splits=splits,
        metrics={
            split: list(dict.fromkeys(row["metric"] for row in rows if row["split"] == split))
            for split in splits
        },
        sources=sources,
        table=read_metric_table(store.metric_table),
    )


def workspace(found: Measured, *, entity: str, project: str) -> ws.Workspace:
    """The dashboard of a study."""
    sections = [
        ws.Section(name="Scaling", panels=_scaling(found), is_open=True),
        *[
            ws.Section(
                name=f"Errors: {split}",
                panels=_errors(found, split),
                is_open=split == found.splits[0],
            )
            for split in found.splits
        ],
        ws.Section(name="Training", panels=_training(), is_open=True),
        ws.Section(
            name="Videos",
            panels=[
                wr.MediaBrowser(
                    media_keys=[f"videos/{split}" for split in found.splits], num_columns=2
                )
            ],
        ),
        ws.Section(name="Sweep", panels=[_table(found)], is_open=True),
    ]
    return ws.Workspace(
        entity=entity,
        project=project,
        name=f"physscale: {found.study}",
        sections=sections,
        runset_settings=ws.RunsetSettings(
            filters=ws.And(ws.Metric("Group") == found.study), groupby=[ws.Metric("JobType")]
        ),
        auto_generate_panels=False,
    )


def specification(board: ws.Workspace) -> dict[str, Any]:
    """The dashboard as JSON values, without asking a server; panels are numbered instead of getting
    W&B's random identifiers."""
    text = board._to_model().model_dump_json(by_alias=True, exclude_none=True)
    numbers = itertools.count()
    return dict(
        parsed(re.sub(r'"__id__":\s*"[^"]*"', lambda _: f'"__id__":"panel{next(numbers)}"', text))
    )


def publish(board: ws.Workspace) -> str:
    """Saves the dashboard on the server that `WANDB_BASE_URL` and `WANDB_API_KEY` name.

    Returns:
        Address of the dashboard.

    Raises:
        UserError: if the server refuses or does not answer.
    """
    try:
        return str(board.save().url)
    except Exception as error:  # wandb-workspaces lets GraphQL, HTTP and its own errors through
        raise UserError(
            f"W&B did not take the dashboard ({type(error).__name__}: {error}); the file is the "
            "same dashboard"
        ) from error


def _scaling(found: Measured) -> list[Any]:
    return [
        wr.ScatterPlot(
            title=f"{split}: {metric.label} against {AXES[axis]}",
            x=wr.Config(axis),
            y=wr.SummaryMetric(f"{split}/{metric.name}"),
            log_x=True,
            log_y=True,
            regression=False,
        )
        for split in found.splits
        for metric in found.against_axes(split)
        for axis in found.axes
    ]


def _errors(found: Measured, split: str) -> list[Any]:
    return [
        wr.BarPlot(
            title=f"{split}: {found.label(metric)}",
            metrics=found.keys(split, metric),
            groupby=wr.Config("parameters"),
            orientation="v",
        )
        for metric in found.metrics[split]
    ]


def _training() -> list[Any]:
    logarithmic = ("loss", "gradient_norm")
    keys: Sequence[str] = ("loss", "learning_rate", "gradient_norm", "ms_per_step")
    return [
        wr.LinePlot(
            title=key, x="Step", y=[key], log_y=key in logarithmic, smoothing_show_original=True
        )
        for key in keys
    ]


def _table(found: Measured) -> wr.ParallelCoordinatesPlot:
    """The panel of parallel coordinates: every run as a line from its axes to its errors."""
    axes = [
        wr.ParallelCoordinatesPlotColumn(metric=wr.Config(axis), display_name=AXES[axis], log=True)
        for axis in found.axes
    ]
    errors = [
        wr.ParallelCoordinatesPlotColumn(
            metric=wr.SummaryMetric(f"{split}/{metric.name}"), log=True
        )
        for split in found.splits
        for metric in found.against_axes(split)
    ]
    return wr.ParallelCoordinatesPlot(title="every run", columns=[*axes, *errors])
