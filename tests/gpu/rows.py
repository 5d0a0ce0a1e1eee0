"""Every row of the GPU table, in its order."""

from tests.gpu import (
    agreement,
    codec,
    memory,
    plans,
    promises,
    runs,
    saving,
    scoring,
    speed,
    workers,
)
from tests.gpu.row import Row

__all__ = ["ROWS"]

ROWS: tuple[Row, ...] = (
    *agreement.ROWS,
    *speed.ROWS,
    *memory.ROWS,
    *codec.ROWS,
    *plans.ROWS,
    *scoring.ROWS,
    *promises.ROWS,
    *saving.ROWS,
    *runs.ROWS,
    *workers.ROWS,
)
