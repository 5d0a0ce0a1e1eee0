"""One difference between two splits, with its interval and its sentence."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

_FIELDS = (
    "quantity",
    "kind",
    "first",
    "second",
    "first_value",
    "second_value",
    "value",
    "low",
    "high",
    "apart",
    "statement",
)


@dataclass(frozen=True)
class Contrast:
    """One difference or ratio of two splits, with a 95 % percentile interval of paired draws; an
    open end is None.

    `kind` "difference" is first - second, "ratio" is second / first. `apart` is true where the
    interval excludes "no difference"."""

    quantity: str
    kind: Literal["difference", "ratio"]
    first: str
    second: str
    first_value: float
    second_value: float
    value: float
    low: float | None
    high: float | None
    draws: Float[np.ndarray, " resamples"]
    axis: str | None = None

    @property
    def apart(self) -> bool:
        """Whether the interval excludes 0 (difference) or 1 (ratio)."""
        none = 0.0 if self.kind == "difference" else 1.0
        return (self.low is not None and self.low > none) or (
            self.high is not None and self.high < none
        )

    @property
    def statement(self) -> str:
        """One sentence."""
        ends = f"[{_end(self.low)}, {_end(self.high)}]"
        if self.kind == "ratio":
            times = f"{self.value:.3g} times as large"
            words = f"{self.quantity} is {times} in {self.second} as in {self.first} {ends}"
        else:
            values = f"{self.first} {self.first_value:.3g}, {self.second} {self.second_value:.3g}"
            words = f"{self.quantity}: {values}, difference {self.value:+.3g} {ends}"
        return words if self.apart else f"{words}: no difference is shown"


def contrast_of(
    quantity: str,
    kind: Literal["difference", "ratio"],
    first: str,
    second: str,
    one: np.ndarray,
    other: np.ndarray,
    *,
    axis: str | None = None,
) -> Contrast:
    """The contrast of two arrays, each an estimate followed by its draws. `axis` is the axis that
    it runs along, where there is one."""
    values = one - other if kind == "difference" else other / one
    low, high = np.quantile(values[1:], [0.025, 0.975]).tolist()
    return Contrast(
        quantity,
        kind,
        first,
        second,
        float(one[0]),
        float(other[0]),
        float(values[0]),
        low,
        high,
        values[1:],
        axis,
    )


def contrast_object(contrast: Contrast) -> dict[str, object]:
    """For JSON, without the draws."""
    return {name: getattr(contrast, name) for name in _FIELDS}


def _end(value: float | None) -> str:
    return "open" if value is None else f"{value:.3g}"
