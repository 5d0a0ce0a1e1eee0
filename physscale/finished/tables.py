"""The tables of a study: the rows of its finished runs, with the group that the study planned each
run for."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from physscale.records.scores import OUTCOMES, SCORES
from physscale.records.store import Store
from physscale.records.tables import write_parquet


def behind(store: Store, *, runs: Iterable[str]) -> bool:
    """Whether the study's tables are older than some run's, as after a driver was killed at the
    end, or are not there at all."""
    if not (store.scores.exists() and store.outcomes.exists()):
        return True
    made = store.scores.stat().st_mtime_ns
    tables = (store.run(run).scores for run in runs)
    return any(table.exists() and table.stat().st_mtime_ns > made for table in tables)


def gather(store: Store, *, groups: Mapping[str, str]) -> None:
    """Writes `scores.parquet` and `outcomes.parquet` of the study from those runs (fingerprint →
    group) whose own tables are there."""
    score_tables, outcome_tables = [SCORES.empty_table()], [OUTCOMES.empty_table()]
    for run, group in groups.items():
        folder = store.run(run)
        if not folder.scores.exists():
            continue
        table = pq.read_table(folder.scores, schema=SCORES)
        column = SCORES.get_field_index("group")
        score_tables.append(
            table.set_column(
                column, SCORES.field("group"), pa.array([group] * table.num_rows, pa.string())
            )
        )
        outcome_tables.append(pq.read_table(folder.outcomes, schema=OUTCOMES))
    write_parquet(store.scores, pa.concat_tables(score_tables))
    write_parquet(store.outcomes, pa.concat_tables(outcome_tables))
