"""`--where`: any text against one table of many types."""

from pathlib import Path

import pyarrow as pa

from analysis.data.source import Source
from analysis.data.where import rows_where

SOURCE = Source(
    pa.table(
        {
            "N": [1000, 2**60, None],
            "val loss": pa.array([0.5, float("nan"), None], pa.float32()),
            "split": ["id", "", None],
            "on": [True, False, None],
            "text": ["10", "1K", "1,000"],
            "list": [[1], [2], None],
        }
    )
)


def seeds() -> list[bytes]:
    return [
        b"N >= 10M and split == id or not on == true",
        b"('val loss' < 0.5 | text > 1K) & split != ''",
        b'list == 1 || N == 1e3 && "split" == `id`',
    ]


def read(data: bytes, folder: Path) -> None:
    rows_where(SOURCE, data.decode("utf-8", errors="surrogateescape"))
