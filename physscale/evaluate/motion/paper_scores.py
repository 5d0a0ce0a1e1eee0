"""Means of the official numbers over groups of rows (arXiv 2411.02385), with our intervals."""

import numpy as np
import pyarrow as pa

from physscale.evaluate.scores import Line, line
from physscale.simulate.paper.sets import OUT


def paper_scores(outcomes: pa.Table) -> list[Line]:
    """Every metric over every group (`nanmean`), and over `ood`: all that is out of distribution,
    with balls at rest."""
    group = np.array(outcomes["group"].to_pylist(), object)
    groups = {"id": group == "id", "ood": np.isin(group, OUT)} | {
        name: group == name for name in ("radius", "speed", "both", "zero")
    }
    metrics = [name for name in outcomes.column_names if name not in ("index", "split", "group")]
    lines = []
    for metric in metrics:
        values = outcomes[metric].to_numpy(zero_copy_only=False).astype(np.float64)
        lines += [line(metric, group=name, values=values[rows]) for name, rows in groups.items()]
    return lines
