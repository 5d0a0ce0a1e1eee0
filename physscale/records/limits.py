"""Which numbers the fields of a configuration may hold.

A class says it once, `LIMITS: ClassVar[Limits] = {"steps": Range(1, BILLION)}`, and calls
`check_limits` in its `__post_init__`. Every range is bounded, so NaN and infinity are outside."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from physscale.records.errors import UserError

BILLION = 10**9
MILLION = 10**6
LARGEST_RATE = 1e30
"""Above it, float32 overflows in the first step."""
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`. `without` names an end that does not belong to them."""

    low: int | float
    high: int | float
    without: Literal["neither", "low", "high"] = "neither"

    def __contains__(self, value: int | float) -> bool:
        return (
            self.low <= value <= self.high
            and not (self.without == "low" and value == self.low)
            and not (self.without == "high" and value == self.high)
        )

    def __str__(self) -> str:
        low = f"above {_n(self.low)}" if self.without == "low" else f"at least {_n(self.low)}"
        high = f"below {_n(self.high)}" if self.without == "high" else f"at most {_n(self.high)}"
        return f"{low} and {high}"


Limits = Mapping[str, Range]
ANY_INTEGER = Range(-LARGEST_SEED, LARGEST_SEED)
ANY_FLOAT = Range(-LARGEST_RATE, LARGEST_RATE)


def check_limits(owner: object, limits: Limits, *, what: str) -> None:
    """Raises UserError for the first field whose number lies outside its range."""
    for name, allowed in limits.items():
        value = getattr(owner, name)
        if value not in allowed:
            raise UserError(f"{what} {name}={_cut(value)}: must be {allowed}".lstrip())


def check_numbers(owner: Any, *, what: str) -> None:  # noqa: ANN401 - any description
    """Raises UserError for a number anywhere in a dataclass that no field can mean: one that is not
    finite, or does not fit into 64 bits. A plug-in that declares no ranges has these."""
    if dataclasses.is_dataclass(owner):
        for field in dataclasses.fields(owner):
            check_numbers(getattr(owner, field.name), what=f"{what}.{field.name}".lstrip("."))
    elif isinstance(owner, (tuple, list)):
        for place, item in enumerate(owner):
            check_numbers(item, what=f"{what}.{place}")
    elif isinstance(owner, (int, float)):
        allowed = ANY_INTEGER if isinstance(owner, int) else ANY_FLOAT
        if owner not in allowed:
            raise UserError(f"{what}={_cut(owner)}: must be {allowed}")


def _n(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
