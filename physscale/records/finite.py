"""Values as JSON can hold them: it has neither NaN nor infinity."""

import math
from typing import Any

import numpy as np


def finite(value: Any) -> Any:  # noqa: ANN401
    """The same JSON types, with null for numbers that are not finite."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, np.ndarray):
        return finite(value.tolist())
    if isinstance(value, np.generic):
        return finite(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
