"""The runs that a study planned: the list `runs` of its `study.json`."""

from pathlib import Path
from typing import Any

from physscale.records.errors import DamagedData
from physscale.records.json_file import read_json

_COUNTS = ("parameters", "videos", "combinations", "steps", "seed", "workers")
_KINDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("fingerprint", "label", "group"), str),
    **dict.fromkeys(_COUNTS, int),
    "groups": list,
    "flops": (int, float),
}
"""What every version has written of a run."""


def planned_runs(path: Path) -> list[dict[str, Any]]:
    """What `study.json` says of each run; nothing where there is no such file.

    Raises:
        DamagedData: if it is not readable, or has no such list.
    """
    if not path.exists():
        return []
    rows = read_json(path).get("runs")
    if not isinstance(rows, list):
        raise DamagedData(f"{path}: no list 'runs'; the same `physscale run` writes it again")
    for number, row in enumerate(rows):
        for name, kind in _KINDS.items():
            if not isinstance(row, dict) or not isinstance(row.get(name), kind):
                raise DamagedData(
                    f"{path}: runs[{number}] has no usable {name!r}; move the file away, and the "
                    "same `physscale run` writes it again"
                )
    return rows
