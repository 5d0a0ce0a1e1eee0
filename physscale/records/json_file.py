"""A JSON file that notices damage: beside its values it holds the SHA-256 of them.

Files of older versions have none, and are taken as they are."""

import hashlib
import json
from pathlib import Path
from typing import Any

from physscale.records.errors import DamagedData
from physscale.records.given_file import check_file
from physscale.records.json_value import parsed
from physscale.records.store import write_atomic

__all__ = ["read_json", "write_json"]

_SEAL = "sha256"


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write one JSON object, whole or not at all.

    Raises:
        UserError: if the place cannot be written.
    """
    write_atomic(path, json.dumps(values | {_SEAL: _digest(values)}, indent=1).encode())


def read_json(path: Path) -> dict[str, Any]:
    """The values of a file that is there.

    Raises:
        DamagedData: if it is no JSON object, or not the one that was written.
    """
    check_file(path)
    try:
        values = parsed(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DamagedData(f"{path}: not readable as JSON ({type(error).__name__})") from error
    if not isinstance(values, dict):
        raise DamagedData(f"{path}: not a JSON object")
    if values.pop(_SEAL, None) not in (None, _digest(values)):
        raise DamagedData(
            f"{path}: not what was written (SHA-256 differs); if it was edited on purpose, drop "
            f"its line {_SEAL!r}"
        )
    return values


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
