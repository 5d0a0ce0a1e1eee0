"""What `doctor` found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing that `doctor` looked at."""

    what: str
    verdict: Literal["fine", "note", "wrong"]
    detail: str
