"""The tables of a study: the rows of its finished runs, with the group that the study planned for
each run."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from physscale.evaluate.metrics import METRICS
from physscale.records.errors import DamagedData
from physscale.records.metric_table import write_metric_table
from physscale.records.planned import planned_runs
from physscale.records.scores import FRAMES, OUTCOMES, SCORES
from physscale.records.spec import short
from physscale.records.store import Store
from physscale.records.tables import read_parquet, read_scores, write_parquet

FRAME_TABLE, FRAME_SCORES = ".parquet", ".scores.parquet"
"""Suffixes of the files that `physscale evaluate STUDY` writes for a split."""


def behind(store: Store, *, runs: Iterable[str]) -> bool:
    """Whether the study's tables are missing, or older than a run's table because the driver was
    killed before it wrote them."""
    if not (store.scores.exists() and store.outcomes.exists()):
        return True
    made = store.scores.stat().st_mtime_ns
    tables = (store.run(run).scores for run in runs)
    return any(table.exists() and table.stat().st_mtime_ns > made for table in tables)


def write_study_tables(store: Store, *, groups: Mapping[str, str]) -> None:
    """Writes the study's `scores.parquet` and `outcomes.parquet` from those of these runs that are
    finished, and declares the metrics of plug-ins in `metrics.json`.

    Args:
        groups: the group of each run, by fingerprint.
    """
    score_tables, outcome_tables = [SCORES.empty_table()], [OUTCOMES.empty_table()]
    for run, group in groups.items():
        folder = store.run(run)
        if not folder.scores.exists():
            continue
        scores = _of_run(read_scores(folder.scores), run=run, path=folder.scores)
        score_tables.append(_in_group(scores, group=group))
        outcomes = read_parquet(folder.outcomes, OUTCOMES)
        outcome_tables.append(_of_run(outcomes, run=run, path=folder.outcomes))
    scores = pa.concat_tables(score_tables)
    write_parquet(store.scores, scores)
    write_parquet(store.outcomes, pa.concat_tables(outcome_tables))
    scored = set(scores["metric"].to_pylist())
    declared = [metric.metric for name, metric in METRICS.entries().items() if name in scored]
    write_metric_table(store.metric_table, metrics=declared)


def write_frame_tables(store: Store) -> int:
    """Writes the study's tables of frame metrics from those of its runs.

    Returns:
        The number of model videos in them.
    """
    groups = planned_groups(store)
    frame_tables, score_tables = [FRAMES.empty_table()], [SCORES.empty_table()]
    for path in sorted(store.root.glob(f"runs/*/frames/*{FRAME_SCORES}")):
        frames = path.with_name(path.name.removesuffix(FRAME_SCORES) + FRAME_TABLE)
        frame_tables.append(_of_split(read_parquet(frames, FRAMES), path=frames))
        scores = _of_split(read_scores(path), path=path)
        if scores.num_rows:
            group = groups.get(scores["run"][0].as_py(), "")
            score_tables.append(_in_group(scores, group=group))
    videos = pa.concat_tables(frame_tables)
    write_parquet(store.frames, videos)
    write_parquet(store.frame_scores, pa.concat_tables(score_tables))
    return videos["source"].to_pylist().count("model")


def planned_groups(store: Store) -> dict[str, str]:
    """The group of every run that the study planned; empty if the folder holds no study."""
    return {row["fingerprint"]: row["group"] for row in planned_runs(store.study)}


def _of_run(table: pa.Table, *, run: str, path: Path) -> pa.Table:
    """The table itself. Raises DamagedData if it has a row of another run."""
    others = set(table["run"].to_pylist()) - {run}
    if others:
        raise DamagedData(
            f"{path}: rows of run {short(min(others))}; move it away, and the same `physscale run` "
            "makes it again"
        )
    return table


def _of_split(table: pa.Table, *, path: Path) -> pa.Table:
    """The table itself. Raises DamagedData if it has a row of another run or split than its place
    says."""
    here = (path.parents[1].name, path.name.removesuffix(FRAME_SCORES).removesuffix(FRAME_TABLE))
    rows = zip(table["run"].to_pylist(), table["split"].to_pylist(), strict=True)
    others = {(short(run), split) for run, split in rows} - {here}
    if others:
        run, split = min(others)
        raise DamagedData(
            f"{path}: rows of run {run}, split {split!r}; move it away, and the same `physscale "
            "evaluate` makes it again"
        )
    return table


def _in_group(scores: pa.Table, *, group: str) -> pa.Table:
    column = SCORES.get_field_index("group")
    values = pa.array([group] * scores.num_rows, pa.string())
    return scores.set_column(column, SCORES.field("group"), values)
