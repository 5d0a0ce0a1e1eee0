"""Which numbers the fields of a configuration may hold.

A class says it once, `LIMITS: ClassVar[Limits] = {"steps": Range(1, BILLION)}`, and calls
`check_limits` in its `__post_init__`. Every range is bounded, so NaN and infinity are outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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


def check_limits(owner: object, limits: Limits, *, what: str) -> None:
    """Raises UserError for the first field whose number lies outside its range."""
    for name, allowed in limits.items():
        value = getattr(owner, name)
        if value not in allowed:
            raise UserError(f"{what} {name}={_cut(value)}: must be {allowed}".lstrip())


def _n(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
