"""Videos with frames of which it is known whether they are abnormal."""

from physscale.dataset.file import with_frames
from physscale.evaluate.calibration.corruptions_paper import vanish
from physscale.evaluate.calibration.known_videos import Cell, canvas, corrupted, true_rows
from physscale.records.video import Videos

CELL = Cell("collision", 32)


def shown(start: int, stop: int, *, cell: Cell = CELL) -> Videos:
    return with_frames(true_rows(cell, start=start, stop=stop), canvas=canvas(cell))


def half_wrong_videos() -> Videos:
    """Ten true videos, and ten in which a ball vanishes."""
    wrong = corrupted(shown(10, 20), corrupt=vanish, cell=CELL)
    assert wrong is not None
    return Videos.concat([shown(0, 10), wrong])
