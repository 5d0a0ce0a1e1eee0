"""JSON from a file that anybody may have written."""

import json
from typing import Any

__all__ = ["parsed"]


def parsed(text: str | bytes) -> Any:  # noqa: ANN401 - JSON
    """The value.

    Raises:
        ValueError: for what is no JSON, or is nested too deeply to be read.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
